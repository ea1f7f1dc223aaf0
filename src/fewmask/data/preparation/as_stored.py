"""Images whose values are read as they are stored: any number of channels, 8 or 16 bits or floats.

The content of a file decides how it is read, not its ending: NumPy's arrays by NumPy, TIFF as in
`fewmask.data.preparation.tiff`, all else by Pillow.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import image_error
from fewmask.data.preparation.image_files import ENDINGS
from fewmask.data.preparation.opening import (
    NUMPY,
    ORIENTATION,
    beginning,
    check_pixels,
    decoding,
    has_deep_colours,
    opened,
    turned,
)

if TYPE_CHECKING:
    from PIL import Image

KEPT = ("uint8", "uint16", "float32")
AS_FLOAT = ("int8", "int16", "float16", "float64")
"""Types that are stored as float32, which holds all of their values, or rounds them (float64)."""

ENDINGS_AS_STORED = ENDINGS | {".npy"}
"""How the names of such files end."""


class OpenImage(Protocol):
    """An open image, of which parts are read. Raises ImageError."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """A part of the image, (h, w, C); slices may reach beyond it."""

    def close(self) -> None:
        """Release its memory; it cannot be read any more."""


class ImageInMemory:
    """An image that was read as a whole, (H, W, C)."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self._values.shape[:2]

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """A part of the image; slices may reach beyond it."""
        return self._values[rows, columns]

    def close(self) -> None:
        """Release its memory; it cannot be read any more."""
        del self._values


def open_as_stored(path: Path, channels: int, upright: bool = True) -> OpenImage:
    """An image of so many channels, uint8, uint16 or float32, in any format but TIFF.

    ``upright`` rotates it as its EXIF orientation says. Raises ImageError for other channels or
    types, and for values that are not finite.
    """
    return ImageInMemory(checked(path, load_as_stored(path, upright), channels))


def load_as_stored(path: Path, upright: bool = True) -> np.ndarray:
    """The values of an image in any format but TIFF, (H, W) or (H, W, C). Raises ImageError."""
    if is_array(path):
        return load_array(path)
    if has_deep_colours(path):
        return _deep_colours(path, upright)
    return _values(opened(path, upright))


def is_array(path: Path) -> bool:
    """Whether a file holds an array of NumPy."""
    return beginning(path).startswith(NUMPY)


def load_array(path: Path) -> np.ndarray:
    """The array in a file of NumPy; pickled objects are refused."""
    with decoding(path, "a whole array of numbers, as numpy.save writes it"):
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        check_pixels(path, mapped.shape[0] * mapped.shape[1] if mapped.ndim > 1 else 0)
        return np.array(mapped)


def checked(path: Path, values: np.ndarray, channels: int) -> np.ndarray:
    """The values of an image, (H, W) or (H, W, C), as (H, W, C) of one of the types `KEPT`.

    Raises ImageError for another number of channels, other types, and values that are not finite.
    """
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or 0 in values.shape:
        shape = " x ".join(map(str, values.shape))
        raise image_error(path, f"an array of {shape}", "height x width x channels")
    if values.shape[2] != channels:
        raise image_error(
            path,
            f"{values.shape[2]} channels",
            f"{channels}, as channels in the dataset's YAML",
            "correct channels, if all images are like this one; or replace it",
        )
    if values.dtype.name not in (*KEPT, *AS_FLOAT):
        raise image_error(
            path, f"numbers of the type {values.dtype.name}", ", ".join((*KEPT, *AS_FLOAT)),
            "convert all images to one of these types",
        )  # fmt: skip
    kept = values.dtype.name if values.dtype.name in KEPT else "float32"
    values = values.astype(kept, copy=False)  # in this machine's order of bytes
    if kept == "float32" and (broken := (~np.isfinite(values)).any(axis=2).sum()):
        raise image_error(
            path, f"values that are not finite (NaN), in {broken:,} pixels", "numbers",
            "write numbers there, and ignore these pixels in the mask",
        )  # fmt: skip
    return values


def needed(module: str, extra: str, path: Path) -> Any:
    """A package that only some files need. Raises FewmaskError if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise FewmaskError(
            f"{path}: the package {module}, which reads such files, is not installed: {error}\n"
            f"  mend: pip install 'fewmask[{extra}]' (uv sync --extra {extra})"
        ) from None


def _deep_colours(path: Path, upright: bool) -> np.ndarray:
    """Colours of 16 bits in a PNG, uint16 (H, W, C)."""
    from PIL import Image

    codecs = needed("imagecodecs", "tiff", path)
    with decoding(path, "a whole PNG"):
        with Image.open(path, formats=["PNG"]) as image:
            orientation = image.getexif().get(ORIENTATION, 1) if upright else 1
        return turned(codecs.png_decode(path.read_bytes()), orientation)


def _values(image: Image.Image) -> np.ndarray:
    """The channels of an image of Pillow; a palette is resolved."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return np.asarray(image.convert("L") if image.mode == "1" else image)
