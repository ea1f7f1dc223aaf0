"""Supervised learning with a classification head: its loss, its gradient, what comes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fewmask.config.stage import Stage
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import WEIGHTS
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.weights import load_segmenter, load_weights
from fewmask.objectives.objective import build
from fewmask.objectives.supervised.objective import Supervised
from fewmask.objectives.supervised.settings import SupervisedSettings as Options
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage

OBJECTIVE = {"name": "supervised", "classification": {"dropout": 0.0}}


def built(stage: Stage, categories: int) -> Supervised:
    return build(stage.objective, Blueprint(stage.network, {"segmentation": 7}, categories))


def batch(categories: list[int]) -> dict[str, Batch]:
    """A batch of as many images as categories."""
    count = len(categories)
    return {
        "labelled": Batch(
            np.arange(count),
            torch.rand(count, 3, 32, 32),
            torch.ones(count, 1, 32, 32),
            torch.tensor(categories),
            truth={"segmentation": torch.randint(0, 7, (count, 32, 32))},
        )
    }


def test_the_classification_loss_is_its_formula():
    objective = built(small_stage(objective=OBJECTIVE), categories=5)
    drawn = batch([3, 0, -1])  # the category of the last is not known
    objective.eval()
    losses = objective.losses(drawn, step=0)
    features = objective.network.encoder(
        (drawn["labelled"].image - objective.network.mean) / objective.network.std
    )[-1]
    head = objective.network.classification_head[3]
    scores = (features.mean((2, 3)) @ head.weight.T + head.bias).double()
    expected = [-(scores[i, k] - scores[i].exp().sum().log()) for i, k in ((0, 3), (1, 0))]
    assert losses["classification"].item() == pytest.approx(sum(expected).item() / 2, rel=1e-5)


def test_without_known_categories_the_loss_is_zero():
    objective = built(small_stage(objective=OBJECTIVE), categories=5)
    assert objective.losses(batch([-1, -1]), step=0)["classification"].item() == 0


def test_the_categories_reach_the_encoder_and_not_the_decoder():
    objective = built(small_stage(objective=OBJECTIVE), categories=5)
    objective.losses(batch([1, 2]), step=0)["classification"].backward()
    reached = {
        name.split(".")[0]
        for name, parameter in objective.network.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }
    assert reached == {"encoder", "classification_head"}


def test_a_trained_network_segments_without_its_classification_head(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    stage = small_stage(objective=OBJECTIVE, steps=6)
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path)
    kept = load_weights(tmp_path / WEIGHTS)
    assert kept["classification_head.3.weight"].shape[0] == 5  # the five kinds of solids
    assert "classification" in (tmp_path / "history.csv").read_text().splitlines()[0].split(",")
    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    outputs = network(torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32))
    assert list(outputs) == ["segmentation"]


def test_a_dataset_without_categories_is_refused():
    with pytest.raises(FewmaskError, match="the dataset has no categories"):
        built(small_stage(objective=OBJECTIVE), categories=0)


def test_without_the_option_nothing_is_classified():
    assert Options(name="supervised").classification is None
    objective = built(small_stage(), categories=5)
    assert list(objective.losses(batch([1, 2]), step=0)) == ["cross_entropy"]
