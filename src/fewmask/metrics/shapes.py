"""Whether predictions and truth can be compared pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def expect_same_shape(prediction: Tensor, truth: Tensor, dimensions: int) -> None:
    """Raise ValueError if not: one would be stretched over the other, such as (N, 1, H, W) over
    (N, H, W)."""
    if prediction.shape != truth.shape or truth.ndim != dimensions:
        shapes = tuple(prediction.shape), tuple(truth.shape)
        raise ValueError(f"prediction and truth of {dimensions} dimensions expected, not {shapes}")
