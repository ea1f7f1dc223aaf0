"""DeepLabv2 is what the paper says: a dilated encoder, summed ASPP, scores enlarged in place."""

import csv
from pathlib import Path

import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import resnet50

from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import HISTORY, WEIGHTS
from fewmask.data.store.store import Store
from fewmask.inference.predict import predict
from fewmask.networks.architectures.deeplabv2.network import Enlarge, SummedASPP
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.transfer import transfer
from fewmask.networks.weights import save_weights
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.networks.test_weights import describe


def deeplabv2(
    encoder: str = "resnet18", padding_channel: bool = False, **options: list[int]
) -> Segmenter:
    torch.manual_seed(0)
    settings = Network(
        architecture={"name": "deeplabv2", **options},
        encoder=encoder,
        weights="none",
        padding_channel=padding_channel,
    )
    return Segmenter(settings, {"segmentation": 5})


def batch(height: int = 64, width: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, height, width), torch.ones(2, 1, height, width)


def dilated_resnet50() -> nn.Module:
    """torchvision's own, whose dilation starts one block later than that of DeepLab."""
    model = resnet50(weights=None, replace_stride_with_dilation=[False, True, True])
    for block, rate in ((model.layer3[0], 2), (model.layer4[0], 4)):
        block.conv2.dilation = block.conv2.padding = (rate, rate)
    model.fc = nn.Identity()
    return model.eval()


def naive_aspp(features: torch.Tensor, head: nn.Module, rates: list[int]) -> torch.Tensor:
    """Every tap of every kernel as a 1 x 1 product of a shifted, zero-padded map."""
    height, width = features.shape[2:]
    total = 0
    for branch, rate in zip(head.branches, rates, strict=True):
        total = total + branch.bias[:, None, None]
        padded = F.pad(features, [rate] * 4)
        for row in range(3):
            for column in range(3):
                seen = padded[..., row * rate :, column * rate :][..., :height, :width]
                kernel = branch.weight[:, :, row, column]
                total = total + torch.einsum("kc,nchw->nkhw", kernel, seen)
    return total


class TestAgainstAnIndependentConstruction:
    def test_the_encoder_is_a_residual_network_of_stride_8(self):
        network, other = deeplabv2("resnet50").eval().double(), dilated_resnet50().double()
        other.load_state_dict(network.encoder.state_dict())
        image, inside = (one.double() for one in batch())
        x = other.maxpool(other.relu(other.bn1(other.conv1((image - network.mean) / network.std))))
        expected = other.layer4(other.layer3(other.layer2(other.layer1(x))))
        found = network.decoder(network.features(image, inside))
        assert found.shape == (2, 2048, 8, 12)
        torch.testing.assert_close(found, expected)

    @pytest.mark.parametrize("rates", [[6, 12, 18, 24], [1], [2, 3]])
    def test_the_scores_are_the_sum_of_all_rates(self, rates: list[int]):
        torch.manual_seed(0)
        head = SummedASPP(7, 4, rates)
        nn.init.normal_(head.branches[0].bias)
        features = torch.randn(2, 7, 20, 30)
        expected = naive_aspp(features, head, rates)
        torch.testing.assert_close(head(features), expected, atol=1e-5, rtol=1e-5)

    def test_the_parts_make_the_whole(self):
        network = deeplabv2().eval()
        image, inside = batch()
        features = network.features(image, inside)[-1]
        aspp, enlarge = network.segmentation_head
        expected = enlarge(naive_aspp(features, aspp, [6, 12, 18, 24]))
        found = network(image, inside)["segmentation"]
        assert found.shape == (2, 5, 64, 96)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


class TestEnlarging:
    def test_places_stay_at_the_pixels_they_look_at(self):
        ramp = torch.arange(5.0).expand(1, 1, 3, 5)
        enlarged = Enlarge(8)(ramp)
        assert enlarged.shape == (1, 1, 24, 40)
        expected = (torch.arange(40) / 8).clamp(max=4)  # The last place is drawn out to the border.
        torch.testing.assert_close(enlarged[0, 0], expected.expand(24, 40))

    def test_it_is_the_papers_on_its_sizes(self):
        """Corners on corners, where images have 8 n + 1 pixels."""
        maps = torch.rand(2, 3, 5, 6)
        expected = F.interpolate(maps, (33, 41), mode="bilinear", align_corners=True)
        torch.testing.assert_close(Enlarge(8)(maps)[..., :33, :41], expected)

    def test_a_place_looks_at_the_surroundings_of_its_pixel(self):
        """A residual network of symmetric kernels sees symmetric surroundings."""
        encoder = deeplabv2().encoder.eval()
        for module in encoder.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.constant_(module.weight, 1e-3)
        image = torch.rand(1, 3, 8, 512, requires_grad=True)
        encoder(image)[-1][0, :, 0, 32].sum().backward()
        seen = image.grad[0].abs().sum((0, 1)).nonzero()[:, 0]
        assert abs((seen.min() + seen.max()) / 2 - 32 * 8) <= 1


class TestLearning:
    def test_starts_with_small_scores(self):
        torch.manual_seed(0)
        head = SummedASPP(512, 21, [6, 12, 18, 24])
        assert len(head.branches) == 4
        for branch in head.branches:
            assert abs(branch.weight.std() - 0.01) < 2e-4
            assert abs(branch.weight.mean()) < 2e-4
            assert not branch.bias.any()

    def test_gradients_reach_everything(self):
        network = deeplabv2().train()
        image, inside = batch()
        network(image, inside)["segmentation"].square().mean().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name

    def test_with_a_padding_channel(self):
        network = deeplabv2(padding_channel=True).eval()
        image, inside = batch()
        scores = network(image, inside)["segmentation"]
        inside[..., 48:] = 0
        assert not torch.equal(network(image, inside)["segmentation"], scores)


class TestTakingOver:
    def test_all_parts_and_the_encoder_alone(self, tmp_path):
        path, given = tmp_path / "weights.safetensors", deeplabv2()
        save_weights(path, given.state_dict(), describe(given.settings.model_dump(mode="json")))
        for parts in (["encoder"], ["encoder", "decoder"],
                      ["encoder", "decoder", "segmentation_head"]):  # fmt: skip
            torch.manual_seed(2)
            network = Segmenter(given.settings, {"segmentation": 5})
            transfer(network, path, parts)
            for name, tensor in network.state_dict().items():
                is_same = torch.equal(tensor, given.state_dict()[name])
                if name.partition(".")[0] in parts:
                    assert is_same, name
            is_same = torch.equal(network.segmentation_head[0].branches[0].weight,
                                  given.segmentation_head[0].branches[0].weight)  # fmt: skip
            assert is_same is ("segmentation_head" in parts)

    def test_the_encoder_of_another_architecture(self, tmp_path):
        path = tmp_path / "weights.safetensors"
        unet = Segmenter(Network(encoder="resnet18", weights="none"), {"segmentation": 3})
        save_weights(path, unet.state_dict(), describe(unet.settings.model_dump(mode="json")))
        network = deeplabv2()
        transfer(network, path, ["encoder"])
        assert torch.equal(network.encoder.conv1.weight, unet.encoder.conv1.weight)
        with pytest.raises(FewmaskError, match="its decoder does not fit"):
            transfer(network, path, ["decoder"])


def test_it_learns_goes_on_and_predicts(rooms: Path, rooms_split: Path, tmp_path: Path):
    """Through the jobs of a stage, of one that starts from it, and of a person's images."""
    chosen = {"architecture": "deeplabv2", "encoder": "resnet18", "weights": "none"}
    first, second = tmp_path / "first", tmp_path / "second"
    stage = small_stage(network=chosen, precision="fp32", steps=30)
    assert train(Inputs(rooms, rooms_split), stage, 0, first)
    with (first / HISTORY).open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.7 * losses[0]

    taken = {"start_from": "first", "transfer": ["encoder", "decoder"]}
    stage = small_stage(network=chosen, precision="fp32", steps=4, **taken)
    assert train(Inputs(rooms, rooms_split, first / WEIGHTS), stage, 0, second)
    with Store(rooms) as store:
        Image.fromarray(store.read("image", [3])[0]).save(tmp_path / "room.png")
    predict(second / WEIGHTS, tmp_path, tmp_path / "out")
    assert Image.open(tmp_path / "out" / "masks" / "room.png").size == (32, 32)


class TestWhatIsRefused:
    def test_sizes_that_are_no_multiples_of_8(self):
        settings = deeplabv2().settings
        settings.check_size(72, 104)
        with pytest.raises(ValueError, match=r"100 x 64 .* multiples of 8\n.* \[96, 64\]"):
            settings.check_size(100, 64)

    @pytest.mark.parametrize("encoder", ["vgg11", "densenet121", "xception"])
    def test_encoders_that_cannot_be_dilated(self, encoder: str):
        message = f"deeplabv2 cannot be built on {encoder}, .*dilate"
        with pytest.raises(ValidationError, match=message):
            deeplabv2(encoder)

    @pytest.mark.parametrize("rates", [[], [0], [-6, 12], ["many"]])
    def test_rates_that_are_none(self, rates: list):
        with pytest.raises(ValidationError, match="aspp_rates"):
            Network(architecture={"name": "deeplabv2", "aspp_rates": rates})

    @pytest.mark.parametrize("architecture", ["unet", "deeplabv3"])
    def test_rates_of_another_architecture(self, architecture: str):
        with pytest.raises(ValidationError, match=rf"{architecture}\.aspp_rates"):
            Network(architecture={"name": architecture, "aspp_rates": [6, 12]})

    def test_decoder_channels(self):
        with pytest.raises(ValidationError, match=r"deeplabv2\.decoder_channels"):
            Network(architecture={"name": "deeplabv2", "decoder_channels": [64, 32, 16]})


def test_rates_are_a_setting():
    branches = deeplabv2(aspp_rates=[3, 9]).segmentation_head[0].branches
    assert [branch.dilation for branch in branches] == [(3, 3), (9, 9)]
    settings = Network(architecture={"name": "deeplabv2", "aspp_rates": [3, 9]})
    assert Network.model_validate(settings.model_dump(mode="json")) == settings
