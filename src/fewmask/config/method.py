"""Settings of a method: config/methods/*.yaml. A method is a chain of stages."""

from typing import Any

from pydantic import model_validator

from fewmask.config.ranges import Narrowed
from fewmask.config.settings import Line, Name, Settings


class MethodFile(Settings):
    """What one file says of a method; it may extend another one."""

    description: Line = ""
    """One line for lists and reports."""
    network: dict[str, Any] = {}
    """The network of all stages; a stage may say what differs."""
    defaults: dict[str, Any] = {}
    """Settings that all stages share."""
    stages: dict[Name, dict[str, Any] | None] = {}
    """The stages in their order; a run is judged by the last. null drops one of the method that is
    extended."""

    ranges: Narrowed = {}
    """What a search tries of a setting, by its path (``optimiser.learning_rate``): a part of the
    setting's own range. null: the setting stays as it is written."""


class Method(MethodFile):
    """A method as its files add up; ``fewmask.planning.grid`` resolves its stages."""

    @model_validator(mode="after")
    def _has_stages(self) -> "Method":
        if not any(stage is not None for stage in self.stages.values()):
            raise ValueError("stages: there is none; a method needs one that is not null")
        return self
