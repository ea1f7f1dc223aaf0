"""NYU Depth v2 (Silberman, Hoiem, Kohli and Fergus, 2012) as MTAN (Liu, Johns and Davison, 2019)
distributes it: arrays of 288 x 384 pixels.

``train/`` and ``val/`` hold, for every number i, ``image/i.npy`` (H, W, 3) in [0, 1],
``label/i.npy`` (H, W) with -1 (ignore) and the classes 0 to 12, ``depth/i.npy`` (H, W, 1) in metres
with 0 where it is not known, and ``normal/i.npy`` (H, W, 3). An image without a label is
unlabelled. Papers report results on ``val``: it is the test set.

MTAN took its normals from Eigen and Fergus (2015), and does not document their axes: hence the
setting ``normal_axes``.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.mask_code import mask_code, to_classes
from fewmask.data.readers.reader import Item, Sample

SUBSETS = ("train", "val")
LAYOUT = "the layout of MTAN: train/ and val/, each with image/, label/, depth/ and normal/"


class Reader:
    """The images of both subsets in the order of their numbers, named ``train/12``."""

    categories = ()

    def __init__(self, settings: Dataset, root: Path) -> None:
        self._root = root
        self._axes = settings.reader.normal_axes
        code = mask_code(settings)
        self._code = replace(code, values={-1: IGNORE, **code.values})

    def items(self) -> list[Item]:
        return [item for subset in SUBSETS for item in self._items_of(subset)]

    def load(self, item: Item) -> Sample:
        image = _read_image(item.image)
        size = image.shape[:2]
        beside = item.image.parent.parent
        depth = _read(beside / "depth" / item.image.name, (*size, 1))[..., 0]
        normal = _read(beside / "normal" / item.image.name, (*size, 3))
        truth = {"depth": clean_depth(depth), "normal": _turn(normal, self._axes)}
        if item.mask is not None:
            labels = _whole(_read(item.mask, size), item.mask)
            truth["mask"] = to_classes(labels, self._code, item.mask)
        return Sample(image, truth)

    def _items_of(self, subset: str) -> list[Item]:
        folder = self._root / subset
        # One listing of each folder: asking for every file takes long on a network drive.
        images = [path for path in folder.glob("image/*.npy") if path.stem.isdecimal()]
        labels = {path.stem: path for path in folder.glob("label/*.npy")}
        if not images:
            raise FewmaskError(
                f"{folder / 'image'}: no arrays like 0.npy in it\n"
                f"  expected: {LAYOUT}\n"
                f"  mend: unpack the dataset so that {self._root} holds train/ and val/"
            )
        return [
            Item(f"{subset}/{path.stem}", subset, image=path, mask=labels.get(path.stem))
            for path in sorted(images, key=lambda path: int(path.stem))
        ]


def clean_depth(depth: np.ndarray) -> np.ndarray:
    """Depths, float32 (H, W), with 0 wherever they are not positive numbers."""
    known = np.isfinite(depth) & (depth > 0)
    return np.where(known, depth, 0).astype(np.float32)


def _read_image(path: Path) -> np.ndarray:
    values = _read(path, (None, None, 3))
    # Scaling may have overshot a little; NaN is out of range, too.
    if not ((values >= -0.01) & (values <= 1.01)).all():
        raise _wrong(path, f"numbers from {values.min():g} to {values.max():g}", "0 to 1")
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _whole(labels: np.ndarray, path: Path) -> np.ndarray:
    """Labels, which may be stored as float, as integers."""
    whole = np.nan_to_num(labels, nan=0.5).round().astype(np.int64)
    if not np.array_equal(whole, labels):
        raise _wrong(path, "fractional numbers", "whole numbers from -1 to 12")
    return whole


def _turn(normal: np.ndarray, axes: tuple[str, str, str]) -> np.ndarray:
    """Normals along right, down and away, as unit vectors; 0 where they are not known."""
    signs = [-1 if axis[0] == "-" else 1 for axis in axes]
    turned = normal[..., ["xyz".index(axis[-1]) for axis in axes]] * np.array(signs, np.float32)
    turned = np.where(np.isfinite(turned).all(axis=-1, keepdims=True), turned, 0)
    length = np.linalg.norm(turned, axis=-1, keepdims=True)
    return (turned / np.where(length > 0, length, 1)).astype(np.float32)


def _read(path: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array of numbers of this shape; None stands for any length."""
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise _wrong(path, "no such file", LAYOUT) from None
    except (OSError, ValueError, EOFError) as error:
        raise _wrong(path, f"damaged data ({error})", "an array saved by numpy") from None
    agrees = array.ndim == len(shape) and all(
        length in (None, found) for length, found in zip(shape, array.shape, strict=True)
    )
    if not agrees or array.dtype.kind not in "fiu":
        expected = ", ".join("any" if length is None else str(length) for length in shape)
        raise _wrong(path, f"{array.dtype} {array.shape}", f"numbers of shape ({expected})")
    return array


def _wrong(path: Path, found: str, expected: str) -> ImageError:
    return ImageError(
        f"{path}: found {found}\n  expected: {expected}\n  mend: unpack the dataset again"
    )
