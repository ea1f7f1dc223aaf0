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
    import numpy as np
    from PIL import Image

MOST_PIXELS = 2**31
"""Of an image that is cut into tiles; Pillow's own limit is a twelfth of this."""

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF files begin; the last two: large ones (BigTIFF)."""

PNG = b"\x89PNG\r\n\x1a\n"
"""How PNG files begin; the 25th byte is the number of bits, the 26th the kind of channels."""

DEEP_COLOURS = (b"\x02", b"\x04", b"\x06")
"""RGB, grey with alpha, RGB with alpha."""

BITS, ORIENTATION, SAMPLE_FORMAT = 258, 274, 339
"""Tags of TIFF; the second one is that of EXIF, too."""

SIDEWAYS = (5, 6, 7, 8)
"""The orientations in which rows are stored as columns."""

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

    ``upright`` rotates it as its EXIF orientation says; TIFF files always are. Raises ImageError,
    also for colours of 16 bits, of which Pillow reads 8.
    """
    from PIL import Image, ImageOps

    whole = f"a whole image in one of the formats {', '.join(FORMATS)}"
    with decoding(path, whole), Image.open(path, formats=FORMATS) as image:
        _check_bits(path, image)
        if image.format == "TIFF" and image.tag_v2.get(ORIENTATION, 1) in SIDEWAYS:
            image.filename = ""  # else Pillow (13.0) maps it with its height and width exchanged
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


def _check_bits(path: Path, image: Image.Image) -> None:
    """Raise ImageError if Pillow, whose modes of several channels have 8 bits, would lose some."""
    bits = 16 if image.format == "PNG" and has_deep_colours(path) else 8
    is_signed = False
    if image.format == "TIFF" and not image.mode.startswith(("1", "I", "F")):
        bits = max(_as_tuple(image.tag_v2.get(BITS, 1)))
        is_signed = 2 in _as_tuple(image.tag_v2.get(SAMPLE_FORMAT, 1))
    if bits > 8 or is_signed:
        raise image_error(
            path,
            f"{'signed ' if is_signed else ''}numbers of {bits} bits in {len(image.getbands())} "
            f"channels",
            "8 bits per channel, without a sign",
            f"an image: channels: {len(image.getbands())} in the dataset's YAML, which keeps all "
            f"bits, or convert it; a mask: save it with 8 bits",
        )


def _as_tuple(value: object) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def has_deep_colours(path: Path) -> bool:
    """Whether a file is a PNG with several channels of 16 bits, which Pillow cannot read."""
    start = beginning(path)
    return start.startswith(PNG) and start[24:25] == b"\x10" and start[25:26] in DEEP_COLOURS


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """An image, (H, W, ...), that is stored in one of the eight orientations of EXIF and TIFF, as
    it is to be seen."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 7, 8) else 1
    across = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::down, ::across]


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
        return file.read(26)


def _mend(path: Path) -> str:
    """How to mend that Pillow cannot read a file: it may have channels unknown to Pillow."""
    if beginning(path).startswith((*TIFF, NUMPY)):
        return "say in the dataset's YAML which channels its images have: channels: 6, for example"
    return "replace it, or remove it"


def _beginning(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        return f"{size:,} bytes that begin with {file.read(12)!r}" if size else "an empty file"
