"""Masks: which class every pixel is. The network's own decoder and head learn them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fewmask import IGNORE
from fewmask.config.task import Errors, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor, nn

    from fewmask.data.augmentation.warp import Warp


class Segmentation(Task):
    """Classes, uint8 (H, W)."""

    name = "segmentation"
    field = "mask"
    dtype = "uint8"
    unknown = IGNORE
    of_labelled_images = True
    title = "masks"

    def head_channels(self, options: Any) -> int:
        """The network's own head learns it."""
        return 0

    def output(self, maps: Tensor, helpers: Sequence[nn.Module]) -> dict[str, Tensor]:
        """Logits, (N, K, H, W)."""
        return {self.name: maps}

    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, options: Any, helpers: Sequence[nn.Module]
    ) -> tuple[Tensor, Tensor]:
        """The summed cross-entropy."""
        return summed_cross_entropy(outputs[self.name], truth)

    def warped(self, warp: Warp, truth: Tensor) -> Tensor:
        """Masks as their images are moved; `IGNORE` outside."""
        return warp.masks(truth)

    def errors(self) -> Errors:
        """Masks are counted by confusion matrices, image by image."""
        raise NotImplementedError

    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Masks have the colours of their dataset."""
        raise NotImplementedError


def summed_cross_entropy(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy of the labelled pixels, and how many they are.

    ``logits`` float (N, K, H, W), ``mask`` int64 (N, H, W) with `IGNORE`.
    """
    from torch.nn import functional

    total = functional.cross_entropy(logits.float(), mask, ignore_index=IGNORE, reduction="sum")
    return total, (mask != IGNORE).sum()


TASK = Segmentation()
