"""Settings of UniMatch."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fewmask.config.ranges import Linear
from fewmask.objectives.consistency.options import Decay, StrongViewSettings


class UniMatchSettings(StrongViewSettings):
    """Learn sure classes on two strong views, and with features dropped (Yang et al. 2023)."""

    name: Literal["unimatch"]
    teacher_decay: Decay | None = None
    """Of a teacher, the EMA of the student; null (the paper): the student teaches itself."""
    result: Literal["student", "teacher"] = "student"
    """Whose weights are evaluated and kept."""
    feature_dropout: Annotated[float, Field(ge=0, lt=1), Linear(0.1, 0.8)] = 0.5
    """Probability with which a channel is dropped."""
    dropped_maps: list[int] | None = [2, -1]
    """The feature maps of the encoder of which channels are dropped; negative numbers count from
    the last one, null is all of them. The paper's are those that its decoder, of DeepLabv3+,
    receives: that at a quarter of the size and the last."""

    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "consistency", "feature_consistency")
