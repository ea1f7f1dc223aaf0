"""The networks of an experiment that was trained."""

from collections.abc import Mapping
from pathlib import Path

from fewmask.config.explain import did_you_mean
from fewmask.core.errors import FewmaskError
from fewmask.inference.suggestions.networks import Networks
from fewmask.planning.grid import Grid


def networks_of(grid: Grid, cell: Mapping[str, str | None]) -> Networks:
    """Those of all seeds of a cell: the last stages of its runs.

    ``cell``: dataset, method and fraction; None: the first one of the experiment.

    Raises FewmaskError: the experiment has no such cell, or a run was not trained.
    """
    runs = grid.runs
    for key in ("dataset", "method", "fraction"):
        wanted = cell[key]
        there = list(dict.fromkeys(getattr(run, key) for run in runs))
        if wanted is not None and wanted not in there:
            raise FewmaskError(
                f"{grid.source}: the experiment has no {key} {wanted}{did_you_mean(wanted, there)}"
                f"\n  found: {', '.join(there)}"
            )
        runs = [run for run in runs if getattr(run, key) == (wanted or there[0])]
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
