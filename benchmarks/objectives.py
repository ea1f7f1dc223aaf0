"""How close the step of every objective comes to its bare passes, as small experiments train it."""

from collections.abc import Callable
from functools import cache
from typing import get_args

from benchmarks.measurement import Measurement
from benchmarks.passes import passes
from benchmarks.project import EMBEDDED, EXPERIMENTS, project
from benchmarks.training import near
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.stage import Objective
from fewmask.core.cells import Run
from fewmask.planning.grid import load_grid
from fewmask.training.loop import Training


def of_objective(name: str) -> Callable[[], list[Measurement]]:
    """The benchmark of an objective."""

    def measure() -> list[Measurement]:
        experiment, run, stage = learning()[name]
        with project(experiment, run, network=EMBEDDED) as made:
            training = made.training(stage)
            return near(training, passes(training), _title(name, training), "bare passes", 0.9)

    measure.__name__ = name
    measure.__doc__ = f"{name}: against its passes, bare."
    return measure


@cache
def learning() -> dict[str, tuple[str, Run, str]]:
    """By the name of every objective: a small experiment, a run of it, and the stage of that run
    that learns by it. Of several, the first one of those with the most losses."""
    found: dict[str, tuple[str, Run, str]] = {}
    losses: dict[str, int] = {}
    for path in sorted(EXPERIMENTS.glob("*.yaml")):
        grid = load_grid([path])
        if grid.experiment.search:  # the others have its methods as they are written
            continue
        for run in grid.runs:
            for key in grid.stages(run):
                one: ObjectiveSettings = grid.stage(key).objective
                if len(one.loss_names) > losses.get(one.name, 0):
                    losses[one.name] = len(one.loss_names)
                    found[one.name] = path.stem, run, key.stage
    return found


def _title(name: str, training: Training) -> str:
    store, sizes = training.draws.images.store, training.draws.sizes.values()
    network = training.stage.network
    return (
        f"{name}, {network.architecture.name} {network.encoder}, {store.height} x {store.width} "
        f"px, batch {' + '.join(map(str, sizes))}"
    )


BENCHMARKS = [
    of_objective(get_args(one.model_fields["name"].annotation)[0])
    for one in get_args(get_args(Objective)[0])
]
