"""The metrics file of a run: the part that tables need, checked when it is read."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from fewmask.config.settings import NAME
from fewmask.core.cells import Run
from fewmask.metrics import table as metrics
from fewmask.metrics.records import (
    Amount,
    Count,
    Metrics,
    PseudoMaskQuality,
    Record,
    RecordPart,
    damaged,
    read_record,
)
from fewmask.planning.requested import Requested, fingerprint, reading_fingerprint

KIND = "the metrics of this run"
MEND = "delete the file and run the workflow again, which evaluates the run anew"

StageCell = Annotated[str, Field(pattern=f"^{NAME}/{NAME}/[a-z0-9][a-z0-9._-]*/[0-9]+/{NAME}$")]
"""Which stage it is: dataset/method/fraction/seed/stage."""


class StageCost(RecordPart):
    """The cost of one training."""

    seconds: Amount
    gpus: Count | Amount
    """A part of one if trainings shared it."""
    cell: StageCell


class _Images(RecordPart):
    labelled: Count
    validation: Count
    test: Count


class _Cost(RecordPart):
    seconds: Amount
    peak_memory_mb: Amount | None
    images_seen: Count
    stages: list[StageCost]


def _is_known(metric: str) -> str:
    if metric != "none" and metrics.lookup(metric) is None:
        raise ValueError("there is no such metric")
    return metric


class _Settings(RecordPart):
    """Settings, of which only a part is used here."""

    model_config = ConfigDict(extra="allow")


class _Evaluation(_Settings):
    metric: Annotated[str, AfterValidator(_is_known)]


class _StageSettings(_Settings):
    """The settings of a stage, as ``TrainingSettings.shaping`` has them."""

    evaluation: _Evaluation


class _Provenance(RecordPart):
    gpus: Count
    """Of the evaluation."""
    stages: list[_StageSettings]
    dataset: dict[str, Any]
    """The settings that the data were prepared with, as the job was given them."""
    digests: dict[str, str]
    """Of files that the last stage learnt from; ``dataset`` is that of the prepared data."""
    evaluated_at: str
    """The experiment's ``evaluation_size``."""


class MetricsFile(Record):
    """What the tables need of a metrics file; null stands for what is undefined.

    A metric that was added after the evaluation is not in it."""

    dataset: str
    method: str
    fraction: str
    seed: Count
    images: _Images
    tiles: _Images | None = None
    """How many tiles these are, in a dataset of tiles."""
    metrics: Metrics
    classes: dict[str, Metrics]
    cost: _Cost
    provenance: _Provenance
    pseudo_masks: list[PseudoMaskQuality]
    last_weights: dict[str, Metrics] = {}
    """The metrics of the weights after the last step, and of their EMA, where they were kept."""

    def is_of(self, requested: Requested, training: str | None) -> bool:
        """Whether it was made with the settings of an experiment.

        ``training``: the fingerprint of the settings of its stages; None: any.
        """
        made_with = self.provenance
        stages = fingerprint([one.model_dump(exclude_unset=True) for one in made_with.stages])
        reading = requested.readings.get(self.dataset)
        return (
            training in (None, stages)
            and (reading is None or reading == reading_fingerprint(made_with.dataset))
            and made_with.evaluated_at == requested.evaluation_size
        )

    @property
    def selects(self) -> bool:
        """Whether validation images selected the weights of any stage."""
        return any(stage.evaluation.metric != "none" for stage in self.provenance.stages)

    def check_classes(self, path: Path, classes: list[str]) -> None:
        """Raise FewmaskError unless its classes are these, in their order."""
        if list(self.classes) != classes:
            found = f"classes: found {', '.join(self.classes)}, expected {', '.join(classes)}"
            raise damaged(path, KIND, found, MEND)


def read_metrics(run: Run, path: Path) -> MetricsFile:
    """The metrics of a run. Raises FewmaskError: the file is damaged, or of another run."""
    record = read_record(MetricsFile, path, KIND, MEND)
    of_file = Run(record.dataset, record.method, record.fraction, record.seed)
    if of_file != run:
        other = f"it belongs to another run, {'/'.join(map(str, vars(of_file).values()))}"
        raise damaged(path, KIND, other, MEND)
    return record
