"""The network: what it starts from, what its padding channel does, and what is refused."""

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import save_file

from fewmask.config.choices import folders
from fewmask.config.encoders import OF_LIBRARY, PACKAGED
from fewmask.config.network import Architecture, Network
from fewmask.core.errors import FewmaskError
from fewmask.networks.backbone import Backbone
from fewmask.networks.normalisation import normalisation
from fewmask.networks.segmenter import Segmenter
from tests.conftest import SMALL_RESNET

TINY = SMALL_RESNET


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def images(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.rand(count, 3, 32, 32), torch.ones(count, 1, 32, 32)


def test_the_known_encoders_are_those_of_the_library():
    with_weights = {
        name
        for name, entry in smp.encoders.encoders.items()
        if "imagenet" in entry["pretrained_settings"] and not name.startswith("timm-")
    }
    assert set(OF_LIBRARY) == with_weights


@pytest.mark.parametrize(
    "architecture", ["unet", "unetplusplus", "fpn", "deeplabv3", "deeplabv3plus"]
)
@pytest.mark.parametrize("padding", [False, True])
def test_scores_have_the_images_size(architecture: str, padding: bool):
    settings = Network(architecture=architecture, encoder="resnet18", weights="none",
                       padding_channel=padding)  # fmt: skip
    network = Segmenter(settings, {"segmentation": 5}).eval()
    image, inside = torch.rand(1, 3, 64, 96), torch.ones(1, 1, 64, 96)
    assert network(image, inside)["segmentation"].shape == (1, 5, 64, 96)


def test_it_is_the_librarys_network_on_normalised_images():
    network = Segmenter(Network(**TINY), {"segmentation": 5}).eval()
    model = smp.Unet("resnet18", encoder_depth=3, encoder_weights=None,
                     decoder_channels=[16, 8, 4], classes=5).eval()  # fmt: skip
    weights = network.state_dict()
    model.load_state_dict({name: weights[name] for name in weights if name not in ("mean", "std")})
    image, inside = images()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in IMAGENET)
    expected = model((image - mean) / std)
    assert torch.allclose(network(image, inside)["segmentation"], expected, atol=1e-5)


def test_images_are_normalised_as_the_encoder_was_trained():
    half = ((0.5,) * 3, (0.5,) * 3)
    constants = {"resnet50": IMAGENET, "mit_b0": IMAGENET, "efficientnet-b0": IMAGENET,
                 "inceptionv4": half, "xception": half, PACKAGED: half}  # fmt: skip
    found = {name: normalisation(Network(encoder=name, weights="none")) for name in constants}
    assert found == constants


def test_normalisation_travels_with_the_weights():
    """A file of trained weights holds it, whatever a later version knows of the encoder."""
    weights = Segmenter(Network(**TINY), {"segmentation": 3}).state_dict()
    weights["mean"] = torch.full((1, 3, 1, 1), 0.25)
    network = Segmenter(Network(**TINY), {"segmentation": 3}).eval()
    network.load_state_dict(weights)
    image, inside = images()
    seen = network.features(image, inside)[0]
    std = torch.tensor(IMAGENET[1]).view(1, 3, 1, 1)
    assert torch.allclose(seen, (image - 0.25) / std)


def test_the_padding_channel_is_seen_only_where_asked_for():
    image, inside = images()
    padded = inside.clone()
    padded[..., 16:] = 0
    for padding in (False, True):
        torch.manual_seed(0)
        network = Segmenter(Network(**TINY, padding_channel=padding), {"segmentation": 5}).eval()
        same = torch.equal(
            network(image, inside)["segmentation"], network(image, padded)["segmentation"]
        )
        assert same is not padding


def test_encoder_weights_are_where_it_starts(tmp_path: Path):
    torch.manual_seed(1)
    encoder = smp.encoders.get_encoder("resnet18", depth=5, weights=None)
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    settings = Network(encoder="resnet18")
    network = Segmenter(
        settings, {"segmentation": 3}, encoder_weights=tmp_path / "encoder.safetensors"
    )
    for name, tensor in network.encoder.state_dict().items():
        assert torch.equal(tensor, encoder.state_dict()[name])

    # With a fourth channel the first convolution keeps the three it knows, and ignores the fourth.
    four = Segmenter(
        Network(encoder="resnet18", padding_channel=True),
        {"segmentation": 3},
        tmp_path / "encoder.safetensors",
    )
    first = encoder.state_dict()["conv1.weight"]
    assert four.encoder.conv1.weight.shape[1] == 4
    assert torch.equal(four.encoder.conv1.weight[:, :3], first)
    assert not four.encoder.conv1.weight[:, 3:].any()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"nothing of the kind", "cannot be read as encoder weights"),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "not the weights of resnet18: Missing key"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes | dict, expected: str):
    path = tmp_path / "encoder.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file(content, path)
    with pytest.raises(FewmaskError, match=expected) as caught:
        Segmenter(Network(encoder="resnet18"), {"segmentation": 3}, path)
    assert str(path) in str(caught.value)


FAMILIES = (
    *("resnet18", "resnext50_32x4d", "dpn68", "vgg11", "senet154", "se_resnet50", "densenet121"),
    *("inceptionresnetv2", "inceptionv4", "efficientnet-b0", "mobilenet_v2", "xception", "mit_b0"),
    *("mobileone_s0", PACKAGED),
)


@pytest.mark.parametrize("encoder", FAMILIES)
def test_settings_know_what_can_be_built(encoder: str):
    """What planning says of an encoder, against the library."""
    for architecture in folders("fewmask.networks.architectures"):
        if architecture == "dpt" or (architecture == "segnet" and encoder != "vgg11"):
            continue  # not the library's
        if encoder == "mit_b0" and architecture not in ("unetplusplus", "deeplabv2"):
            continue  # takes its time, for it computes while it is built
        shallow = [{"decoder_channels": [8, 8, 8]}] if architecture.startswith("unet") else []
        for options in ({}, *shallow):
            named = TypeAdapter(Architecture).validate_python({"name": architecture, **options})
            chosen = {"architecture": named, "encoder": encoder, "weights": "none"}
            with torch.device("cpu" if encoder == "mit_b0" else "meta"):
                try:
                    network = Segmenter(Network.model_construct(**chosen), {"segmentation": 3})
                except ValueError:
                    with pytest.raises(ValidationError, match="cannot be built on"):
                        Network(**chosen)
                    continue
                settings = Network(**chosen)
                alone = Backbone(settings)
            assert settings.stride() == network.encoder.output_stride
            assert settings.stride(encoder_alone=True) == alone.encoder.output_stride
            last = f"layer{len(network.encoder.out_channels) - 2}"
            assert settings.has_own_last_stage == hasattr(network.encoder, last)


def test_sizes_that_do_not_fit_are_told_with_one_that_does():
    network = Network(encoder="resnet18", weights="none")
    network.check_size(64, 96)
    with pytest.raises(ValueError, match=r"100 x 64 .* multiples of 32\n.* \[96, 64\]"):
        network.check_size(100, 64)
