"""Weights for red, green and blue serve images of other channels."""

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file
from segmentation_models_pytorch.encoders._utils import patch_first_conv
from timm.models._manipulate import adapt_input_conv
from torch import nn

from fewmask.config.network import Network
from fewmask.networks.backbone import Backbone
from fewmask.networks.channels import fit_channels
from fewmask.networks.segmenter import Segmenter

TINY = Network(encoder="resnet18", weights="none")


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 13])
def test_first_kernels_are_adapted_as_by_the_libraries(channels: int):
    given, own = torch.rand(8, 3, 7, 7), torch.zeros(8, channels, 7, 7)
    fitted, changed = fit_channels({"a": given}, {"a": own}, TINY, TINY.for_images(channels))
    assert changed == ["a"]
    torch.testing.assert_close(fitted["a"], adapt_input_conv(channels, given))
    if channels != 2:  # of which smp takes red and green
        convolution = nn.Conv2d(3, 8, 7, bias=False)
        convolution.weight.data = given.clone()
        network = nn.Sequential(convolution)
        patch_first_conv(network, new_in_channels=channels)
        torch.testing.assert_close(fitted["a"], network[0].weight.data)


def test_the_padding_channel_stays_the_last(tmp_path: Path):
    padded = TINY.model_copy(update={"padding_channel": True})
    given = torch.rand(8, 4, 7, 7)
    own = torch.zeros(8, 7, 7, 7)
    fitted = fit_channels({"a": given}, {"a": own}, padded, padded.for_images(6))[0]["a"]
    torch.testing.assert_close(fitted[:, :6], adapt_input_conv(6, given[:, :3]))
    assert torch.equal(fitted[:, 6:], given[:, 3:])


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet10t", "tu-test_vit", "mit_b0"])
def test_encoders_take_any_channels(encoder: str, tmp_path: Path):
    patched = "tu-test_vit" in encoder
    architecture = {"architecture": "dpt"} if patched else {}
    settings = Network(encoder=encoder, weights="none", **architecture)
    published = (
        smp.encoders.get_encoder(encoder, weights=None)
        if not patched
        else (Backbone(settings).encoder)
    )
    path = tmp_path / "encoder.safetensors"
    save_file({name: one.contiguous() for name, one in published.state_dict().items()}, path)
    side = 2 * settings.stride()
    size = settings.known_encoder.size or (side, side)
    for channels in (1, 6):
        network = Segmenter(settings.for_images(channels), {"segmentation": 2}, path).eval()
        images = torch.rand(1, channels, *size)
        found = network(images, torch.ones(1, 1, *size))["segmentation"]
        assert found.shape == (1, 2, *size)


def test_channels_are_normalised_as_the_mean_of_colours():
    three, six = (Backbone(TINY.for_images(channels)) for channels in (3, 6))
    assert six.mean.shape == six.std.shape == (1, 6, 1, 1)
    assert six.mean.tolist() == [[[[pytest.approx(three.mean.mean().item())]]] * 6]
    assert six.std.tolist() == [[[[pytest.approx(three.std.mean().item())]]] * 6]
