"""Whether results were made with the requested settings, read from the results themselves.

Snakemake detects changed settings by its own records, which may be gone. The records of trainings
and metrics files state the settings that they were made with.
"""

import json
from pathlib import Path
from typing import Any

from fewmask.core.cells import Run, StageKey
from fewmask.core.paths import TRAINING
from fewmask.planning.grid import Grid
from fewmask.planning.job_arguments import JobArguments

Content = dict[str, Any]


class RequestedSettings:
    """The requested settings."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._arguments = JobArguments(grid)
        self._trainings: dict[StageKey, Content] = {}
        self._readings: dict[str, Content] = {}

    def is_other_training(self, weights: Path, key: StageKey) -> bool:
        """Whether the weights of a stage were trained with other settings, or on data prepared with
        other settings; False if its record is missing or damaged."""
        made_with = _read(weights.with_name(TRAINING))
        return bool(made_with) and (
            made_with.get("training") != self._training(key)
            or self._is_other(made_with, key.dataset)
        )

    def is_other_evaluation(self, metrics: Path, run: Run) -> bool:
        """The same for the trainings of a run, as its metrics file states them."""
        made_with = _read(metrics).get("provenance")
        if not isinstance(made_with, dict):
            return False
        trainings = [self._training(key) for key in self._grid.stages(run)]
        return made_with.get("stages") != trainings or self._is_other(made_with, run.dataset)

    def _training(self, key: StageKey) -> Content:
        if key not in self._trainings:
            self._trainings[key] = json.loads(self._arguments.train_settings(key))
        return self._trainings[key]

    def _is_other(self, made_with: Content, dataset: str) -> bool:
        if dataset not in self._readings:
            self._readings[dataset] = _shaping(
                json.loads(self._arguments.prepare_settings(dataset))
            )
        return _shaping(made_with.get("dataset")) != self._readings[dataset]


def _shaping(reading: Any) -> Any:
    """The settings that shape the data."""
    if not isinstance(reading, dict):
        return reading
    return {key: value for key, value in reading.items() if key != "skip_damaged"}


def _read(path: Path) -> Content:
    """The content of a JSON file; empty if it is missing or is not JSON."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
