"""A small project: a dataset, two methods and an experiment, which tests change as they need."""

from pathlib import Path

import yaml

from fewmask.config.layers import merge

DATASET = """\
reader: {name: scenes, images: 36}
classes: [wall, floor, box, ball, cylinder, cone, pyramid]
size: 32
split: {test: n12, validation: n8}
"""

METHOD = """\
network:
  architecture: {name: unet, decoder_channels: [16, 8, 4]}
  encoder: tu-test_efficientnet
  weights: none
defaults: {precision: fp32}  # bf16 takes four times as long without a GPU
stages:
  supervised:
    objective: {name: supervised}
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 6
    batch: {labelled: 4}
    evaluation: {every: 3}
    resources: {cpus: 1, gpus: 0}
"""

REFINED = """\
extends: supervised
description: "Learns *its own* pseudo_masks: twice"
stages:
  refined:
    objective: {name: self_training, auxiliary: {own_blocks: 1}}
    pseudo_masks: supervised
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 12
    batch: {labelled: 2, unlabelled: 4}
    evaluation: {every: 6}
    resources: {cpus: 1, gpus: 0}
"""

EXPERIMENT = """\
title: A tiny grid
datasets: [rooms]
methods: [supervised]
fractions: [n4, n8]
seeds: [0, 1]
"""


def write_project(folder: Path) -> None:
    """A project with a tiny grid: 2 fractions x 2 seeds."""
    write_config(folder, "datasets/rooms", DATASET)
    write_config(folder, "methods/supervised", METHOD)
    write_config(folder, "config", EXPERIMENT)


def write_refined(folder: Path) -> None:
    """A method of two stages, the second of which learns the first one's pseudo-masks."""
    write_config(folder, "methods/refined", REFINED)


def write_config(folder: Path, name: str, text: str) -> None:
    """Write config/NAME.yaml."""
    path = folder / f"config/{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def change_config(folder: Path, name: str, **values: object) -> None:
    """Change keys of config/NAME.yaml, also nested ones."""
    before = yaml.safe_load((folder / f"config/{name}.yaml").read_text())
    write_config(folder, name, yaml.safe_dump(merge(before, values), sort_keys=False))
