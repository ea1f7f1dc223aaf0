"""NIfTI volumes (.nii, .nii.gz) as slices, turned to the patient's axes.

Volumes are brought to the orientation RAS+, from which slices are cut: axial ones with anterior at
the top, coronal and sagittal ones with superior at the top. Slices of a volume resemble each other:
``split: {groups: "(.*)/"}`` gives them one role.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.data.preparation.as_stored import checked
from fewmask.data.preparation.image_error import ImageError, image_error
from fewmask.data.preparation.mask_code import to_classes
from fewmask.data.readers.folder.reader import Reader as FolderReader
from fewmask.data.readers.nifti.volume import (
    AXES,
    check_fits,
    labels_in,
    opened,
    slice_of,
    voxels,
)
from fewmask.data.readers.reader import Item, Sample

PERCENTILES = (0.5, 99.5)


class Reader(FolderReader):
    """The slices of the volumes of a folder, in order."""

    def __init__(self, settings: Dataset, root: Path) -> None:
        super().__init__(settings, root)
        self._axis = AXES[self._reader.slices]

    def items(self) -> list[Item]:
        return [one for volume in super().items() for one in self._slices(volume)]

    def load(self, item: Item) -> Sample:
        image = self.image(item.image, item.annotation)
        if item.mask is None:
            return Sample(image)
        check_fits(item.image, item.mask)
        labels = labels_in(item.mask, slice_of(item.mask, self._axis, item.annotation))
        return Sample(image, {"mask": to_classes(labels, self._code, item.mask)})

    def image(self, path: Path, place: int) -> np.ndarray:
        """A slice of a volume as an image. Raises ImageError."""
        values = slice_of(path, self._axis, place)
        if self._channels is None:
            return _grey(path, values, self._reader.window)
        if self._reader.window:
            values = values.astype(np.float32).clip(*self._reader.window)
        return checked(path, values, self._channels)

    def _slices(self, volume: Item) -> list[Item]:
        try:
            count = opened(volume.image).size[self._axis]
        except ImageError:  # whoever loads its first slice will be told
            count = 1
        name, digits = volume.name.removesuffix(".nii"), len(str(count - 1))
        return [
            Item(
                f"{name}/{i:0{digits}d}",
                image=volume.image,
                mask=volume.mask,
                needs_mask=volume.needs_mask,
                annotation=i,
            )
            for i in range(count)
        ]


def _grey(path: Path, values: np.ndarray, window: tuple[float, float] | None) -> np.ndarray:
    """A slice, (h, w, 1), as colours of 8 bits, uint8 (h, w, 3)."""
    if values.shape[2] != 1:
        raise image_error(
            path, f"a volume of {values.shape[2]} channels", "one value per voxel",
            f"channels: {values.shape[2]} in the dataset's YAML",
        )  # fmt: skip
    low, high = window or _percentiles(path)
    values = checked(path, values.astype(np.float32), 1)
    grey = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return np.repeat((255 * grey).round().astype(np.uint8), 3, axis=2)


@lru_cache(maxsize=2)
def _percentiles(path: Path) -> tuple[float, float]:
    """The values that become black and white, without a window: those of the whole volume."""
    low, high = np.nanpercentile(voxels(path).astype(np.float32), PERCENTILES)
    return float(low), float(high)
