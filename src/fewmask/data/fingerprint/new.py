"""From a folder of images to an experiment: ``fewmask new``."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from fewmask.config.named import load_dataset
from fewmask.config.settings import NAME
from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.core.paths import CONFIG, data_folder
from fewmask.data.fingerprint import choices
from fewmask.data.fingerprint.dataset_text import dataset_text
from fewmask.data.fingerprint.fingerprint import Fingerprint, checked, fingerprint
from fewmask.data.fingerprint.samples import draw_samples
from fewmask.planning.grid import load_grid

METHODS = ("supervised", "mean_teacher", "fixmatch", "unimatch")


def new(name: str, folder: Path) -> str:
    """Write config/datasets/``name``.yaml, config/experiments/``name``.yaml and an image of samples
    for a folder of images; return what was found, and what to run next.

    Raises FewmaskError: one of the files exists, the folder lies outside the folder of the data, or
    it holds no images, no masks, or masks of one class. Then nothing is written.
    """
    if not re.fullmatch(NAME, name):
        raise FewmaskError(f"{name}: no name of a dataset\n  expected: a-z, 0-9, _ and -")
    dataset, experiment = (CONFIG / kind / f"{name}.yaml" for kind in ("datasets", "experiments"))
    samples = Path("results/new") / f"{name}.png"
    for path in (dataset, experiment, samples):
        if path.exists():
            raise FewmaskError(
                f"{path}: there is such a file, and nothing is overwritten\n"
                f"  mend: choose another name, or remove the file"
            )
    root = _root(folder)
    found = fingerprint(data_folder(), root)
    texts = {dataset: dataset_text(found, root), experiment: _experiment(name, found)}
    settings = checked(yaml.safe_load(texts[dataset]), data_folder() / root)
    with _all_or_none(samples, *texts):
        draw_samples(name, settings, found.items, samples)
        for path, text in texts.items():
            with written_whole(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        load_dataset(name)
        runs = len(load_grid([experiment]).runs)
    return _next_steps(name, found, dataset, experiment, samples, runs)


@contextmanager
def _all_or_none(*new: Path) -> Iterator[None]:
    """Remove files that were not there before if the block raises an error."""
    try:
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):
                path.unlink()
        raise


def _root(folder: Path) -> str:
    """The folder of a dataset, below that of all data. Raises FewmaskError."""
    data = data_folder()
    place = folder if folder.is_dir() else data / folder
    if not place.is_dir():
        raise FewmaskError(f"{folder}: no such folder, neither here nor in {data}")
    inside = Path(os.path.abspath(place)), Path(os.path.abspath(data))
    if inside[0] == inside[1] or not inside[0].is_relative_to(inside[1]):
        raise FewmaskError(
            f"{folder}: lies outside the folder of the data, {data}\n"
            f"  mend: move or link it there (ln -s {inside[0]} {data}/), or set FEWMASK_DATA to\n"
            f"  the folder that holds it"
        )
    return inside[0].relative_to(inside[1]).as_posix()


def _experiment(name: str, found: Fingerprint) -> str:
    fractions = ", ".join(choices.fractions(found))
    return f"""\
# yaml-language-server: $schema=../schemas/experiment.schema.json
# What methods that learn from images without masks add on {name}: a first look, on a processor.
# On a GPU: precision bf16, more steps (20000), a larger encoder (fewmask encoders), gpus: 1.
title: What images without masks are worth on {name}
results: results/{name}
datasets: [{name}]
methods: [{", ".join(METHODS)}]
fractions: [{fractions}]  # masks in all; {found.masks:,} are there
seeds: [0, 1, 2]
overrides:
  - settings:
      network: {{encoder: tu-tf_efficientnet_lite0, weights: imagenet}}  # installed with Fewmask
      precision: fp32
      optimiser: {{learning_rate: 0.001}}
      schedule: {{warmup_steps: 20}}
      steps: 300
      evaluation: {{every: 50}}
      resources: {{cpus: 1, gpus: 0, memory_gb: 4, minutes: 240}}
  - when: {{stage: supervised}}
    settings: {{batch: {{labelled: 4}}}}
  - when: {{stage: semi_supervised}}
    settings: {{batch: {{labelled: 2, unlabelled: 4}}}}
"""


def _next_steps(
    name: str, found: Fingerprint, dataset: Path, experiment: Path, samples: Path, runs: int
) -> str:
    reader = found.reader["name"]
    return f"""\
found {len(found.items):,} {found.unit}, {found.masks:,} with masks, by the reader {reader}
wrote {dataset}
wrote {experiment}: {runs} runs
wrote {samples}

1. Look at {samples}, and give the classes their names in {dataset}.
2. Prepare the images, and look at what was prepared:
   snakemake --profile profiles/local --configfile {experiment} -- datasets
   fewmask inspect results/{name}/datasets/{name}.h5
3. See what would be run, and run it:
   fewmask plan --configfile {experiment}
   snakemake --profile profiles/local --configfile {experiment}"""
