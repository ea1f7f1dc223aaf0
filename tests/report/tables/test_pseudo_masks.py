"""The table of pseudo-masks, against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.report.results.runs import collect
from fewmask.report.summarise import summarise
from fewmask.report.tables.pseudo_masks import pseudo_masks_summary, pseudo_masks_table
from tests.report.synthetic_runs import requested, write_run


def quality(stage="chain/first", miou=0.5, error=0.1, box=0.25):
    """What a metrics file says of the pseudo-masks of one stage."""
    return {
        "stage": stage,
        "images": 0 if miou is None else 20,
        "miou": miou,
        "pixel_accuracy": miou and 0.9,
        "class_accuracy": miou and 0.6,
        "calibration_error": miou and error,
        "mean_confidence": miou and 0.8,
        "classes": {"box": {"iou": miou and box, "precision": 0.5, "recall": None}},
        "digests": {"weights": "e" * 64},
    }


def summarised(grid):
    return pseudo_masks_summary(grid, collect(grid).pseudo_masks)


def test_mean_and_spread_of_every_stage(project):
    for seed, (first, second) in enumerate([(0.2, 0.5), (0.4, 0.5), (0.9, 0.8)]):
        made = [quality(miou=first, box=first / 2), quality("chain/second", second)]
        write_run(method="chain", seed=seed, pseudo_masks=made)
    table = summarised(requested(methods=["chain"], seeds=[0, 1, 2]))
    assert table["stage"].tolist() == ["first", "second"]
    assert table["seeds"].tolist() == [3, 3]
    # The deviations from 0.5 are -0.3, -0.1 and 0.4: their squares sum to 0.26, over n - 1 = 2.
    assert table["miou_mean"].tolist() == pytest.approx([0.5, 0.6])
    assert table["miou_std"].tolist() == pytest.approx([0.13**0.5, 0.03**0.5])
    assert table["iou_box_mean"].tolist() == pytest.approx([0.25, 0.25])
    assert table["images_mean"].tolist() == [20, 20]


def test_a_shared_stage_stands_with_each_of_its_methods(project):
    for method in ("longer", "chain"):
        write_run(method=method, pseudo_masks=[quality()])
    table = summarised(requested(methods=["longer", "chain"]))
    assert table[["method", "stage"]].to_numpy().tolist() == [
        ["longer", "chain/first"],
        ["chain", "first"],
    ]


def test_what_is_not_known_is_a_dash_and_is_not_skipped(project):
    write_run(method="chain", seed=0, pseudo_masks=[quality()])
    write_run(method="chain", seed=1, pseudo_masks=[quality(miou=None)])
    grid = requested(methods=["chain"], seeds=[0, 1])
    table = summarised(grid)
    assert np.isnan(table["miou_mean"][0])
    assert np.isnan(table["iou_box_mean"][0])
    row = pseudo_masks_table(grid, table).markdown().splitlines()[-1]
    assert [cell.strip() for cell in row.strip("|").split("|")][4:] == ["–", "–", "–", "2"]


def test_markdown_for_people(project):
    for seed, miou in enumerate([0.599, 0.612, 0.625]):
        write_run(method="chain", seed=seed, pseudo_masks=[quality(miou=miou)])
    grid = requested(methods=["chain"], seeds=[0, 1, 2, 3])
    text = pseudo_masks_table(grid, summarised(grid)).markdown()
    assert "mean ± sample standard deviation over 4 seeds" in text
    assert "No training and no selection uses these values" in text
    header, _, row = text.splitlines()[-3:]
    assert "mIoU (%)" in header
    assert "Calibration error (%)" in header
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("scenes", "n10", "chain", "first"),
        *("61.2 ± 1.3", "90.0 ± 0.0", "10.0 ± 0.0", "3 of 4"),
    ]


def test_without_pseudo_masks_the_files_say_so(project):
    write_run()
    summarise(requested(), Path("tables"), Path("figures"))
    assert "No stage of this experiment learns from pseudo-masks" in Path(
        "tables/pseudo_masks.md"
    ).read_text(encoding="utf-8")
    table = pd.read_csv("tables/pseudo_masks.csv")
    assert table.empty
    assert list(table)[:5] == ["dataset", "method", "fraction", "stage", "seeds"]


def test_a_damaged_entry_is_told(project):
    write_run(pseudo_masks=[{"stage": "chain/first"}])
    with pytest.raises(FewmaskError, match=r"pseudo_masks\.0\.images: Field required"):
        collect(requested())
