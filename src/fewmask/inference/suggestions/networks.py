"""Which networks suggest images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Networks:
    """The networks that are compared."""

    weights: Sequence[Path]
    """The file of each."""
    dataset: Path | None = None
    """The prepared dataset on which they were trained; None: it is not known which masks are."""
    splits: Sequence[Path] = ()
    """Of each, its split of that dataset."""
