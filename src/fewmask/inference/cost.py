"""What the trainings of a run took."""

from pathlib import Path
from typing import Any

from fewmask.metrics.records import TrainingRecord

KEPT = {"seconds", "peak_memory_mb", "images_seen", "steps", "device", "gpus"}
"""What is kept of each training."""


def cost(trainings: dict[Path, TrainingRecord]) -> dict[str, Any]:
    """What the stages of a run took together, and each of them."""
    records = trainings.values()
    memory = [one.peak_memory_mb for one in records if one.peak_memory_mb is not None]
    return {
        "seconds": round(sum(one.seconds for one in records), 3),
        "peak_memory_mb": max(memory, default=None),
        "images_seen": sum(one.images_seen for one in records),
        "stages": [
            {"cell": _stage_cell(path)} | one.model_dump(include=KEPT, exclude_unset=True)
            for path, one in trainings.items()
        ],
    }


def _stage_cell(training: Path) -> str:
    """Which stage it is: the end of its folder's path, dataset/method/fraction/seed/stage."""
    return "/".join(training.absolute().parent.parts[-5:])
