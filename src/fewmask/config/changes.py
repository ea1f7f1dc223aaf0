"""Changes of single settings, by their paths: ``{"optimiser.learning_rate": 0.001}``."""

from typing import Any, TypeVar

from fewmask.config.ranges import Value
from fewmask.config.stage import TrainingSettings

AnySettings = TypeVar("AnySettings", bound=TrainingSettings)

Changes = dict[str, Value]
"""The new values of settings, by the path of the setting."""


def with_changes(stage: AnySettings, changes: Changes) -> AnySettings:
    """A stage with those of some changes that are of its searched settings: it may lack others.

    Raises pydantic's ValidationError for values that do not go with its other settings.
    """
    own = {path: value for path, value in changes.items() if path in stage.ranges}
    if not own:
        return stage
    settings = stage.model_dump(mode="json")
    for path, value in own.items():
        *above, key = path.split(".")
        _inside(settings, above)[key] = value
    return type(stage).model_validate(settings)


def value_of(stage: TrainingSettings, path: str) -> Value:
    """The value of a searched setting."""
    *above, key = path.split(".")
    # A loss that no weight is written for has the weight 1; all other settings are there.
    return _inside(stage.model_dump(mode="json"), above).get(key, 1)


def _inside(settings: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    for key in keys:
        settings = settings[key]
    return settings
