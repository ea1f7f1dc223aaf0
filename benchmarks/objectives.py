"""How close the step of every objective that learns masks comes to its bare passes."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, get_args

from benchmarks.measurement import Measurement
from benchmarks.passes import passes
from benchmarks.project import EXPERIMENTS, project
from benchmarks.training import near
from fewmask.config.named import names_in
from fewmask.config.stage import Objective
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.objectives.hard_pixels import LearnsMasks
from fewmask.planning.grid import load_grid

EXPERIMENT, DATASET, FRACTION = "camvid_semi_supervised", "camvid_96", "n20"


def of_objective(name: str) -> Callable[[], list[Measurement]]:
    """The benchmark of an objective."""

    def measure() -> list[Measurement]:
        run, stage = _stage_of(name)
        batch = {"labelled": 4, "unlabelled": 8}
        with project(EXPERIMENT, run, **_alone(run.method)) as made:
            roles = made.stage(made.key(stage)).batch.roles
            training = made.training(stage, batch={role: batch[role] for role in roles})
            what = f"{name}, U-Net ResNet-18, 96 x 128 px, batch 4 + 8"
            return near(training, passes(training), what, "bare passes", 0.9)

    measure.__name__ = name
    measure.__doc__ = f"{name}: against its passes, bare."
    return measure


def _stage_of(objective: str) -> tuple[Run, str]:
    """The first stage of all methods that learns by an objective, in a run of CamVid."""
    for method in names_in("methods"):
        with suppress(FewmaskError):  # methods that need more than CamVid has
            grid = load_grid([EXPERIMENTS / f"{EXPERIMENT}.yaml"], _alone(method))
            run = Run(DATASET, method, FRACTION, 0)
            for key in grid.stages(run):
                if grid.stage(key).objective.name == objective:
                    return run, key.stage
    raise LookupError(f"no method learns by {objective}")


def _alone(method: str) -> dict[str, Any]:
    """The changes that make it the only method of the experiment."""
    return {"methods": [method], "reference": method}


BENCHMARKS = [
    of_objective(get_args(one.model_fields["name"].annotation)[0])
    for one in get_args(get_args(Objective)[0])
    if issubclass(one, LearnsMasks)
]
