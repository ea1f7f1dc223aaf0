"""A fraction whose images are suggested by the networks of another, through the real Snakemake."""

import csv
from pathlib import Path

import pytest

from tests.small_project import change_config, write_project
from tests.workflow.snakemake import fewmask, planned, snakemake

BASE, MORE = "n6", "suggested_10"


def roles(folder: Path, fraction: str, seed: int) -> dict[str, set[str]]:
    path = folder / f"results/splits/rooms/{fraction}/{seed}.csv"
    found: dict[str, set[str]] = {}
    for row in csv.DictReader(path.open()):
        found.setdefault(row["role"], set()).add(row["name"])
    return found


def names(path: Path) -> list[str]:
    return [row["name"] for row in csv.DictReader(path.open())]


@pytest.mark.slow
def test_the_masks_of_a_fraction_are_known_ones_and_suggested_ones(tmp_path: Path):
    write_project(tmp_path)
    change_config(
        tmp_path, "datasets/rooms", split={"test": "n12", "masks": "budget", "folds": 2},
    )  # fmt: skip
    suggestions = {MORE: {"method": "supervised", "fraction": BASE, "count": 4}}
    change_config(tmp_path, "config", fractions=[BASE, MORE], suggestions=suggestions)
    answer = snakemake(tmp_path)
    assert answer.returncode == 0, answer.stdout
    assert planned(tmp_path) == {}

    chosen = names(tmp_path / f"results/suggestions/rooms/{MORE}/0.csv")
    assert len({*chosen}) == 4
    validation = []
    for seed in (0, 1):
        before, after = roles(tmp_path, BASE, seed), roles(tmp_path, MORE, seed)
        assert {*chosen} <= before["unlabelled"]
        known = before["labelled"] | before["validation"]
        assert after["labelled"] | after["validation"] == known | {*chosen}
        assert after["test"] == before["test"]
        validation.append(after["validation"])
    assert not validation[0] & validation[1]

    summary = list(csv.DictReader((tmp_path / "results/tables/summary.csv").open()))
    assert {row["fraction"]: float(row["masks"]) for row in summary} == {BASE: 6, MORE: 10}
    assert "4 done" in fewmask(tmp_path, "status").stdout
    suggested = fewmask(tmp_path, "suggest", "--fraction", BASE, "--count", "4", "--out", "next")
    assert suggested.returncode == 0, suggested.stderr
    assert names(tmp_path / "next/suggestions.csv") == chosen
    assert len(list((tmp_path / "next/masks").iterdir())) == 4

    # Other images are trained on where the choice changes, and nothing else is done anew.
    suggestions[MORE]["count"] = 5
    change_config(tmp_path, "config", suggestions=suggestions)
    assert planned(tmp_path) == {
        "choose": 1, "split_suggested": 2, "train": 2, "evaluate": 2, "summarise": 1,
    }  # fmt: skip
