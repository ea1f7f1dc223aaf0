"""Images and masks of every kind become the same arrays; what makes no sense is said clearly."""

import errno
import os

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image, read_mask
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import mask_code
from tests.data.making import noise, save, settings

CODE = mask_code(settings())
RED, GREEN = (255, 0, 0), (0, 128, 0)


def flat(mode: str, colour, size=(3, 2)) -> Image.Image:
    return Image.new(mode, size, colour)


@pytest.mark.parametrize(
    ("image", "ending", "expected"),
    [
        (flat("RGB", RED), "png", RED),
        (flat("L", 77), "png", (77, 77, 77)),
        (flat("1", 1), "png", (255, 255, 255)),
        (flat("LA", (77, 255)), "png", (77, 77, 77)),
        (flat("RGBA", (*RED, 255)), "png", RED),
        (flat("RGBA", (*RED, 0)), "png", (255, 255, 255)),
        (flat("CMYK", (0, 255, 255, 0)), "tif", RED),
        (flat("RGB", GREEN).quantize(2), "png", GREEN),
        (flat("RGB", GREEN).quantize(2), "gif", GREEN),
        (flat("RGB", GREEN), "bmp", GREEN),
    ],
    ids=lambda value: getattr(value, "mode", str(value)),
)
def test_every_mode_becomes_rgb(tmp_path, image, ending, expected):
    path = tmp_path / f"image.{ending}"
    image.save(path)
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (2, 3, 3)
    assert (pixels == expected).all()


def test_a_transparent_colour_of_a_palette_becomes_white(tmp_path):
    image = flat("RGB", RED).quantize(2)
    image.save(tmp_path / "a.png", transparency=image.getpixel((0, 0)))
    assert (read_image(tmp_path / "a.png") == 255).all()


def test_a_jpeg_of_four_inks(tmp_path):
    flat("CMYK", (0, 255, 255, 0), (32, 32)).save(tmp_path / "a.jpg", quality=95)
    assert Image.open(tmp_path / "a.jpg").mode == "CMYK"
    difference = read_image(tmp_path / "a.jpg").astype(int) - RED
    assert (abs(difference) < 8).all()


def test_transparent_pixels_of_a_gif_become_white(tmp_path):
    image = flat("RGB", RED).quantize(2)
    image.save(tmp_path / "a.gif", transparency=image.getpixel((0, 0)))
    assert (read_image(tmp_path / "a.gif") == 255).all()


def test_of_a_moving_gif_the_first_frame_counts(tmp_path):
    flat("RGB", RED).save(tmp_path / "a.gif", save_all=True, append_images=[flat("RGB", GREEN)])
    assert (read_image(tmp_path / "a.gif") == RED).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
def test_what_the_ending_says_does_not_matter(tmp_path, kind):
    flat("RGB", GREEN).save(tmp_path / "a.jpg", format=kind)
    assert (read_image(tmp_path / "a.jpg") == GREEN).all()


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda p: p),
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda p: np.rot90(p)),
    ],
)
def test_jpegs_are_turned_in_all_eight_ways(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / "a.jpg", noise(16, 24, 3), exif=exif)
    assert np.array_equal(read_image(path), turned(read_image(path, upright=False)))


def test_masks_are_turned_as_exif_says(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    mask = noise(4, 6, below=3)
    path = save(tmp_path / "a.png", mask, exif=exif)
    assert np.array_equal(read_mask(path, CODE), np.rot90(mask, -1))
    assert np.array_equal(read_mask(path, CODE, upright=False), mask)


def test_images_are_turned_as_exif_says_unless_masks_were_not(tmp_path):
    pixels = noise(4, 6, 3)
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter, clockwise
    save(tmp_path / "a.png", pixels, exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(pixels, -1))
    assert np.array_equal(read_image(tmp_path / "a.png", upright=False), pixels)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "found an empty file"),
        (b"<!DOCTYPE html><html>", "found 21 bytes that begin with b'<!DOCTYPE ht'"),
    ],
)
def test_a_file_that_is_no_image(tmp_path, content, found):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError) as error:
        read_image(path)
    assert str(error.value) == (
        f"{path}: {found}\n"
        "  expected: a whole image in one of the formats JPEG, PNG, GIF, TIFF, BMP, WEBP\n"
        "  mend: replace it, or remove it"
    )


def test_no_other_program_is_started(tmp_path, monkeypatch):
    """Pillow hands an EPS to the program gs, whatever the ending of the file says."""
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    ghostscript.chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # what was found before
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = tmp_path / "a.jpg"
    Image.new("RGB", (3, 2)).save(path, format="EPS")
    with pytest.raises(ImageError, match=r"bytes that begin with b'%!PS-Adobe"):
        read_image(path)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "tif"])
def test_a_image_that_is_cut_short(tmp_path, ending):
    path = save(tmp_path / f"a.{ending}", noise(64, 64, 3))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ImageError, match=rf"a\.{ending}: found damaged data"):
        read_image(path)


def test_a_image_that_is_missing(tmp_path):
    with pytest.raises(ImageError, match=r"a\.png: found no such file"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("error", "said"),
    [(OSError(errno.EIO, "Input/output error"), "Input/output"), (MemoryError(), "not enough mem")],
)
def test_what_is_the_machines_fault_is_not_the_images(tmp_path, monkeypatch, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(FewmaskError, match=rf"a\.png: cannot be read: .*{said}") as raised:
        read_image(tmp_path / "a.png")
    assert not isinstance(raised.value, ImageError)  # which --skip-damaged would pass over


def test_a_image_of_fractions_is_refused(tmp_path):
    path = save(tmp_path / "a.tif", np.full((2, 3), 0.5, np.float32))
    with pytest.raises(ImageError, match=r"more than 8 bits \(mode F\)"):
        read_image(path)


def test_a_image_too_large_to_decode(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", noise(10, 10, 3))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(ImageError, match="found too large an image\n  expected: at most 80 pix"):
        read_image(path)
