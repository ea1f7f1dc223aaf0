"""Reconstruction: its two losses, what each of them reaches, and what comes of a training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fewmask.core.paths import WEIGHTS
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.weights import load_segmenter, load_weights
from fewmask.objectives.objective import build
from fewmask.objectives.reconstruction.objective import Reconstruction
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import SMALL_RESNET, small_stage

STAGE = {"objective": {"name": "reconstruction"}, "batch": {"labelled": 4, "unlabelled": 3}}
ROLES = ("labelled", "unlabelled")


def built(**network: object) -> Reconstruction:
    stage = small_stage(**STAGE, network=network or SMALL_RESNET)
    return build(stage.objective, Blueprint(stage.network, {"segmentation": 7}))


def batches(labelled: int = 2, unlabelled: int = 3, size: int = 32) -> dict[str, Batch]:
    """Images whose lower part is padding; only the labelled ones have masks."""

    def some(count: int) -> Batch:
        inside = torch.ones(count, 1, size, size)
        inside[:, :, size - 10 :] = 0
        return Batch(np.arange(count), torch.rand(count, 3, size, size), inside)

    drawn = {"labelled": some(labelled), "unlabelled": some(unlabelled)}
    mask = torch.randint(0, 7, (labelled, size, size))
    mask[:, size - 10 :] = 255
    drawn["labelled"].truth["segmentation"] = mask
    return drawn


def reached(objective: Reconstruction, loss: str) -> set[str]:
    """The parts of the objective with a parameter whose gradient of ``loss`` is not zero."""
    objective.losses(batches(), step=0)[loss].backward()
    return {
        part
        for part, module in parts(objective).items()
        if any(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
    }


def parts(objective: Reconstruction) -> dict[str, nn.Module]:
    return {
        "encoder": objective.network.encoder,
        "segmentation decoder": objective.network.decoder,
        "segmentation head": objective.network.segmentation_head,
        "second decoder": objective.decoder,
        "second head": objective.head,
    }


def test_the_losses_are_their_formulas():
    objective, drawn = built().eval(), batches()
    found = objective.losses(drawn, step=0)
    network = objective.network

    def features(image: Tensor) -> list[Tensor]:
        return network.encoder((image - network.mean) / network.std)

    shares = network(drawn["labelled"].image, drawn["labelled"].inside)["segmentation"].softmax(1)
    truth = drawn["labelled"].mask
    entropies = [
        -shares[n, truth[n, y, x], y, x].log().item()
        for n, y, x in np.argwhere(truth.numpy() != 255)
    ]
    assert len(entropies) == 2 * 22 * 32
    assert found["cross_entropy"].item() == pytest.approx(np.mean(entropies), rel=1e-5)
    errors = [
        objective.head(objective.decoder(features(drawn[role].image))) - drawn[role].image
        for role in ROLES
    ]
    inside = torch.cat(errors)[:, :, :22].double()  # image by image, without the padding
    assert found["reconstruction"].item() == pytest.approx(inside.square().mean().item(), rel=1e-5)


def test_each_loss_reaches_the_encoder_and_its_own_decoder():
    assert reached(built(), "cross_entropy") == {
        "encoder",
        "segmentation decoder",
        "segmentation head",
    }
    assert reached(built(), "reconstruction") == {"encoder", "second decoder", "second head"}


@pytest.mark.parametrize("architecture", ["deeplabv2", "deeplabv3plus", "fpn", "unet"])
def test_the_decoders_share_nothing(architecture: str):
    objective = built(architecture=architecture, encoder="resnet18", weights="none")
    places = [
        tensor.data_ptr()
        for module in parts(objective).values()
        for tensor in (*module.parameters(), *module.buffers())
    ]
    assert len(places) == len(set(places))
    found = objective.losses(batches(size=64), step=0)
    assert all(loss.isfinite() for loss in found.values())


def statistics(module: nn.Module) -> list[Tensor]:
    return [buffer.clone() for name, buffer in module.named_buffers() if "running" in name]


def test_only_the_second_decoder_has_statistics_of_unlabelled_images():
    objective, drawn = built(), batches()
    objective.network.encoder.eval()  # what it makes of an image depends on no other image
    start = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    after = []
    for brightness in (1.0, 0.1):
        objective.load_state_dict(start)
        drawn["unlabelled"].image = drawn["unlabelled"].image * brightness
        objective.losses(drawn, step=0)
        after.append([statistics(one) for one in (objective.network.decoder, objective.decoder)])
    (ours, second), (ours_darker, second_darker) = after
    assert all(torch.allclose(*pair, rtol=1e-5) for pair in zip(ours, ours_darker, strict=True))
    assert not any(torch.allclose(*pair) for pair in zip(second, second_darker, strict=True))
    objective.load_state_dict(start)
    objective.network(drawn["labelled"].image, drawn["labelled"].inside)
    alone = statistics(objective.network.decoder)
    assert all(torch.allclose(*pair, rtol=1e-5) for pair in zip(ours, alone, strict=True))


def test_one_pass_through_the_encoder_sees_all_images():
    objective, seen = built(), []
    objective.network.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    objective.losses(batches(labelled=2, unlabelled=3), step=0)
    assert [len(images) for images in seen] == [5]


def test_the_segmenter_starts_where_that_of_supervised_training_starts():
    torch.manual_seed(1)
    ours = built().network.state_dict()
    torch.manual_seed(1)
    stage = small_stage(network=SMALL_RESNET)
    theirs = build(
        stage.objective, Blueprint(stage.network, {"segmentation": 7})
    ).network.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_it_learns_both_and_leaves_a_plain_segmenter(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    assert train(Inputs(rooms, rooms_split), small_stage(steps=60, **STAGE), 0, tmp_path)
    rows = [line.split(",") for line in (tmp_path / "history.csv").read_text().splitlines()]
    for loss in ("cross_entropy", "reconstruction"):
        values = [float(row[rows[0].index(loss)]) for row in rows[1:]]
        assert values[-1] < 0.7 * values[0], loss
    names = load_weights(tmp_path / WEIGHTS).keys()
    parts = {"encoder", "decoder", "segmentation_head"}
    assert {name.partition(".")[0] for name in names} == {*parts, "mean", "std"}
    network, _ = load_segmenter(tmp_path / WEIGHTS, torch.device("cpu"))
    outputs = network(torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32))
    assert outputs["segmentation"].shape == (1, 7, 32, 32)
