"""What every settings model shares: strictness, and the names that may appear in paths."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, numbers are finite, and nothing changes after
    reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )
