"""Which command reads which file, and what it makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import yaml

from fewmask.core.paths import CHECKPOINT
from tests.mutations import arrays, bytes_and_lines, trees
from tests.mutations.project import OUT, RUN, Project


def one_truth(data: bytes) -> object:
    """Of a file that a job wrote: there is no other that is as good."""
    return None


def anything(data: bytes) -> object:
    """Of a file that may have been otherwise, such as the log of a job that went otherwise."""
    return data


Mutate = Callable[[bytes, Random], bytes]

TEXT = [bytes_and_lines.change_bytes, bytes_and_lines.change_lines]
CSV = [*TEXT, bytes_and_lines.change_cells, bytes_and_lines.change_cells]
JSON = [*TEXT, trees.change_json, trees.change_json]
YAML = [*TEXT, trees.change_yaml, trees.change_yaml]
HDF5 = [bytes_and_lines.change_bytes, arrays.change_hdf5]
SAFETENSORS = [bytes_and_lines.change_bytes, arrays.change_safetensors]


@dataclass(frozen=True)
class Target:
    """A command and one of the files that it reads."""

    name: str
    file: str
    """Below the project's folder."""
    arguments: list[str]
    mutations: list[Mutate]
    means: Callable[[bytes], object] = one_truth
    """What a file says: where a changed file says the same, a command that ends well must make the
    very same of it."""
    ignored: tuple[str, ...] = field(default=())
    """Names of files that differ from one call to the next."""

    @property
    def called(self) -> str:
        """What a message has to name: the file, or the dataset or method whose settings it has."""
        path = Path(self.file)
        return path.stem if path.is_relative_to("config") else path.name

    @property
    def is_made(self) -> bool:
        """Whether the command's own folder holds the file, a checkpoint."""
        return self.file.startswith(f"{OUT}/")

    @property
    def speaks(self) -> bool:
        """Whether what the command prints is its result."""
        return self.arguments[0] in ("plan", "status", "inspect")


def targets(project: Project) -> list[Target]:
    """All targets; every file that a command reads is read by one of them at least."""
    layout, cell = project.grid.layout, vars(RUN)
    first, last = project.grid.stages(RUN)
    store, split = layout.dataset.format(**cell), layout.split.format(**cell)
    before, after = (layout.stage_files(key, RUN.seed) for key in (first, last))
    pseudo = layout.pseudo_mask_files(first, RUN.seed)
    metrics, images = layout.metrics.format(**cell), layout.images.format(**cell)
    examples = layout.examples.format(**cell)
    train_log = layout.log("train", layout.stage_cell.format(**vars(last), seed=RUN.seed))
    benchmark = layout.benchmark("train", layout.stage_cell.format(**vars(last), seed=RUN.seed))

    evaluate = project.evaluate(RUN, f"{OUT}/0.json")
    train = project.train(last, f"{OUT}/stage")
    pseudo_label = project.pseudo_label(first, f"{OUT}/pseudo_masks.h5")
    summarise = project.summarise(OUT)
    predict = ["predict", after["weights"], "--images", "images", "--out", f"{OUT}/predicted"]
    inspect = ["--image", f"{OUT}/samples.png"]
    measured = (
        *("history.csv", "training.json", "tries.csv", "lock"),
        *("checkpoint.pt", "checkpoint.aside.pt"),
    )
    return [
        Target("split-store", store, project.split(f"{OUT}/0.csv"), HDF5),
        Target("evaluate-store", store, evaluate, HDF5),
        Target("inspect-store", store, ["inspect", store, *inspect], HDF5),
        Target("train-store", store, train, HDF5, ignored=measured),
        Target("train-split", split, train, CSV, means=anything, ignored=measured),
        Target("evaluate-split", split, evaluate, CSV),
        Target("pseudo_label-split", split, pseudo_label, CSV),
        Target("evaluate-weights", after["weights"], evaluate, SAFETENSORS),
        Target("predict-weights", after["weights"], predict, SAFETENSORS),
        Target("pseudo_label-weights", before["weights"], pseudo_label, SAFETENSORS),
        Target("train-start_from", before["weights"], train, SAFETENSORS, ignored=measured),
        Target("evaluate-training", after["training"], evaluate, JSON),
        Target("evaluate-quality", pseudo["quality"], evaluate, JSON),
        Target("train-pseudo_masks", pseudo["masks"], train, HDF5, ignored=measured),
        Target(
            "inspect-pseudo_masks", pseudo["masks"], ["inspect", pseudo["masks"], *inspect], HDF5
        ),
        Target("train-checkpoint", f"{OUT}/stage/{CHECKPOINT}", train, TEXT[:1], ignored=measured),
        Target("summarise-metrics", metrics, summarise, JSON),
        Target("summarise-images", images, summarise, CSV),
        Target("summarise-examples", examples, summarise, HDF5),
        Target("summarise-history", after["history"], summarise, CSV),
        Target("summarise-benchmark", benchmark, summarise, CSV, means=anything),
        Target("status-log", train_log, ["status"], TEXT, means=anything),
        Target("plan-benchmark", benchmark, ["plan", "--jobs", "2"], CSV, means=anything),
        Target("plan-training", after["training"], ["plan"], JSON, means=anything),
        Target("plan-dataset", "config/datasets/rooms.yaml", ["plan"], YAML, means=yaml.safe_load),
        Target("plan-method", "config/methods/refined.yaml", ["plan"], YAML, means=yaml.safe_load),
        Target("plan-experiment", "config/config.yaml", ["plan"], YAML, means=yaml.safe_load),
    ]
