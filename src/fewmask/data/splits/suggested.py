"""The images of a fraction that networks suggest: those of another fraction, and more."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Split
from fewmask.core.errors import FewmaskError
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store


@dataclass(frozen=True)
class Suggested:
    """The files that name them."""

    extends: Path
    """The split of the fraction whose masks are kept."""
    suggestions: Path
    """The table of images whose masks are added."""

    def names(self, store: Store, requested: Split) -> set[str]:
        """The names of the images whose masks are known: of a budget, those for validation, too.

        Raises FewmaskError: a file is damaged.
        """
        roles = split_files.read(self.extends, store.names)
        kept = ("labelled", "validation") if requested.masks == "budget" else ("labelled",)
        rows = np.concatenate([roles[role] for role in kept])
        return {store.images.names[place] for place in store.images.among(rows)} | self._added()

    def _added(self) -> set[str]:
        try:
            with self.suggestions.open(newline="", encoding="utf-8") as file:
                return {row["name"] for row in csv.DictReader(file, strict=True)}
        except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
            raise FewmaskError(
                f"{self.suggestions}: cannot be read as suggestions: {error}\n"
                f"  mend: delete it and run the workflow again"
            ) from None
