"""Builds the encoders: those of segmentation_models_pytorch, and plain vision transformers."""

from typing import Any

import segmentation_models_pytorch as smp
import timm
from torch import Tensor, nn

from fewmask.config.encoders import of_timm
from fewmask.config.network import Network

Weights = dict[str, Tensor]

LAST_OF_QUARTERS = {24: (4, 11, 17, 23)}
"""Of transformers with so many blocks, the blocks whose features are taken (counted from 0), where
they are not the last ones of each quarter (Ranftl et al. 2021)."""


def build_encoder(settings: Network, weights: Weights | None = None, **options: int) -> nn.Module:
    """An encoder with ``settings.in_channels`` input channels.

    Args:
        settings: name it.
        weights: the tensors of a file that timm publishes, for an encoder of timm. Absent: random
            weights, from torch's global generator.
        options: ``depth`` and ``output_stride`` (see ``smp.encoders.get_encoder``).

    Raises:
        RuntimeError: the tensors are not those of the encoder.
    """
    timm_options = options_of_timm(settings)
    if weights is not None:
        timm_options["pretrained_cfg_overlay"] = {"state_dict": weights}
    if settings.known_encoder.patch:
        return PlainTransformer(settings, pretrained=weights is not None, **timm_options)
    return smp.encoders.get_encoder(
        settings.encoder,
        in_channels=settings.in_channels,
        weights=None if weights is None else True,
        **options,
        **timm_options,
    )


def options_of_timm(settings: Network) -> dict[str, Any]:
    """What timm must know besides the name of an encoder."""
    return {"dynamic_img_size": True} if "dynamic" in settings.known_encoder.traits else {}


class PlainTransformer(nn.Module):
    """A vision transformer as an encoder: the image, and feature maps of four of its blocks.

    Images of any multiple of the patches' size fit: timm resamples positional embeddings.
    """

    def __init__(self, settings: Network, **options: Any) -> None:
        """``options``: of ``timm.create_model``."""
        super().__init__()
        name, channels = of_timm(settings.encoder), settings.in_channels
        self.model = timm.create_model(name, num_classes=0, in_chans=channels, **options)
        blocks = len(self.model.blocks)
        quarters = tuple(blocks * quarter // 4 - 1 for quarter in (1, 2, 3, 4))
        self.taken = LAST_OF_QUARTERS.get(blocks, quarters)
        self.out_channels = [channels, *[self.model.embed_dim] * 4]
        self.output_stride = settings.known_encoder.patch

    def forward(self, image: Tensor) -> list[Tensor]:
        """float (N, 3 or 4, H, W) -> itself and float (N, C, H / patch, W / patch) four times,
        after the transformer's last norm."""
        maps = self.model.forward_intermediates(
            image, indices=list(self.taken), norm=True, intermediates_only=True
        )
        return [image, *maps]
