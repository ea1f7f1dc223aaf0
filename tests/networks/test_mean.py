"""Several networks whose mean is kept: what it predicts, and what becomes of its weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from fewmask.core.paths import WEIGHTS
from fewmask.data.batches import Batch
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.inference.predict import predict
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.mean import MeanOfNetworks
from fewmask.networks.weights import load_segmenter, load_weights
from fewmask.objectives.losses import cross_entropy
from fewmask.objectives.objective import Objective
from fewmask.objectives.supervised.settings import SupervisedSettings
from fewmask.training import building
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.runtime import start
from tests.conftest import small_stage


class Twins(Objective):
    """Two networks that learn the same masks; their mean is the result."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter())
        self.second = blueprint.segmenter()

    @property
    def networks(self) -> list[nn.Module]:
        return [self.network, self.second]

    @property
    def result(self) -> nn.Module:
        return MeanOfNetworks(self.networks)

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        batch = batches["labelled"]
        outputs = [self.predict(one, batch.image, batch.inside) for one in self.networks]
        return {"cross_entropy": sum(cross_entropy(o["segmentation"], batch.mask) for o in outputs)}


@pytest.fixture(autouse=True)
def _twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The objective that is built, and what its settings say, whatever their name."""
    monkeypatch.setattr(building, "build", lambda _, blueprint: Twins(blueprint))
    monkeypatch.setattr(SupervisedSettings, "result_networks", 2)


def inputs_of(store: Path, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    with Store(store) as opened:
        images = torch.from_numpy(opened.read("image", rows)).permute(0, 3, 1, 2) / 255
    return images, torch.ones(len(rows), 1, *images.shape[2:])


def test_it_predicts_the_mean_of_every_task():
    class Fixed(nn.Module):
        def __init__(self, *logits: float) -> None:
            super().__init__()
            self.logits = torch.tensor(logits).view(1, -1, 1, 1)

        def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
            logits = self.logits.expand(len(image), -1, *image.shape[2:])
            return {
                "classification": logits[..., 0, 0],
                "segmentation": logits,
                "depth": logits[:, 0],
            }

    mean = MeanOfNetworks([Fixed(0.0, 0.0, 0.0), Fixed(2.0, 0.0, -1.0)])
    outputs = mean(torch.zeros(2, 3, 4, 4), torch.ones(2, 1, 4, 4))
    assert set(outputs) == {"segmentation", "depth"}
    assert (outputs["depth"] == 1).all()
    found = outputs["segmentation"]
    exponentials = np.exp([2.0, 0.0, -1.0])
    expected = (np.full(3, 1 / 3) + exponentials / exponentials.sum()) / 2
    assert found.shape == (2, 3, 4, 4)
    assert found[1, :, 2, 3].exp().tolist() == pytest.approx(expected.tolist())
    assert found.softmax(1)[0, :, 0, 0].tolist() == pytest.approx(expected.tolist())


def test_what_is_evaluated_is_what_is_kept_and_what_predicts(rooms, rooms_split, tmp_path):
    stage = small_stage(steps=6, evaluation={"every": 6, "metric": "loss"}, precision="fp32")
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path)
    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    assert len(network.networks) == 2
    with Store(rooms) as store:
        rows = split_files.read(rooms_split, store.names)["validation"]
        masks = torch.from_numpy(store.read("mask", rows)).long()
    given = inputs_of(rooms, rows)
    with torch.no_grad():
        each = [one(*given)["segmentation"].softmax(1) for one in network.networks]
    assert not torch.allclose(*each)
    probabilities = sum(each) / 2
    header, *_, last = (tmp_path / "history.csv").read_text().splitlines()
    history = dict(zip(header.split(","), last.split(","), strict=True))
    loss = float(functional.nll_loss(probabilities.log(), masks, ignore_index=255))
    assert float(history["validation_loss"]) == pytest.approx(loss, rel=1e-4)

    folder = tmp_path / "in"
    folder.mkdir()
    pixels = (given[0][0].permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(pixels).save(folder / "room.png")
    predict(tmp_path / WEIGHTS, folder, tmp_path / "out")
    written = np.asarray(Image.open(tmp_path / "out" / "masks" / "room.png"))
    assert np.array_equal(written, probabilities[0].argmax(0).numpy())


def test_its_ema_is_kept_and_loaded(rooms, rooms_split, tmp_path):
    stage = small_stage(
        steps=4, averaging={"decay": 0.5}, evaluation={"every": 4, "metric": "loss"}
    )
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path)
    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    first, second = (one.encoder.model.conv_stem.weight for one in network.networks)
    assert not torch.equal(first, second)


def test_each_network_of_a_next_stage_starts_from_one_of_them(rooms, rooms_split, tmp_path):
    assert train(Inputs(rooms, rooms_split), small_stage(steps=4), 0, tmp_path)
    given = load_weights(tmp_path / WEIGHTS)
    stage = small_stage(start_from="earlier")
    with Store(rooms) as store:
        inputs = Inputs(rooms, rooms_split, tmp_path / WEIGHTS)
        objective = building.build_training(inputs, stage, 1, store, start("fp32", 1)).objective
    for i, network in enumerate(objective.networks):
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, given[f"networks.{i}.{name}"]), name
    assert not torch.equal(*(given[f"networks.{i}.encoder.model.conv_stem.weight"] for i in (0, 1)))
