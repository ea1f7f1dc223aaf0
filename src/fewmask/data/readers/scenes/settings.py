"""Settings of the reader of the built-in dataset."""

from typing import ClassVar, Literal

from pydantic import Field

from fewmask.config.reader import ReaderSettings


class ScenesSettings(ReaderSettings):
    """Rendered rooms: the embedded dataset, which needs no files."""

    name: Literal["scenes"]
    images: int = Field(gt=0, le=1_000_000)
    """How many images are rendered."""
    seed: int = Field(default=0, ge=0)
    """Which rooms: image i is a function of (seed, i)."""

    measures: ClassVar[tuple[str, ...]] = ("depth", "normal", "height")
    needs_root: ClassVar[bool] = False
