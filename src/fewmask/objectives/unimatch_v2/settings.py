"""Settings of UniMatch V2."""

from typing import Annotated, Literal

from pydantic import Field

from fewmask.config.ranges import Linear
from fewmask.objectives.consistency.options import Decay, StrongViewSettings


class UniMatchV2Settings(StrongViewSettings):
    """Learn a teacher's sure classes on two strong views that see complementary features (Yang et
    al. 2025)."""

    name: Literal["unimatch_v2"]
    teacher_decay: Decay | None = 0.996
    """Of the teacher, the EMA of the student: what step k keeps of its weights, but at most
    1 - 1 / (k + 1). null: the student teaches itself."""
    dropout_share: Annotated[float, Field(ge=0, le=1), Linear(0.0, 1.0)] = 0.5
    """The share of the images whose features are divided between both views."""
    dropped_maps: list[int] | None = None
    """The feature maps of the encoder that are divided; negative numbers count from the last one.
    null: all of them, as in the paper."""
