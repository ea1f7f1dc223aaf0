"""Masks: which class every pixel is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from fewmask import IGNORE
from fewmask.config.task import Task, TaskSettings
from fewmask.core.encode import jpeg
from fewmask.metrics.errors import Errors
from fewmask.metrics.segmentation import MaskErrors

if TYPE_CHECKING:
    from torch import Tensor

    from fewmask.data.augmentation.warp import Warp
    from fewmask.data.store.store import Store


class SegmentationSettings(TaskSettings):
    """Learn the masks of the labelled images."""

    name: Literal["segmentation"] = "segmentation"


class Segmentation(Task):
    """Classes, uint8 (H, W)."""

    name = "segmentation"
    settings = SegmentationSettings
    field = "mask"
    dtype = "uint8"
    unknown = IGNORE
    of_labelled_images = True
    needs_shapes = False
    compression = "gzip"
    title = "masks"
    judged_by = "miou"
    legend = "Striped pixels are not counted."

    def check(self, truth: np.ndarray, classes: int) -> None:
        """Only classes of the dataset, and `IGNORE`."""
        is_known = np.zeros(IGNORE + 1, bool)
        is_known[:classes] = is_known[IGNORE] = True
        if not is_known[truth].all():
            raise ValueError(
                f"found the value {truth[~is_known[truth]][0]} in a mask\n"
                f"  expected: classes from 0 to {classes - 1}, or {IGNORE} = ignore"
            )

    def head_channels(self, settings: SegmentationSettings, classes: int) -> int:
        """One for every class."""
        return classes

    def output(self, maps: Tensor) -> dict[str, Tensor]:
        """Logits, (N, K, H, W)."""
        return {self.name: maps}

    def mean(self, outputs: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The logits of the mean probabilities."""
        return {self.name: mean_of_logits([one[self.name] for one in outputs])}

    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, settings: SegmentationSettings
    ) -> tuple[Tensor, Tensor]:
        """The summed cross-entropy."""
        return summed_cross_entropy(outputs[self.name], truth)

    def warped(self, warp: Warp, truth: Tensor) -> Tensor:
        """Masks as their images are moved; `IGNORE` outside."""
        return warp.masks(truth)

    def errors(self) -> Errors:
        """Confusion matrices."""
        return MaskErrors()

    def errors_on_test_images(self, store: Store, originals: np.ndarray | None) -> Errors:
        """Confusion matrices and losses; the losses are those of the store's masks."""
        from fewmask.tasks.segmentation.errors import MaskErrorsAndLosses, OriginalSizeErrors

        return MaskErrorsAndLosses() if originals is None else OriginalSizeErrors(store, originals)

    def stored(self, prediction: Tensor) -> np.ndarray:
        """The likeliest classes."""
        return prediction.argmax(dim=1).byte().cpu().numpy()

    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """The classes themselves."""
        return values

    @property
    def files(self) -> dict[str, str]:
        """The masks, and their colours over the images."""
        return {"masks": ".png", "overlays": ".jpg"}

    def view(self, prediction: np.ndarray, image: np.ndarray, palette: np.ndarray) -> bytes:
        """The image, mixed with the colours of the classes."""
        colours = np.zeros((IGNORE + 1, 3), np.uint8)  # what a crop left out is black
        colours[: len(palette)] = palette
        mixed = image.astype(np.uint16)  # of a large image, so that no copy of it is made
        mixed += colours[prediction]
        mixed += 1
        mixed //= 2
        return jpeg(mixed.astype(np.uint8), quality=92)


def mean_of_logits(logits: Sequence[Tensor]) -> Tensor:
    """The logarithms of the mean of several probabilities, which serve as logits.

    ``logits``: (N, K, H, W) each. Returns float32 (N, K, H, W).
    """
    import torch

    summed = torch.stack([one.float().log_softmax(1) for one in logits]).logsumexp(0)
    return summed - math.log(len(logits))


def summed_cross_entropy(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy of the labelled pixels, and how many they are.

    ``logits`` float (N, K, H, W), ``mask`` int64 (N, H, W) with `IGNORE`.
    """
    from torch.nn import functional

    total = functional.cross_entropy(logits.float(), mask, ignore_index=IGNORE, reduction="sum")
    return total, (mask != IGNORE).sum()


TASK = Segmentation()
