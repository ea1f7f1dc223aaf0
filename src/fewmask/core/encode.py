"""Arrays as the content of files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def npy(values: np.ndarray) -> bytes:
    """An array as NumPy saves it."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def png(pixels: np.ndarray, palette: np.ndarray | None = None) -> bytes:
    """Colours, uint8 (H, W, 3), or indices into a palette, uint8 (H, W) with uint8 (256, 3)."""
    from PIL import Image

    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """Colours, uint8 (H, W, 3)."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()
