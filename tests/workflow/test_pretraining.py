"""A method of two stages through the real Snakemake: the first one sees no label."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewmask.report.figures.example_images import read_restored
from tests.small_project import change_config, write_config, write_project
from tests.workflow.finished import MASKED_IMAGE
from tests.workflow.snakemake import fewmask, planned, snakemake

ELSEWHERE = """\
extends: supervised
stages:
  pretrain:
    dataset: images
    objective: {name: simclr}
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 1 epoch
    batch: {all: 8}
    evaluation: {metric: none}
    resources: {cpus: 1, gpus: 0}
  supervised: {start_from: pretrain, transfer: [encoder]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    write_config(tmp_path, "methods/masked_image", MASKED_IMAGE)
    change_config(tmp_path, "config", methods=["supervised", "masked_image"])
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
def test_it_runs_from_pretraining_to_the_table(finished: Path):
    logs = finished / "results/logs/train/rooms/masked_image"
    log = (logs / "n8/0/supervised.log").read_text()
    assert "newly initialised: segmentation_head\n" in log
    assert (logs / "all/0/pretrain.log").exists()
    metrics = json.loads((finished / "results/metrics/rooms/masked_image/n8/0.json").read_text())
    assert metrics["cost"]["images_seen"] == 6 * 8 + 6 * 4
    assert len(metrics["cost"]["stages"]) == 2
    of_run = finished / "results/metrics/rooms/masked_image/n8/0.examples.h5"
    assert len(read_restored(of_run)) == 6
    with Image.open(finished / "results/figures/restored_images.png") as figure:
        assert min(figure.size) > 600
    table = (finished / "results/tables/summary.csv").read_text()
    assert "rooms,masked_image,n8,8,8,1,1," in table
    assert "7 done" in fewmask(finished, "status").stdout


@pytest.mark.slow
def test_it_may_learn_from_images_of_another_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_project(tmp_path)
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    images = tmp_path / "data/images"
    for i in range(20):
        path = images / ("Cat" if i % 2 else "Dog") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (40, 36, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    dataset = "reader: {name: class_folders}\nroot: images\nsize: 32\nfit: crop\n"
    (tmp_path / "config/datasets/images.yaml").write_text(dataset)
    (tmp_path / "config/methods/simclr.yaml").write_text(ELSEWHERE)
    one = ("--config", "seeds=[0]", "methods=[simclr]")
    assert planned(tmp_path, *one)["train"] == 3  # one pretraining for both fractions
    answer = snakemake(tmp_path, *one, "fractions=[n8]")
    assert answer.returncode == 0, answer.stdout
    stages = tmp_path / "results/stages"
    history = (stages / "images/simclr/all/0/pretrain/history.csv").read_text().splitlines()
    assert history[-1].startswith("3,24,")  # 20 images in steps of 8
    log = (tmp_path / "results/logs/train/rooms/simclr/n8/0/supervised.log").read_text()
    assert "loaded encoder" in log
    assert "newly initialised: decoder, segmentation_head" in log
    assert len(list((tmp_path / "results/metrics").rglob("*.json"))) == 1
