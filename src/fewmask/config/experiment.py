"""Settings of an experiment: config/config.yaml, config/experiments/*.yaml."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from fewmask.config.settings import NAME, Line, Name, RelativePath, Settings
from fewmask.config.task import TaskName

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


class Cells(Settings):
    """Which cells of the grid are meant; what is absent selects everything."""

    dataset: Name | list[Name] | None = None
    method: Name | list[Name] | None = None
    fraction: Fraction | list[Fraction] | None = None

    def selects(self, **cell: str) -> bool:
        """Whether what has this dataset, method, fraction (and stage) is meant."""
        for key, chosen in self:
            allowed = chosen if isinstance(chosen, list) else [chosen]
            if chosen is not None and cell[key] not in allowed:
                return False
        return True


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


def _mean_and_spread(value: object) -> object:
    """A mean, or a mean and its standard deviation, as a pair."""
    if isinstance(value, list | tuple) and len(value) in (1, 2):
        return (*value, None)[:2]
    if isinstance(value, int | float):
        return (value, None)
    raise ValueError("expected a mean (0.865), or it and its standard deviation ([0.865, 0.011])")


PublishedValue = Annotated[
    tuple[float, float | None],
    BeforeValidator(_mean_and_spread, json_schema_input_type=float | tuple[float, float]),
]


class PublishedValues(Settings):
    """The published values of some cells of the grid."""

    when: Cells = Cells()
    values: dict[str, PublishedValue]
    """By metric: a mean, or a mean and its standard deviation; shares are written 0.865."""


class Published(Settings):
    """The values that a paper reports, to be shown beside this experiment's own."""

    source: Line
    """The paper and the table in it, for the note under the tables."""
    remark: Line = ""
    """What a reader must know to compare the values: a sentence for that note."""
    values: list[PublishedValues] = []
    """The values by cell; a later entry replaces values of an earlier one."""

    def of(self, **cell: str) -> dict[str, PublishedValue]:
        """The published values of a cell of the grid, by metric."""
        of_cell: dict[str, PublishedValue] = {}
        for entry in self.values:
            if entry.when.selects(**cell):
                of_cell |= entry.values
        return of_cell


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
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field(min_length=1)
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

    @field_validator("datasets", "methods", "fractions", "seeds", "metrics")
    @classmethod
    def _no_value_twice(cls, values: list) -> list:
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return values
