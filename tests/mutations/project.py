"""A small project with all its jobs done, as the workflow does them."""

import os
import shlex
from pathlib import Path

import numpy as np
from PIL import Image

from fewmask.core.cells import Run
from fewmask.core.paths import CHECKPOINT
from fewmask.planning.grid import Grid, load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.requested import Requested, requested_by
from tests.mutations.calling import call
from tests.small_project import change_config, write_project, write_refined

RUN = Run("rooms", "refined", "n4", 0)
EXPERIMENT = "experiment.json"
"""What `summarise` is given of the experiment."""

OUT = "out"
"""The folder that commands write to when they are tried."""

BENCHMARK = "s\th:m:s\tmax_rss\n12.5\t0:00:12\t800.0\n"


def write_smallest(folder: Path) -> None:
    """The settings: two stages of a few steps on files that are small and quick to read."""
    write_project(folder)
    write_refined(folder)
    split = {"test": "n4", "validation": "n3"}
    change_config(folder, "datasets/rooms", reader={"images": 18}, split=split)
    network = {
        "encoder": "mobilenet_v2",
        "architecture": {"name": "unet", "decoder_channels": [8, 8, 4]},
    }
    stage = {"steps": 3, "evaluation": {"every": 2}}
    supervised = stage | {"batch": {"labelled": 2}}
    refined = {
        "objective": {"auxiliary": {"own_blocks": 1}},
        "start_from": "supervised",
        "batch": {"labelled": 2, "unlabelled": 2},
    }
    change_config(folder, "methods/supervised", network=network, stages={"supervised": supervised})
    change_config(folder, "methods/refined", stages={"refined": stage | refined})
    change_config(folder, "config", methods=["supervised", "refined"], fractions=["n4"], seeds=[0])


class Project:
    """A finished project in a folder, and the commands of its jobs.

    Everything is run in children, so that this process never starts threads that a fork loses.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_smallest(folder)
        (folder / "images").mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(noise).save(folder / "images/noise.png")
        self.grid, self.requested = self._grid()
        (folder / EXPERIMENT).write_text(self.requested.as_json())
        self._arguments = JobArguments(self.grid)
        self.refined = self.grid.stages(RUN)[-1]
        self._make()

    def _grid(self) -> tuple[Grid, Requested]:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            grid = load_grid()
            return grid, requested_by(grid)
        finally:
            os.chdir(before)

    def prepare(self, output: str) -> list[str]:
        settings = ["--settings", self._arguments.prepare_settings(RUN.dataset)]
        return ["prepare", *settings, "--output", output]

    def split(self, output: str) -> list[str]:
        settings = ["--settings", self._arguments.split_settings(RUN.dataset)]
        cell = ["--fraction", RUN.fraction, "--seed", str(RUN.seed)]
        return ["split", *self._inputs("dataset"), *settings, *cell, "--output", output]

    def train(self, key, output: str, *more: str) -> list[str]:
        settings = ["--settings", self._arguments.train_settings(key), "--seed", str(RUN.seed)]
        options = shlex.split(self._arguments.train_options(key, RUN.seed))
        inputs = [*self._inputs("dataset", "split"), *options]
        return ["train", *inputs, *settings, "--output", output, *more]

    def pseudo_label(self, key, output: str) -> list[str]:
        weights = ["--weights", self.grid.layout.stage_files(key, RUN.seed)["weights"]]
        stage = ["--stage", f"{key.method}/{key.stage}"]
        inputs = self._inputs("dataset", "split")
        return ["pseudo-label", *stage, *inputs, *weights, "--output", output]

    def evaluate(self, run: Run, output: str) -> list[str]:
        files = self._arguments.evaluate_inputs(run)
        options = [*self._inputs("dataset", "split"), "--weights", files["weights"]]
        options += [word for path in files["training"] for word in ("--training", path)]
        options += [word for path in files["pseudo_masks"] for word in ("--pseudo-masks", path)]
        options += [word for path in files["restored_by"] for word in ("--restored-by", path)]
        cell = [str(value) for value in vars(run).values()]
        return ["evaluate", "--run", *cell, *options, "--output", output]

    def summarise(self, output: str) -> list[str]:
        return [
            "summarise",
            *("--experiment", EXPERIMENT),
            "--tables",
            f"{output}/tables",
            "--figures",
            f"{output}/figures",
        ]

    def _inputs(self, *names: str) -> list[str]:
        files = {
            "dataset": self.grid.layout.dataset.format(**vars(RUN)),
            "split": self.grid.layout.split.format(**vars(RUN)),
        }
        return [word for name in names for word in (f"--{name}", files[name])]

    def _make(self) -> None:
        layout, cell = self.grid.layout, vars(RUN)
        self._run("prepare", RUN.dataset, self.prepare(layout.dataset.format(**cell)))
        self._run(
            "split", f"{RUN.dataset}/{RUN.fraction}/0", self.split(layout.split.format(**cell))
        )
        for key in self.grid.stages(RUN):
            folder = self.grid.layout.stage_folder(key, RUN.seed)
            name = layout.stage_cell.format(**vars(key), seed=RUN.seed)
            self._run("train", name, self.train(key, folder))
            if key in self.grid.pseudo_labellers(RUN):
                output = self.grid.layout.pseudo_mask_files(key, RUN.seed)["masks"]
                self._run("pseudo_label", name, self.pseudo_label(key, output))
        for run in self.grid.runs:
            name = layout.run_cell.format(**vars(run))
            self._run("evaluate", name, self.evaluate(run, layout.metrics.format(**vars(run))))

    def checkpoint(self) -> bytes:
        """What a training of the last stage saves."""
        arguments = self.train(self.refined, f"{OUT}/stage")
        answer = call(self.folder, arguments, self.folder / "log")
        assert answer.code == 0, answer.output
        return (self.folder / OUT / "stage" / CHECKPOINT).read_bytes()

    def _run(self, rule: str, cell: str, arguments: list[str]) -> None:
        answer = call(self.folder, arguments, self.folder / self.grid.layout.log(rule, cell))
        assert answer.code == 0, answer.output
        benchmark = self.folder / self.grid.layout.benchmark(rule, cell)
        benchmark.parent.mkdir(parents=True, exist_ok=True)
        benchmark.write_text(BENCHMARK)
