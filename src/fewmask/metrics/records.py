"""The JSON files that jobs write about their results, checked as they are read.

Others than jobs, and disks, may have changed them: so each holds a digest of the rest of it, types
and ranges are checked, nothing is converted, and every number is finite.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.metrics import table

DIGEST = "digest"

ROUNDING = 1e-6
"""By how much a value may lie outside its range."""

Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=-ROUNDING, le=1 + ROUNDING)]
Count = Annotated[int, Field(ge=0)]


def _in_range(values: dict[str, float | None]) -> dict[str, float | None]:
    for name, value in values.items():
        metric = table.lookup(name)
        highest = metric.highest if metric else float("inf")
        if value is not None and not -ROUNDING <= value <= highest + ROUNDING:
            to = f"between 0 and {highest:g}" if highest < float("inf") else "not below 0"
            raise ValueError(f"{name}: found {value:g}, expected a number {to}")
    return values


Metrics = Annotated[dict[str, float | None], AfterValidator(_in_range)]
"""Metrics by name, or those of a class; None: undefined. Their range is that in the table of
metrics, for those that are in it."""


METRICS = TypeAdapter(Metrics)


class RecordPart(BaseModel):
    """Base of these files and of what is nested in them."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Record(RecordPart):
    """Base of these files."""

    digest: str = Field(exclude=True)
    """SHA-256 of all else in the file."""


AnyRecord = TypeVar("AnyRecord", bound=Record)


def write_record(path: Path, values: dict[str, Any]) -> None:
    """Write one of these files, with a digest of what it holds."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(values | {DIGEST: _digest(values)}, indent=1))


def _digest(values: dict[str, Any]) -> str:
    """SHA-256 of everything else, in its order, for what is made of a file may keep that."""
    rest = {key: value for key, value in values.items() if key != DIGEST}
    return hashlib.sha256(json.dumps(rest).encode()).hexdigest()


def read_record(model: type[AnyRecord], path: Path, kind: str, mend: str) -> AnyRecord:
    """Read one of these files.

    Args:
        kind: what it should be, such as ``the metrics of this run``.
        mend: what to do if it is not.

    Raises:
        FewmaskError: it is not there, or is something else.
    """
    try:
        text = path.read_bytes()
        record = model.model_validate_json(text)
    except OSError as error:
        raise damaged(path, kind, error.strerror, mend) from None
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        if where and isinstance(first["input"], str | float | None):
            what += f", found {json.dumps(first['input'])[:60]}"
        raise damaged(path, kind, f"{where}: {what}" if where else what, mend) from None
    if record.digest != _digest(json.loads(text)):
        raise damaged(path, kind, "its content does not match its digest; it was changed", mend)
    return record


def damaged(path: Path, kind: str, found: object, mend: str) -> FewmaskError:
    """The error of a file that is not what a job has written."""
    return FewmaskError(f"{path}: not {kind}: {found}\n  {mend}")


class TrainingRecord(Record):
    """The training of a stage: what its training.json states."""

    seconds: Amount
    peak_memory_mb: Amount | None
    images_seen: Count
    steps: Count
    best_value: float | None = None
    """The best value of the metric that selects weights, on the validation images."""
    diverged: str | None = None
    """Of a trial of a search: why it ended before its time."""
    device: str
    gpus: Count | Amount
    """A part of one if trainings shared it."""
    history: str
    """SHA-256 of the history.csv beside it."""
    training: dict[str, Any]
    """The settings, as ``TrainingSettings.shaping`` has them."""
    # What else stands beside the tensors in the weights, see `fewmask.networks.description`.
    version: str
    network: dict[str, Any]
    dataset: dict[str, Any]
    seed: int
    digests: dict[str, str]
    scaling: dict[str, Any] | None = None


def read_training(path: Path) -> TrainingRecord:
    """A training.json. Raises FewmaskError: it is not there, or is damaged."""
    mend = "delete its folder and run the workflow again, which trains the stage anew"
    return read_record(TrainingRecord, path, "the record of a training", mend)


class PseudoMaskQuality(RecordPart):
    """How good the pseudo-masks of a stage are; null: unknown."""

    model_config = ConfigDict(extra="allow")

    stage: str
    """Who made them, as METHOD/STAGE."""
    images: Count
    classes: dict[str, Metrics]

    @property
    def metrics(self) -> dict[str, float]:
        """Those of pseudo-masks, by name; NaN where one is undefined or not in the file."""
        stated = self.model_extra or {}
        values = {name: stated.get(name) for name in table.names(table.measured_on("pseudo_masks"))}
        return {name: float("nan") if value is None else value for name, value in values.items()}

    @model_validator(mode="after")
    def _metrics_are_in_range(self) -> "PseudoMaskQuality":
        known = table.names(table.measured_on("pseudo_masks"))
        stated = self.model_extra or {}
        values = {name: stated[name] for name in known if name in stated}
        METRICS.validate_python(values, strict=True)
        return self


class PseudoMaskRecord(Record, PseudoMaskQuality):
    """The same as a file: pseudo_masks.json."""


def read_quality(path: Path) -> PseudoMaskRecord:
    """A pseudo_masks.json. Raises FewmaskError: it is not there, or is damaged."""
    mend = "delete it and run the workflow again, which makes the pseudo-masks anew"
    return read_record(PseudoMaskRecord, path, "the quality of pseudo-masks", mend)
