"""Settings that suit a folder of images: sizes and fractions, with the reasons as comments."""

from collections.abc import Sequence
from itertools import takewhile

from fewmask.data.fingerprint.fingerprint import Fingerprint

STRIDE = 32
"""What sizes are multiples of, so that any encoder can halve them five times."""
LARGEST = 512
"""The longest side that images are scaled to; larger ones lose detail, and are cut into tiles."""
SMALLEST = 64
LOSS = 2
"""Images this many times as large as the largest size are cut into tiles."""
TILES = {"size": LARGEST, "overlap": STRIDE * 2}
TEST = 0.2
COUNTS = (5, 10, 20, 50, 100, 200, 500)
MOST_FRACTIONS = 3
GROUPS = 4
"""How many groups the smallest budget of masks has at least: one of them is for validation."""
BLOCKS = 8
"""Slices in a row that have one role, where there are too few volumes to keep each whole."""


def needs_tiles(found: Fingerprint) -> bool:
    """Whether images are so large that scaling them down would lose what is in them."""
    return found.longer_side >= LOSS * LARGEST


def size(found: Fingerprint) -> int | list[int]:
    """Height and width of the prepared images: those of the median image, or smaller."""
    height, width = (float(one) for one in _median(found))
    scale = min(1.0, LARGEST / max(height, width))
    sides = [max(SMALLEST, round(scale * side / STRIDE) * STRIDE) for side in (height, width)]
    return sides[0] if sides[0] == sides[1] else sides


def _median(found: Fingerprint) -> tuple[float, float]:
    heights, widths = sorted(found.sizes[:, 0]), sorted(found.sizes[:, 1])
    return heights[len(heights) // 2], widths[len(widths) // 2]


def kept_together(found: Fingerprint) -> dict[str, str | int]:
    """Which images have one role, as keys of a split: those of a group, or, with too few groups to
    keep each whole, neighbours."""
    if not found.groups:
        return {}
    return {"groups": found.groups.pattern} if found.masked_groups > GROUPS else {"blocks": BLOCKS}


def fractions(found: Fingerprint) -> list[str]:
    """Budgets of masks: the smallest that have some groups, up to half of the masks."""
    available = (1 - TEST) * found.masks
    counts: Sequence[int] = COUNTS
    if "groups" in kept_together(found):
        group = found.masks / found.masked_groups
        counts = [round(group * GROUPS * 2**i) for i in range(MOST_FRACTIONS)]
    chosen = list(takewhile(lambda count: count <= available / 2, counts))[:MOST_FRACTIONS]
    return [f"n{count}" for count in chosen] or ["all"]
