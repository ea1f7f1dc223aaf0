"""Python pickles of plain containers and numpy arrays, read without executing anything in them.

Unpickling calls whatever the file names. Here a file may name three things of numpy only, and even
these are not called: each is replaced by a stand-in that records its arguments. `numpy.frombuffer`
then makes an array of what a `StoredArray` holds.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.data.preparation.image_error import ImageError

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): "_reconstruct",
    ("numpy._core.multiarray", "_reconstruct"): "_reconstruct",  # as numpy 2 calls it
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
}


class StoredArray:
    """The description of an array or its type in a pickle: a name, arguments, and then a state."""

    def __init__(self, name: str, arguments: tuple) -> None:
        self.name, self.arguments, self.state = name, arguments, ()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray | None:
        """The array; None if it is not a whole array of uint8."""
        try:
            _, shape, dtype, is_fortran, content = self.state
            kind = dtype.arguments[0]
            order = "F" if is_fortran else "C"
            if self.name == "_reconstruct" and kind in (b"u1", "u1"):
                return np.frombuffer(content, np.uint8).reshape(shape, order=order)
        except (TypeError, ValueError, AttributeError, IndexError):
            pass
        return None


class _StandIn:
    """Replaces something of numpy; a call is recorded and does nothing else."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *arguments: Any) -> StoredArray:
        return StoredArray(self._name, arguments)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, path: Path) -> None:
        # Strings of Python 2, such as the pixels, become bytes.
        super().__init__(file, encoding="bytes")
        self._path = path

    def find_class(self, module: str, name: str) -> _StandIn:
        if (module, name) not in ALLOWED:
            raise ImageError(
                f"{self._path}: found a pickle that refers to {module}.{name}\n"
                f"  expected: plain containers and numpy arrays; nothing else is executed\n"
                f"  mend: do not trust this file; fetch the official one"
            )
        return _StandIn(ALLOWED[module, name])


def read_pickle(path: Path) -> Any:
    """The containers in a pickle, with a `StoredArray` for every array; strings may be bytes.

    Raises ImageError if it asks for anything else or is not whole, FileNotFoundError if there is
    no such file.
    """
    try:
        with path.open("rb") as file:
            return _Unpickler(file, path).load()
    except (ImageError, FileNotFoundError):
        raise
    # A damaged pickle raises nearly anything.
    except Exception as error:
        raise ImageError(
            f"{path}: found damaged data ({str(error) or type(error).__name__})\n"
            f"  expected: a whole pickle\n"
            f"  mend: unpack the official archive again"
        ) from None
