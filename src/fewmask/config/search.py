"""Settings of the search of settings."""

import math
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from fewmask.config.cells import Fraction, Seed
from fewmask.config.ranges import Narrowed
from fewmask.config.settings import Settings


class Search(Settings):
    """A search of the settings of every method: successive halving (Jamieson and Talwalkar 2016) of
    points of a Latin hypercube, ranked on validation images."""

    trials: int = Field(default=16, ge=2, le=1024)
    """How many settings are tried; the first one is the method as it is written."""
    rungs: list[Annotated[float, Field(gt=0, le=1)]] = Field(default=[0.25, 1], min_length=1)
    """The shares of the training after which trials are ranked, and only the best go on."""
    keep: float = Field(default=0.25, gt=0, le=1)
    """The share of the trials of a rung that goes on to the next one."""
    seeds: list[Seed] = Field(default=[100], min_length=1)
    """The seeds that trials are trained with. No run may have one of them."""
    ranges: Narrowed = {}
    """The ``ranges`` of all methods, of settings that all of them have."""
    at: Fraction | None = None
    """The fraction that the settings are searched at, for all fractions; absent: at each one."""

    @property
    def slots(self) -> list[tuple[float, int]]:
        """Of every rung, the share of the training and the number of trials."""
        slots, counts = self.trials, []
        for until in self.rungs:
            counts.append((until, slots))
            slots = math.floor(slots * self.keep + 1e-9)
        return counts

    @field_validator("rungs")
    @classmethod
    def _rise_to_the_end(cls, rungs: list[float]) -> list[float]:
        if rungs != sorted(set(rungs)) or rungs[-1] != 1:
            raise ValueError("must rise, and end with 1: the whole training")
        return rungs

    @field_validator("seeds")
    @classmethod
    def _no_seed_twice(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed is named twice")
        return seeds

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if not self.slots[-1][1]:
            counts = ", ".join(str(count) for _, count in self.slots)
            raise ValueError(
                f"keep: {self.keep:g} leaves no trial for the last rung (of each rung: {counts})\n"
                f"  mend: more trials, fewer rungs, or a larger keep"
            )
        return self
