"""What tables and figures are given of an experiment, as JSON."""

import hashlib
import json
from typing import Any

from fewmask.config.experiment import Experiment
from fewmask.config.layers import validate
from fewmask.config.method import Method
from fewmask.config.named import load_method
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.ranges import Interval
from fewmask.config.settings import Settings
from fewmask.config.task import TaskName
from fewmask.core import escape
from fewmask.core.cells import Run
from fewmask.planning.grid import Grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.search.names import searched, written
from fewmask.planning.search.searches import Search

DEFAULT_REFERENCE = "supervised"

FEWEST_RANKED_METHODS, FEWEST_RANKED_DATASETS, FEWEST_RANKED_SEEDS = 3, 2, 2
"""With fewer there are no ranks over datasets."""


class RequestedSearch(Settings):
    """A search of settings, and the files of its rankings."""

    dataset: str
    method: str
    """The method as it is written."""
    fraction: str
    """That it is done at."""
    rankings: list[str]
    """The ranking of every rung."""
    ranges: dict[str, str]
    """The range of every setting that is searched, as text."""
    shares: dict[int, dict[str, float]]
    """Where in its range, from 0 to 1, a trial has a setting; not of choices."""

    @property
    def names(self) -> tuple[str, str, str]:
        """Dataset, method and fraction."""
        return self.dataset, self.method, self.fraction


class Requested(Experiment):
    """An experiment, and what its tables need to know of its methods, datasets and trainings."""

    trainings: list[str | None] | None = None
    """The fingerprint of the stages of every cell, in the order of ``cells``; null or absent:
    results of any training are used, as where a search chooses the settings."""
    readings: dict[str, str] = {}
    """By dataset, the fingerprint of the settings that it must be prepared with; absent: any."""
    all_masks: list[str] = []
    """The methods that see all masks whatever the fraction: upper bounds."""
    descriptions: dict[str, str] = {}
    """By method, the description in its file."""
    classes: dict[str, list[str]] = {}
    """By dataset, the names of its classes in their order; absent: those of the runs."""
    budgets: list[str] = []
    """The datasets whose fractions count validation images, too."""
    folds: dict[str, int] = {}
    """By dataset whose masks are divided into folds, their number (`Split.folds`)."""
    learns_pseudo_masks: bool = False
    """Whether any stage learns pseudo-masks."""
    restored_by: list[str | None] = []
    """The stage, as METHOD/STAGE, whose restored images are shown of every cell, in the order of
    ``cells``; absent: of none."""
    searches: list[RequestedSearch] = []
    """Those of settings, in the order of the experiment."""
    keeps_last_weights: bool = False
    """Whether the last stage of any run keeps the weights after its last step."""
    tasks: list[TaskName] = list(ObjectiveSettings.predicts)
    """The tasks that the networks under test predict; absent: those of most objectives."""

    @property
    def compared_with(self) -> str:
        """The method that all others are compared with: the baseline at its best."""
        if self.reference is not None:
            return self.reference
        candidates = self.ranked_methods or self.methods
        reference = DEFAULT_REFERENCE if DEFAULT_REFERENCE in candidates else candidates[0]
        return searched(reference) if searched(reference) in self.methods else reference

    @property
    def ranked_methods(self) -> list[str]:
        """The methods that are ranked over datasets: all but upper bounds."""
        return [method for method in self.methods if method not in self.all_masks]

    @property
    def has_ranks(self) -> bool:
        """Whether enough methods are compared on enough datasets, with enough seeds."""
        return (
            len(self.ranked_methods) >= FEWEST_RANKED_METHODS
            and len(self.datasets) >= FEWEST_RANKED_DATASETS
            and len(self.seeds) >= FEWEST_RANKED_SEEDS
        )

    def as_json(self) -> str:
        """The argument of ``summarise``; Snakemake copies it unescaped into its report."""
        return escape.json_in_html(self.model_dump_json())


def requested_by(grid: Grid) -> Requested:
    """What tables and figures need to know of a grid."""
    arguments = JobArguments(grid)
    left_out = {"overrides", "tensorboard", "search"}
    requested = Requested(**grid.axes.model_dump(exclude=left_out))
    runs = [Run(*cell, seed=requested.seeds[0]) for cell in requested.cells()]
    stages = [grid.stages(run) for run in runs]
    restoring = [grid.restoring_stage(run) for run in runs]
    evaluated = [grid.stage(keys[-1]) for keys in stages]
    return requested.model_copy(
        update={
            "trainings": [
                None
                if grid.resolved(keys[-1]).ranked
                else fingerprint([json.loads(arguments.train_settings(key)) for key in keys])
                for keys in stages
            ],
            "readings": {
                name: reading_fingerprint(json.loads(arguments.prepare_settings(name)))
                for name in requested.datasets
            },
            "all_masks": grid.all_masks_methods(),
            "descriptions": {
                name: validate(Method, load_method(written(name))).description
                for name in requested.methods
            },
            "classes": {name: grid.classes(name) for name in requested.datasets},
            "budgets": [
                name for name in requested.datasets if grid.datasets[name].split.masks == "budget"
            ],
            "folds": {
                name: folds
                for name in requested.datasets
                if (folds := grid.datasets[name].split.folds)
            },
            "learns_pseudo_masks": any(stage.pseudo_masks for stage in grid.all_stages()),
            "restored_by": [key and f"{key.method}/{key.stage}" for key in restoring],
            "searches": [_search(one) for one in dict.fromkeys(grid.searches.values())],
            "keeps_last_weights": any(stage.evaluation.last_weights for stage in evaluated),
            "tasks": sorted({task for stage in evaluated for task in stage.objective.predicts}),
        }
    )


def _search(search: Search) -> RequestedSearch:
    intervals = {name: one for name, one in search.ranges.items() if isinstance(one, Interval)}
    return RequestedSearch(
        **search.at._asdict(),
        method=search.method,
        rankings=[rung.ranking for rung in search.rungs],
        ranges={name: str(one) for name, one in search.ranges.items()},
        shares={
            number: {name: round(one.share(trial[name]), 4) for name, one in intervals.items()}
            for number, trial in enumerate(search.trials)
            if trial
        },
    )


def fingerprint(trainings: list[dict[str, Any]]) -> str:
    """Eight digits that stand for the settings of a run's stages (`TrainingSettings.shaping`)."""
    text = json.dumps(trainings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def reading_fingerprint(settings: dict[str, Any]) -> str:
    """The same of the settings that a dataset was prepared with, as
    `JobArguments.prepare_settings` has them.

    ``skip_damaged`` is left out, for it may also be given when data are prepared by hand.
    """
    return fingerprint([{key: settings[key] for key in settings if key != "skip_damaged"}])
