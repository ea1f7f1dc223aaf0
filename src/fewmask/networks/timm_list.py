"""Writes config/timm_encoders.csv, what planning knows of timm's networks: as a program it lists
all of them, which takes a few minutes.

    python -m fewmask.networks.timm_list
"""

import csv
import warnings
from contextlib import suppress

import timm
import torch
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2
from timm.models.vision_transformer import VisionTransformer

from fewmask.config.encoders import TIMM_FILE, Encoder
from fewmask.networks.encoder_layers import layer_scales

OF_ANY_SIZE = (SwinTransformer, SwinTransformerV2)
"""With their option ``dynamic_img_size``, which plain transformers have too."""

OUTPUT_STRIDE = 8
"""Of DeepLab, which not all networks can be dilated to."""


def describe(name: str) -> Encoder | None:
    """What planning knows of a network of timm; None for one from which nothing can be built."""
    warnings.simplefilter("ignore")
    with suppress(Exception), torch.device("meta"):  # whatever timm's many networks raise
        network = timm.create_model(name, features_only=True)
        kind = getattr(network, "model", network)
        if type(kind) in (VisionTransformer, Eva):
            return Encoder({"patches", "dynamic", "blocks"}, _patch(kind), None, _tags(name))
        scales = network.feature_info.reduction()
        if scales not in [[first * 2**i for i in range(len(scales))] for first in (1, 2, 4)]:
            return None
        if scales[-1] < 32:
            return None
        traits = {"pyramid"}
        traits |= {"half"} if scales[0] < 4 else set()
        traits |= {"dynamic"} if isinstance(timm.create_model(name), OF_ANY_SIZE) else set()
        traits |= {"blocks"} if len(set(layer_scales(network, 0.5).values())) > 1 else set()
        traits |= {"dilates"} if _dilates(name) else set()
        return Encoder(traits, None, _only_size(name, traits), _tags(name))
    return None


def _patch(network: VisionTransformer | Eva) -> int:
    height, width = network.patch_embed.patch_size
    if height != width or len(network.blocks) < 4:
        raise ValueError("DPT takes square patches, and the features of four blocks")
    return height


def _dilates(name: str) -> bool:
    with suppress(Exception):
        dilated = timm.create_model(name, features_only=True, output_stride=OUTPUT_STRIDE)
        return dilated.feature_info.reduction()[-1] == OUTPUT_STRIDE
    return False


def _only_size(name: str, traits: set[str]) -> tuple[int, int] | None:
    trained = timm.get_pretrained_cfg(name)
    is_fixed = trained is not None and trained.fixed_input_size and "dynamic" not in traits
    return tuple(trained.input_size[1:]) if is_fixed else None


def _tags(name: str) -> tuple[str, ...]:
    """The default weights of a network first."""
    tags = [one.removeprefix(f"{name}.") for one in timm.list_pretrained(f"{name}.*")]
    default = timm.get_pretrained_cfg(name)
    return tuple(sorted(tags, key=lambda tag: (tag != (default and default.tag), tag)))


def main() -> None:
    with TIMM_FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "traits", "patch", "size", "tags"])
        for name in timm.list_models():
            if encoder := describe(name):
                writer.writerow(encoder.row(name))
                file.flush()


if __name__ == "__main__":
    main()
