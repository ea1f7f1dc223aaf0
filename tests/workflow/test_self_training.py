"""Three stages through the real Snakemake, each with the pseudo-masks of the one before."""

import csv
import json
from pathlib import Path

import pytest

from fewmask.data.pseudo_masks import PseudoMasks
from tests.small_project import write_project
from tests.workflow.snakemake import fewmask, job_counts, planned, snakemake

STAGE = """\
    objective:
      name: self_training
      auxiliary: {{own_blocks: {own_blocks}}}
    pseudo_masks: {pseudo_masks}
    optimiser: {{name: adamw, learning_rate: 0.003}}
    steps: 4
    batch: {{labelled: 2, unlabelled: 4}}
    evaluation: {{every: 2}}
    resources: {{cpus: 1, gpus: 0}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    refined = STAGE.format(own_blocks=2, pseudo_masks="supervised")
    final = STAGE.format(own_blocks=1, pseudo_masks="refined")
    for name, text in (
        ("two_stage", f"extends: supervised\nstages:\n  refined:\n{refined}"),
        ("three_stage", f"extends: two_stage\nstages:\n  final:\n{final}"),
    ):
        (tmp_path / f"config/methods/{name}.yaml").write_text(text)
    return tmp_path


METHODS = ("--config", "seeds=[0]", "methods=[supervised,two_stage,three_stage]")


def test_stages_and_their_pseudo_masks_are_made_once_for_all_methods(folder: Path):
    counts = planned(folder, *METHODS)
    assert counts["train"] == 6  # three stages at two fractions
    assert counts["pseudo_label"] == 4  # of the first two stages
    assert counts["evaluate"] == 6


@pytest.mark.slow
def test_it_runs_to_the_tables_and_again_to_the_same_bytes(folder: Path):
    one = (*METHODS, "fractions=[n8]")
    answer = snakemake(folder, *one)
    assert answer.returncode == 0, answer.stdout
    stages = folder / "results/stages/rooms"
    first = stages / "supervised/n8/0/supervised/pseudo_masks.h5"
    masks = PseudoMasks(first)
    assert len(masks.rows) == 36 - 12 - 8  # all training images, no other
    metrics = json.loads((folder / "results/metrics/rooms/three_stage/n8/0.json").read_text())
    assert [one["stage"] for one in metrics["pseudo_masks"]] == [
        "supervised/supervised",
        "two_stage/refined",
    ]
    assert metrics["cost"]["images_seen"] == 6 * 4 + 2 * 4 * 6
    assert (folder / "results/tables/pseudo_masks.md").exists()
    with (folder / "results/tables/cost.csv").open() as file:
        costs = [(row["jobs"], row["from_benchmark"]) for row in csv.DictReader(file)]
    # Trainings, evaluations, and pseudo-labelling where it is learnt; in all each of them once.
    assert costs == [("2", "2"), ("4", "4"), ("6", "6"), ("8", "8")]
    answer = fewmask(folder, "status", "--config", "seeds=[0]", "--config", "fractions=[n8]",
                   "--config", "methods=[three_stage]")  # fmt: skip
    assert "1 done" in answer.stdout

    before = first.read_bytes()
    first.unlink()
    answer = snakemake(folder, *one, "--", str(first.relative_to(folder)))
    assert job_counts(answer.stdout) == {"pseudo_label": 1}, answer.stdout
    assert first.read_bytes() == before
