"""SegNet is what the paper says: a VGG and its mirror image, joined by the places of the maxima."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F  # noqa: N812

from fewmask.config.network import Network
from fewmask.networks.architectures.segnet.network import unpool
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.transfer import transfer
from fewmask.networks.weights import save_weights
from tests.networks.test_weights import describe

CLASSES = 5


def segnet(encoder: str = "vgg11_bn", **settings) -> Segmenter:
    torch.manual_seed(0)
    chosen = Network(architecture="segnet", encoder=encoder, weights="none", **settings)
    return Segmenter(chosen, {"segmentation": CLASSES})


def batch(height: int = 32, width: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, height, width), torch.ones(2, 1, height, width)


class NaiveSegNet(nn.Module):
    """The authors' model, layer by layer; places pass from the poolings to the unpoolings."""

    def __init__(self) -> None:
        super().__init__()
        down = [[64, 64], [128] * 2, [256] * 3, [512] * 3, [512] * 3]
        up = [[512] * 3, [512, 512, 256], [256, 256, 128], [128, 64], [64]]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        channels = 3
        for blocks, widths, has_bias in ((self.down, down, True), (self.up, up, False)):
            for block in widths:
                blocks.append(nn.Sequential())
                for width in block:
                    blocks[-1].append(nn.Conv2d(channels, width, 3, padding=1, bias=has_bias))
                    blocks[-1].append(nn.BatchNorm2d(width))
                    blocks[-1].append(nn.ReLU())
                    channels = width
        self.head = nn.Conv2d(64, CLASSES, 3, padding=1)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = []
        for block in self.down:
            x, indices = self.pool(block(x))
            places.append(indices)
        for block in self.up:
            x = block(self.unpool(x, places.pop()))
        return self.head(x)


def randomise_batch_norms(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


@pytest.mark.parametrize("training", [False, True])
def test_it_is_the_model_of_the_authors(training: bool):
    """Scores and gradients, in double precision; the weights are transferred in their order."""
    network, naive = segnet("vgg16_bn").double(), NaiveSegNet().double()
    randomise_batch_norms(network)
    tensors = [tensor for name, tensor in network.state_dict().items() if "." in name]
    shapes = [tensor.shape for tensor in naive.state_dict().values()]
    assert [tensor.shape for tensor in tensors] == shapes
    naive.load_state_dict(dict(zip(naive.state_dict(), tensors, strict=True)))
    network.train(training)
    naive.train(training)
    image, inside = (one.double() for one in batch(64, 96))
    expected = naive((image - network.mean) / network.std)
    found = network(image, inside)["segmentation"]
    assert found.shape == (2, CLASSES, 64, 96)
    torch.testing.assert_close(found, expected)
    for scores in (expected, found):
        F.cross_entropy(scores, torch.ones(2, 64, 96, dtype=torch.long)).backward()
    for one, other in zip(network.parameters(), naive.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize(
    ("encoder", "channels"),
    [
        ("vgg11", [[512] * 2, [512, 256], [256, 128], [64], []]),
        ("vgg13_bn", [[512] * 2, [512, 256], [256, 128], [128, 64], [64]]),
        ("vgg19", [[512] * 4, [512] * 3 + [256], [256] * 3 + [128], [128, 64], [64]]),
    ],
)
def test_the_decoder_mirrors_other_encoders(encoder: str, channels: list[list[int]]):
    network = segnet(encoder)
    blocks = [
        [layer.out_channels for layer in block if isinstance(layer, nn.Conv2d)]
        for block in network.decoder.blocks
    ]
    assert blocks == channels
    assert network.eval()(*batch())["segmentation"].shape == (2, CLASSES, 32, 64)


class TestUnpooling:
    def test_maxima_return_to_exactly_where_they_were(self):
        torch.manual_seed(0)
        pooled = torch.rand(2, 3, 8, 12)
        unpooled = unpool(F.max_pool2d(pooled, 2), pooled)
        windows = pooled.unfold(2, 2, 2).unfold(3, 2, 2)
        maxima = windows.amax((4, 5)).repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(unpooled, torch.where(pooled == maxima, pooled, 0.0))
        assert (unpooled != 0).sum() == pooled.numel() / 4

    def test_other_values_go_there_too(self):
        pooled = torch.tensor([[[[0.0, 3.0, 1.0, 1.0], [2.0, 1.0, 0.0, 1.0]]]])
        found = unpool(torch.tensor([[[[-7.0, 5.0]]]]), pooled)
        assert found.tolist() == [[[[0.0, -7.0, 5.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]

    @pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
    def test_the_layout_in_memory_does_not_matter(self, precision: torch.dtype):
        torch.manual_seed(0)
        pooled, maps = torch.rand(2, 16, 8, 8).to(precision), torch.rand(2, 16, 4, 4).to(precision)
        last = [one.contiguous(memory_format=torch.channels_last) for one in (maps, pooled)]
        assert torch.equal(unpool(*last), unpool(maps, pooled))

    def test_no_gradient_passes_through_the_places(self):
        pooled, maps = torch.rand(1, 1, 4, 4, requires_grad=True), torch.rand(1, 1, 2, 2)
        assert not unpool(maps, pooled).requires_grad


class TestLearning:
    def test_gradients_reach_encoder_and_decoder(self):
        network = segnet("vgg13").train()  # A bias before a batch-norm would get none.
        network(*batch())["segmentation"].square().mean().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name

    def test_starts_as_he_et_al_say(self):
        network = segnet("vgg13_bn")
        for layer in [*network.decoder.modules(), network.segmentation_head]:
            if isinstance(layer, nn.Conv2d):
                expected = (2 / (9 * layer.in_channels)) ** 0.5
                assert layer.weight.std().item() == pytest.approx(expected, rel=0.06)
        assert not network.segmentation_head.bias.any()

    def test_with_a_padding_channel(self):
        network = segnet(padding_channel=True).eval()
        image, inside = batch()
        scores = network(image, inside)["segmentation"]
        inside[..., 32:] = 0
        assert not torch.equal(network(image, inside)["segmentation"], scores)


def test_decoders_share_an_encoder_and_part_of_a_batch():
    """As the objectives with several decoders do it."""
    network, other = segnet().eval(), segnet().eval()
    image, inside = batch()
    features = network.features(image, inside)
    first = network.scores([feature[:1] for feature in features])
    second = other.scores(features)
    torch.testing.assert_close(first, second[:1], atol=1e-5, rtol=1e-4)


def test_parts_can_be_taken_over(tmp_path):
    path, given = tmp_path / "weights.safetensors", segnet()
    save_weights(path, given.state_dict(), describe(given.settings.model_dump(mode="json")))
    torch.manual_seed(2)
    network = Segmenter(given.settings, {"segmentation": CLASSES})
    transfer(network, path, ["encoder", "decoder"])
    for name, tensor in network.state_dict().items():
        if not name.startswith("segmentation_head"):
            assert torch.equal(tensor, given.state_dict()[name]), name
    weights = network.segmentation_head.weight, given.segmentation_head.weight
    assert not torch.equal(*weights)


class TestWhatIsRefused:
    @pytest.mark.parametrize("encoder", ["resnet34", "densenet121"])
    def test_encoders_that_are_no_vgg(self, encoder: str):
        message = (
            rf"segnet cannot be built on {encoder}, .*\n.* VGG; set network.encoder to vgg16_bn"
        )
        with pytest.raises(ValidationError, match=message):
            segnet(encoder)

    def test_sizes_that_are_no_multiples_of_32(self):
        settings = segnet().settings
        settings.check_size(96, 64)
        message = r"100 x 64 .* segnet with vgg11_bn needs multiples of 32\n.* \[96, 64\]"
        with pytest.raises(ValueError, match=message):
            settings.check_size(100, 64)

    def test_decoder_channels(self):
        with pytest.raises(ValidationError, match="decoder_channels"):
            Network(
                architecture={"name": "segnet", "decoder_channels": [64, 32, 16]},
                encoder="vgg16_bn",
            )
