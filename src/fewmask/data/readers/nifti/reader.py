"""NIfTI volumes (.nii, .nii.gz) as slices, turned to the patient's axes.

Volumes are brought to the orientation RAS+, from which slices are cut: axial ones with anterior at
the top, coronal and sagittal ones with superior at the top. Slices of a volume resemble each other:
``split: {groups: "(.*)/"}`` gives them one role.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.data.preparation.image_error import image_error
from fewmask.data.preparation.mask_code import to_classes
from fewmask.data.readers.folder.reader import Reader as FolderReader
from fewmask.data.readers.one_file import needs_package
from fewmask.data.readers.reader import Item, Sample

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
PERCENTILES = (0.5, 99.5)
DISTANCE = 0.01
"""The largest difference between the places of a volume and of its mask, in millimetres."""


class Reader(FolderReader):
    """The slices of the volumes of a folder, in order."""

    def __init__(self, settings: Dataset, root: Path) -> None:
        super().__init__(settings, root)
        self._axis = AXES[self._reader.slices]

    def items(self) -> list[Item]:
        return [one for volume in super().items() for one in self._slices(volume)]

    def load(self, item: Item) -> Sample:
        low, high = self._reader.window or _percentiles(item.image)
        values = self._cut(_voxels(item.image), item.annotation)
        grey = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
        image = np.repeat((255 * grey).round().astype(np.uint8)[..., None], 3, axis=2)
        if item.mask is None:
            return Sample(image)
        _check_fits(item.image, item.mask)
        labels = self._cut(_voxels(item.mask), item.annotation)
        if (labels != np.rint(labels)).any():
            raise image_error(item.mask, "fractional numbers", "the values of classes")
        return Sample(image, {"mask": to_classes(labels.astype(np.int64), self._code, item.mask)})

    def _slices(self, volume: Item) -> list[Item]:
        shape = _opened(volume.image).shape
        if len(shape) != 3 or 0 in shape:
            raise image_error(volume.image, f"an array of shape {shape}", "a volume of three axes")
        name, digits = volume.name.removesuffix(".nii"), len(str(shape[self._axis] - 1))
        return [
            Item(
                f"{name}/{i:0{digits}d}",
                image=volume.image,
                mask=volume.mask,
                needs_mask=volume.needs_mask,
                annotation=i,
            )
            for i in range(shape[self._axis])
        ]

    def _cut(self, voxels: np.ndarray, place: int) -> np.ndarray:
        """A slice with the upward axis as rows, from the top."""
        return voxels.take(place, self._axis).T[::-1]


def _opened(path: Path) -> Any:
    """A volume in the orientation RAS+; its voxels are not read yet."""
    nibabel = needs_package("nibabel", "nifti")
    try:
        return nibabel.as_closest_canonical(nibabel.load(path))
    except Exception as error:  # readers raise nearly anything on damaged data
        raise image_error(path, f"damaged data ({error})", "a whole NIfTI volume") from None


@lru_cache(maxsize=2)
def _voxels(path: Path) -> np.ndarray:
    """The voxels of a volume; kept for the next slice of it, and of its mask."""
    volume = _opened(path)
    try:
        voxels = np.asarray(volume.dataobj, np.float32)
    except Exception as error:
        raise image_error(path, f"damaged data ({error})", "a whole NIfTI volume") from None
    if not np.isfinite(voxels).all():
        raise image_error(path, "values that are not finite", "numbers")
    return voxels


@lru_cache(maxsize=2)
def _percentiles(path: Path) -> tuple[float, float]:
    low, high = np.percentile(_voxels(path), PERCENTILES)
    return float(low), float(high)


def _check_fits(image: Path, mask: Path) -> None:
    """Raise ImageError if a mask has other voxels than its volume, or lies elsewhere."""
    first, second = _opened(image), _opened(mask)
    if first.shape != second.shape:
        raise image_error(mask, f"a mask of {second.shape} voxels", f"{first.shape}, as in {image}")
    if not np.allclose(first.affine, second.affine, rtol=0, atol=DISTANCE):
        raise image_error(
            mask, "another place or orientation in space", f"that of {image} (its affine matrix)"
        )
