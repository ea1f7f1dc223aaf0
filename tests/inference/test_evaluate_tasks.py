"""Evaluation of networks that tell depths and normals, with masks or without."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from fewmask.core.cells import Run
from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.evaluate import evaluate
from fewmask.inference.inputs import EvaluationInputs
from fewmask.networks.weights import load_segmenter
from fewmask.planning.requested import Requested
from fewmask.report.figures.example_images import read_choices
from fewmask.report.results.runs import collect
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.data.making import scenes_store

ROLES = ["labelled"] * 4 + ["unlabelled"] * 4 + ["validation"] * 2 + ["test"] * 5

GROUPS = [f"house {i // 2}" for i in range(15)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 15 rooms, their depths and normals, and a split with groups."""
    folder = tmp_path_factory.mktemp("rooms")
    with Store(scenes_store(folder / "rooms.h5", len(ROLES))) as store:
        split_files.write(folder / "0.csv", store.names, ROLES, GROUPS)
    return folder


def stage_folder(folder: Path, method: str) -> Path:
    """Where the only stage of a method is trained."""
    return folder / f"results/stages/rooms/{method}/n4/0/stage"


def evaluated(prepared: Path, folder: Path, method: str, tasks: list[Any]) -> dict:
    """The metrics of a short training of some tasks."""
    batch = {"labelled": 2, "unlabelled": 2} if "segmentation" in tasks else {"all": 4}
    stage = small_stage(
        steps=6,
        objective={"name": "multi_task", "tasks": tasks},
        batch=batch,
        evaluation={"every": 3, "metric": "loss"},
    )
    inputs = Inputs(prepared / "rooms.h5", prepared / "0.csv")
    trained = stage_folder(folder, method)
    assert train(inputs, stage, 0, trained)
    output = folder / f"results/metrics/rooms/{method}/n4/0.json"
    run = Run("rooms", method, "n4", 0)
    files = inputs.dataset, inputs.split, trained / WEIGHTS, (trained / TRAINING,)
    evaluate(run, EvaluationInputs(*files), output)
    return json.loads(output.read_text())


@pytest.mark.parametrize("normal", ["normal", {"name": "normal", "codes": 12}])
def test_values_are_those_of_the_predictions(prepared: Path, tmp_path: Path, normal: str | dict):
    found = evaluated(prepared, tmp_path, "all", ["segmentation", "depth", normal])["metrics"]
    network, _ = load_segmenter(stage_folder(tmp_path, "all") / WEIGHTS, torch.device("cpu"))
    with Store(prepared / "rooms.h5") as store:
        rows = np.flatnonzero(np.array(ROLES) == "test")
        image = torch.from_numpy(store.read("image", rows)).permute(0, 3, 1, 2) / 255
        depth, normal = store.read("depth", rows), store.read("normal", rows)
    with torch.no_grad():
        outputs = network(image, torch.ones(len(rows), 1, 32, 32))
    error = np.abs(outputs["depth"].numpy() - depth)
    assert found["depth_absolute_error"] == pytest.approx(error.mean(), rel=2e-2)  # bfloat16
    cosine = (outputs["normal"].permute(0, 2, 3, 1).numpy() * normal).sum(-1)
    angles = np.degrees(np.arccos(cosine.clip(-1, 1)))
    assert found["normal_mean_angle"] == pytest.approx(angles.mean(), rel=2e-2)
    assert found["normal_median_angle"] == pytest.approx(np.median(angles), rel=2e-2)
    assert found["miou"] is not None
    with h5py.File(tmp_path / "results/metrics/rooms/all/n4/0.examples.h5") as file:
        assert file["depth_prediction"].shape == file["depth"].shape == (5, 32, 32)
        assert file["normal_prediction"].shape == file["normal"].shape == (5, 32, 32, 3)


def test_what_is_not_learnt_is_not_judged(prepared: Path, tmp_path: Path):
    found = evaluated(prepared, tmp_path, "depth", ["depth"])
    assert set(found["metrics"]) == {"depth_absolute_error", "depth_relative_error"}
    assert set(map(len, found["classes"].values())) == {0}
    path = tmp_path / "results/metrics/rooms/depth/n4/0.json"
    with h5py.File(path.with_suffix(".examples.h5")) as file:
        assert json.loads(file.attrs["tasks"]) == ["depth"]
        assert "segmentation" not in file
    header, *lines = path.with_suffix(".csv").read_text().splitlines()
    assert header == "name,row,group,depth_absolute_error,depth_relative_error"
    assert [line.split(",")[2] for line in lines] == GROUPS[10:]


def test_images_are_chosen_by_the_first_task(prepared: Path, tmp_path: Path):
    """Of five images all are kept, each with its own error."""
    evaluated(prepared, tmp_path, "depth", ["depth", "segmentation"])
    path = tmp_path / "results/metrics/rooms/depth/n4/0.json"
    with h5py.File(path.with_suffix(".examples.h5")) as file:
        error = np.abs(file["depth_prediction"][:] - file["depth"][:])
        assert file["depth_value"][:] == pytest.approx(error.mean((1, 2)), rel=1e-2)
        assert json.loads(file.attrs["tasks"]) == ["depth", "segmentation"]
    worst = read_choices(path.with_suffix(".examples.h5"), ["fixed"])["fixed"]
    assert worst.task == "depth"
    assert worst.metric == "depth_absolute_error"


def test_several_tasks_are_compared_with_single_ones(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tasks = {"both": ["segmentation", "depth"], "masks": ["segmentation"], "depths": ["depth"]}
    metrics = {
        name: evaluated(prepared, tmp_path, name, wanted)["metrics"]
        for name, wanted in tasks.items()
    }
    monkeypatch.chdir(tmp_path)
    requested = Requested(
        title="Tasks", datasets=["rooms"], methods=list(tasks), fractions=["n4"], seeds=[0],
        baselines={"segmentation": "masks", "depth": "depths"},
    )  # fmt: skip
    table = collect(requested).table.set_index("method")
    changes = [
        -(metrics["both"][name] - metrics["masks"][name]) / metrics["masks"][name]
        for name in ("miou", "pixel_accuracy")
    ] + [
        (metrics["both"][name] - metrics["depths"][name]) / metrics["depths"][name]
        for name in ("depth_absolute_error", "depth_relative_error")
    ]
    assert table.loc["both", "delta_m"] == pytest.approx(np.mean(changes))
    assert table.loc[["masks", "depths"], "delta_m"].isna().all()
