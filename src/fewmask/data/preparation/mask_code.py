"""The meaning of masks: from the values and colours in files to class indices."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError, image_error

UNKNOWN = -1


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
    return image_error(source, f"{kind} without a meaning: {found}", meanings, mend)


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


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count:,} pixels"


def _pack(colour: tuple[int, int, int]) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _unpack(colour: int) -> str:
    return f"({colour >> 16}, {colour >> 8 & 255}, {colour & 255})"
