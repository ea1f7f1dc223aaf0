"""From files to arrays: images to RGB, masks to class indices.

Every problem with a file is one `ImageError`, which names the file, what was found, what was
expected and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_files import FORMATS

if TYPE_CHECKING:
    from PIL import Image

UNKNOWN = -1


class ImageError(FewmaskError):
    """The files of one image are missing or inconsistent; those of other images may be fine."""


@dataclass(frozen=True)
class MaskCode:
    """The meaning of the values and colours in the masks of a dataset."""

    names: tuple[str, ...]
    """The classes."""
    values: dict[int, int]
    """The class index of every value, or 255 = ignore."""
    colours: tuple[tuple[int, int], ...]
    """Pairs of a colour, as 0xRRGGBB, and its class index, or 255."""

    def name(self, index: int) -> str:
        """The class at ``index``, or ``ignore``."""
        return "ignore" if index == IGNORE else self.names[index]


def mask_code(settings: Dataset) -> MaskCode:
    """The code of the masks that ``settings`` describe."""
    index = {one.name: i for i, one in enumerate(settings.classes)} | {"ignore": IGNORE}
    default = dict(enumerate(one.name for one in settings.classes)) | {IGNORE: "ignore"}
    values = default if settings.mask_values is None else settings.mask_values
    colours = [(_pack(one.colour), i) for i, one in enumerate(settings.classes)]
    colours += [(_pack(colour), IGNORE) for colour in settings.ignore_colours]
    return MaskCode(
        names=tuple(one.name for one in settings.classes),
        values={value: index[name] for value, name in values.items()},
        colours=tuple(colours),
    )


def read_image(path: Path, upright: bool = True) -> np.ndarray:
    """An image of any format and mode as uint8 (H, W, 3).

    ``upright`` rotates it as its EXIF orientation says. Transparent pixels become white; 16-bit
    greyscale is scaled to 8 bits. Raises ImageError.
    """
    image = _open(path, upright)
    if image.mode in ("I", "F"):
        raise _damaged(path, f"numbers of 32 bits (mode {image.mode})", "8 or 16 bits per channel")
    if image.mode.startswith("I;16"):
        return np.repeat((np.asarray(image) / 257).round().astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = _on_white(image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def read_mask(path: Path, code: MaskCode) -> np.ndarray:
    """A palette, greyscale or RGB mask as class indices, uint8 (H, W), 255 = ignore.

    Raises ImageError for a file that cannot be decoded, and for values without a meaning.
    """
    return to_classes(_raw_mask(path), code, path)


def read_pair(
    image_path: Path, mask_path: Path, code: MaskCode, upright: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """An image and its mask, which must have the same size. Raises ImageError."""
    image = read_image(image_path, upright)
    mask = read_mask(mask_path, code)
    if image.shape[:2] != mask.shape:
        raise _damaged(
            mask_path,
            f"a mask of {_size(mask)} (width x height)",
            f"{_size(image)}, the size of {image_path}",
            "save the mask at the image's size (without smoothing), or the image at the mask's",
        )
    return image, mask


def to_classes(raw: np.ndarray, code: MaskCode, source: Path | str) -> np.ndarray:
    """Class indices, uint8 (H, W), 255 = ignore, of the numbers or colours in a mask.

    Args:
        raw: integer (H, W), or uint8 (H, W, 3). Colours are those of the classes; if all
            pixels are grey and some have the colour of no class, the grey value counts.
        code: their meaning.
        source: the file or name of the mask, for messages.

    Raises:
        ImageError: a value or colour has no meaning.
    """
    if raw.ndim == 2:
        return _translate(raw, code, code.values, source)
    red, green, blue = np.moveaxis(raw.astype(np.int32), -1, 0)
    colours, known = red << 16 | green << 8 | blue, dict(code.colours)
    is_grey = (raw == raw[..., :1]).all()
    if is_grey and not np.isin(colours, list(known)).all():
        return _translate(raw[..., 0], code, code.values, source)
    _check_colours(code)
    return _translate(colours, code, known, source, are_colours=True)


def _translate(
    raw: np.ndarray,
    code: MaskCode,
    known: dict[int, int],
    source: Path | str,
    are_colours: bool = False,
) -> np.ndarray:
    if raw.dtype == np.uint8:
        classes = _byte_table(tuple(known.items())).take(raw)
    else:
        values, places = np.unique(raw, return_inverse=True)
        classes = _table(values.tolist(), known).take(places).reshape(raw.shape)
    if (classes == UNKNOWN).any():
        raise _unknown(raw[classes == UNKNOWN], code, known, source, are_colours)
    return classes.astype(np.uint8)


def _table(values: Iterable[int], known: dict[int, int]) -> np.ndarray:
    """The class index of each of ``values``, int16; UNKNOWN if it has no meaning."""
    return np.array([known.get(value, UNKNOWN) for value in values], np.int16)


@lru_cache
def _byte_table(known: tuple[tuple[int, int], ...]) -> np.ndarray:
    return _table(range(256), dict(known))


def _unknown(
    pixels: np.ndarray, code: MaskCode, known: dict[int, int], source: Path | str, colours: bool
) -> ImageError:
    """The error for pixels of a mask that have no meaning."""
    write = _unpack if colours else str
    values, counts = np.unique(pixels, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:4]
    found = ", ".join(f"{write(int(values[i]))} in {_pixels(int(counts[i]))}" for i in most)
    found += f" and {len(values) - len(most):,} others" if len(values) > len(most) else ""
    kind = "colours" if colours else "values"
    mend = (
        "give a class this colour, list it under ignore_colours, or correct the mask"
        if colours
        else "say in mask_values which class it is, or ignore; or correct the mask"
    )
    if str(source).lower().endswith((".jpg", ".jpeg")):
        mend = "JPEG blurs the values of a mask: save masks as PNG"
    meanings = ", ".join(f"{write(value)} {code.name(i)}" for value, i in known.items())
    return _damaged(source, f"{kind} without a meaning: {found}", meanings, mend)


def _check_colours(code: MaskCode) -> None:
    """Raise FewmaskError if two classes share a colour: an RGB mask cannot tell them apart."""
    first: dict[int, int] = {}
    for colour, index in code.colours:
        if first.setdefault(colour, index) != index:
            raise FewmaskError(
                f"classes: {code.name(first[colour])} and {code.name(index)} have the same "
                f"colour, {_unpack(colour)}, and the masks are RGB images\n"
                f"  mend: give each class the colour that it has in the masks"
            )


# --- Files -----------------------------------------------------------------------------------


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
        raise _damaged(
            path, "no such file", "an image", "put it there, or remove it from the list"
        ) from None
    except PermissionError:
        raise _damaged(path, "no permission to read it", "a readable file", "chmod +r") from None
    except UnidentifiedImageError:
        raise _damaged(path, _beginning(path), whole) from None
    except Image.DecompressionBombError:
        limit = f"at most {2 * Image.MAX_IMAGE_PIXELS:,} pixels"
        raise _damaged(path, "too large an image", limit, "cut it into tiles") from None
    # Decoders raise nearly anything on damaged data: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        # A failing disk or network drive is no fault of the image: such errors have a number.
        if isinstance(error, MemoryError) or getattr(error, "errno", None) is not None:
            raise FewmaskError(
                f"{path}: cannot be read: {str(error) or 'not enough memory'}\n"
                f"  mend: check the machine (disk, network drive, memory), and try again"
            ) from None
        found = f"damaged data ({str(error) or type(error).__name__})"
        raise _damaged(path, found, whole) from None


def _beginning(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        return f"{size:,} bytes that begin with {file.read(12)!r}" if size else "an empty file"


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _raw_mask(path: Path) -> np.ndarray:
    """The numbers in a mask, integer (H, W), or its colours, uint8 (H, W, 3)."""
    image = _open(path)
    if image.mode in ("P", "PA", "L", "LA"):  # of a palette image, the indices
        return np.array(image.getchannel(0))
    if image.mode == "1":
        return np.array(image).astype(np.uint8)
    if image.mode.startswith("I"):
        return np.array(image).astype(np.int64)
    if image.mode == "F":
        raise _damaged(path, "fractional numbers (mode F)", "whole numbers or colours")
    return np.array(image.convert("RGB"))


def _damaged(
    path: Path | str, found: str, expected: str, mend: str = "replace it, or remove it"
) -> ImageError:
    return ImageError(f"{path}: found {found}\n  expected: {expected}\n  mend: {mend}")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]} x {array.shape[0]}"


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count:,} pixels"


def _pack(colour: tuple[int, int, int]) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _unpack(colour: int) -> str:
    return f"({colour >> 16}, {colour >> 8 & 255}, {colour & 255})"
