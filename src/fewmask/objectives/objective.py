"""What every objective is to the training loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from torch import Tensor, nn

from fewmask.config.objective import ObjectiveSettings
from fewmask.config.task import TaskSettings, load
from fewmask.core.parallel import over_shards
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.assessment import Autocast, assess
from fewmask.objectives.hard_pixels import HardPixels, LearnsMasks
from fewmask.objectives.losses import cross_entropy, hard_cross_entropy
from fewmask.objectives.micro_batches import in_parts
from fewmask.objectives.parameter_group import ParameterGroup


class Objective(nn.Module, ABC):
    """Something to learn: given batches it returns named losses.

    It owns its networks. ``network`` is the one that is trained, ``result`` the one that is
    evaluated and kept. It is a module, so a checkpoint of it holds all of them.
    """

    micro_batches = 1
    """In how many parts, one after the other, a batch passes through its networks."""
    tasks: Mapping[str, TaskSettings] = {
        name: load(name).settings() for name in ObjectiveSettings.predicts
    }
    """The tasks that its result predicts, with their settings."""
    hard_pixels: HardPixels | None = None
    """The labelled pixels that count; None: all."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def result(self) -> nn.Module:
        """The network that is evaluated and kept; the trained one, unless another follows it."""
        return self.network

    @property
    def last(self) -> dict[str, nn.Module]:
        """The networks worth evaluating after the last step, by name (see `LAST_WEIGHTS`): that
        which was trained, and its EMA, where there is one. They are built like the result."""
        return {"last": self.result}

    @property
    def networks(self) -> list[nn.Module]:
        """The networks that are trained, each of which starts from the weights of another stage
        where the settings name one."""
        return [self.network]

    def parts(self, name: str) -> list[nn.Module]:
        """The modules that are a part of its networks: their ``encoder``, say. Settings give each
        part its learning rate."""
        return [getattr(network, name) for network in self.networks]

    @abstractmethod
    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        """The losses of a step by name, each a scalar; ``batches`` by role.

        Those that `ObjectiveSettings.loss_names` leaves out are not weighed: the loss of a network
        that learns by itself, such as a discriminator.
        """

    def cross_entropy(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The cross-entropy against masks of labelled images, over the pixels that count.

        ``logits`` float (N, K, H, W), ``mask`` int64 (N, H, W) with `IGNORE`.
        """
        if self.hard_pixels is None:
            return cross_entropy(logits, mask)
        return hard_cross_entropy(logits, mask, self.hard_pixels)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Those of its parameters that have an optimiser, a rate, a weight decay or a clipping of
        their own."""
        return []

    def started(self) -> None:
        """Called once its networks have the weights that they start from; for those that follow
        others. A training that resumes loads its checkpoint afterwards."""

    def after_update(self) -> None:
        """Called after every update of the weights; for networks that follow others."""

    def predict(self, network: Callable[..., Any], *batches: Tensor) -> Any:
        """What a network, or a function that calls some, makes of batches.

        Every process of a training does its share of the images (see `over_shards`) of one
        micro-batch after the other (see `in_parts`), so that all outputs of a step that have
        gradients must come from here.
        """
        return in_parts(partial(over_shards, network), self.micro_batches, self, *batches)

    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """How good ``network`` is on the validation images: ``loss`` and the metrics.

        ``network`` is the result, or the EMA of it.
        """
        return assess(network, batches, autocast, self.tasks)

    def restored(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The images of a batch as its network sees them, perturbed, and as the result restores
        them: float (N, C, H, W) each, those perturbed in [0, 1].

        Called only of objectives whose settings say `ObjectiveSettings.restores_images`.
        """
        raise NotImplementedError


def build(options: ObjectiveSettings, blueprint: Blueprint) -> Objective:
    """The objective that settings name, with its networks.

    Raises FewmaskError where the dataset or the networks are not what the objective needs.
    """
    module = import_module(f"fewmask.objectives.{options.name}.objective")
    objective = module.build(options, blueprint)
    if isinstance(options, LearnsMasks):
        objective.hard_pixels = options.hard_pixels
    return objective
