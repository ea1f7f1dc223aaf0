"""DPT: feature maps of four blocks of a plain vision transformer, brought to four sizes and fused.

Ranftl, Bochkovskiy, Koltun, "Vision Transformers for Dense Prediction" (2021), as in UniMatch V2
(Yang et al. 2025): without batch-norms, the features after the transformer's last norm, and for
patches of any size. Its parts are those of a `Segmenter`, which runs them:

    encoder             the transformer; four maps of one size, a pixel for every patch
    decoder             maps of 4, 2, 1 and 1/2 times that size, fused from the smallest on
    segmentation_head   scores the classes, then enlarges the scores to the image
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from fewmask.config.network import Network
from fewmask.networks.encoder import build_encoder

LARGE = 1024
"""Transformers of at least so many channels have wider decoders for their size."""

DECODED = 8
"""How many times as large as the encoder's maps the decoder's output is."""


class DPT(nn.Module):
    """The three parts of DPT; random weights come from torch's global generator."""

    def __init__(self, settings: Network, classes: int) -> None:
        super().__init__()
        self.encoder = build_encoder(settings)
        self.decoder = Fusion(self.encoder.out_channels[-1])
        width = self.decoder.width
        self.segmentation_head = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, classes, 1),
            Enlarge(settings.stride(), DECODED),
        )


class Fusion(nn.Module):
    """The decoder."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        shares = (4, 2, 1, 1) if channels >= LARGE else (8, 4, 2, 1)
        self.width = channels // (4 if channels >= LARGE else 6)
        first, second, third, fourth = (channels // share for share in shares)
        self.sized = nn.ModuleList(
            [
                _projected(channels, first, nn.ConvTranspose2d(first, first, 4, stride=4)),
                _projected(channels, second, nn.ConvTranspose2d(second, second, 2, stride=2)),
                _projected(channels, third, nn.Identity()),
                _projected(channels, fourth, nn.Conv2d(fourth, fourth, 3, stride=2, padding=1)),
            ]
        )
        self.narrowed = nn.ModuleList(
            nn.Conv2d(channels // share, self.width, 3, padding=1, bias=False) for share in shares
        )
        self.fused = nn.ModuleList(Fuse(self.width, is_first=i == 3) for i in range(4))

    def forward(self, features: list[Tensor]) -> Tensor:
        """The image and float (N, C, h, w) four times -> float (N, width, 8 h, 8 w)."""
        sized = [one(maps) for one, maps in zip(self.sized, features[1:], strict=True)]
        maps = [one(each) for one, each in zip(self.narrowed, sized, strict=True)]
        fused = self.fused[3](maps[3], None, maps[2].shape[2:])
        fused = self.fused[2](maps[2], fused, maps[1].shape[2:])
        fused = self.fused[1](maps[1], fused, maps[0].shape[2:])
        return self.fused[0](maps[0], fused, torch.Size(2 * length for length in maps[0].shape[2:]))


class Fuse(nn.Module):
    """Adds a map to what was fused so far, and enlarges the sum."""

    def __init__(self, width: int, is_first: bool) -> None:
        super().__init__()
        self.before = None if is_first else Residual(width)
        self.after = Residual(width)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, maps: Tensor, fused: Tensor | None, size: torch.Size) -> Tensor:
        """float (N, width, h, w) each -> float (N, width, *size)."""
        if fused is not None:
            maps = fused + self.before(maps)
        maps = F.interpolate(self.after(maps), size, mode="bilinear", align_corners=True)
        return self.out(maps)


class Residual(nn.Sequential):
    """Two convolutions whose output is added to their input."""

    def __init__(self, width: int) -> None:
        convolutions = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        super().__init__(*(part for one in convolutions for part in (nn.ReLU(), one)))

    def forward(self, maps: Tensor) -> Tensor:
        return maps + super().forward(maps)


class Enlarge(nn.Module):
    """Bilinear upsampling of maps of which ``per_patch`` pixels belong to a patch's side."""

    def __init__(self, patch: int, per_patch: int) -> None:
        super().__init__()
        self.patch, self.per_patch = patch, per_patch

    def forward(self, maps: Tensor) -> Tensor:
        """float (N, K, h, w) -> float (N, K, H, W), the size of the image."""
        size = [length * self.patch // self.per_patch for length in maps.shape[2:]]
        return F.interpolate(maps, size, mode="bilinear", align_corners=True)


def _projected(channels: int, width: int, resize: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1), resize)


build = DPT
