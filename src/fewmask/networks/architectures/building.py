"""The parts of a network, by the name of its architecture."""

from importlib import import_module

from torch import nn

from fewmask.config.network import Network


def build(settings: Network, classes: int) -> nn.Module:
    """A module with the ``encoder``, the ``decoder`` and the ``segmentation_head`` of a network;
    random weights come from torch's global generator.

    ``classes``: the channels of the head's output.
    """
    name = settings.architecture.name
    module = import_module(f"fewmask.networks.architectures.{name}.network")
    return module.build(settings, classes)
