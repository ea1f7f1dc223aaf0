"""Which cells of a grid are meant: by dataset, method and fraction."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from fewmask.config.settings import NAME, Name, Settings

ALL = "all"
"""The fraction in which every training image that has a mask is labelled."""


def fraction_name(fraction: object) -> str:
    """The one way to write a fraction: ``0.05``, ``n100``, ``all``, or the name of a list.

    Raises ValueError for shares outside ]0, 1], counts below 1, and names that are none.
    """
    if isinstance(fraction, int | float) and not isinstance(fraction, bool):
        fraction = round(fraction, 8)
        if not 0 < fraction <= 1:
            raise ValueError(
                f"a share lies between 0 and 1; write a count of {fraction:g} as n{fraction:g}"
            )
        return ALL if fraction == 1 else f"{fraction:.8f}".rstrip("0")
    text = str(fraction)
    if re.fullmatch(r"\d*\.\d+", text):
        return fraction_name(float(text))
    if re.fullmatch(r"n\d{1,9}", text) and int(text[1:]):
        return f"n{int(text[1:])}"
    if text != ALL and not (re.fullmatch(NAME, text) and is_list_name(text) and len(text) <= 64):
        raise ValueError("a fraction is a share (0.05), a count (n100) or the name of a list")
    return text


def is_list_name(fraction: str) -> bool:
    """Whether a fraction is the name of a published list: neither a share nor a count nor all."""
    return not re.fullmatch(r"0\.\d+|n\d+|all", fraction)


Fraction = Annotated[
    str,
    BeforeValidator(fraction_name),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}),
]


Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Cells(Settings):
    """Which cells of the grid are meant; what is absent selects everything."""

    dataset: Name | list[Name] | None = None
    method: Name | list[Name] | None = None
    fraction: Fraction | list[Fraction] | None = None

    def selects(self, **names: str | int) -> bool:
        """Whether what has these names (dataset, method, fraction; also stage or seed) is meant."""
        for key, name in names.items():
            chosen = getattr(self, key)
            allowed = chosen if isinstance(chosen, list) else [chosen]
            if chosen is not None and name not in allowed:
                return False
        return True
