"""From files to arrays: images to their channels, masks to class indices.

Every problem with a file is one `ImageError`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewmask.data.preparation.as_stored import (
    OpenImage,
    is_array,
    load_array,
    load_as_stored,
    open_as_stored,
)
from fewmask.data.preparation.image_error import ImageError, image_error
from fewmask.data.preparation.mask_code import MaskCode, to_classes
from fewmask.data.preparation.opening import opened
from fewmask.data.preparation.tiff import check_no_stack, is_tiff, open_tiff, shape_and_type

if TYPE_CHECKING:
    from PIL import Image


def read_image(path: Path, upright: bool = True, channels: int | None = None) -> np.ndarray:
    """An image of any format: (H, W, C).

    Args:
        path: its file.
        upright: rotate it as its EXIF orientation says.
        channels: how many are read as they are stored, uint8, uint16 or float32. None: red, green
            and blue, uint8; transparent pixels become white.

    Raises:
        ImageError: it cannot be decoded, has other channels, or, as colours, more than 8 bits.
    """
    return open_image(path, upright, channels).read()


def open_image(path: Path, upright: bool = True, channels: int | None = None) -> OpenImage:
    """The same image, of which parts can be read. Raises ImageError, also where parts are read."""
    if channels is None:
        return _ColourImage(path, upright)
    if is_tiff(path):
        return open_tiff(path, channels)
    return open_as_stored(path, channels, upright)


class _ColourImage:
    """An image of any mode as red, green and blue. Only the parts that are read are converted: the
    conversion of a large image would take several times its memory."""

    def __init__(self, path: Path, upright: bool) -> None:
        self._image = opened(path, upright)
        if self._image.format == "TIFF":
            check_no_stack(path)
        if self._image.mode.startswith(("I", "F")):
            raise image_error(
                path,
                f"numbers of more than 8 bits (mode {self._image.mode})",
                "8 bits per channel",
                "channels: grey in the dataset's YAML, which keeps all bits; or convert it",
            )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self._image.height, self._image.width

    @property
    def mode(self) -> str:
        """The kind of its pixels by Pillow's name."""
        return self._image.mode

    def close(self) -> None:
        """Release its memory; it cannot be read any more."""
        self._image.close()

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """A part of the image, uint8 (h, w, 3); slices may reach beyond it."""
        (top, bottom, _), (left, right, _) = (
            one.indices(length) for one, length in zip((rows, columns), self.size, strict=True)
        )
        if (bottom - top, right - left) == self.size:
            return _rgb(self._image)
        return _rgb(self._image.crop((left, top, right, bottom)))


def _rgb(image: Image.Image) -> np.ndarray:
    if image.has_transparency_data:
        image = _on_white(image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def size_and_kind(path: Path) -> tuple[tuple[int, int], str, int | None]:
    """Height and width of an image as it is stored, the kind of its pixels, and how many channels
    are to be read as they are stored; None: it can be read as colours. Raises ImageError."""
    try:
        image = _ColourImage(path, upright=False)
        return image.size, image.mode, None
    except ImageError as error:
        shape, kind = _shape_and_type(path, error)
    height, width, channels = shape
    return (height, width), f"{kind} of {channels} channel{'s' * (channels > 1)}", channels


def _shape_and_type(path: Path, error: ImageError) -> tuple[tuple[int, int, int], str]:
    """Height, width, channels and type of an image whose ``error`` as one of colours may be that it
    has more bits. Raises ImageError."""
    if is_tiff(path):
        return shape_and_type(path)
    values = load_as_stored(path, upright=False)
    if values.dtype == np.uint8:
        raise error
    return (*values.shape[:2], values[0, 0].size), values.dtype.name


def read_mask(path: Path, code: MaskCode, upright: bool = True) -> np.ndarray:
    """A palette, greyscale or RGB mask as class indices, uint8 (H, W), 255 = ignore.

    ``upright`` rotates it as its EXIF orientation says.

    Raises ImageError for a file that cannot be decoded, and for values without a meaning.
    """
    return to_classes(raw_mask(path, upright), code, path)


def read_pair(
    image_path: Path,
    mask_path: Path,
    code: MaskCode,
    upright: bool = True,
    channels: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """An image and its mask, which must have the same size. Raises ImageError."""
    image = read_image(image_path, upright, channels)
    mask = read_mask(mask_path, code, upright)
    if image.shape[:2] != mask.shape:
        raise image_error(
            mask_path,
            f"a mask of {_size(mask)} (width x height)",
            f"{_size(image)}, the size of {image_path}",
            "save the mask at the image's size (without smoothing), or the image at the mask's",
        )
    return image, mask


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def raw_mask(path: Path, upright: bool = True) -> np.ndarray:
    """The numbers in a mask, integer (H, W), or its colours, uint8 (H, W, 3). Raises ImageError."""
    if is_array(path):
        return _integers(path)
    image = opened(path, upright)
    if image.mode in ("P", "PA", "L", "LA"):  # of a palette image, the indices
        return np.array(image.getchannel(0))
    if image.mode == "1":
        return np.array(image).astype(np.uint8)
    if image.mode.startswith("I"):
        return np.array(image).astype(np.int64)
    if image.mode == "F":
        raise image_error(path, "fractional numbers (mode F)", "whole numbers or colours")
    return np.array(image.convert("RGB"))


def _integers(path: Path) -> np.ndarray:
    """The numbers in a mask that is an array of NumPy."""
    values = load_array(path)
    if values.ndim != 2 or values.dtype.kind not in "iub":
        raise image_error(
            path, f"{values.dtype.name} of {values.ndim} axes", "whole numbers, height x width"
        )
    return values.astype(np.int64)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
