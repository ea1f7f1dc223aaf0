"""Three stages through the real Snakemake, each with the pseudo-masks of the one before."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from fewmask.data.pseudo_masks import PseudoMasks
from tests.small_project import write_config, write_project, write_refined
from tests.workflow.finished import THREE_STAGE
from tests.workflow.snakemake import job_counts, planned, snakemake


def test_stages_and_their_pseudo_masks_are_made_once_for_all_methods(tmp_path: Path):
    write_project(tmp_path)
    write_refined(tmp_path)
    write_config(tmp_path, "methods/three_stage", THREE_STAGE)
    methods = "methods=[supervised,refined,three_stage]"
    counts = planned(tmp_path, "--config", "seeds=[0]", methods)
    assert counts["train"] == 6  # three stages at two fractions
    assert counts["pseudo_label"] == 4  # of the first two stages
    assert counts["evaluate"] == 6


@pytest.mark.slow
def test_it_runs_to_the_tables(finished: Path):
    results = finished / "results"
    masks = PseudoMasks(results / "stages/rooms/supervised/n8/0/supervised/pseudo_masks.h5")
    assert len(masks.rows) == 36 - 12 - 8  # all training images, no other
    metrics = json.loads((results / "metrics/rooms/three_stage/n8/0.json").read_text())
    assert [one["stage"] for one in metrics["pseudo_masks"]] == [
        "supervised/supervised",
        "refined/refined",
    ]
    assert metrics["cost"]["images_seen"] == 6 * 4 + (12 + 4) * 6
    assert (results / "tables/pseudo_masks.md").exists()
    with (results / "tables/cost.csv").open() as file:
        jobs = {row["method"]: (row["jobs"], row["from_benchmark"]) for row in csv.DictReader(file)}
    # Trainings, evaluations, and pseudo-labelling where it is learnt.
    assert [jobs[name] for name in ("supervised", "refined", "three_stage")] == [
        ("2", "2"),
        ("4", "4"),
        ("6", "6"),
    ]
    # In all each of them once: of these 8, of pretraining 3, of three methods with other tasks 6.
    assert [*jobs.values()][-1] == ("17", "17")


@pytest.mark.slow
def test_pseudo_masks_are_made_again_with_the_same_bytes(finished: Path, tmp_path: Path):
    folder = shutil.copytree(finished, tmp_path / "project")
    masks = folder / "results/stages/rooms/supervised/n8/0/supervised/pseudo_masks.h5"
    before = masks.read_bytes()
    masks.unlink()
    answer = snakemake(folder, "--", str(masks.relative_to(folder)))
    assert job_counts(answer.stdout) == {"pseudo_label": 1}, answer.stdout
    assert masks.read_bytes() == before
