"""Masked images: the patches against an image-by-image reference, the loss, the fine-tuning."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import WEIGHTS
from fewmask.data.batches import Batch
from fewmask.data.splits import file as split_files
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.transfer import transfer
from fewmask.networks.weights import load_weights
from fewmask.objectives.masked_image import objective as masked_image
from fewmask.objectives.masked_image.objective import MaskedImage, rotate_patches
from fewmask.objectives.masked_image.settings import MaskedImageSettings as Options
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import SMALL_RESNET, small_stage

PRETRAINING = {
    "network": SMALL_RESNET,
    "objective": {"name": "masked_image", "patches": 3, "patch_size": 8},
    "batch": {"all": 4},
    "evaluation": {"every": 10, "metric": "loss"},
}
TINY = Network.model_validate(SMALL_RESNET)


def reference(image: np.ndarray, patches: list[tuple[int, int, int]], size: int) -> np.ndarray:
    """One image (C, H, W), patch by patch, with numpy's rot90."""
    result = image.copy()
    for top, left, turns in patches:
        patch = image[:, top : top + size, left : left + size]
        result[:, top : top + size, left : left + size] = np.rot90(patch, turns, axes=(1, 2))
    return result


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 4),
    patches=st.integers(1, 6),
    size=st.integers(2, 9),
)
def test_patches_are_those_of_the_reference(seed: int, count: int, patches: int, size: int):
    height, width = 9, 13
    images = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    rotated = rotate_patches(images, patches, size)
    torch.manual_seed(seed)  # the same draws in the same order
    tops = torch.randint(height - size + 1, (patches, count, 1, 1)).flatten(1).T
    lefts = torch.randint(width - size + 1, (patches, count, 1, 1)).flatten(1).T
    turns = torch.randint(4, (patches, count)).T
    for n in range(count):
        drawn = list(zip(tops[n].tolist(), lefts[n].tolist(), turns[n].tolist(), strict=True))
        assert np.array_equal(rotated[n].numpy(), reference(images[n].numpy(), drawn, size))


def test_all_four_angles_and_many_places_occur():
    images = torch.arange(64.0).view(1, 1, 8, 8).repeat(400, 1, 1, 1)
    kinds = {tuple(image.flatten().tolist()) for image in rotate_patches(images, 1, 7)}
    assert len(kinds) == 13  # 4 places x 3 angles that show, and the image as it was


def test_the_loss_is_the_squared_error_inside_the_image(monkeypatch: pytest.MonkeyPatch):
    class Grey(torch.nn.Module):
        def features(self, image, inside):
            return [image]

        def scores(self, features):
            return torch.full_like(features[0], 0.5)

    image, inside = torch.rand(2, 3, 16, 16), torch.ones(2, 1, 16, 16)
    inside[1, :, 10:] = 0
    objective = MaskedImage(Options(name="masked_image", patch_size=4), Grey())
    losses = objective.losses({"all": Batch(np.arange(2), image, inside)}, step=0)
    expected = ((image - 0.5) ** 2)[inside.bool().expand_as(image)].mean()
    assert float(losses["reconstruction"]) == pytest.approx(float(expected), rel=1e-6)


def test_images_are_restored_as_in_the_validation():
    objective = MaskedImage(
        Options(name="masked_image", patch_size=8), Segmenter(TINY, {"colours": 3})
    )
    image, inside = torch.rand(3, 3, 32, 32), torch.ones(3, 1, 32, 32)
    inside[1, :, :, 20:] = 0
    batch = Batch(np.array([4, 7, 1]), image, inside)
    perturbed, restored = objective.restored(batch)
    assert objective.network.training
    error = ((restored - image) ** 2)[inside.bool().expand_as(image)].mean()
    validated = objective.validate(objective.result, [batch], nullcontext)
    assert validated["loss"] == pytest.approx(float(error), rel=1e-6)
    alone = Batch(np.array([7]), image[1:2], inside[1:2])
    assert torch.equal(objective.restored(alone)[0], perturbed[1:2])
    assert not torch.equal(perturbed, image)
    # Patches move pixels, and a patch may hide a part of another one.
    assert torch.isin(perturbed, image).all()


def test_the_gradient_reaches_encoder_decoder_and_head():
    objective = MaskedImage(
        Options(name="masked_image", patch_size=8), Segmenter(TINY, {"segmentation": 3})
    )
    batch = Batch(np.arange(2), torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32))
    objective.losses({"all": batch}, step=0)["reconstruction"].backward()
    for part in ("encoder.conv1", "decoder.blocks", "segmentation_head"):
        gradients = [p.grad for n, p in objective.network.named_parameters() if n.startswith(part)]
        assert any(g is not None and g.abs().sum() > 0 for g in gradients), part


def test_it_learns_and_sees_neither_validation_nor_test(
    rooms: Path, rooms_split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: set[int] = set()
    losses = masked_image.MaskedImage.losses

    def spy(self, batches: dict[str, Batch], step: int):
        assert batches["all"].mask is None
        seen.update(batches["all"].rows.tolist())
        return losses(self, batches, step)

    monkeypatch.setattr(masked_image.MaskedImage, "losses", spy)
    stage = small_stage(steps=60, **PRETRAINING)
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path)
    roles = split_files.read(rooms_split, [f"scene_{i:05d}" for i in range(36)])
    assert seen == {*roles["labelled"].tolist(), *roles["unlabelled"].tolist()}
    history = (tmp_path / "history.csv").read_text().splitlines()
    column = history[0].split(",").index("validation_loss")
    values = [float(row.split(",")[column]) for row in history[1:]]
    assert values[-1] < 0.7 * values[0]


def test_fine_tuning_starts_from_the_pretrained_weights(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    inputs = Inputs(rooms, rooms_split)
    assert train(inputs, small_stage(steps=6, **PRETRAINING), 0, tmp_path / "pretrain")
    pretrained = load_weights(tmp_path / "pretrain" / WEIGHTS)
    # No update that could be seen: what comes out is what went in.
    still = small_stage(
        network=SMALL_RESNET,
        steps=1,
        optimiser={"name": "sgd", "learning_rate": 1e-30},
        schedule={"name": "constant"},
        transfer=["encoder", "decoder"],
    )
    after = Inputs(rooms, rooms_split, start_from=tmp_path / "pretrain" / WEIGHTS)
    assert train(after, still, 0, tmp_path / "fine")
    for name, tensor in load_weights(tmp_path / "fine" / WEIGHTS).items():
        if name.startswith("segmentation_head"):
            assert tensor.shape[0] == 7
        elif "running" not in name and "num_batches" not in name:
            assert torch.equal(tensor, pretrained[name]), name


def test_what_is_taken_over_is_told_and_a_misfit_refused(
    rooms: Path, rooms_split: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert train(Inputs(rooms, rooms_split), small_stage(steps=4, **PRETRAINING), 0, tmp_path)
    weights = tmp_path / WEIGHTS
    capsys.readouterr()
    transfer(Segmenter(TINY, {"segmentation": 7}), weights, ["encoder"])
    assert capsys.readouterr().err == (
        f"from {weights}: loaded encoder (120 tensors); "
        "left in the file: decoder, segmentation_head; "
        "newly initialised: decoder, segmentation_head\n"
    )
    with pytest.raises(FewmaskError, match=r"its segmentation_head does not fit.*\n.*transfer"):
        transfer(Segmenter(TINY, {"segmentation": 7}), weights, ["encoder", "segmentation_head"])
    wider = Network(
        encoder="resnet18",
        weights="none",
        architecture={"name": "unet", "decoder_channels": [32, 8, 4]},
    )
    with pytest.raises(FewmaskError, match="its decoder does not fit the network: size mismatch"):
        transfer(Segmenter(wider, {"segmentation": 7}), weights, ["encoder", "decoder"])
