"""What tables and figures are given of an experiment, as JSON."""

import hashlib
import json
from typing import Any

from fewmask.config.experiment import Experiment
from fewmask.config.layers import validate
from fewmask.config.method import Method
from fewmask.config.named import load_method
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.task import TaskName
from fewmask.core import escape
from fewmask.core.cells import Run
from fewmask.planning.grid import Grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.requested_search import RequestedSearch, requested_search
from fewmask.planning.search.names import searched, written

DEFAULT_REFERENCE = "supervised"

FEWEST_RANKED_METHODS, FEWEST_RANKED_DATASETS, FEWEST_RANKED_SEEDS = 3, 2, 2
"""With fewer there are no ranks over datasets."""


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
    has_images: bool = True
    """Whether the results hold example predictions; an archive may lack them."""
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

    def search_of(self, dataset: str, method: str, fraction: str) -> RequestedSearch | None:
        """The search that has chosen the settings of a cell; None: they are as written.

        One that is done at one fraction serves all of them.
        """
        own = [
            one for one in self.searches if (one.dataset, searched(one.method)) == (dataset, method)
        ]
        of_fraction = (one for one in own if one.fraction == fraction)
        return next(of_fraction, own[0] if len(own) == 1 else None)

    @property
    def searched_methods(self) -> list[str]:
        """The methods whose settings a search has chosen."""
        return list(dict.fromkeys(searched(one.method) for one in self.searches))

    @property
    def is_reference_searched(self) -> bool:
        """Whether a search has chosen the settings of the method that all others are compared
        with."""
        return self.compared_with in self.searched_methods

    @property
    def not_alike(self) -> list[str]:
        """Of every searched method, the one of two whose settings come about otherwise than those
        of the reference: that as it is written, where a search has chosen those of the reference,
        and else the searched one."""
        return [
            written(one) if self.is_reference_searched else one for one in self.searched_methods
        ]

    def title_of(self, method: str) -> str:
        """What a method is called in tables, figures and sentences, or a stage of it,
        METHOD/STAGE."""
        method, slash, stage = method.partition("/")
        is_searched = method in self.searched_methods
        title = f"{written(method)} (searched)" if is_searched else method
        return f"{title}{slash}{stage}"

    def seeds_where(
        self, dataset: str, method: str | None = None, fraction: str | None = None
    ) -> list[int]:
        """The seeds that any of some cells has. A fraction that the experiment does not have is
        that of stages which are trained once for all of them."""
        if all(one.seed is None for one in self.leave_out):
            return self.seeds
        wanted = (dataset, method, fraction if fraction in self.fractions else None)
        there = {
            seed
            for cell in self.cells()
            if all(name in (None, own) for name, own in zip(wanted, cell, strict=True))
            for seed in self.seeds_of(*cell)
        }
        return [seed for seed in self.seeds if seed in there]

    @property
    def seeds_of_cells(self) -> str:
        """How many seeds cells have: ``5``, or ``3 to 5``."""
        numbers = {len(self.seeds_of(*cell)) for cell in self.cells()}
        return " to ".join(map(str, sorted({min(numbers), max(numbers)})))

    @property
    def reference_title(self) -> str:
        """What the method is called that all others are compared with."""
        return self.title_of(self.compared_with)

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
                name: validate(Method, load_method(grid.as_written(name))).description
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
            "searches": [
                requested_search(one, grid) for one in dict.fromkeys(grid.searches.values())
            ],
            "keeps_last_weights": any(stage.evaluation.last_weights for stage in evaluated),
            "tasks": sorted({task for stage in evaluated for task in stage.objective.predicts}),
        }
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
