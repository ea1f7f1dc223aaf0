"""Objectives: what a stage learns. One file per idea, found by the name in the settings."""

from importlib import import_module

from fewmask.config.objectives import Objective as Options
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.objective import Objective


def build(options: Options, blueprint: Blueprint) -> Objective:
    """The objective that settings name, with its networks.

    Raises FewmaskError where the dataset or the networks are not what the objective needs.
    """
    module = import_module(f"fewmask.objectives.{options.name}.objective")
    return module.build(options, blueprint)
