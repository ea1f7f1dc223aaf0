"""The weights after the last step, and their EMA, beside the selected ones: kept and evaluated."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from fewmask.core.cells import Run
from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.evaluate import evaluate
from fewmask.inference.inputs import EvaluationInputs
from fewmask.networks.weights import load_other_weights, load_segmenter, load_weights
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage

FIXMATCH = {
    "objective": {"name": "fixmatch"},
    "batch": {"labelled": 2, "unlabelled": 2},
}


@pytest.fixture
def kept(request: pytest.FixtureRequest, rooms: Path, rooms_split: Path, tmp_path: Path) -> Path:
    """The weights of a training of which the last ones are kept."""
    evaluation = {"every": 4, "last_weights": True}
    settings = {"steps": 12, "precision": "fp32", "evaluation": evaluation} | request.param
    assert train(Inputs(rooms, rooms_split), small_stage(**settings), 0, tmp_path)
    return tmp_path / WEIGHTS


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


NO_SELECTION = {"every": 4, "metric": "none", "last_weights": True}


@pytest.mark.parametrize(
    ("kept", "names", "selected"),
    [
        ({"evaluation": NO_SELECTION}, ["last"], "last"),
        (
            {"evaluation": NO_SELECTION, "averaging": {"decay": 0.9}},
            ["last", "last_ema"],
            "last_ema",
        ),
        (FIXMATCH | {"evaluation": NO_SELECTION}, ["last", "last_ema"], "last_ema"),
    ],
    indirect=["kept"],
)
def test_without_selection_the_weights_are_among_the_last(
    kept: Path, names: list[str], selected: str
):
    others = load_other_weights(kept)
    assert list(others) == names
    weights = load_weights(kept)
    assert [name for name, one in others.items() if same(one, weights)] == [selected]


@pytest.mark.parametrize("kept", [FIXMATCH], indirect=True)
def test_their_metrics_agree_with_scikit_learn(kept: Path, rooms: Path, rooms_split: Path):
    inputs = EvaluationInputs(rooms, rooms_split, kept, (kept.with_name(TRAINING),), ())
    output = kept.with_name("metrics.json")
    evaluate(Run("rooms", "fixmatch", "n12", 0), inputs, output)
    stated = json.loads(output.read_text())
    with Store(rooms) as store:
        rows = split_files.read(rooms_split, store.names)["test"]
        images = torch.from_numpy(store.read("image", rows)).permute(0, 3, 1, 2) / 255
        truth = store.read("mask", rows).ravel()
    network, _ = load_segmenter(kept, torch.device("cpu"))
    values = [stated["metrics"]["miou"]]
    for name, weights in load_other_weights(kept).items():
        network.load_state_dict(weights)
        with torch.no_grad():
            scores = network(images, torch.ones(len(rows), 1, 32, 32))["segmentation"]
        predicted = scores.argmax(1).numpy().ravel()
        expected = jaccard_score(truth, predicted, average="macro", zero_division=0)
        assert stated["last_weights"][name]["miou"] == pytest.approx(expected, abs=1e-6)
        values.append(expected)
    assert len(np.unique(values)) > 1, "some of them differ"


@pytest.mark.parametrize("kept", [{"evaluation": {"every": 4}}], indirect=True)
def test_they_are_kept_only_where_settings_say_so(kept: Path):
    assert load_other_weights(kept) == {}
