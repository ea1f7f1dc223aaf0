"""The figure of restored images: which stages, runs and images it shows, as they are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewmask.core.errors import FewmaskError
from fewmask.report.contents import figures
from fewmask.report.figures.restored_images import restored_images
from fewmask.report.figures.writing import write
from fewmask.report.results.runs import collect
from tests.report.synthetic_runs import (
    assert_apart,
    changed_examples,
    requested,
    tiles,
    write_restored,
    write_run,
)

STAGE = "pretrained/pretrain"


def drawn(restored_by, **axes):
    grid = requested(restored_by=restored_by, **axes)
    return restored_images(grid, collect(grid).table)


def texts(figure):
    return [text.get_text() for text in figure.texts]


def run_with(error, **cell):
    """A run whose restored images differ so much from the originals."""
    path = write_run(**cell).with_suffix(".examples.h5")
    write_restored(path, error)
    return path


def test_it_is_listed_where_a_stage_restores_images():
    assert "restored_images" in figures(requested(restored_by=[None, STAGE]))
    assert "restored_images" not in figures(requested(restored_by=[None]))
    assert "restored_images" not in figures(requested())


def test_every_stage_once_at_the_most_masks(project):
    """Methods that share a stage have the same images."""
    methods, fractions = ["supervised", "one", "two", "three"], ["n10", "n20"]
    for masks, fraction in ((10, "n10"), (20, "n20")):
        write_run(fraction=fraction, labelled=masks)
        for i, method in enumerate(methods[1:]):
            run_with(i + masks / 1000, method=method, fraction=fraction, labelled=masks)
    stages = {"one": STAGE, "two": STAGE, "three": "three/mask"}
    restored_by = [stages.get(method) for method in methods for _ in fractions]
    figure = drawn(restored_by, methods=methods, fractions=fractions)
    shown = texts(figure)
    assert [text for text in shown if "/" in text] == [STAGE, "three/mask"]
    titles = ["original", *["perturbed", "restored"] * 2]
    assert [text for text in shown if text in titles] == titles
    assert [text for text in shown if text.endswith("0200")] == ["0.0200", "2.0200"] * 2
    assert len(tiles(figure)) == 2 * len(titles), "two fixed images"


def test_first_seed_that_is_there_and_every_dataset(project):
    for dataset, seed in (("scenes", 5), ("pets", 3), ("pets", 5)):
        run_with(seed / 10, dataset=dataset, seed=seed)
    shown = texts(drawn([STAGE] * 2, datasets=["scenes", "pets"], seeds=[3, 5]))
    assert [text for text in shown if text.startswith("seed")] == ["seed 5", "seed 3"]
    assert [text for text in shown if text in ("0.3000", "0.5000")] == [
        *["0.5000"] * 2,
        *["0.3000"] * 2,
    ]


def test_tiles_are_the_cropped_images_pixel_by_pixel(project, tmp_path):
    path = run_with(0.25)
    figure = drawn([STAGE])
    write(figure, tmp_path / "restored.svg", tmp_path / "restored.png")
    page = np.asarray(Image.open(tmp_path / "restored.png").convert("RGB"))
    box = tiles(figure)[2].get_window_extent()
    tile = page[round(page.shape[0] - box.y1) : round(page.shape[0] - box.y0)]
    tile = tile[:, round(box.x0) : round(box.x1)]
    with changed_examples(path) as file:
        expected = file["restored"][0, :16, :24]
    assert file_colours(tile) >= file_colours(expected)
    step = tile.shape[0] / 16, tile.shape[1] / 24
    centres = np.ix_(
        *(((np.arange(n) + 0.5) * s).astype(int) for n, s in zip((16, 24), step, strict=True))
    )
    assert np.array_equal(tile[centres], expected)


def file_colours(image):
    return {tuple(colour) for colour in image.reshape(-1, 3).tolist()}


def test_nothing_overlaps(project):
    methods = ["a_method", "another_method_of_a_very_long_name_that_has_to_be_shortened"]
    for method in methods:
        run_with(0.1, method=method)
    figure = drawn([f"{method}/pretrain" for method in methods], methods=methods)
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    boxes += [tile.get_window_extent() for tile in tiles(figure)]
    assert_apart(boxes, figure.bbox)


def test_a_run_that_kept_none_is_told_with_the_mend(project):
    path = write_run().with_suffix(".examples.h5")
    with pytest.raises(
        FewmaskError, match=f"{Path(path).name}: not the example predictions.*\n.*run"
    ):
        drawn([STAGE])
