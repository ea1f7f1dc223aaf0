"""DeepLabv2: a dilated encoder whose last feature map is scored at several dilation rates.

Chen et al., "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution,
and Fully Connected CRFs" (2018), without the CRF: the network of Ke et al. 2020 (4.2). Its parts
are those of a `Segmenter`, which runs them:

    encoder             output stride 8: the last two blocks dilate by 2 and 4 instead of striding
    decoder             selects the last feature map; it has no weights
    segmentation_head   scores the classes (`SummedASPP`), then enlarges the scores

Only the head depends on the classes, and the encoder has the weights of the same encoder without
dilation, so that each may start from other networks.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from fewmask.config.network import Network
from fewmask.networks.encoder import build_encoder


class DeepLabV2(nn.Module):
    """The three parts of DeepLabv2; random weights come from torch's global generator."""

    def __init__(self, settings: Network, classes: int) -> None:
        super().__init__()
        stride, rates = settings.architecture.output_stride, settings.architecture.aspp_rates
        self.encoder = build_encoder(settings, output_stride=stride)
        self.decoder = LastFeatures()
        channels = self.encoder.out_channels[-1]
        self.segmentation_head = nn.Sequential(
            SummedASPP(channels, classes, rates), Enlarge(stride)
        )


class LastFeatures(nn.Module):
    """The smallest of an encoder's feature maps."""

    def forward(self, features: list[Tensor]) -> Tensor:
        return features[-1]


class SummedASPP(nn.Module):
    """Atrous spatial pyramid pooling: the sum of 3 x 3 convolutions with several dilations."""

    def __init__(self, channels: int, classes: int, rates: list[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, classes, 3, padding=rate, dilation=rate) for rate in rates
        )
        for branch in self.branches:
            nn.init.normal_(branch.weight, std=0.01)
            nn.init.zeros_(branch.bias)

    def forward(self, features: Tensor) -> Tensor:
        """float (N, C, h, w) -> float (N, K, h, w), logits."""
        return sum(branch(features) for branch in self.branches)


class Enlarge(nn.Module):
    """Bilinear upsampling by a whole number."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, maps: Tensor) -> Tensor:
        """float (N, K, h, w) -> float (N, K, h * factor, w * factor)"""
        # Place i of a residual network's feature map is centred on pixel i * factor. On the paper's
        # images of 8 n + 1 pixels, aligned corners keep that. Ours lack the last row and column,
        # which are added and cut off again. Any other alignment is up to half a stride off.
        size = [length * self.factor + 1 for length in maps.shape[2:]]
        maps = F.pad(maps, (0, 1, 0, 1), mode="replicate")
        return F.interpolate(maps, size, mode="bilinear", align_corners=True)[..., :-1, :-1]


build = DeepLabV2
