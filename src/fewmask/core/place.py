"""The position of this process among those that train together, which whoever started it has set.

It is known without torch: what only starts the others needs none.
"""

import os
from typing import NamedTuple


class Place(NamedTuple):
    """The position of this process among those that train together."""

    rank: int
    processes: int
    local_rank: int
    """The number among the processes of this machine, and so of its GPU."""


def own_place() -> Place | None:
    """This process's place, as torchrun, `fewmask.training.launch` or SLURM's srun set it in the
    environment; None if it was started alone."""
    variables = os.environ
    if "RANK" in variables and "WORLD_SIZE" in variables:
        return Place(
            int(variables["RANK"]),
            int(variables["WORLD_SIZE"]),
            int(variables.get("LOCAL_RANK", 0)),
        )
    if int(variables.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        numbers = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
        return Place(*(int(variables[name]) for name in numbers))
    return None
