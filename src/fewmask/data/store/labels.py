"""What a store holds of masks besides their pixels, and of no other truth.

Masks are the labels: who has one can be labelled, and which classes it holds can decide the split.
So the labelled pixels of every class are counted. Test images can be compared with the mask files
themselves, so that a digest says whether a file is still the one that was prepared.
"""

import hashlib
import json

import numpy as np

from fewmask import IGNORE
from fewmask.core.errors import FewmaskError

FIELD = "mask"
"""The field of masks; a dataset with classes has it."""

DIGEST = "mask_digest"
"""The column of their digests; likewise."""


def mask_digest(mask: np.ndarray | None) -> bytes:
    """SHA-256 of a mask's size and class indices, 32 bytes; all 0 where there is none."""
    if mask is None:
        return bytes(32)
    digest = hashlib.sha256(json.dumps(mask.shape).encode())
    digest.update(np.ascontiguousarray(mask, np.uint8))
    return digest.digest()


def class_pixels(name: str, mask: np.ndarray | None, classes: int) -> list[int]:
    """The labelled pixels of every class in the mask of the image ``name``; 0 where there is none.

    Raises FewmaskError for a class that the dataset does not have.
    """
    if mask is None:
        return [0] * classes
    pixels = np.bincount(mask.ravel(), minlength=IGNORE + 1)
    if pixels[classes:IGNORE].any():
        raise FewmaskError(
            f"{name}: the mask holds class {np.flatnonzero(pixels[:IGNORE])[-1]}\n"
            f"  expected: 0 to {classes - 1}, or {IGNORE} = ignore"
        )
    # Kept as a list: a small array kept amid large ones that come and go holds their memory back,
    # and the process grew by 80 KB an image.
    return pixels[:classes].tolist()
