"""From files to arrays: images to RGB, masks to class indices.

Every problem with a file is one `ImageError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import image_error
from fewmask.data.preparation.image_files import FORMATS
from fewmask.data.preparation.mask_code import MaskCode, to_classes

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 2**31
"""Of an image that is cut into tiles; Pillow's own limit is a twelfth of this."""


def read_image(path: Path, upright: bool = True) -> np.ndarray:
    """An image of any format and mode as uint8 (H, W, 3).

    ``upright`` rotates it as its EXIF orientation says. Transparent pixels become white; 16-bit
    greyscale is scaled to 8 bits. Raises ImageError.
    """
    return _rgb(_open_image(path, upright))


class OpenImage:
    """An image file of any format and mode, of which parts are read as `read_image` reads the
    whole: the conversion of a large one would take several times its memory.

    Raises ImageError.
    """

    def __init__(self, path: Path, upright: bool = True) -> None:
        self._image = _open_image(path, upright)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self._image.height, self._image.width

    def read(self, rows: slice, columns: slice = slice(None)) -> np.ndarray:
        """A part of the image, uint8 (h, w, 3); slices may reach beyond it."""
        (top, bottom, _), (left, right, _) = (
            one.indices(length) for one, length in zip((rows, columns), self.size, strict=True)
        )
        return _rgb(self._image.crop((left, top, right, bottom)))


@contextmanager
def large_images() -> Iterator[None]:
    """Open images of up to `MOST_PIXELS`, where parts of them are read, until the block ends."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS // 2
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _open_image(path: Path, upright: bool) -> Image.Image:
    image = _open(path, upright)
    if image.mode in ("I", "F"):
        raise image_error(
            path, f"numbers of 32 bits (mode {image.mode})", "8 or 16 bits per channel"
        )
    return image


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        return np.repeat((np.asarray(image) / 257).round().astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = _on_white(image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def size_and_mode(path: Path) -> tuple[tuple[int, int], str]:
    """Height and width of an image as it is stored, and the kind of its pixels by Pillow's name.

    Raises ImageError.
    """
    image = _open(path)
    return image.size[::-1], image.mode


def read_mask(path: Path, code: MaskCode) -> np.ndarray:
    """A palette, greyscale or RGB mask as class indices, uint8 (H, W), 255 = ignore.

    Raises ImageError for a file that cannot be decoded, and for values without a meaning.
    """
    return to_classes(raw_mask(path), code, path)


def read_pair(
    image_path: Path, mask_path: Path, code: MaskCode, upright: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """An image and its mask, which must have the same size. Raises ImageError."""
    image = read_image(image_path, upright)
    mask = read_mask(mask_path, code)
    if image.shape[:2] != mask.shape:
        raise image_error(
            mask_path,
            f"a mask of {_size(mask)} (width x height)",
            f"{_size(image)}, the size of {image_path}",
            "save the mask at the image's size (without smoothing), or the image at the mask's",
        )
    return image, mask


def _open(path: Path, upright: bool = False) -> Image.Image:
    """A decoded image of one of `FORMATS`. Its ending does not matter: a PNG may be called .jpg."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    whole = f"a whole image in one of the formats {', '.join(FORMATS)}"
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            if upright:
                ImageOps.exif_transpose(image, in_place=True)
            return image
    except FileNotFoundError:
        raise image_error(
            path, "no such file", "an image", "put it there, or remove it from the list"
        ) from None
    except PermissionError:
        raise image_error(path, "no permission to read it", "a readable file", "chmod +r") from None
    except UnidentifiedImageError:
        raise image_error(path, _beginning(path), whole) from None
    except Image.DecompressionBombError:
        limit = f"at most {2 * Image.MAX_IMAGE_PIXELS:,} pixels"
        raise image_error(
            path, "too large an image", limit, "tiles in the dataset's YAML, or a smaller image"
        ) from None
    # Decoders raise nearly anything on damaged data: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        # A failing disk or network drive is no fault of the image: such errors have a number.
        if isinstance(error, MemoryError) or getattr(error, "errno", None) is not None:
            raise FewmaskError(
                f"{path}: cannot be read: {str(error) or 'not enough memory'}\n"
                f"  mend: check the machine (disk, network drive, memory), and try again"
            ) from None
        found = f"damaged data ({str(error) or type(error).__name__})"
        raise image_error(path, found, whole) from None


def _beginning(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        return f"{size:,} bytes that begin with {file.read(12)!r}" if size else "an empty file"


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def raw_mask(path: Path) -> np.ndarray:
    """The numbers in a mask, integer (H, W), or its colours, uint8 (H, W, 3). Raises ImageError."""
    image = _open(path)
    if image.mode in ("P", "PA", "L", "LA"):  # of a palette image, the indices
        return np.array(image.getchannel(0))
    if image.mode == "1":
        return np.array(image).astype(np.uint8)
    if image.mode.startswith("I"):
        return np.array(image).astype(np.int64)
    if image.mode == "F":
        raise image_error(path, "fractional numbers (mode F)", "whole numbers or colours")
    return np.array(image.convert("RGB"))


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"
