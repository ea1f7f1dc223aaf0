"""Guesses by their names whether images belong together, to notice splits that ignore it.

Cameras, microscopes and scanners number what they record: ``patient07_slice_012``. If names share a
beginning that holds a number, or a folder whose name holds one, then images with the same beginning
are likely to be alike.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FOLDERS = r"(.*\d.*)/"
BEGINNINGS = r"(?:.*/)?([^/]*\d[^/]*)[^0-9A-Za-z/]+[A-Za-z]*[^0-9A-Za-z/]*\d+[A-Za-z]*$"
"""In whatever folder, anything with a digit, then, after a separator, the number of the image,
which letters may surround: ``patient07_slice`` of ``patient07_slice_012``."""


@dataclass(frozen=True)
class LikelyGroups:
    """Groups that the names of images suggest."""

    pattern: str
    """What names them in ``split.groups``."""
    sizes: Counter[str]
    """How many images each has."""

    @property
    def warning(self) -> str:
        """What is wrong with a split that does not know them, and how to mend it."""
        first, second = list(self.sizes)[:2]
        return (
            f"the names look as if the {self.sizes.total():,} images were of {len(self.sizes):,} "
            f"groups ({first}, {second}{', ...' if len(self.sizes) > 2 else ''}). If images of one "
            f"are alike, training and test images must not share a group\n"
            f"  mend: split: {{groups: '{self.pattern}'}} in the dataset's YAML"
        )


def likely_groups(names: Sequence[str]) -> LikelyGroups | None:
    """The groups that names suggest: two or more, with two images on average; None: no groups."""
    for pattern in (FOLDERS, BEGINNINGS):
        matches = [re.match(pattern, name) for name in names]
        sizes = Counter(match[1] for match in matches if match)
        if all(matches) and 1 < len(sizes) <= len(names) / 2:
            return LikelyGroups(_simple(names, sizes) or pattern, sizes)
    return None


def _simple(names: Sequence[str], sizes: Counter[str]) -> str | None:
    """A pattern that is easier to read, if one gives the same groups."""
    forms = {re.sub(r"\d+", r"\\d+", re.escape(group)) for group in sizes}
    if len(forms) > 1:
        return None
    pattern = f"({forms.pop()})"
    matches = [re.search(pattern, name) for name in names]
    same = all(matches) and Counter(match[1] for match in matches if match) == sizes
    return pattern if same else None
