"""Volumes of NIfTI files, turned to the patient's axes (RAS+): right, front, up."""

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.data.preparation.image_error import image_error
from fewmask.data.preparation.opening import decoding
from fewmask.data.readers.one_file import needs_package

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The directions of slices, and the axes along which these follow each other."""
ENDINGS = (".nii", ".nii.gz")
WHOLE = "a whole NIfTI volume"
KEPT = ("uint8", "uint16")
"""Types that voxels keep; all others become float32."""
DISTANCE = 0.01
"""The largest difference between the places of a volume and of its mask, in millimetres."""


def is_volume(path: Path) -> bool:
    """Whether a file has the ending of a volume."""
    return path.name.lower().endswith(ENDINGS)


class Volume:
    """The header of a volume."""

    def __init__(self, path: Path) -> None:
        """Raises ImageError for a damaged file."""
        self.path, self._nibabel = path, needs_package("nibabel", "nifti")
        with decoding(path, WHOLE):
            self.image: Any = self._nibabel.load(path)
            if len(self.image.shape) < 3 or 0 in self.image.shape:
                raise image_error(path, f"an array of {_axes(self.image.shape)}", "a volume")
            self._turn = self._nibabel.io_orientation(self.image.affine)
            back = self._nibabel.orientations.inv_ornt_aff(self._turn, self.image.shape[:3])
        self.affine: np.ndarray = self.image.affine @ back
        """From the places of voxels to millimetres, (4, 4)."""
        order = np.argsort(self._turn[:, 0])
        self.size: tuple[int, ...] = tuple(self.image.shape[axis] for axis in order)
        """Voxels along each of the three axes."""
        self.spacing: tuple[float, ...] = tuple(np.linalg.norm(self.affine[:3, :3], axis=0))
        """The distance between their centres along each axis, in millimetres."""
        self.channels: int = int(np.prod(self.image.shape[3:], dtype=np.int64))
        """How many values a voxel has."""

    @property
    def dtype(self) -> np.dtype:
        """The type of its values in the file, or float32 if the file says how to scale them."""
        proxy = self.image.dataobj
        is_scaled = (proxy.slope, proxy.inter) != (1, 0)
        return np.dtype(np.float32) if is_scaled else proxy.dtype

    def read(self) -> np.ndarray:
        """All values, (right, front, up, channels), of the types `KEPT` or float32.

        Raises ImageError for a damaged file.
        """
        kind = self.dtype if self.dtype.name in KEPT else np.float32
        with decoding(self.path, WHOLE):
            values = np.asarray(self.image.dataobj, kind)
        turned = self._nibabel.apply_orientation(values, self._turn)
        return turned.reshape(*self.size, self.channels)

    def as_file(self, values: np.ndarray) -> bytes:
        """An array of the volume's size as a compressed NIfTI file that lies where the volume
        lies, with the axes of its file."""
        turns = self._nibabel.orientations
        upright = [[axis, 1] for axis in range(3)]
        stored = self._nibabel.apply_orientation(values, turns.ornt_transform(upright, self._turn))
        header = self.image.header.copy()
        header.set_data_dtype(values.dtype)
        header.set_slope_inter(1, 0)
        image = self.image.__class__(stored, self.image.affine, header)
        return gzip.compress(image.to_bytes(), mtime=0)


@lru_cache(maxsize=16)
def opened(path: Path) -> Volume:
    """A volume; its header is kept for its next slice. Raises ImageError."""
    return Volume(path)


@lru_cache(maxsize=2)
def voxels(path: Path) -> np.ndarray:
    """The values of a volume, see `Volume.read`; kept for its next slice, and that of its mask."""
    return opened(path).read()


def slice_of(path: Path, axis: int, place: int) -> np.ndarray:
    """A slice across an axis, (h, w, channels), with the upward or forward axis as rows, from the
    top. Raises ImageError."""
    return voxels(path).take(place, axis).swapaxes(0, 1)[::-1]


def place_slice(values: np.ndarray, axis: int, place: int, part: np.ndarray) -> None:
    """Write a slice across an axis, (h, w), to an array of a volume's size; see `slice_of`."""
    np.moveaxis(values, axis, 0)[place] = part[::-1].T


def labels_in(path: Path, values: np.ndarray) -> np.ndarray:
    """Values of a mask, (h, w, 1), as whole numbers, int64 (h, w). Raises ImageError for others."""
    if values.shape[-1] != 1:
        raise image_error(path, f"a mask of {values.shape[-1]} channels", "one value per voxel")
    if (values != np.rint(values)).any():  # NaN is not equal to itself
        raise image_error(path, "fractional numbers", "the values of classes")
    return values[..., 0].astype(np.int64)


def check_fits(image: Path, mask: Path) -> None:
    """Raise ImageError if a mask has other voxels than its volume, or lies elsewhere."""
    first, second = opened(image), opened(mask)
    if first.size != second.size:
        raise image_error(mask, f"a mask of {second.size} voxels", f"{first.size}, as in {image}")
    if not np.allclose(first.affine, second.affine, rtol=0, atol=DISTANCE):
        raise image_error(
            mask, "another place or orientation in space", f"that of {image} (its affine matrix)"
        )


def _axes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "no axes"
