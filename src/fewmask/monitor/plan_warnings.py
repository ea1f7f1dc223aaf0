"""What a plan warns of: settings that are allowed, but rarely meant."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fewmask.config.stage import Stage
from fewmask.core.errors import FewmaskError
from fewmask.data.splits.likely_groups import likely_groups
from fewmask.planning.grid import Grid

SLOW, FAST = 6, 12
"""A teacher that averages more than a sixth of the steps of its training lags behind its student to
the end; a twelfth was measured to be about right (docs/benchmark.md)."""


def warnings(grid: Grid) -> Iterator[str]:
    """The warnings of a grid, each once."""
    yield from _groups_that_are_unknown(grid)
    as_written = [run for run in grid.runs if grid.search_of(run) is None]
    stages = {key: grid.stage(key) for run in as_written for key in grid.stages(run)}
    yield from dict.fromkeys(
        f"{key.method}: {key.stage}: {slow}"
        for key, stage in stages.items()
        if (slow := _slow_teacher(stage))
    )


def _groups_that_are_unknown(grid: Grid) -> Iterator[str]:
    """Prepared datasets whose names suggest groups, and whose settings have none."""
    for name, settings in grid.datasets.items():
        path = Path(grid.layout.dataset.format(dataset=name))
        if settings.classes and settings.split.draws_one_by_one and path.exists():
            from fewmask.data.store.store import Store  # h5py takes long to import

            # A damaged file, or an older one, is the business of the jobs that read it.
            with suppress(FewmaskError), Store(path) as store:
                if likely := likely_groups(store.images.names):
                    yield f"{name}: {likely.warning}"


def _slow_teacher(stage: Stage) -> str | None:
    """What is wrong with the EMA of a stage that is trained for too few steps for it."""
    decay, steps = getattr(stage.objective, "teacher_decay", None), stage.steps
    # Rounded: 60 * (1 - 0.9) is a little less than 6.
    if decay is None or not isinstance(steps, int) or round(steps * (1 - decay), 6) >= SLOW:
        return None
    faster = f", or teacher_decay: {1 - FAST / steps:.3g}" if steps > FAST else ""
    return (
        f"objective.teacher_decay: {decay:g} makes a teacher of the last {1 / (1 - decay):.0f} "
        f"steps, of only {steps}: it lags behind its student\n"
        f"  expected: a teacher of at most a sixth of the steps\n"
        f"  mend: more steps{faster}"
    )
