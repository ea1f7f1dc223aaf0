"""The examples figure: which runs and images it shows, and that it shows them as they are."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from fewmask.core.errors import FewmaskError
from fewmask.report.figures.example_images import STRIPES, colour_mask, read_choices, scale_image
from fewmask.report.figures.examples import examples
from fewmask.report.figures.writing import write
from fewmask.report.results.runs import collect
from tests.report.synthetic_runs import (
    CLASSES,
    PALETTE,
    assert_apart,
    changed_examples,
    requested,
    tiles,
    write_examples,
    write_run,
)
from tests.report.synthetic_search import METHODS, search, write_split


def drawn(**axes):
    grid = requested(**axes)
    return examples(grid, collect(grid).table, "segmentation")


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_all_methods_at_the_smallest_and_the_largest_fraction(project):
    counts = {"n20": 20, "n10": 10, "all": 90}
    for method in ("one", "two"):
        for fraction, masks in counts.items():
            write_run(method=method, fraction=fraction, labelled=masks)
    figure = drawn(methods=["one", "two"], fractions=list(counts))
    shown = texts(figure)
    assert [text for text in shown if "masks" in text] == ["10 masks", "90 masks"]
    columns = ["image", "truth", "one", "two", "one", "two"]
    assert [text for text in shown if text in columns] == columns
    assert len(tiles(figure)) == 2 * len(columns), "two fixed images"
    assert {"a", "b"} <= set(shown)
    assert "c" not in shown, "the worst image of one run is not in another"


def test_the_fractions_that_the_experiment_names(project):
    counts = {"n20": 20, "n10": 10, "all": 90}
    for fraction, masks in counts.items():
        write_run(fraction=fraction, labelled=masks)
    shown = texts(drawn(fractions=list(counts), example_fractions=["n10", "n20"]))
    assert [text for text in shown if "masks" in text] == ["10 masks", "20 masks"]


def test_with_a_search_fractions_are_told_by_their_names(project):
    """Of one fraction, runs with searched settings count more masks than the others."""
    searches = [search("supervised")]
    for fraction, masks in {"n10": 10, "n20": 20}.items():
        write_split(fraction, 0, range(masks), ())
        for method in METHODS[2:]:
            write_run(method=method, fraction=fraction, labelled=masks)
    shown = texts(drawn(methods=METHODS[2:], fractions=["n10", "n20"], searches=searches))
    assert [text for text in shown if text in ("n10", "n20")] == ["n10", "n20"]
    assert sum("(searched)" in text for text in shown) == 2


def test_first_seed_that_is_there(project):
    write_run(seed=5)
    assert "seed 5" in texts(drawn(seeds=[3, 5]))


def test_one_fraction_is_shown_once(project):
    write_run()
    figure = drawn()
    assert len(tiles(figure)) == 2 * 3
    assert texts(figure).count("10 masks") == 1


def test_fractions_of_equal_size_go_by_their_names(project):
    for fraction in ("list-0", "list-1"):
        write_run(fraction=fraction, labelled=10)
    shown = texts(drawn(fractions=["list-0", "list-1"]))
    assert {"list-0", "list-1"} <= set(shown)


def test_tiles_are_the_cropped_images_pixel_by_pixel(project, tmp_path):
    path = write_run().with_suffix(".examples.h5")
    figure = drawn()
    write(figure, tmp_path / "examples.svg", tmp_path / "examples.png")
    page = np.asarray(Image.open(tmp_path / "examples.png").convert("RGB"))
    with h5py.File(path) as file:
        height, width = file["extent"][0]
        wanted = [
            file[name][0, :height, :width]
            for name in ("image", "segmentation", "segmentation_prediction")
        ]
    for tile, pixels in zip(tiles(figure)[:3], wanted, strict=True):
        box = tile.get_window_extent()
        left, right, bottom, top = (round(edge) for edge in (box.x0, box.x1, box.y0, box.y1))
        shape = top - bottom, right - left
        assert shape[1] / shape[0] == pytest.approx(width / height, rel=0.01)
        is_mask = pixels.ndim == 2
        expected = colour_mask(pixels, PALETTE, *shape) if is_mask else scale_image(pixels, *shape)
        drawn_pixels = page[len(page) - top : len(page) - bottom, left:right]
        inner = (slice(3, -3), slice(3, -3))  # the frame covers the edge
        np.testing.assert_array_equal(drawn_pixels[inner], expected[inner])


def test_ignored_pixels_are_grey_stripes_and_have_a_name(project):
    mask = np.array([[0, 1], [255, 1]], np.uint8)
    coloured = colour_mask(mask, PALETTE, 40, 40)
    assert (coloured[:20, :20] == PALETTE[0]).all()
    assert (coloured[:, 20:] == PALETTE[1]).all()
    ignored = coloured[20:, :20]
    assert {tuple(pixel) for pixel in ignored.reshape(-1, 3)} == {(grey,) * 3 for grey in STRIPES}
    write_run()
    assert {*CLASSES, "not counted"} <= set(texts(drawn()))


def test_the_legend_names_only_what_is_to_be_seen(project):
    path = write_run().with_suffix(".examples.h5")
    with changed_examples(path) as file:
        file["segmentation"][:], file["segmentation_prediction"][:] = 0, 0
    shown = texts(drawn())
    assert "wall" in shown
    assert not {"box", "not counted"} & set(shown)


def test_images_of_one_channel_are_grey(project):
    path = write_run().with_suffix(".examples.h5")
    with changed_examples(path) as file:
        grey = file["image"][..., :1]
        del file["image"]
        file["image"] = grey
    image = next(iter(read_choices(path, ["fixed"])["fixed"].images.values())).image
    assert image.shape[2] == 3
    assert (image == image[..., :1]).all()
    drawn()


def changed(change):
    def damage(path):
        with changed_examples(path) as file:
            change(file)

    return damage


def darken(path):
    """As a disk may do, with the seal as it was."""
    with h5py.File(path, "r+") as file:
        file["image"][0, 0, 0] = 0


def replaced(name, values):
    def change(file):
        del file[name]
        file[name] = values

    return changed(change)


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no HDF5"),
        lambda path: path.write_bytes(path.read_bytes()[:2000]),
        darken,
        changed(lambda file: file.clear()),
        changed(lambda file: file.attrs.update(classes="[1")),
        changed(lambda file: file.attrs.update(classes="{}")),
        changed(lambda file: file.attrs.update(classes="5")),
        changed(lambda file: file.attrs.update(classes='["wall"]')),
        changed(lambda file: file.attrs.update(palette=3)),
        changed(lambda file: file.attrs.update(tasks='["depth"]')),
        changed(lambda file: file.attrs.update(tasks="{")),
        changed(lambda file: file.attrs.update(palette=np.zeros((2, 4)))),
        replaced("choice", [1, 2, 3]),
        replaced("choice", ["fixed"]),
        replaced("name", ["a"]),
        replaced("extent", np.zeros((3, 2), int)),
        replaced("extent", [["a", "b"]] * 3),
        replaced("segmentation", np.full((3, 24, 24), 200, np.uint8)),
        replaced("segmentation_prediction", np.zeros((3, 24, 12), np.uint8)),
        replaced("segmentation_prediction", np.zeros((2, 24, 24), np.uint8)),
        replaced("image", np.zeros((3, 24, 24), np.uint8)),
        replaced("segmentation_value", [0.5]),
        replaced("segmentation_value", ["a", "b", "c"]),
    ],
)
def test_a_damaged_or_missing_file_is_named(project, damage):
    path = write_run().with_suffix(".examples.h5")
    damage(path)
    with pytest.raises(FewmaskError, match="run the workflow again") as error:
        drawn()
    assert str(error.value).startswith(str(path))


def test_runs_without_a_common_image(project):
    write_run(method="a")
    path = write_run(method="b").with_suffix(".examples.h5")
    path.unlink()
    write_examples(path, names=("x", "y", "z"))
    with pytest.raises(FewmaskError, match="no fixed image that the other runs"):
        drawn(methods=["a", "b"])


@pytest.mark.parametrize(("datasets", "methods"), [(1, 1), (2, 6)])
def test_no_text_is_cut_off_or_overlaps(project, datasets, methods):
    datasets = [f"dataset_{i}_" + "with_a_long_name" * 3 for i in range(datasets)]
    methods = [f"a_method_with_a_rather_long_name_{i}" for i in range(methods)]
    for dataset in datasets:
        for method in methods:
            for fraction, masks in {"n10": 10, "all": 1240}.items():
                names = [f"a_image_with_a_long_name_{i}" for i in range(3)]
                write_run(dataset, method, fraction, labelled=masks, names=names)
    title = "A title that goes on and on and on " * 4
    figure = drawn(datasets=datasets, methods=methods, fractions=["n10", "all"], title=title)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    boxes += [tile.get_window_extent() for tile in tiles(figure)]
    assert_apart(boxes, figure.bbox)
