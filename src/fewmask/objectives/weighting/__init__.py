"""How several losses become one update. One file per method, found by the name in the settings."""

from collections.abc import Sequence
from importlib import import_module

from fewmask.config.weighting import Weighting as Settings
from fewmask.objectives.weighting.weighting import Weighting


def build(settings: Settings, loss_names: Sequence[str]) -> Weighting:
    """The weighting of losses that are called and ordered as ``loss_names``."""
    module = import_module(f"fewmask.objectives.weighting.{settings.name}")
    return module.build(settings, loss_names)
