"""Arrays as files; large ones are written a few rows at a time."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    import numpy as np


class RowWriter(Protocol):
    """Writes an array from top to bottom."""

    def add(self, rows: np.ndarray) -> None:
        """Write the next rows, (h, W, ...)."""
        ...

    def close(self) -> None:
        """Write what ends the file, once all rows are there."""
        ...


def row_writer(
    file: BinaryIO, ending: str, shape: tuple[int, ...], dtype: np.dtype, palette: np.ndarray
) -> RowWriter:
    """The writer of an array of a shape and a type to a file with an ending: ``.npy``, or ``.png``
    for indices into a palette, uint8 (K, 3), beyond which colours are black."""
    return {".npy": NpyWriter, ".png": PngWriter}[ending](file, shape, dtype, palette)


class NpyWriter:
    """Writes an array as NumPy saves it."""

    def __init__(
        self, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype, palette: np.ndarray
    ) -> None:
        import numpy as np

        self._file = file
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)

    def add(self, rows: np.ndarray) -> None:
        """Write the next rows."""
        self._file.write(rows.tobytes())

    def close(self) -> None:
        """Nothing is left to write."""


class PngWriter:
    """Writes a palette image: PNG (ISO/IEC 15948) of 8 bits, without filters."""

    def __init__(
        self, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype, palette: np.ndarray
    ) -> None:
        import numpy as np

        self._file, self._deflate = file, zlib.compressobj()
        height, width = shape
        colours = np.zeros((256, 3), np.uint8)
        colours[: len(palette)] = palette
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        self._chunk(b"PLTE", colours.tobytes())

    def add(self, rows: np.ndarray) -> None:
        """Write the next rows, uint8 (h, W)."""
        import numpy as np

        unfiltered = np.pad(rows, ((0, 0), (1, 0)))  # each row begins with its filter: 0, none
        if compressed := self._deflate.compress(unfiltered.tobytes()):
            self._chunk(b"IDAT", compressed)

    def close(self) -> None:
        """Write the rest of the compressed rows, and the end."""
        self._chunk(b"IDAT", self._deflate.flush())
        self._chunk(b"IEND", b"")

    def _chunk(self, kind: bytes, content: bytes) -> None:
        checksum = zlib.crc32(content, zlib.crc32(kind))
        self._file.write(struct.pack(">I", len(content)) + kind + content)
        self._file.write(struct.pack(">I", checksum))


def png(pixels: np.ndarray) -> bytes:
    """Colours, uint8 (H, W, 3)."""
    return _encoded(pixels, "PNG")


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """Colours, uint8 (H, W, 3)."""
    return _encoded(pixels, "JPEG", quality=quality)


def _encoded(pixels: np.ndarray, kind: str, **options: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
