"""Whether results were made with the requested settings, read from the results themselves.

Snakemake detects changed settings by its own records, which may be gone. The records of trainings
and metrics files state the settings that they were made with.
"""

import json
from pathlib import Path
from typing import Any

from fewmask.config.changes import with_changes
from fewmask.core.cells import Run, StageKey
from fewmask.core.paths import TRAINING
from fewmask.planning.grid import Grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.search.ranking import read_ranking

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
        made_with, requested = _read(weights.with_name(TRAINING)), self._training(key)
        return bool(made_with and requested) and (
            made_with.get("training") != requested or self._is_other(made_with, key.dataset)
        )

    def is_other_evaluation(self, metrics: Path, run: Run) -> bool:
        """The same for the trainings of a run, as its metrics file states them."""
        made_with = _read(metrics).get("provenance")
        if not isinstance(made_with, dict):
            return False
        trainings = [self._training(key) for key in self._grid.stages(run)]
        is_known = all(trainings)
        return (is_known and made_with.get("stages") != trainings) or self._is_other(
            made_with, run.dataset
        )

    def _training(self, key: StageKey) -> Content:
        """What it is to be trained with; empty as long as the search has not chosen that."""
        if key not in self._trainings:
            stage, ranked = self._grid.stage(key), self._grid.resolved(key).ranked
            if ranked is not None:
                path = Path(ranked.ranking)
                if not path.exists():
                    return {}
                changes = read_ranking(path).at(ranked.place, path).changes
                stage = with_changes(stage, changes)
            self._trainings[key] = json.loads(stage.shaping())
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
