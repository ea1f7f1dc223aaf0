"""What the rules of the workflow pass to their jobs: files to read, settings as JSON, and options.

The settings of a job are everything that can change its result, so that Snakemake reruns the job
when one of them changes, and only then.
"""

import json
import shlex
from dataclasses import replace
from typing import Any

from fewmask.config.dataset import Dataset
from fewmask.config.groups import GroupTable
from fewmask.config.network import Network
from fewmask.core.cells import Run, StageKey
from fewmask.core.files import file_digest
from fewmask.core.paths import CHECKPOINT, data_folder
from fewmask.planning.grid import Grid
from fewmask.planning.search.names import TRAINED_AS
from fewmask.planning.search.of_grid import Cell
from fewmask.planning.stages import Resolved


class JobArguments:
    """The arguments of the jobs of a grid, by rule."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._layout = grid.layout
        self._train_settings: dict[StageKey, str] = {}
        self._group_tables: dict[str, str] = {}

    def prepare_inputs(self, dataset: str) -> dict[str, str]:
        """The receipt of the download, for datasets that have one."""
        if not self._grid.datasets[dataset].download:
            return {}
        return {"download": self._layout.download.format(dataset=dataset)}

    def prepare_settings(self, dataset: str) -> str:
        """JSON of everything that can change a dataset's store."""
        settings = self._grid.datasets[dataset]
        left_out = {"split", "download", "description"}
        return _json({"dataset": dataset, **settings.model_dump(mode="json", exclude=left_out)})

    def split_settings(self, dataset: str) -> str:
        """JSON of everything that can change a dataset's splits."""
        return _json(self._grid.datasets[dataset].split.model_dump(mode="json"))

    def choose_inputs(self, dataset: str, fraction: str, draw: int) -> dict[str, Any]:
        """Every file that the choice of a fraction's images reads."""
        runs = self._grid.suggesting(dataset, fraction, draw)
        return {
            "dataset": self._layout.dataset.format(dataset=dataset),
            "splits": [self._layout.split.format(**vars(run)) for run in runs],
            "weights": [
                self._layout.stage_files(self._grid.stages(run)[-1], run.seed)["weights"]
                for run in runs
            ],
        }

    def suggested_split_inputs(self, dataset: str, fraction: str, seed: int) -> dict[str, str]:
        """Every file that the split of a fraction reads whose images networks suggest."""
        base, draw = self._grid.experiment.suggestions[fraction], self._grid.draw_of(dataset, seed)
        cell = {"dataset": dataset, "seed": seed}
        return {
            "dataset": self._layout.dataset.format(dataset=dataset),
            "extends": self._layout.split.format(**cell, fraction=base.fraction),
            "suggestions": self._layout.suggestions.format(**cell, fraction=fraction, draw=draw),
        }

    def group_table(self, dataset: str) -> str:
        """The digest of the table that names the groups of a dataset: people correct such tables,
        and splits must be drawn anew then. Empty if there is none."""
        if dataset not in self._group_tables:
            self._group_tables[dataset] = _group_table(self._grid.datasets[dataset])
        return self._group_tables[dataset]

    def train_inputs(self, key: StageKey, seed: int | str) -> dict[str, str]:
        """Every file that a training reads."""
        files = {
            "dataset": self._layout.dataset.format(dataset=key.dataset),
            "split": self._layout.split.format(**vars(key), seed=seed),
        }
        resolved = self._grid.resolved(key)
        if resolved.needs_encoder:
            files |= self._encoder(resolved.stage.network)
        if resolved.ranked is not None:
            files["ranking"] = resolved.ranked.ranking
            if resolved.ranked.goes_on:  # those of a trial: the ranking follows on them
                return files
        return files | self._upstream(resolved, seed)

    def _upstream(self, resolved: Resolved, seed: int | str) -> dict[str, str]:
        """The files of earlier stages that a training reads."""
        files = {}
        if resolved.start_from is not None:
            files["start_from"] = self._layout.stage_files(resolved.start_from.key, seed)["weights"]
        if resolved.pseudo_masks is not None:
            labeller = resolved.pseudo_masks.key
            files["pseudo_masks"] = self._layout.pseudo_mask_files(labeller, seed)["masks"]
        return files

    def _encoder(self, network: Network) -> dict[str, str]:
        """The file that an encoder starts from, unless it starts from random weights."""
        if network.weights == "none":
            return {}
        if network.weights == "imagenet":
            return {"encoder": self._layout.encoder.format(encoder=network.encoder)}
        return {"encoder": network.weights}

    def train_options(self, key: StageKey, seed: int | str) -> str:
        """The command-line options for the files that only some trainings read."""
        resolved = self._grid.resolved(key)
        inputs = self.train_inputs(key, seed) | self._upstream(resolved, seed)
        names = ("start_from", "encoder", "pseudo_masks", "ranking")
        options = {name: inputs[name] for name in names if name in inputs}
        if resolved.ranked is not None:
            options["place"] = str(resolved.ranked.place)
            if resolved.ranked.goes_on:
                before = replace(key, method=TRAINED_AS)
                options["goes_on_from"] = f"{self._layout.stage_folder(before, seed)}/{CHECKPOINT}"
        written = [
            f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in options.items()
        ]
        return " ".join([*written, *(["--trial"] if resolved.is_trial else [])])

    def train_settings(self, key: StageKey) -> str:
        """JSON of everything that can change a stage's weights."""
        if key not in self._train_settings:  # the same for every seed
            self._train_settings[key] = self._grid.stage(key).shaping()
        return self._train_settings[key]

    def tensorboard_option(self, key: StageKey, seed: int | str) -> str:
        """The command-line option for the folder of a training's curves."""
        return f"--tensorboard {self._layout.tensorboard.format(**vars(key), seed=seed)}"

    def rank_inputs(self, cell: Cell, rung: int) -> dict[str, Any]:
        """Every file that the ranking of a rung reads."""
        search = self._grid.searches[cell]
        one = search.rungs[rung - 1]
        below = {"below": one.below} if one.below else {}
        trainings = [
            self._layout.stage_files(stages[-1].key, seed)["training"]
            for stages in one.trainings.values()
            for seed in search.settings.seeds
        ]
        return below | {"trainings": trainings}

    def rank_settings(self, cell: Cell, rung: int) -> str:
        """JSON of what ranks the trials of a rung."""
        search = self._grid.searches[cell]
        return _json(search.rung_settings(search.rungs[rung - 1]).model_dump(mode="json"))

    def evaluate_inputs(self, run: Run) -> dict[str, Any]:
        """Every file that an evaluation reads."""
        stages = [self._layout.stage_files(key, run.seed) for key in self._grid.stages(run)]
        restoring = self._grid.restoring_stage(run)
        return {
            "dataset": self._layout.dataset.format(**vars(run)),
            "split": self._layout.split.format(**vars(run)),
            "weights": stages[-1]["weights"],
            "training": [files["training"] for files in stages],
            "pseudo_masks": [
                self._layout.pseudo_mask_files(key, run.seed)["quality"]
                for key in self._grid.pseudo_labellers(run)
            ],
            # None or one, as a list, for Snakemake has no inputs that may be absent.
            "restored_by": [
                self._layout.stage_files(key, run.seed)["weights"] for key in [restoring] if key
            ],
        }

    def summarise_inputs(self) -> list[str]:
        """The metrics files of all runs."""
        return [self._layout.metrics.format(**vars(run)) for run in self._grid.runs]


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"), sort_keys=True)


def _group_table(dataset: Dataset) -> str:
    if not isinstance(dataset.split.groups, GroupTable):
        return ""
    path = data_folder() / (dataset.root or "") / dataset.split.groups.file
    return file_digest(path) if path.is_file() else ""
