"""Settings of virtual adversarial training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.ranges import Log, Range
from fewmask.objectives.consistency.options import (
    BatchConfidence,
    ConsistencySettings,
    MildColours,
)


class VATSettings(ConsistencySettings):
    """Predict what a teacher predicts, on images with the noise that changes it most (Miyato et al.
    2018; French et al. 2020)."""

    name: Literal["vat"]
    colours: MildColours | None = MildColours()
    """How the student's view changes colours; null: not at all."""
    radius: Annotated[float, Field(gt=0, le=1000), Log(0.1, 10.0)] = 1.0
    """Length of the noise, relative to that of the image's own gradient."""
    probe: float = Field(default=0.01, gt=0, le=1)
    """How large the random noise is on average from which the direction is computed, where colours
    lie in [0, 1]."""
    confidence: BatchConfidence = BatchConfidence()

    unusual_weights: ClassVar[dict[str, Range]] = {"consistency": Log(0.01, 1.0)}
