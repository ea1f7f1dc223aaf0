"""What every objective is to the training loop."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib import import_module

from torch import Tensor, nn

from fewmask.config.objective import ObjectiveSettings
from fewmask.data.batches import Batch
from fewmask.metrics.segmentation import scores
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.assessment import Autocast, assess


class Objective(nn.Module, ABC):
    """Something to learn: given batches it returns named losses.

    It owns its networks. ``network`` is the one that is trained, ``result`` the one that is judged
    and kept. It is a module, so a checkpoint of it holds all of them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def result(self) -> nn.Module:
        """The network that is judged and kept; the trained one, unless another follows it."""
        return self.network

    @abstractmethod
    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        """The losses of a step by name, each a scalar; ``batches`` by role."""

    def after_update(self) -> None:
        """Called after every update of the weights; for networks that follow others."""

    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """How good ``network`` is on the validation images: ``loss`` and the metrics.

        ``network`` is the result, or the average of it. For segmentation ``loss`` is the
        cross-entropy.
        """
        assessment = assess(network, batches, autocast)
        return {
            "loss": assessment.cross_entropy,
            **scores(assessment.confusion.cpu().numpy()),
        }


def build(options: ObjectiveSettings, blueprint: Blueprint) -> Objective:
    """The objective that settings name, with its networks.

    Raises FewmaskError where the dataset or the networks are not what the objective needs.
    """
    module = import_module(f"fewmask.objectives.{options.name}.objective")
    return module.build(options, blueprint)
