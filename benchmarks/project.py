"""A run of a small experiment with its files, ready to train and to evaluate."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from fewmask.config.stage import Stage
from fewmask.core.cells import Run, StageKey
from fewmask.data.preparation.prepare import prepare
from fewmask.data.splits.job import split
from fewmask.data.store.store import Store
from fewmask.inference.pseudo_label import pseudo_label
from fewmask.networks.pretrained import fetch_encoder
from fewmask.planning.grid import Grid, load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.training.building import build_training
from fewmask.training.execution import Execution
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.loop import Training
from fewmask.training.runtime import is_emulated, start

CORES = len(os.sched_getaffinity(0))
EXPERIMENTS = Path("config/experiments/small")
NO_EVALUATIONS = {"every": 10**9, "metric": "none"}
RESNET = {"encoder": "resnet18", "weights": "none"}
"""A common encoder; no speed depends on the values of its weights."""
EMBEDDED = {"encoder": "tu-tf_efficientnet_lite0", "weights": "imagenet"}
"""The encoder of the small experiments, and what it starts from."""


@contextmanager
def project(
    experiment: str,
    run: Run,
    size: int | None = None,
    network: dict[str, Any] = RESNET,
    **changes: Any,
) -> "Iterator[Project]":
    """A run of one of the small experiments with a ResNet-18, in a temporary folder of results.

    ``size``: the size of the images, by default that of the dataset; ``network``: overrides for all
    stages; ``changes``: of the experiment.
    """
    with tempfile.TemporaryDirectory(dir="results", prefix="benchmark_") as folder:
        # In bf16 where the machine has instructions for it.
        precision = "fp32" if is_emulated(start("bf16", CORES)) else "bf16"
        config = {
            "results": os.path.relpath(folder),
            "overrides": [{"settings": {"network": RESNET | network, "precision": precision}}],
        } | changes
        yield Project(load_grid([EXPERIMENTS / f"{experiment}.yaml"], config), run, size)


@dataclass(frozen=True)
class Project:
    """A run and its files, which are made when they are requested."""

    grid: Grid
    run: Run
    size: int | None

    def training(self, name: str, **changes: Any) -> Training:
        """The training of the stage ``name`` at its first step, without end and without evaluations
        on the validation images."""
        key = self.key(name)
        stage = self.stage(key, steps=10**9, evaluation=NO_EVALUATIONS, **changes)
        inputs = self.inputs(key)
        runtime = start(stage.precision, CORES, stage.deterministic)
        with redirect_stderr(StringIO()):
            return build_training(inputs, stage, self.run.seed, Store(inputs.dataset), runtime)

    def key(self, name: str) -> StageKey:
        """The stage of the run with that name."""
        return next(key for key in self.grid.stages(self.run) if key.stage == name)

    def stage(self, key: StageKey, **changes: Any) -> Stage:
        """A stage's settings, with some replaced."""
        return Stage.model_validate(self.grid.stage(key).model_dump() | changes)

    def inputs(self, key: StageKey) -> Inputs:
        """The files that a stage reads; they are made if they are not there.

        Those of earlier stages come from trainings of a single step.
        """
        files = {
            name: Path(path)
            for name, path in JobArguments(self.grid).train_inputs(key, self.run.seed).items()
        }
        with redirect_stderr(StringIO()):
            self._prepare(key, files["dataset"], files["split"])
            if (encoder := files.get("encoder")) and not encoder.exists():
                fetch_encoder(self.grid.stage(key).network.encoder, encoder)
            for earlier in self.grid.stages(self.run):
                if earlier == key:
                    break
                self.trained(earlier)
        return Inputs(**files)

    def _prepare(self, key: StageKey, dataset: Path, split_file: Path) -> None:
        if not dataset.exists():
            dataset.parent.mkdir(parents=True, exist_ok=True)
            reading = json.loads(JobArguments(self.grid).prepare_settings(key.dataset))
            size = {"size": self.size} if self.size else {}
            prepare(json.dumps(reading | size), dataset, CORES)
        if not split_file.exists():
            split_file.parent.mkdir(parents=True, exist_ok=True)
            split(
                dataset,
                JobArguments(self.grid).split_settings(key.dataset),
                key.fraction,
                self.run.seed,
                split_file,
            )

    def trained(self, key: StageKey) -> dict[str, str]:
        """The files of a stage that was trained for a single step, with its pseudo-masks."""
        files = self.grid.layout.stage_files(key, self.run.seed)
        if Path(files["weights"]).exists():
            return files
        with redirect_stderr(StringIO()):
            inputs = self.inputs(key)
            stage = self.stage(key, steps=1, schedule={}, evaluation=NO_EVALUATIONS)
            train(
                inputs,
                stage,
                self.run.seed,
                Path(files["weights"]).parent,
                Execution(threads=CORES),
            )
            masks = Path(self.grid.layout.pseudo_mask_files(key, self.run.seed)["masks"])
            name = f"{key.method}/{key.stage}"
            pseudo_label(
                name, inputs.dataset, inputs.split, Path(files["weights"]), masks, threads=CORES
            )
        return files
