"""The encoders that networks can be built on, and what planning knows of them.

Listed here because planning must not import torch; tests compare all of it with the libraries.
Those of segmentation_models_pytorch are named below, those of timm (``tu-NAME``, ``tu-NAME.TAG``)
in a file that `fewmask.networks.timm_list` writes.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

TIMM = "tu-"
"""How the names of encoders start that segmentation_models_pytorch takes from timm."""

TIMM_FILE = Path(__file__).with_name("timm_encoders.csv")

PACKAGED = "tu-tf_efficientnet_lite0"
"""The encoder whose ImageNet weights are installed with Fewmask. Not the library's own
``timm-tf_efficientnet_lite0``, which it has deprecated for this one."""

TRAITS = {
    "pyramid": "feature maps of 1/4 to 1/32 of the image",
    "half": "a feature map of half the size of the image",
    "dilates": "last stages that dilate instead of striding",
    "vgg": "poolings that SegNet can undo",
    "last_stage": "a last stage that is a module of its own, layer4",
    "blocks": "blocks to tell apart, for layer-wise decay",
    "patches": "one size of feature maps, those of a plain vision transformer",
    "dynamic": "timm's option dynamic_img_size, without which images have one size",
}
"""What an encoder may have."""


@dataclass(frozen=True)
class Encoder:
    """What planning knows of an encoder."""

    traits: frozenset[str] | set[str]
    """Those of `TRAITS` that it has."""
    patch: int | None = None
    """The side of its patches in pixels, if it has patches."""
    size: tuple[int, int] | None = None
    """Height and width, if it takes images of one size only."""
    tags: tuple[str, ...] = ()
    """The published weights of one of timm's, the default first."""

    def row(self, name: str) -> list[str]:
        """A row of the file of timm's encoders."""
        size = "x".join(map(str, self.size)) if self.size else ""
        return [
            name,
            " ".join(sorted(self.traits)),
            str(self.patch or ""),
            size,
            " ".join(self.tags),
        ]

    @classmethod
    def of_row(cls, row: dict[str, str]) -> Self:
        """The encoder in a row of that file, by the names of its columns."""
        return cls(
            frozenset(row["traits"].split()),
            int(row["patch"]) if row["patch"] else None,
            tuple(map(int, row["size"].split("x"))) if row["size"] else None,
            tuple(row["tags"].split()),
        )


OF_LIBRARY: tuple[str, ...] = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "dpn68",
    "dpn98",
    "dpn131",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "senet154",
    "se_resnet50",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50_32x4d",
    "se_resnext101_32x4d",
    "densenet121",
    "densenet169",
    "densenet201",
    "densenet161",
    "inceptionresnetv2",
    "inceptionv4",
    "efficientnet-b0",
    "efficientnet-b1",
    "efficientnet-b2",
    "efficientnet-b3",
    "efficientnet-b4",
    "efficientnet-b5",
    "efficientnet-b6",
    "efficientnet-b7",
    "mobilenet_v2",
    "xception",
    "mit_b0",
    "mit_b1",
    "mit_b2",
    "mit_b3",
    "mit_b4",
    "mit_b5",
    "mobileone_s0",
    "mobileone_s1",
    "mobileone_s2",
    "mobileone_s3",
    "mobileone_s4",
)

WITHOUT = {
    "dilates": ("vgg", "densenet", "inception", "xception"),
    "half": ("mit",),
    "blocks": ("vgg",),
}
"""How the names of those start that lack a trait which all others of them have."""

WITH = {
    "vgg": ("vgg",),
    "last_stage": ("resnet", "resnext", "se_", "senet"),
}
"""How the names of those start that have a trait which all others of them lack."""


def find(name: str) -> Encoder | None:
    """What is known of an encoder; None if there is none of that name."""
    if not name.startswith(TIMM):
        return _of_library(name) if name in OF_LIBRARY else None
    model, _, tag = of_timm(name).partition(".")
    encoder = _of_timm().get(model)
    return encoder if encoder and (not tag or tag in encoder.tags) else None


def names() -> list[str]:
    """The names of all encoders, with those of timm's weights."""
    return [*OF_LIBRARY, *_names_of_timm()]


def of_timm(encoder: str) -> str:
    """The name that an encoder has in timm; empty for one that is not timm's."""
    return encoder.removeprefix(TIMM) if encoder.startswith(TIMM) else ""


def _names_of_timm() -> Iterable[str]:
    for model, encoder in _of_timm().items():
        yield TIMM + model
        yield from (f"{TIMM}{model}.{tag}" for tag in encoder.tags)


@cache
def _of_timm() -> dict[str, Encoder]:
    with TIMM_FILE.open(newline="") as file:
        return {row["name"]: Encoder.of_row(row) for row in csv.DictReader(file)}


def _of_library(name: str) -> Encoder:
    lacks = {trait for trait, starts in WITHOUT.items() if name.startswith(starts)}
    has = {trait for trait, starts in WITH.items() if name.startswith(starts)}
    return Encoder(frozenset(({"pyramid", *WITHOUT} - lacks) | has))
