"""NIfTI volumes with masks."""

from pathlib import Path

import nibabel
import numpy as np

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
"""As scanners write it: x to the left, y to the back."""


def save_volume(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    """Write a volume, into a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)


def write_volumes(
    root: Path, count: int, slices: int, air: int = 0, affine: np.ndarray = AFFINE
) -> None:
    """Volumes v1, v2, ... of 20 x 16 voxels in so many slices: each value says where it is, from
    that of ``air`` on."""
    x, y, z = np.indices((20, 16, slices))
    for i in range(1, count + 1):
        values = (10 * x + y + 100 * z + air).astype(np.int16)
        save_volume(root / f"images/v{i}.nii.gz", values, affine)
        save_volume(root / f"masks/v{i}.nii.gz", (x < 5).astype(np.uint8), affine)
