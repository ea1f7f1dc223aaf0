"""Masks of every kind become the same class indices; values without a meaning are named."""

import numpy as np
import pytest
from PIL import Image

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_mask, read_pair
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import mask_code, to_classes
from tests.data.making import CLASSES, PALETTE, noise, save, save_palette, settings

CODE = mask_code(settings())
RED, GREEN = (255, 0, 0), (0, 128, 0)


def flat(mode: str, colour, size=(3, 2)) -> Image.Image:
    return Image.new(mode, size, colour)


def test_palette_rgb_and_grey_masks_of_one_content_are_equal(tmp_path):
    classes = noise(7, 9, below=3)
    masks = [
        save_palette(tmp_path / "palette.png", classes),
        save(tmp_path / "rgb.png", PALETTE[classes]),
        save(tmp_path / "rgba.png", np.dstack([PALETTE[classes], np.full((7, 9), 255, np.uint8)])),
        save(tmp_path / "grey.png", classes),
        save(tmp_path / "grey_in_rgb.png", np.repeat(classes[..., None], 3, axis=2)),
        save(tmp_path / "16_bit.png", classes.astype(np.uint16)),
        save(tmp_path / "32_bit.tif", classes.astype(np.int32)),
    ]
    for path in masks:
        mask = read_mask(path, CODE)
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, classes), path.name


def test_a_mask_of_one_bit(tmp_path):
    save(tmp_path / "a.png", np.array([[True, False]]))
    assert read_mask(tmp_path / "a.png", CODE).tolist() == [[1, 0]]


def test_without_mask_values_255_is_ignored():
    raw = np.array([[0, 1, 2, 255]], np.uint8)
    assert to_classes(raw, CODE, "a").tolist() == [[0, 1, 2, 255]]


def test_mask_values_say_what_a_value_becomes():
    values = {-1: "ignore", 0: "pet", 7: "ground", 300: "border"}
    code = mask_code(settings(mask_values=values))
    raw = np.array([[-1, 0, 7, 300]])
    assert to_classes(raw, code, "a").tolist() == [[255, 1, 0, 2]]


def test_values_that_mean_nothing_are_counted():
    raw = np.array([[0, 7, 7, 9, 255]], np.uint8)
    with pytest.raises(ImageError) as error:
        to_classes(raw, CODE, "masks/a.png")
    assert str(error.value) == (
        "masks/a.png: found values without a meaning: 7 in 2 pixels, 9 in 1 pixel\n"
        "  expected: 0 ground, 1 pet, 2 border, 255 ignore\n"
        "  mend: say in mask_values which class it is, or ignore; or correct the mask"
    )


def test_only_the_most_frequent_values_are_named():
    with pytest.raises(ImageError, match=r"9 in 3 pixels, 10 in 1 pixel, .* and 5 others"):
        to_classes(np.array([9, 9, 9, *range(10, 18)])[None], CODE, "a.png")


def test_colours_that_mean_nothing_are_named():
    raw = PALETTE[np.array([[0, 1, 2]])].copy()
    raw[0, 0] = RED
    with pytest.raises(ImageError) as error:
        to_classes(raw, CODE, "a.png")
    assert str(error.value) == (
        "a.png: found colours without a meaning: (255, 0, 0) in 1 pixel\n"
        "  expected: (0, 0, 0) ground, (230, 159, 0) pet, (86, 180, 233) border\n"
        "  mend: give a class this colour, list it under ignore_colours, or correct the mask"
    )


def test_ignore_colours_count_nowhere():
    raw = PALETTE[np.array([[0, 1, 2]])].copy()
    raw[0, 0] = RED
    code = mask_code(settings(ignore_colours=[RED]))
    assert to_classes(raw, code, "a.png").tolist() == [[255, 1, 2]]


def test_grey_colours_of_classes_are_colours():
    classes = [{"name": "floor", "colour": [68] * 3}, {"name": "wall", "colour": [221] * 3}]
    code = mask_code(settings(classes=classes))
    raw = np.array([[[221] * 3, [68] * 3]], np.uint8)
    assert to_classes(raw, code, "a.png").tolist() == [[1, 0]]
    assert to_classes(raw // 221, code, "a.png").tolist() == [[1, 0]]


def test_classes_of_one_colour_cannot_be_told_apart_in_rgb_masks():
    same = [*CLASSES[:2], {"name": "border", "colour": [230, 159, 0]}]
    code = mask_code(settings(classes=same))
    assert to_classes(np.array([[2]], np.uint8), code, "a.png") == [[2]]
    with pytest.raises(FewmaskError, match=r"pet and border have the same colour, \(230, 159, 0\)"):
        to_classes(PALETTE[np.array([[1]])], code, "a.png")


def test_a_mask_saved_as_jpeg(tmp_path):
    path = save(tmp_path / "a.jpg", noise(16, 16, below=3) * 100)
    with pytest.raises(ImageError, match="mend: JPEG blurs the values of a mask: save masks as"):
        read_mask(path, CODE)


def test_a_mask_of_fractions(tmp_path):
    path = save(tmp_path / "a.tif", np.full((2, 3), 0.5, np.float32))
    with pytest.raises(ImageError, match="found fractional numbers"):
        read_mask(path, CODE)


def test_a_mask_of_another_size(tmp_path):
    image = save(tmp_path / "a.png", noise(4, 6, 3))
    mask = save(tmp_path / "mask.png", noise(4, 5, below=3))
    with pytest.raises(ImageError) as error:
        read_pair(image, mask, CODE)
    assert str(error.value) == (
        f"{mask}: found a mask of 5 x 4 (width x height)\n"
        f"  expected: 6 x 4, the size of {image}\n"
        "  mend: save the mask at the image's size (without smoothing), "
        "or the image at the mask's"
    )
