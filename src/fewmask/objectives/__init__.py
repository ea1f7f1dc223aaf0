"""Objectives: what a stage learns. One file per idea, found by the name in the settings."""

from importlib import import_module
from pathlib import Path

from fewmask.config.method import Stage
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.objective import Objective


def build(
    stage: Stage, classes: int, categories: int = 0, encoder_weights: Path | None = None
) -> Objective:
    """The objective of a stage with its networks, weights drawn from torch's generator.

    ``classes`` and ``categories`` are how many the dataset has. Raises FewmaskError where they
    are not what the objective needs.
    """

    def network(outputs: int) -> Segmenter:
        return Segmenter(stage.network, outputs, encoder_weights)

    module = import_module(f"fewmask.objectives.{stage.objective.name}")
    return module.build(stage.objective, network, classes, categories)
