"""The networks of an experiment that was trained."""

from collections.abc import Mapping
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.inference.suggestions.networks import Networks
from fewmask.planning.grid import Grid


def networks_of(grid: Grid, cell: Mapping[str, str | None]) -> Networks:
    """Those of all seeds of a cell (see `Grid.runs_of`): the last stages of its runs.

    Raises FewmaskError: the experiment has no such cell, or a run was not trained.
    """
    runs = grid.runs_of(cell)
    weights = [
        Path(grid.layout.stage_files(grid.stages(run)[-1], run.seed)["weights"]) for run in runs
    ]
    if missing := [path for path in weights if not path.is_file()]:
        raise FewmaskError(
            f"{missing[0]}: no such file ({len(missing)} of {len(weights)} networks are missing)\n"
            f"  expected: the weights of all seeds\n"
            f"  mend: run the experiment first, or choose seeds: --config 'seeds=[0]'"
        )
    return Networks(
        weights,
        Path(grid.layout.dataset.format(**vars(runs[0]))),
        [Path(grid.layout.split.format(**vars(run))) for run in runs],
    )
