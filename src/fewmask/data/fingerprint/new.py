"""From a folder of images to an experiment: ``fewmask new``."""

import os
import re
from pathlib import Path
from typing import Any

import yaml

from fewmask.config.named import load_dataset
from fewmask.config.settings import NAME
from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.core.paths import CONFIG, data_folder
from fewmask.data.fingerprint import choices
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
    texts = {dataset: _dataset(found, root), experiment: _experiment(name, found)}
    settings = checked(yaml.safe_load(texts[dataset]), data_folder() / root)
    draw_samples(name, settings, found.items, samples)
    for path, text in texts.items():
        with written_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    load_dataset(name)
    runs = len(load_grid([experiment]).runs)
    return _next_steps(name, found, dataset, experiment, samples, runs)


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


def _dataset(found: Fingerprint, root: str) -> str:
    heights, widths = found.sizes.T
    sizes = f"{heights.min()} to {heights.max()} x {widths.min()} to {widths.max()}"
    shape = {"size": choices.size(found)}
    why = "the median image, scaled to at most 512 pixels; sides are multiples of 32"
    if choices.needs_tiles(found):
        shape, why = {"tiles": choices.TILES}, "scaled down, images so large would lose detail"
    values = found.classes.mask_values
    split = {"test": choices.TEST, "masks": "budget"}
    split |= {"groups": found.groups.pattern} if found.groups else {}
    shares = ", ".join(f"{100 * share:.3g} %" for share in found.classes.shares)
    lines = [
        "# yaml-language-server: $schema=../schemas/dataset.schema.json",
        f"# {len(found.items):,} images, {found.masks:,} with masks; {sizes} (height x width);",
        f"# of {found.kinds.total():,} that were opened: "
        + ", ".join(f"{n:,} {kind}" for kind, n in found.kinds.items()),
        _line({"reader": found.reader}),
        _line({"root": root}),
        *_about_channels(found),
        f"# Shares of pixels: {shares}; give the classes their names."
        if shares
        else "# Where shapes overlap, the later class counts; outside all shapes, the first.",
        _line({"classes": found.classes.classes}),
        *([_line({"mask_values": values})] if values else []),
        f"# {why}",
        _line(shape),
        "# A fraction such as n20 counts all masks that are drawn; a quarter is for validation.",
        *(_about_groups(found)),
        _line({"split": split}),
    ]
    return "\n".join(lines) + "\n"


def _about_channels(found: Fingerprint) -> list[str]:
    if found.channels is None:
        return []
    return [
        "# Stored as they are. Give the channels their names, [blue, green, ...], and say which",
        "# three of them figures show (show: [nir, red, green]).",
        _line({"channels": found.channels}),
    ]


def _about_groups(found: Fingerprint) -> list[str]:
    if not found.groups:
        return ["# If images belong together (patients, plots), say so: groups: '(...)_'."]
    return [
        f"# Names suggest {len(found.groups.sizes):,} groups, each of which is kept whole. If the",
        "# images of one are not alike, leave groups out.",
    ]


def _line(values: dict[str, Any]) -> str:
    """A key and its value on one line; long ones continue on the next."""
    ((key, value),) = values.items()
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True)
    return f"{key}: {text.strip()[1:-1]}"


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
    return f"""\
found {len(found.items):,} images, {found.masks:,} with masks, by the reader {found.reader["name"]}
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
