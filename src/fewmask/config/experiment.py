"""Settings of an experiment: config/config.yaml, config/experiments/*.yaml."""

import re
from itertools import product
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from fewmask.config.cells import Cells, Fraction, Seed
from fewmask.config.published import Published
from fewmask.config.search import Search
from fewmask.config.settings import Line, Name, RelativePath, Settings
from fewmask.config.suggestion import Suggestion
from fewmask.config.task import TaskName
from fewmask.core.cells import Run


class LeftOut(Cells):
    """Which runs are left out: those of all seeds of some cells, or of some seeds."""

    seed: Seed | list[Seed] | None = None


class When(Cells):
    """Which stages an override is for; what is absent selects everything."""

    stage: Name | list[Name] | None = None


class Override(Settings):
    """Settings laid over those of the methods."""

    when: When = When()
    settings: dict[str, Any]
    """Stage settings, as in a method's stages."""


class Overrides(Settings):
    """Those of one file: an experiment adds its own to those of the file that it extends."""

    overrides: list[Override] = []


class Sweep(Settings):
    """Methods that differ in one number, for a figure with that number along its axis."""

    setting: Line
    """What the number is called."""
    values: dict[Name, float] = Field(min_length=2)
    """It, by method."""


class Experiment(Settings):
    """A grid of datasets, methods, label fractions and seeds."""

    title: Line
    """What tables, figures and the report are headed with."""
    results: RelativePath = "results"
    """The folder for everything the experiment writes: results, or a folder below it."""
    datasets: list[Name] = Field(min_length=1)
    """Names of files in config/datasets."""
    methods: list[Name] = Field(min_length=1)
    """Names of files in config/methods."""
    fractions: list[Fraction] = Field(min_length=1)
    """How much is labelled: shares of the training images (0.05), counts (n100), names of
    published lists, or all."""
    leave_out: list[LeftOut] = []
    """Combinations of dataset, method, fraction and seed that are not run."""
    seeds: list[Seed] = Field(min_length=1)
    """One run for each; mean and spread in the tables are over these."""
    evaluation_size: Literal["network", "original"] = "network"
    """Compare predictions with masks at the size that images were prepared in, or map them back
    and compare at each image's own size."""
    metrics: list[str] = Field(default=["miou", "pixel_accuracy", "dice"], min_length=1)
    """What the tables for people show: test metrics, also those of classes such as iou_pet."""
    baselines: dict[TaskName, Name] = {}
    """The methods that learn a task alone: what `delta_m` compares the others with."""
    reference: Name | None = None
    """The method that all others are compared with. Absent: supervised, if it is one of the
    methods, else the first that does not see all masks."""
    search: Search | None = None
    """Search the settings of every method alike, and add its runs with those that did best."""
    suggestions: dict[Name, Suggestion] = {}
    """Fractions whose masks are those of another one and of images that its networks suggest."""
    sweep: Sweep | None = None
    """The methods that the figure `sweep` has along its axis."""
    example_fractions: list[Fraction] = []
    """Those of which figures show test images; absent: the smallest and the largest one."""
    tensorboard: bool = False
    """Write the curves of trainings for TensorBoard, to the folder tensorboard of the results."""
    published: Published | None = None
    """Figures of a paper, shown in parentheses beside this experiment's."""
    overrides: list[Override] = []
    """What this experiment changes in the methods, a later one on top of an earlier one."""

    @field_validator("results")
    @classmethod
    def _lies_in_results(cls, folder: str) -> str:
        if not re.fullmatch(r"results(/[a-z0-9][a-z0-9_-]*)*", folder):
            raise ValueError("must be 'results' or a folder below it, named in [a-z0-9_-]")
        return folder

    def cells(self) -> list[tuple[str, str, str]]:
        """Dataset, method and fraction of every cell that has a run, dataset by dataset."""
        every = product(self.datasets, self.methods, self.fractions)
        return [cell for cell in every if self.seeds_of(*cell)]

    def runs(self) -> list[Run]:
        """All runs, cell by cell."""
        return [Run(*cell, seed) for cell in self.cells() for seed in self.seeds_of(*cell)]

    def seeds_of(self, dataset: str, method: str, fraction: str) -> list[int]:
        """The seeds of the runs of a cell; none if all are left out."""
        cell = {"dataset": dataset, "method": method, "fraction": fraction}
        left_out = [one for one in self.leave_out if one.selects(**cell)]
        return [seed for seed in self.seeds if not any(one.selects(seed=seed) for one in left_out)]

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if not self.cells():
            raise ValueError("leave_out leaves nothing of the grid")
        return self

    @model_validator(mode="after")
    def _search_fits(self) -> Self:
        if self.search is None:
            return self
        if self.search.at is not None and self.search.at not in self.fractions:
            raise ValueError(
                f"search.at is {self.search.at}, which is none of the fractions: "
                f"{', '.join(self.fractions)}"
            )
        if shared := sorted({*self.search.seeds} & {*self.seeds}):
            raise ValueError(
                f"search.seeds: runs have the seed {shared[0]}, too, so that settings would be "
                f"chosen by what is tested\n  mend: seeds that are none of {self.seeds}"
            )
        return self

    @field_validator("datasets", "methods", "fractions", "seeds", "metrics", "example_fractions")
    @classmethod
    def _no_value_twice(cls, values: list) -> list:
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return values
