"""Checks of the datasets, methods and fractions that parts of an experiment name."""

from collections.abc import Iterable
from itertools import product

from fewmask.config.experiment import Experiment
from fewmask.config.explain import did_you_mean
from fewmask.config.layer import Keys, Layer, error_at
from fewmask.planning.grids import grids_of


def check_cells(layers: list[Layer]) -> None:
    """Refuse what is left out, swept or shown of cells that no file requests.

    As for published values, a name that fits the grid of one file remains right where a file above
    it, or --config, requests a smaller grid. Raises ConfigError.
    """
    grids = grids_of(layers)
    experiment = grids[-1]
    fractions = {fraction for grid in grids for fraction in grid.fractions}
    methods = {method for grid in grids for method in grid.methods}
    for i, runs in enumerate(experiment.leave_out):
        if not any(runs.selects(**run) for grid in grids for run in _all_runs(grid)):
            chosen = ", ".join(f"{key}: {value}" for key, value in runs if value is not None)
            raise error_at(
                layers,
                ("leave_out", i),
                f"selects nothing of the grid\n  found: {chosen}\n"
                f"  expected: some of the experiment's datasets, methods, fractions and seeds",
            )
    for i, fraction in enumerate(experiment.example_fractions):
        _check("fraction", fraction, fractions, layers, ("example_fractions", i))
    for method in experiment.sweep.values if experiment.sweep else ():
        _check("method", method, methods, layers, ("sweep", "values", method))
    for i, other in enumerate(experiment.published.others if experiment.published else ()):
        for fraction in other.values:
            keys = ("published", "others", i, "values", fraction)
            _check("fraction", fraction, fractions, layers, keys)


def _all_runs(grid: Experiment) -> Iterable[dict[str, str | int]]:
    """Also those that are left out."""
    for run in product(grid.datasets, grid.methods, grid.fractions, grid.seeds):
        yield dict(zip(("dataset", "method", "fraction", "seed"), run, strict=True))


def _check(kind: str, name: str, known: set[str], layers: list[Layer], keys: Keys) -> None:
    if name not in known:
        raise error_at(
            layers,
            keys,
            f"{name} is no {kind} of the experiment{did_you_mean(name, known)}\n"
            f"  expected: one of {', '.join(sorted(known))}",
        )
