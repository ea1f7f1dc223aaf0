"""A small grid: one dataset, one method of two stages, one experiment."""

from pathlib import Path

from fewmask.core.cells import Run
from fewmask.planning.grid import load_grid

METHOD = """\
network: {encoder: resnet18, weights: none}
defaults:
  objective: {name: supervised}
  optimiser: {name: adamw, learning_rate: 0.001}
  batch: {labelled: 4}
  steps: 100
stages:
  first: {}
  second: {start_from: first, steps: 50}
"""


EXPERIMENT = """\
title: A small grid
datasets: [rooms]
methods: [chain]
fractions: [0.05, n40, 1.0]
seeds: [0, 1]
"""


def write(name: str, text: str) -> None:
    Path(f"config/{name}.yaml").write_text(text)


def folders(method: str, fraction: str = "n40") -> list[str]:
    """The folders of the stages of a run."""
    grid = load_grid()
    run = Run("rooms", method, fraction, 0)
    return [grid.layout.stage_folder(key, 0) for key in grid.stages(run)]
