"""HDF5 files with a format and a seal, opened so that every failure is one message."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import h5py

from fewmask.core.errors import FewmaskError
from fewmask.data.store.hdf5 import check_seal


class SealedFile(ABC):
    """Base of such files, open for reading; any number of processes may have one open.

    Raises FewmaskError if the file is missing, holds something else, is damaged, or is of another
    format.
    """

    kind: ClassVar[str]
    """What the file holds."""
    format_attribute: ClassVar[str]
    """The attribute that tells such files from others: the version of their format."""
    format: ClassVar[int]
    """The version that is read."""
    missing: ClassVar[str]
    """How to mend that there is no such file."""
    mend: ClassVar[str]
    """How to mend everything else."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file = self._open()
        try:
            self._check_format()
            self._check()
            check_seal(self._file)
        except FewmaskError:
            self.close()
            raise
        except Exception as error:  # whatever damage makes of HDF5's structure
            self.close()
            raise self._damaged(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; values that were read stay valid."""
        self._file.close()

    def error(self, message: str) -> FewmaskError:
        """An error of this file, with how to mend it."""
        return FewmaskError(f"{self.path}: {message}\n  mend: {self.mend}")

    def _damaged(self, error: Exception) -> FewmaskError:
        return self.error(f"damaged: {error}")

    def _open(self) -> h5py.File:
        try:
            # Locks would only cause trouble on network drives: the file never changes.
            return h5py.File(self.path, "r", locking=False)
        except FileNotFoundError:
            raise FewmaskError(f"{self.path}: no such file\n  mend: {self.missing}") from None
        except PermissionError:
            raise FewmaskError(
                f"{self.path}: no permission to read it\n  mend: chmod u+r, or ask its owner"
            ) from None
        except OSError as error:
            raise self.error(f"not a whole HDF5 file: {error}") from None

    def _check_format(self) -> None:
        found = self._file.attrs.get(self.format_attribute)
        if found is None:
            raise self.error(f"not {self.kind}")
        if found != self.format:
            raise self.error(f"format {found}; this version reads format {self.format}")

    @abstractmethod
    def _check(self) -> None:
        """Raise FewmaskError if the file lacks a part; other errors mean that it is damaged."""
