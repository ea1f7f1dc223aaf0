"""SimCLR: two views of one picture belong together (Chen et al. 2020; paper 002, 2.1)."""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.config import objectives as settings
from fewmask.data.augment import augment
from fewmask.data.batches import Batch
from fewmask.networks.backbone import Backbone
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.assessment import Autocast, mean_loss
from fewmask.objectives.objective import Objective
from fewmask.parallel import over_shards

Project = Callable[..., tuple[Tensor, ...]]


class SimCLR(Objective):
    """NT-Xent between two views of each picture, by way of a head that is thrown away later."""

    def __init__(self, options: settings.SimCLR, network: Backbone) -> None:
        super().__init__(network)
        self.options = options
        channels = network.encoder.out_channels[-1]
        self.head = nn.Sequential(
            nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, options.projection)
        )

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        project = partial(over_shards, self.project)
        return {"contrastive": self._loss(project, batches["all"])}

    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """The same on the validation pictures as ``loss``, with the same views always.

        Pictures are compared within a batch, so that the loss hangs on the batch size.
        """

        def summed(batch: Batch) -> tuple[Tensor | float, int]:
            pictures = len(batch.rows)
            if pictures == 1:
                return 0.0, 0  # a picture alone has nothing to be told from
            return self._loss(self.project, batch) * pictures, pictures

        return {"loss": mean_loss(network, batches, autocast, summed)}

    def project(self, *views: Tensor) -> tuple[Tensor, ...]:
        """What is compared of two views, both float (N, D); ``views`` are the pictures of both, and
        where each is inside."""
        image, inside = torch.cat(views[:2]), torch.cat(views[2:])
        features = self.network.features(image, inside)[-1].mean((2, 3))
        return self.head(features).chunk(2)

    def _loss(self, project: Project, batch: Batch) -> Tensor:
        views = [augment(batch.image, None, batch.inside, self.options.views) for _ in range(2)]
        images, insides = ([view[i] for view in views] for i in (0, 2))
        return nt_xent(*project(*images, *insides), self.options.temperature)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The normalised, temperature-scaled cross-entropy (paper 002, equation 2.1).

    Args:
        first: float (N, D), one view of each picture.
        second: float (N, D), the other.
        temperature: what cosine similarities are divided by.

    Returns:
        The mean, over all 2 N views, of the cross-entropy of finding a view's partner among the
        2 N - 1 other views; a scalar, in float32.
    """
    views = functional.normalize(torch.cat([first, second]).float())
    with torch.autocast(views.device.type, enabled=False):
        similarity = views @ views.T / temperature
    similarity.fill_diagonal_(-torch.inf)
    return functional.cross_entropy(similarity, _partners(len(first), views.device))


def _partners(pictures: int, device: torch.device) -> Tensor:
    """The index of each view's partner: N, ..., 2 N - 1, 0, ..., N - 1."""
    return torch.arange(2 * pictures, device=device).roll(pictures)


def build(options: settings.SimCLR, blueprint: Blueprint) -> SimCLR:
    """The objective with an encoder, which is all that it trains."""
    return SimCLR(options, blueprint.backbone())
