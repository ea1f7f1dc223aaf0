"""The error of the files of one image."""

from pathlib import Path

from fewmask.core.errors import FewmaskError


class ImageError(FewmaskError):
    """The files of one image are missing or inconsistent; those of other images may be fine."""


def image_error(
    path: Path | str, found: str, expected: str, mend: str = "replace it, or remove it"
) -> ImageError:
    """The error that names the file, what was found, what was expected, and how to mend it."""
    return ImageError(f"{path}: found {found}\n  expected: {expected}\n  mend: {mend}")
