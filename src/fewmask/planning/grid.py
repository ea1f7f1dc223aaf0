"""The grid: which runs an experiment asks for, and which stages and files follow from them.

Snakemake imports this to plan, so nothing here imports torch or pandas.
"""

import json
import shlex
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from fewmask.config.dataset import Dataset
from fewmask.config.experiment import Experiment, Override, Overrides
from fewmask.config.layer import Layer
from fewmask.config.layers import load_chain, validate
from fewmask.config.method import Method, Stage
from fewmask.config.named import load_dataset, load_method
from fewmask.config.network import Network
from fewmask.core.cells import Run, StageKey
from fewmask.core.files import check_folder
from fewmask.core.paths import (
    DEFAULT_EXPERIMENT,
    HISTORY,
    PSEUDO_MASK_QUALITY,
    PSEUDO_MASKS,
    TRAINING,
    WEIGHTS,
    Layout,
)
from fewmask.planning.check_metrics import check_figures
from fewmask.planning.checks import (
    check_fractions,
    check_held_out,
    check_judged,
    check_learnable,
    check_overrides,
    check_reference,
    check_selects,
)
from fewmask.planning.grids import cells_only_below
from fewmask.planning.requested import Requested, fingerprint, reading_fingerprint
from fewmask.planning.stages import Resolved, Resolver


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
        check_fractions(self.experiment.fractions, self.datasets, source)
        check_overrides(self._overrides)
        check_figures(layers, self._classes)
        self._stages: dict[StageKey, Resolved] = {}
        self._keys: dict[tuple[str, str, str], tuple[StageKey, ...]] = {}
        self._resolve()
        check_selects(self._overrides, self._stages_by_cell(), cells_only_below(layers))
        self._shaping = {key: resolved.stage.shaping() for key, resolved in self._stages.items()}
        check_reference(self.experiment, self._all_masks(), source)

    @cached_property
    def runs(self) -> list[Run]:
        """All runs, dataset by dataset."""
        e = self.experiment
        return [
            Run(dataset, method, fraction, seed)
            for dataset in e.datasets
            for method in e.methods
            for fraction in e.fractions
            for seed in e.seeds
        ]

    def stages(self, run: Run) -> tuple[StageKey, ...]:
        """The stages of a run in their order; it is judged by the last."""
        return self._keys[run.dataset, run.method, run.fraction]

    def stage(self, key: StageKey) -> Stage:
        """The resolved settings of a stage."""
        return self._stages[key].stage

    def all_stages(self) -> list[Stage]:
        """The resolved settings of every stage of the grid."""
        return [resolved.stage for resolved in self._stages.values()]

    # What jobs are handed: their files and their settings.

    def prepare_inputs(self, dataset: str) -> dict[str, str]:
        """The receipt of a download for datasets that have one."""
        has_download = bool(self.datasets[dataset].download)
        return {"download": self.layout.download.format(dataset=dataset)} if has_download else {}

    def reading(self, dataset: str) -> str:
        """JSON of everything that shapes a dataset's store."""
        settings = self.datasets[dataset]
        wanted = settings.model_dump(mode="json", exclude={"split", "download", "description"})
        return _json({"dataset": dataset, **wanted})

    def splitting(self, dataset: str) -> str:
        """JSON of everything that shapes a dataset's splits."""
        return _json(self.datasets[dataset].split.model_dump(mode="json"))

    def training_inputs(self, key: StageKey, seed: int | str) -> dict[str, str]:
        """Every file that a training reads."""
        files = {
            "dataset": self.layout.dataset.format(dataset=key.dataset),
            "split": self.layout.split.format(**vars(key), seed=seed),
        }
        _, stage, start_from, pseudo_masks = self._stages[key]
        if start_from is not None:
            files["start_from"] = f"{self.stage_folder(start_from.key, seed)}/{WEIGHTS}"
        if self._stages[key].needs_encoder:
            files |= self._encoder(stage.network)
        if pseudo_masks is not None:
            files["pseudo_masks"] = self.pseudo_mask_files(pseudo_masks.key, seed)["masks"]
        return files

    def _encoder(self, network: Network) -> dict[str, str]:
        """The file that an encoder starts from, if it does not start at random."""
        if network.weights == "none":
            return {}
        if network.weights == "imagenet":
            return {"encoder": self.layout.encoder.format(encoder=network.encoder)}
        return {"encoder": network.weights}

    def training_options(self, key: StageKey, seed: int | str) -> str:
        """The command-line options for those files that not every training reads."""
        files = self.training_inputs(key, seed)
        names = ("start_from", "encoder", "pseudo_masks")
        optional = {name: files[name] for name in names if name in files}
        return " ".join(
            f"--{name.replace('_', '-')} {shlex.quote(path)}" for name, path in optional.items()
        )

    def curves_option(self, key: StageKey, seed: int | str) -> str:
        """The command-line option for a training's curves."""
        return f"--tensorboard {self.layout.tensorboard.format(**vars(key), seed=seed)}"

    def training(self, key: StageKey) -> str:
        """JSON of everything that shapes a stage's weights."""
        return self._shaping[key]

    def stage_folder(self, key: StageKey, seed: int | str) -> str:
        """Where a stage's weights are written."""
        return self.layout.stage.format(**vars(key), seed=seed)

    def stage_files(self, key: StageKey, seed: int | str) -> dict[str, str]:
        """What a training writes."""
        folder = self.stage_folder(key, seed)
        return {
            "weights": f"{folder}/{WEIGHTS}",
            "history": f"{folder}/{HISTORY}",
            "training": f"{folder}/{TRAINING}",
        }

    def pseudo_mask_files(self, key: StageKey, seed: int | str) -> dict[str, str]:
        """What pseudo-labelling with a stage writes."""
        folder = self.stage_folder(key, seed)
        return {"masks": f"{folder}/{PSEUDO_MASKS}", "quality": f"{folder}/{PSEUDO_MASK_QUALITY}"}

    def learnt_pseudo_masks(self, run: Run) -> list[StageKey]:
        """The stages of a run whose pseudo-masks others of its stages learn, in their order."""
        keys = self.stages(run)
        learnt = {one.key for key in keys if (one := self._stages[key].pseudo_masks)}
        return [key for key in keys if key in learnt]

    def evaluation_inputs(self, run: Run) -> dict[str, Any]:
        """Every file that an evaluation reads."""
        stages = [self.stage_files(key, run.seed) for key in self.stages(run)]
        return {
            "dataset": self.layout.dataset.format(**vars(run)),
            "split": self.layout.split.format(**vars(run)),
            "weights": stages[-1]["weights"],
            "training": [files["training"] for files in stages],
            "pseudo_masks": [
                self.pseudo_mask_files(key, run.seed)["quality"]
                for key in self.learnt_pseudo_masks(run)
            ],
        }

    def metrics(self) -> list[str]:
        """The metrics files of all runs."""
        return [self.layout.metrics.format(**vars(run)) for run in self.runs]

    @cached_property
    def requested(self) -> Requested:
        """What tables and figures need to know of the experiment."""
        requested = Requested(**self.experiment.model_dump(exclude={"overrides", "tensorboard"}))
        judged = [self.stage(keys[-1]).objective for keys in self._keys.values()]
        return requested.model_copy(
            update={
                "trainings": [
                    fingerprint([json.loads(self.training(key)) for key in self._keys[cell]])
                    for cell in requested.cells()
                ],
                "readings": {
                    name: reading_fingerprint(json.loads(self.reading(name)))
                    for name in requested.datasets
                },
                "all_masks": self._all_masks(),
                "descriptions": {
                    name: validate(Method, load_method(name)).description
                    for name in requested.methods
                },
                "classes": {name: self._classes(name) for name in requested.datasets},
                "learns_pseudo_masks": any(one.pseudo_masks for one in self._stages.values()),
                "tasks": sorted({task for objective in judged for task in objective.heads}),
            }
        )

    def _all_masks(self) -> list[str]:
        """The methods whose last stage sees all masks."""
        last = {method: keys[-1] for (_, method, _), keys in self._keys.items()}
        return [name for name, key in last.items() if self.stage(key).labels == "all"]

    # From files to settings.

    def _resolve(self) -> None:
        """Find the stages of every cell, and the datasets that only stages name."""
        e = self.experiment
        for method in e.methods:
            load_method(method, f"{self.source}: methods")
        resolver = Resolver(self._overrides)
        for cell in product(e.datasets, e.methods, e.fractions):
            dataset, method, fraction = cell
            found = resolver.stages(method, dataset, fraction)
            check_judged(found[-1], method, dataset)
            self._stages |= {resolved.key: resolved for resolved in found}
            self._keys[cell] = tuple(resolved.key for resolved in found)
        for key, resolved in self._stages.items():
            if key.dataset not in self.datasets:
                self.datasets[key.dataset] = self._named_by_stage(key)
            check_learnable(resolved, self.datasets[key.dataset], self.source)

    def _stages_by_cell(self) -> set[StageKey]:
        """All stages, as those of the runs that share them and as those of whoever owns them."""
        of_runs = {StageKey(*cell, key.stage) for cell, keys in self._keys.items() for key in keys}
        return of_runs | self._stages.keys()

    def _named_by_stage(self, key: StageKey) -> Dataset:
        where = f"config/methods/{key.method}.yaml: stages.{key.stage}.dataset"
        found = load_dataset(key.dataset, where)
        tested = {name: self.datasets[name] for name in self.experiment.datasets}
        check_held_out(key.dataset, found, tested, where)
        return found

    def _classes(self, dataset: str) -> list[str]:
        found = self.datasets.get(dataset) or load_dataset(dataset, f"{self.source}: datasets")
        return [one.name for one in found.classes]


def _overrides(layer: Layer) -> list[tuple[Override, Layer]]:
    """The overrides of one file, and where their settings stand. Raises ConfigError."""
    own = {key: value for key, value in layer.values.items() if key == "overrides"}
    found = validate(Overrides, [Layer(layer.source, own, layer.path, layer.lines)])
    return [
        (override, layer.part("overrides", i, "settings"))
        for i, override in enumerate(found.overrides)
    ]


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"), sort_keys=True)


def load_grid(configfiles: list[Path] | None = None, config: dict[str, Any] | None = None) -> Grid:
    """The grid of an experiment.

    ``configfiles`` default to config/config.yaml; what ``config`` says, as ``--config`` does, lies
    on top. Raises ConfigError with one readable message.
    """
    layers = [one for path in configfiles or [DEFAULT_EXPERIMENT] for one in load_chain(Path(path))]
    return Grid([*layers, Layer("--config", config or {})], source=layers[-1].source)
