"""The grid: the runs that an experiment requests, and the stages that follow from them.

Snakemake imports this to plan, so nothing here imports torch or pandas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fewmask.config.dataset import Dataset
from fewmask.config.experiment import Experiment, Override, Overrides
from fewmask.config.explain import did_you_mean
from fewmask.config.layer import Layer
from fewmask.config.layers import load_chain, validate
from fewmask.config.named import load_dataset, load_method
from fewmask.config.stage import Stage
from fewmask.core.cells import Run, StageKey
from fewmask.core.errors import FewmaskError
from fewmask.core.files import check_folder
from fewmask.core.paths import DEFAULT_EXPERIMENT, Layout
from fewmask.planning.check_cells import check_cells
from fewmask.planning.check_metrics import check_metrics
from fewmask.planning.check_suggestions import check_suggestions
from fewmask.planning.checks import (
    check_folds,
    check_fractions,
    check_held_out,
    check_judged,
    check_learnable,
    check_overrides,
    check_reference,
    check_selects,
)
from fewmask.planning.grids import cells_only_below
from fewmask.planning.search.names import searched, with_searched, written
from fewmask.planning.search.of_grid import Cell, searches_of
from fewmask.planning.search.searches import Search
from fewmask.planning.stages import LabelledData, Resolved, Resolver


class Grid:
    """An experiment with everything that it names, resolved and checked."""

    def __init__(self, layers: list[Layer], source: str) -> None:
        self.source = source
        self.experiment = validate(Experiment, layers)
        self.layout = Layout(self.experiment.results)
        check_folder(Path(self.experiment.results), "results")
        self.datasets = {
            name: load_dataset(name, f"{source}: datasets") for name in self.experiment.datasets
        }
        self._overrides = [one for layer in layers for one in _overrides(layer)]
        check_fractions(
            self.experiment.fractions, self.experiment.suggestions, self.datasets, source
        )
        check_folds(self.experiment, self.datasets, source)
        check_overrides(self._overrides)
        check_metrics(layers, self.classes)
        check_cells(layers)
        self._stages: dict[StageKey, Resolved] = {}
        self._keys: dict[Cell, tuple[StageKey, ...]] = {}
        self._resolve()
        check_selects(self._overrides, self._stages_by_cell(), cells_only_below(layers))
        check_reference(self.experiment, self.all_masks_methods(), source)
        last = {cell: self.resolved(keys[-1]) for cell, keys in self._keys.items()}
        check_suggestions(self.experiment, self.datasets, last, source)

    @cached_property
    def axes(self) -> Experiment:
        """The experiment, in which searched methods are methods of their own."""
        return with_searched(self.experiment, but=self.all_masks_methods())

    @cached_property
    def runs(self) -> list[Run]:
        """All runs, dataset by dataset."""
        return self.axes.runs()

    def runs_of(self, cell: Mapping[str, str | None]) -> list[Run]:
        """The runs of all seeds of a cell of the grid.

        ``cell``: dataset, method and fraction; None: the first one that the others have. Raises
        FewmaskError: there is no such cell.
        """
        runs, of = self.runs, ""
        for key, wanted in cell.items():
            there = list(dict.fromkeys(getattr(run, key) for run in runs))
            if wanted is not None and wanted not in there:
                raise FewmaskError(
                    f"{self.source}: the experiment has no {key} {wanted}{of}"
                    f"{did_you_mean(wanted, there)}\n  found: {', '.join(there)}"
                )
            if wanted is not None:
                runs = [run for run in runs if getattr(run, key) == wanted]
                of += f" of {wanted}"
        return [run for run in runs if replace(run, seed=runs[0].seed) == runs[0]]

    def stages(self, run: Run) -> tuple[StageKey, ...]:
        """The stages of a run in the order of training; the last one is tested."""
        return self._keys[run.dataset, run.method, run.fraction]

    def stage(self, key: StageKey) -> Stage:
        """The resolved settings of a stage."""
        return self._stages[key].stage

    def resolved(self, key: StageKey) -> Resolved:
        """A stage with its settings and the stages that it depends on."""
        return self._stages[key]

    def all_stages(self) -> list[Stage]:
        """The settings of every stage of the grid, once."""
        return [resolved.stage for resolved in self._stages.values()]

    def pseudo_labellers(self, run: Run) -> list[StageKey]:
        """The stages of a run whose pseudo-masks later stages learn, in their order."""
        return self.labellers(self.stages(run))

    def labellers(self, keys: Sequence[StageKey]) -> list[StageKey]:
        """Those of some stages whose pseudo-masks others of them learn."""
        labellers = {one.key for key in keys if (one := self.resolved(key).pseudo_masks)}
        return [key for key in keys if key in labellers]

    def restoring_stage(self, run: Run) -> StageKey | None:
        """The last stage of a run that restores images of the dataset under test, if any does."""
        keys = [
            key
            for key in self.stages(run)
            if key.dataset == run.dataset and self.stage(key).objective.restores_images
        ]
        return keys[-1] if keys else None

    def draw_of(self, dataset: str, seed: int) -> int:
        """The number of the draw of masks of a seed."""
        return self.datasets[dataset].split.draw_of(seed)

    def suggesting(self, dataset: str, fraction: str, draw: int) -> list[Run]:
        """The runs whose networks suggest the images of a fraction: those that share its masks."""
        one = self.experiment.suggestions[fraction]
        return [
            Run(dataset, one.method, one.fraction, seed)
            for seed in self.experiment.seeds
            if self.draw_of(dataset, seed) == draw
        ]

    def search_of(self, run: Run) -> Search | None:
        """The search that chooses the settings of a run; None for those as they are written."""
        if run.method == self.as_written(run.method):
            return None
        return self.searches.get((run.dataset, written(run.method), run.fraction))

    def as_written(self, method: str) -> str:
        """The method whose settings a search has chosen; others are returned as they are."""
        return method if method in self.experiment.methods else written(method)

    def all_masks_methods(self) -> list[str]:
        """The methods whose last stage sees all masks whatever the fraction: upper bounds."""
        last = {method: keys[-1] for (_, method, _), keys in self._keys.items()}
        return [name for name, key in last.items() if self.stage(key).labels == "all"]

    def classes(self, dataset: str) -> list[str]:
        """The names of a dataset's classes, in their order."""
        settings = self.datasets.get(dataset) or load_dataset(dataset, f"{self.source}: datasets")
        return [one.name for one in settings.classes]

    # From files to settings.

    def _resolve(self) -> None:
        """Find the stages of every cell, and the datasets that only stages name."""
        for method in self.experiment.methods:
            load_method(method, f"{self.source}: methods")
        resolver, stages = Resolver(self._overrides), {}
        for cell in self.experiment.cells():
            dataset, method, fraction = cell
            of_cell = resolver.stages(method, dataset, fraction)
            check_judged(of_cell[-1], method, dataset)
            stages[cell] = of_cell
            self._add(cell, of_cell)
        self._resolve_searches(stages)
        for key, resolved in self._stages.items():
            if key.dataset not in self.datasets:
                self.datasets[key.dataset] = self._named_by_stage(key)
            check_learnable(resolved, self.datasets[key.dataset], self.source)

    def _add(self, cell: Cell, stages: list[Resolved]) -> None:
        self._stages |= {resolved.key: resolved for resolved in stages}
        self._keys[cell] = tuple(resolved.key for resolved in stages)

    def _resolve_searches(self, stages: dict[Cell, list[Resolved]]) -> None:
        """Find the trials, and the runs with the settings that their search chooses."""
        self.searches = searches_of(self.experiment, self.datasets, stages, self.source)
        for cell, search in self.searches.items():
            for rung in search.rungs:
                trained = (one for stages in rung.trainings.values() for one in stages)
                self._stages |= {resolved.key: resolved for resolved in trained}
            dataset, method, fraction = cell
            of_run = search.searched(LabelledData(dataset, fraction), stages[cell])
            self._add((dataset, searched(method), fraction), of_run)

    def _stages_by_cell(self) -> set[StageKey]:
        """All stages, both by the runs that share them and by the method that owns them."""
        of_runs = {StageKey(*cell, key.stage) for cell, keys in self._keys.items() for key in keys}
        return of_runs | self._stages.keys()

    def _named_by_stage(self, key: StageKey) -> Dataset:
        where = f"config/methods/{key.method}.yaml: stages.{key.stage}.dataset"
        loaded = load_dataset(key.dataset, where)
        tested = {name: self.datasets[name] for name in self.experiment.datasets}
        check_held_out(key.dataset, loaded, tested, where)
        return loaded


def _overrides(layer: Layer) -> list[tuple[Override, Layer]]:
    """The overrides of one file, each with the layer of its settings. Raises ConfigError."""
    own = {key: value for key, value in layer.values.items() if key == "overrides"}
    checked = validate(Overrides, [Layer(layer.source, own, layer.path, layer.lines)])
    return [
        (override, layer.part("overrides", i, "settings"))
        for i, override in enumerate(checked.overrides)
    ]


def load_grid(configfiles: list[Path] | None = None, config: dict[str, Any] | None = None) -> Grid:
    """The grid of an experiment.

    Args:
        configfiles: the files of the experiment; by default config/config.yaml.
        config: changes on top of them, as by ``--config``.

    Raises:
        ConfigError: one readable message for what is wrong with the files.
    """
    layers = [one for path in configfiles or [DEFAULT_EXPERIMENT] for one in load_chain(Path(path))]
    return Grid([*layers, Layer("--config", config or {})], source=layers[-1].source)
