"""The names of what a grid consists of: its runs, and the stages that runs are trained in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One cell of the grid: a method trained and tested once."""

    dataset: str
    method: str
    fraction: str
    seed: int


@dataclass(frozen=True)
class StageKey:
    """A stage, whatever the seed. Runs share the stages whose keys are equal."""

    dataset: str
    """The dataset whose images it is trained on."""
    method: str
    """The method that owns it: the run's own, or one that this extends or starts from."""
    fraction: str
    """``all`` for a stage that does not depend on the fraction."""
    stage: str
