"""SimCLR: two views of one image belong together (Chen et al. 2020; Pet-SimCLR, 2.1)."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.data.augmentation.weak import Change
from fewmask.data.batches import Batch
from fewmask.networks.backbone import Backbone
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.assessment import Autocast, drawn_alike, evaluating
from fewmask.objectives.objective import Objective
from fewmask.objectives.simclr.settings import SimCLRSettings

PART = 4096
"""How many views are compared with all others at a time, so that those of many images fit."""


class SimCLR(Objective):
    """NT-Xent between two views of each image, by way of a head that is thrown away later."""

    def __init__(self, options: SimCLRSettings, network: Backbone) -> None:
        super().__init__(network)
        self.options = options
        channels = network.encoder.out_channels[-1]
        self.head = nn.Sequential(
            nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, options.projection)
        )

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        batch = batches["all"]
        views = self._views(batch.is_rgb, batch.image, batch.inside)
        projected = self.predict(partial(self.project, self.network), *views)
        return {"contrastive": nt_xent(*projected, batch.rows, self.options.temperature)}

    @torch.no_grad()
    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """The same as ``loss``: every view of the validation images against those of all others,
        with the same views always. The head is that of the training, whose EMA is of no use
        later. NaN for one image: alone it has nothing to be told from."""
        projected, rows = [], []
        with evaluating(network, self.head):
            for batch in batches:
                views = drawn_alike(batch, partial(self._views, batch.is_rgb))
                with autocast():
                    projected.append(self.project(network, *views))
                rows.append(batch.rows)
        if sum(map(len, rows)) < 2:
            return {"loss": float("nan")}
        first, second = map(torch.cat, zip(*projected, strict=True))
        loss = nt_xent(first, second, np.concatenate(rows), self.options.temperature)
        return {"loss": float(loss)}

    def project(self, network: Backbone, *views: Tensor) -> tuple[Tensor, ...]:
        """What is compared of two views, both float (N, D); ``views`` are the images of both, and
        where each is inside."""
        image, inside = torch.cat(views[:2]), torch.cat(views[2:])
        features = network.features(image, inside)[-1].mean((2, 3))
        return self.head(features).chunk(2)

    def _views(self, is_rgb: bool, image: Tensor, inside: Tensor) -> tuple[Tensor, ...]:
        """Two views of images, drawn at random, and where each is inside."""
        views = [Change.draw(self.options.views, image, is_rgb) for _ in range(2)]
        return (*(one.images(image) for one in views), *(one.warp.inside(inside) for one in views))


def nt_xent(first: Tensor, second: Tensor, rows: np.ndarray, temperature: float) -> Tensor:
    """The normalised, temperature-scaled cross-entropy (Pet-SimCLR, equation 2.1).

    Args:
        first: float (N, D), one view of each image.
        second: float (N, D), the other.
        rows: int64 (N), which image each is. An image that is there twice is not to be told from
            itself: views of other copies of it count nowhere.
        temperature: what cosine similarities are divided by.

    Returns:
        The mean, over all 2 N views, of the cross-entropy of finding a view's partner among the
        2 N - 1 other views; a scalar, in float32.
    """
    views = functional.normalize(torch.cat([first, second]).float())
    row = torch.from_numpy(rows).to(views.device).repeat(2)
    every = torch.arange(len(views), device=views.device)
    losses = []
    for part in every.split(PART):
        partner = (part + len(first)) % len(views)
        with torch.autocast(views.device.type, enabled=False):
            similarity = views[part] @ views.T / temperature
        is_same = (row[part, None] == row) & (every != partner[:, None])
        similarity = similarity.masked_fill(is_same, -torch.inf)
        losses.append(functional.cross_entropy(similarity, partner, reduction="sum"))
    return torch.stack(losses).sum() / len(views)


def build(options: SimCLRSettings, blueprint: Blueprint) -> SimCLR:
    """The objective with an encoder, which is all that it trains."""
    return SimCLR(options, blueprint.backbone())
