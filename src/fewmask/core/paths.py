"""The places of all files: no other module knows their names."""

import os
from dataclasses import dataclass
from pathlib import Path

from fewmask.core.cells import StageKey

CONFIG = Path("config")
"""The folder of datasets, methods and experiments, below the project's root."""

DEFAULT_EXPERIMENT = CONFIG / "config.yaml"


def data_folder() -> Path:
    """The folder that the roots of datasets lie in: $FEWMASK_DATA, or data/."""
    return Path(os.environ.get("FEWMASK_DATA") or "data")


WEIGHTS = "weights.safetensors"
PSEUDO_MASKS = "pseudo_masks.h5"
PSEUDO_MASK_QUALITY = "pseudo_masks.json"
HISTORY = "history.csv"
TRAINING = "training.json"
TRIES = "tries.csv"
CHECKPOINT = "checkpoint.pt"
LOCK = "lock"


@dataclass(frozen=True)
class Layout:
    """The files of one experiment as patterns; ``{dataset}`` and the like are Snakemake's
    wildcards and the names for ``str.format``."""

    results: str = "results"

    @property
    def dataset(self) -> str:
        """The prepared images and masks."""
        return f"{self.results}/datasets/{{dataset}}.h5"

    @property
    def download(self) -> str:
        """The receipt of a dataset that was downloaded, or was there already."""
        return f"{self.results}/downloads/{{dataset}}.txt"

    @property
    def encoder(self) -> str:
        """ImageNet weights of an encoder."""
        return f"{self.results}/encoders/{{encoder}}.safetensors"

    @property
    def split(self) -> str:
        """Which images are labelled, unlabelled, validation and test images."""
        return f"{self.results}/splits/{{dataset}}/{{fraction}}/{{seed}}.csv"

    @property
    def suggestions(self) -> str:
        """The images that networks suggest for a fraction, for the seeds of a draw of masks."""
        return f"{self.results}/suggestions/{{dataset}}/{{fraction}}/{{draw}}.csv"

    @property
    def stage(self) -> str:
        """The folder of one trained stage."""
        return self.stage_of(self.stage_cell)

    @property
    def tensorboard(self) -> str:
        """The folder of a stage's curves."""
        return f"{self.results}/tensorboard/{self.stage_cell}"

    @property
    def ranking(self) -> str:
        """Which trials of a search did best on a rung."""
        return f"{self.results}/search/{{dataset}}/{{method}}/{{fraction}}/rung_{{rung}}.json"

    @property
    def metrics(self) -> str:
        """The metrics of one run; those of every image, and examples, lie beside it."""
        return f"{self.results}/metrics/{self.run_cell}.json"

    @property
    def images(self) -> str:
        """The metrics of one run, image by image."""
        return f"{self.results}/metrics/{self.run_cell}.csv"

    @property
    def examples(self) -> str:
        """The predictions of one run for some test images."""
        return f"{self.results}/metrics/{self.run_cell}.examples.h5"

    @property
    def tables(self) -> str:
        """The folder of tables."""
        return f"{self.results}/tables"

    @property
    def figures(self) -> str:
        """The folder of figures."""
        return f"{self.results}/figures"

    @property
    def run_cell(self) -> str:
        """A run's part of a path."""
        return "{dataset}/{method}/{fraction}/{seed}"

    @property
    def stage_cell(self) -> str:
        """A stage's part of a path."""
        return "{dataset}/{method}/{fraction}/{seed}/{stage}"

    def stage_of(self, cell: str) -> str:
        """The folder of a stage, given its part of a path."""
        return f"{self.results}/stages/{cell}"

    def stage_folder(self, key: StageKey, seed: int | str) -> str:
        """The folder of a stage that is trained with a seed."""
        return self.stage.format(**vars(key), seed=seed)

    def stage_files(self, key: StageKey, seed: int | str) -> dict[str, str]:
        """The files that a training writes."""
        names = {"weights": WEIGHTS, "history": HISTORY, "training": TRAINING}
        folder = self.stage_folder(key, seed)
        return {kind: f"{folder}/{name}" for kind, name in names.items()}

    def pseudo_mask_files(self, key: StageKey, seed: int | str) -> dict[str, str]:
        """The files that pseudo-labelling with a stage writes."""
        folder = self.stage_folder(key, seed)
        return {"masks": f"{folder}/{PSEUDO_MASKS}", "quality": f"{folder}/{PSEUDO_MASK_QUALITY}"}

    def log(self, rule: str, cell: str) -> str:
        """The log of one job."""
        return f"{self.results}/logs/{rule}/{cell}.log"

    def job_of(self, log: str) -> tuple[str, str]:
        """The rule and the cell of the job that has a log."""
        rule, _, cell = log.removeprefix(f"{self.results}/logs/").partition("/")
        return rule, cell.removesuffix(".log")

    def benchmark(self, rule: str, cell: str) -> str:
        """Snakemake's measurement of one job."""
        return f"{self.results}/benchmarks/{rule}/{cell}.tsv"
