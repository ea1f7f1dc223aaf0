"""Encoders of many families: what planning knows of them, and networks that are built on them."""

import csv
from pathlib import Path

import pytest
import timm
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch.nn import functional

from fewmask.config.encoders import TIMM_FILE, Encoder, find, names
from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.networks.backbone import Backbone
from fewmask.networks.initial_weights import load_encoder
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.timm_list import describe
from tests.conftest import SMALL_UNET

UNET = {"architecture": {"name": "unet", "decoder_channels": [16, 16, 8, 8, 8]}}
FPN, DEEPLAB, DPT = ({"architecture": name} for name in ("fpn", "deeplabv3plus", "dpt"))
FAMILIES = {
    "tu-resnet10t": DEEPLAB,
    "tu-regnetx_002": UNET,
    "tu-convnext_atto": UNET,
    "tu-mobilenetv4_conv_small_050": DEEPLAB,
    "tu-tf_efficientnet_lite0": UNET,
    "tu-hrnet_w18_small": FPN,
    "tu-pvt_v2_b0": FPN,
    "tu-swin_tiny_patch4_window7_224.ms_in22k": FPN,
    "tu-vit_tiny_patch16_224": DPT,
    "tu-vit_small_patch14_dinov2": DPT,
    "tu-vit_small_patch16_dinov3": DPT,
}


def built(encoder: str, **settings) -> Segmenter:
    return Segmenter(Network(encoder=encoder, weights="none", **settings), {"segmentation": 3})


@pytest.mark.parametrize("encoder", FAMILIES)
def test_every_family_trains_and_predicts(encoder: str):
    """Three steps on images that are wider than high."""
    network = built(encoder, **FAMILIES[encoder])
    stride = network.settings.stride()
    side = max(stride, 64 // stride * stride)
    network.settings.check_size(side, 2 * side)
    image, inside = torch.rand(2, 3, side, 2 * side), torch.ones(2, 1, side, 2 * side)
    truth = (image.mean(1) * 3).long().clamp(max=2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    before = {name: one.detach().clone() for name, one in network.named_parameters()}
    for _ in range(3):
        loss = functional.cross_entropy(network(image, inside)["segmentation"], truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert loss.isfinite()
    changed = {
        name for name, one in network.named_parameters() if not torch.equal(one, before[name])
    }
    for part in ("encoder", "decoder", "segmentation_head"):
        assert any(name.startswith(part) for name in changed)
    with torch.no_grad():
        scores = network.eval()(image, inside)["segmentation"]
    assert scores.shape == (2, 3, side, 2 * side)


@pytest.mark.parametrize("encoder", sorted(FAMILIES))
def test_the_list_says_what_timm_has(encoder: str):
    name = encoder.removeprefix("tu-").partition(".")[0]
    with TIMM_FILE.open() as file:
        rows = {row["name"]: Encoder.of_row(row) for row in csv.DictReader(file)}
    described = describe(name)
    assert described is not None
    assert described.row(name) == rows[name].row(name)
    alone = Backbone(Network(**{"encoder": encoder, "weights": "none"} | FAMILIES[encoder]))
    assert (0 not in alone.encoder.out_channels) == (
        "half" in described.traits or described.patch is not None
    )


def test_the_list_names_networks_of_timm_and_their_weights():
    with TIMM_FILE.open() as file:
        listed = [row["name"] for row in csv.DictReader(file)]
    assert set(listed) <= set(timm.list_models())
    assert len(listed) > 800
    known = {name.removeprefix("tu-") for name in names()}
    wanted = {one for one in timm.list_pretrained() if one.partition(".")[0] in set(listed)}
    assert wanted <= known


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"encoder": "tu-resnet81"}, "did you mean tu-resnet"),
        ({"encoder": "tu-vit_small_patch14_dinov2"}, "mend: a ResNet, say; .* architecture: dpt"),
        ({"encoder": "resnet18", "architecture": "dpt"}, "such as tu-vit_small_patch14_dinov2"),
        ({"encoder": "tu-convnext_atto", "architecture": "unetplusplus"}, "half the size"),
        ({"encoder": "tu-resnet18.in1m"}, "no such encoder"),
        ({"encoder": "tu-coatnet_0_224", "weights": "imagenet"}, "timm publishes no weights"),
    ],
)
def test_what_cannot_be_built_is_refused(settings: dict, expected: str):
    with pytest.raises(ValidationError, match=expected) as caught:
        Network(**{"weights": "none"} | settings)
    assert len(str(caught.value)) < 2000


def test_one_size_only_is_refused_with_it():
    network = Network(encoder="tu-coatnet_0_224", weights="none")
    network.check_size(224, 224)
    with pytest.raises(ValueError, match=r"takes only those of 224 x 224\n.*\[224, 224\]"):
        network.check_size(256, 256)
    with pytest.raises(ValueError, match=r"64 x 64 .* multiples of 14\n.*\[70, 70\]"):
        Network(encoder="tu-vit_small_patch14_dinov2", architecture="dpt").check_size(64, 64)


@pytest.mark.parametrize(
    ("encoder", "settings"),
    [
        ("tu-resnet10t", {"architecture": SMALL_UNET}),  # without the last stages
        ("tu-resnet10t", {"padding_channel": True}),
        ("tu-vit_tiny_patch16_224", {"architecture": "dpt"}),
    ],
)
def test_a_file_of_timm_is_loaded(encoder: str, settings: dict, tmp_path: Path):
    """The whole network with its classifier, as on the hub."""
    whole = timm.create_model(encoder.removeprefix("tu-")).state_dict()
    save_file(whole, tmp_path / "model.safetensors")
    network = Network(encoder=encoder, weights="none", **settings)
    loaded = Segmenter(network, {"segmentation": 3}, tmp_path / "model.safetensors")
    tensors = loaded.encoder.state_dict()
    assert len(tensors) > 40
    for name, tensor in tensors.items():
        original = whole[name.removeprefix("model.")]
        assert torch.equal(tensor[:, :3] if "conv1.0" in name else tensor, original), name


def test_a_file_of_another_network_of_timm_is_refused(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    save_file(timm.create_model("resnet18").state_dict(), path)
    settings = Network(encoder="tu-resnet10t", weights="none")
    with pytest.raises(FewmaskError, match="not the weights of tu-resnet10t") as caught:
        load_encoder(Backbone(settings).encoder, path, settings)
    assert str(path) in str(caught.value)


def test_positional_embeddings_of_another_size_fit():
    """DPT sees images of several sizes with the same weights, also of odd numbers of patches."""
    network = built("tu-vit_small_patch14_dinov2", architecture="dpt").eval()
    with torch.no_grad():
        for height, width in ((42, 70), (28, 28)):
            scores = network(torch.rand(1, 3, height, width), torch.ones(1, 1, height, width))
            assert scores["segmentation"].shape == (1, 3, height, width)


def test_names_are_known():
    assert find("tu-vit_small_patch14_dinov2.lvd142m").patch == 14
    assert find("timm-resnest14d") is None
