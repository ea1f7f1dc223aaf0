"""Test images, perturbed and as a stage of the run restores them, for a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fewmask.core.errors import FewmaskError
from fewmask.data.batches import Images
from fewmask.data.scaling import as_colours
from fewmask.inference.overview import Overview
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.description import Description
from fewmask.networks.weights import load_weights, network_of, read_description
from fewmask.objectives.assessment import PooledMean
from fewmask.objectives.losses import pixel_squared_error
from fewmask.objectives.objective import Objective, build


@dataclass(frozen=True)
class Restorer:
    """A trained stage whose objective restores images (`ObjectiveSettings.restores_images`). It
    computes in float32, whatever it was trained in."""

    weights: Path
    """The file from which it was loaded."""
    description: Description
    objective: Objective

    @classmethod
    def load(cls, weights: Path, device: torch.device) -> "Restorer":
        """The objective with the network that ``weights`` holds.

        Raises FewmaskError if these are not the weights of an objective that restores images.
        """
        description = read_description(weights)
        options = description.training.objective
        if not options.restores_images:
            raise FewmaskError(
                f"{weights}: weights of {options.name}, which restores no images\n"
                f"  expected: those of a stage whose objective does, such as masked_image"
            )
        heads = options.heads(len(description.trained_on.classes))
        objective = build(options, Blueprint(description.built, heads))
        network_of(weights, lambda: objective.result, load_weights(weights))
        return cls(weights, description, objective.to(device))

    def maps(self, images: Images, places: Sequence[int]) -> dict[str, np.ndarray]:
        """What is shown of some images, ``places`` among those of the store: ``perturbed`` and
        ``restored``, uint8 (N, H, W, 3), and ``perturbed_error`` and ``restored_error``, float64
        (N), the mean squared differences from the originals, whose values are in [0, 1].

        Of an image that is stored in tiles every tile is restored by itself, and the whole is shown
        at the size of one tile.
        """
        shown = [self._maps(images, place) for place in places]
        return {name: np.stack([one[name] for one in shown]) for name in shown[0]}

    def _maps(self, images: Images, place: int) -> dict[str, np.ndarray]:
        store = images.store
        rows = store.images.rows(place)
        size = (store.sizes if store.is_tiled else store.extents)[rows[0]].tolist()
        offsets = store.read("offset", rows) if store.is_tiled else np.zeros((1, 2), int)
        names = ("perturbed", "restored")
        overviews = {name: Overview(tuple(size), images.size, 0) for name in names}
        errors = {name: PooledMean() for name in names}
        for row, offset in zip(rows, offsets, strict=True):
            batch = images.batch(np.array([row]))
            height, width = store.extents[row]
            for name, pixels in zip(names, self.objective.restored(batch), strict=True):
                shown = _shown(pixels, store.dataset_settings.shown_channels)
                overviews[name].add(shown[:height, :width], *offset)
                errors[name].add(*pixel_squared_error(pixels, batch.image, batch.inside))
        maps = {name: one.values for name, one in overviews.items()}
        return maps | {f"{name}_error": np.float64(one.value) for name, one in errors.items()}


def _shown(pixels: Tensor, channels: list[int]) -> np.ndarray:
    """Three channels of an image, float (1, C, H, W) -> uint8 (H, W, 3); what is beyond [0, 1] is
    cut."""
    return as_colours(pixels[0].float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), channels)
