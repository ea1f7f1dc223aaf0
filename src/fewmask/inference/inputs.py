"""The files that an evaluation reads."""

from dataclasses import dataclass
from pathlib import Path

from fewmask.metrics.records import (
    PseudoMaskQuality,
    TrainingRecord,
    read_quality,
    read_training,
)


@dataclass(frozen=True)
class EvaluationInputs:
    """The files that an evaluation reads."""

    dataset: Path
    split: Path
    weights: Path
    trainings: tuple[Path, ...]
    """training.json of all stages of the run in their order, for cost and provenance."""
    pseudo_masks: tuple[Path, ...] = ()
    """pseudo_masks.json of the stages whose pseudo-masks others learnt, for the record."""
    restored_by: Path | None = None
    """Weights of the stage whose restored images are kept as examples."""

    def training_records(self) -> dict[Path, TrainingRecord]:
        """The records of the trainings. Raises FewmaskError: one is damaged."""
        return {path: read_training(path) for path in self.trainings}

    def qualities(self) -> list[PseudoMaskQuality]:
        """The quality of pseudo-masks. Raises FewmaskError: a file is damaged."""
        return [read_quality(path) for path in self.pseudo_masks]
