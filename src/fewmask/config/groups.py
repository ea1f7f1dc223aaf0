"""Settings of groups: which images belong together, such as those of one patient."""

import re
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

from fewmask.config.settings import RelativePath, Settings


def _captures(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    if not groups:
        raise ValueError(
            r"needs parentheses around the part of the name that names the group: (patient\d+)_"
        )
    return pattern


Pattern = Annotated[
    str,
    AfterValidator(_captures),
    Field(
        min_length=1,
        max_length=200,
        description="A regular expression that is searched for in the name of each image; what its "
        "first parentheses match is the group",
    ),
]


class GroupTable(Settings):
    """A table that names the group of every image."""

    file: RelativePath
    """A CSV file below the root. Its first column names the images, as in ``fewmask inspect``, with
    or without folder and ending."""
    column: str = Field(min_length=1)
    """The column that names the group."""


def _kind(value: object) -> str:
    return "Pattern" if isinstance(value, str) else GroupTable.__name__


# Told apart before they are checked: else a mistake would be explained once for each of them.
Groups = Annotated[
    Annotated[Pattern, Tag("Pattern")] | Annotated[GroupTable, Tag(GroupTable.__name__)],
    Discriminator(_kind),
]
