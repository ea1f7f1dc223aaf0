"""What every settings model shares: strictness, and the names that may appear in paths."""

import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

NAME = "[a-z0-9][a-z0-9_-]*"
Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=64)]
"""Names of datasets, methods and stages: they become folders and wildcards."""

Share = Annotated[float, Field(gt=0, lt=1)]

Length = Annotated[int, Field(ge=16, le=8192)]
"""Of an image, in pixels."""

Line = Annotated[str, Field(max_length=1000)]
"""Text for people."""


def _stays_inside(path: str) -> str:
    parts = path.replace("\\", "/").split("/")
    if path.startswith("/") or ".." in parts or any(c in path for c in "{}\n\0"):
        raise ValueError("must be a relative path without '..' or braces")
    return path


RelativePath = Annotated[str, Field(min_length=1), AfterValidator(_stays_inside)]


def is_one_line(text: str) -> bool:
    """Whether a text has no line breaks, no control characters and no half characters.

    Those would break tables, logs and terminals; a file name that is not UTF-8 has half characters.
    """
    return not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text)


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, numbers are finite, texts are single lines,
    and nothing changes after reading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
    )

    @field_validator("*")
    @classmethod
    def _are_single_lines(cls, value: Any) -> Any:
        if not all(map(is_one_line, _texts(value))):
            raise ValueError("must be one line of text without control characters")
        return value


def _texts(value: Any) -> Iterator[str]:
    """All texts in the value of a setting, except in nested settings, which check themselves."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | dict):
        for one in value:
            yield from _texts(one)
        if isinstance(value, dict):
            yield from _texts(list(value.values()))
