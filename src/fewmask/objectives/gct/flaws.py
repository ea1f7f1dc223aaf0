"""Maps of how wrong a prediction is: those that the detector learns, and those that it predicts as
they are compared (Ke et al. 2020, guided collaborative training, 3.2 and 3.3)."""

from torch import Tensor
from torch.nn.functional import max_pool2d

from fewmask import IGNORE
from fewmask.data.augmentation.blur import Blur

FLAWLESS = 0.1
"""An image in which nothing is more wrong than this has no flaw."""
EVEN = 1e-4
"""The least difference within an image that is stretched to 1: smaller ones are rounding."""


def true_flaws(probabilities: Tensor, mask: Tensor) -> Tensor:
    """How wrong the surroundings of every pixel are: float32 (N, H, W) in [0, 1].

    The probability that is missing from the true class, blurred, dilated and blurred again; then
    image by image from 0 to 1. It is 0 where the class is not known.

    Args:
        probabilities: float32 (N, K, H, W).
        mask: int64 (N, H, W), with `IGNORE`.
    """
    is_known = mask != IGNORE
    of_class = probabilities.gather(1, mask.masked_fill(~is_known, 0)[:, None])[:, 0]
    missing = blurred((1 - of_class) * is_known, 1 / 8)
    dilated = max_pool2d(missing[:, None], 3, stride=1, padding=1)[:, 0]
    return stretched(blurred(dilated, 1 / 4))


def compared_flaws(predicted: Tensor, valid: Tensor) -> Tensor:
    """What a detector predicts, float (N, H, W), as float32 (N, H, W) in [0, 1]: negative values
    are no flaws, all are blurred, and each image goes from 0 to 1 unless it has no flaw.

    ``valid``: bool (N, H, W); outside the images there are no flaws.
    """
    maps = blurred(predicted.float().clamp(min=0) * valid, 1 / 16)
    return stretched(maps) * (maps.amax((1, 2), keepdim=True) > FLAWLESS)


def blurred(maps: Tensor, share: float) -> Tensor:
    """float32 (N, H, W) -> the same, blurred within a ``share`` of the shorter side, by the
    standard deviation that OpenCV derives from the width of a kernel."""
    width = int(share * min(maps.shape[1:])) // 2 * 2 + 1
    sigma = 0.3 * ((width - 1) / 2 - 1) + 0.8
    blur = Blur.of(maps.new_full((len(maps), 1), sigma), sigma)
    return blur.images(maps[:, None])[:, 0]


def stretched(maps: Tensor) -> Tensor:
    """Every image of (N, H, W) moved and scaled to go from 0 to 1; 0 where it is even."""
    lowest, highest = (extreme((1, 2), keepdim=True) for extreme in (maps.amin, maps.amax))
    return (maps - lowest) / (highest - lowest).clamp(min=EVEN)
