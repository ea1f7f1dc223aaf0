"""What an archive consists of.

It is a ``.tar.gz`` with ``manifest.json`` first, which names the version of Fewmask and the SHA-256
of every other file; ``experiment.json``, what `fewmask.planning.requested` makes of the grid; and
below ``results/`` the metrics, example predictions, histories, settings, splits and measured times
of its runs, with the names that they have below the experiment's folder of results.
"""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
MANIFEST = "manifest.json"
EXPERIMENT = "experiment.json"
RESULTS = "results"

LARGEST = 2**28
"""Bytes of the largest file in an archive; those of an evaluation have a few 100 kB, or, with large
images, some MB."""
MOST_FILES = 2_000_000


class Manifest(BaseModel):
    """The file that an archive begins with."""

    model_config = ConfigDict(strict=True)

    format: int
    version: str
    """Of Fewmask, when the archive was written."""
    files: dict[str, str] = Field(max_length=MOST_FILES)
    """The SHA-256 of every other file by its name in the archive."""


def digest(data: bytes) -> str:
    """The SHA-256 that a manifest has of a file."""
    return hashlib.sha256(data).hexdigest()
