"""Opens image files by Pillow, so that every problem with a file is one `ImageError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError, image_error
from fewmask.data.preparation.image_files import FORMATS

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 2**31
"""Of an image that is cut into tiles; Pillow's own limit is a twelfth of this."""

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF files begin; the last two: large ones (BigTIFF)."""

NUMPY = b"\x93NUMPY"
"""How files of NumPy begin."""


@contextmanager
def large_images() -> Iterator[None]:
    """Open images of up to `MOST_PIXELS`, where parts of them are read, until the block ends."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS // 2
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def opened(path: Path, upright: bool = False) -> Image.Image:
    """A decoded image of one of `FORMATS`. Its ending does not matter: a PNG may be called .jpg.

    ``upright`` rotates it as its EXIF orientation says. Raises ImageError.
    """
    from PIL import Image, ImageOps

    whole = f"a whole image in one of the formats {', '.join(FORMATS)}"
    with decoding(path, whole), Image.open(path, formats=FORMATS) as image:
        image.load()
        if upright:
            ImageOps.exif_transpose(image, in_place=True)
        return image


@contextmanager
def decoding(path: Path, whole: str) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError; ``whole``: what the file should be."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError:
        raise image_error(
            path, "no such file", "an image", "put it there, or remove it from the list"
        ) from None
    except PermissionError:
        raise image_error(path, "no permission to read it", "a readable file", "chmod +r") from None
    except UnidentifiedImageError:
        raise image_error(path, _beginning(path), whole, _mend(path)) from None
    except Image.DecompressionBombError:
        raise too_large(path) from None
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


def check_pixels(path: Path, pixels: int) -> None:
    """Raise ImageError for an image of too many pixels, such as a decompression bomb."""
    from PIL import Image

    if pixels > 2 * Image.MAX_IMAGE_PIXELS:
        raise too_large(path)


def too_large(path: Path) -> ImageError:
    """The error of an image of too many pixels."""
    from PIL import Image

    limit = f"at most {2 * Image.MAX_IMAGE_PIXELS:,} pixels"
    mend = "tiles in the dataset's YAML, or a smaller image"
    return image_error(path, "too large an image", limit, mend)


def beginning(path: Path) -> bytes:
    """The first bytes of a file, by which its format is known. Raises ImageError."""
    with decoding(path, "an image"), path.open("rb") as file:
        return file.read(16)


def _mend(path: Path) -> str:
    """How to mend that Pillow cannot read a file: it may have channels unknown to Pillow."""
    if beginning(path).startswith((*TIFF, NUMPY)):
        return "say in the dataset's YAML which channels its images have: channels: 6, for example"
    return "replace it, or remove it"


def _beginning(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        return f"{size:,} bytes that begin with {file.read(12)!r}" if size else "an empty file"
