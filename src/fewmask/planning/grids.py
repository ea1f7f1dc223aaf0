"""The grids that the files of an experiment request, each with the files below it."""

from collections.abc import Iterator

from pydantic import ValidationError

from fewmask.config.experiment import Experiment
from fewmask.config.layer import Layer
from fewmask.config.layers import merge_all


def grids_of(layers: list[Layer]) -> list[Experiment]:
    """The experiment up to each of its layers; the last one is what is requested."""
    grids = []
    for i in range(len(layers)):
        try:
            grids.append(Experiment.model_validate(merge_all(layers[: i + 1])))
        except ValidationError:
            continue  # a file that is only there to be extended
    return grids


def cells_of(grid: Experiment) -> Iterator[dict[str, str]]:
    """Dataset, method and fraction of every cell, by name."""
    for cell in grid.cells():
        yield dict(zip(("dataset", "method", "fraction"), cell, strict=True))


def cells_only_below(layers: list[Layer]) -> list[dict[str, str]]:
    """The cells that files below request and the experiment itself does not."""
    *below, grid = grids_of(layers)
    own = {tuple(cell.values()) for cell in cells_of(grid)}
    return [cell for one in below for cell in cells_of(one) if tuple(cell.values()) not in own]
