"""A method of two stages through the real Snakemake: the first one sees no label."""

import json
from pathlib import Path

import pytest
import yaml

from tests.workflow.snakemake import fewmask, planned, snakemake, write_project

METHOD = """\
extends: supervised
stages:
  pretrain:
    objective: {name: masked_image, patch_size: 8}
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 6
    batch: {all: 8}
    evaluation: {every: 3, metric: loss}
    resources: {cpus: 1, gpus: 0}
  supervised: {start_from: pretrain, take_over: [encoder, decoder]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    (tmp_path / "config/methods/masked_image.yaml").write_text(METHOD)
    path = tmp_path / "config/config.yaml"
    settings = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(settings | {"methods": ["supervised", "masked_image"]}))
    return tmp_path


def test_it_is_trained_once_a_seed_for_all_fractions(folder: Path):
    assert planned(folder) == {
        "prepare": 1,
        "split": 6,  # 2 fractions and "all", 2 seeds
        "train": 10,  # 2 pretrainings; 2 methods x 2 fractions x 2 seeds
        "evaluate": 8,
        "summarise": 1,
    }


@pytest.mark.slow
def test_it_runs_from_pretraining_to_the_table(folder: Path):
    answer = snakemake(folder, "--config", "seeds=[0]", "fractions=[n8]")
    assert answer.returncode == 0, answer.stdout
    logs = folder / "results/logs/train/rooms/masked_image"
    told = (logs / "n8/0/supervised.log").read_text()
    assert "encoder, decoder; newly initialised: segmentation_head" in told
    assert (logs / "all/0/pretrain.log").exists()
    metrics = json.loads((folder / "results/metrics/rooms/masked_image/n8/0.json").read_text())
    assert metrics["cost"]["images_seen"] == 6 * 8 + 6 * 4
    assert len(metrics["cost"]["stages"]) == 2
    table = (folder / "results/tables/summary.csv").read_text()
    assert "rooms,masked_image,n8,8,1,1," in table
    assert "2 done" in fewmask(folder, "status", "--config", "seeds=[0]", "--config",
                               "fractions=[n8]").stdout  # fmt: skip
