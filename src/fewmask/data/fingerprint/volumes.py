"""How volumes are cut into slices, and which of their values are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.data.readers.nifti.volume import AXES, opened, voxels

COARSE = 1.5
"""Voxels this many times as long in one direction as in the others lie in slices across it."""
OPENED = 3
"""How many volumes are read to see whether they are computed tomography."""
AIR = -500
"""Hounsfield units of which all computed tomography has fewer somewhere."""
WINDOW = [-160, 240]
"""Hounsfield units between which organs differ."""


def settings_of(paths: Sequence[Path]) -> dict[str, Any]:
    """The settings of the reader that depend on what is in the volumes. Raises ImageError."""
    spacing = np.median([opened(path).spacing for path in paths], axis=0)
    found: dict[str, Any] = {"slices": _direction(spacing)}
    some = paths[:: max(1, len(paths) // OPENED)][:OPENED]
    if all(voxels(path).min() < AIR for path in some):
        found["window"] = WINDOW
    return found


def _direction(spacing: np.ndarray) -> str:
    """The direction in which voxels are longest; axial where they are nearly cubes."""
    second, longest = np.sort(spacing)[1:]
    if longest < COARSE * second:
        return "axial"
    return next(name for name, axis in AXES.items() if axis == spacing.argmax())


def size_and_kind(path: Path, direction: str) -> tuple[tuple[int, int], str, int]:
    """Height and width of the slices of a volume, the type of its values, and its channels."""
    across, upwards = (axis for axis in range(3) if axis != AXES[direction])
    volume = opened(path)
    size = volume.size[upwards], volume.size[across]
    return size, f"slices of {volume.dtype.name} volumes", volume.channels
