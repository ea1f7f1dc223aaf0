"""What every tile alone says about its image, so that each pixel of an image counts once."""

import numpy as np
import torch
from torch import Tensor

from fewmask.data.preparation.tiling import Tiling
from fewmask.data.store.store import Store


class OwnParts:
    """The own parts of tiles, see `Tiling.own_part`."""

    def __init__(self, store: Store, rows: np.ndarray) -> None:
        """``rows``: of the tiles in the store, int64 (n)."""
        places = zip(store.sizes[rows].tolist(), store.read("offset", rows).tolist(), strict=True)
        tiles = store.dataset_settings.tiles
        self._parts = [Tiling.of(tuple(size), tiles).own_part(tuple(at)) for size, at in places]

    def of(self, truth: Tensor, places: np.ndarray, unknown: float) -> Tensor:
        """The truth of the tiles at some places among these, (N, ..., H, W), in their own parts;
        ``unknown`` elsewhere."""
        height, width = truth.shape[-2:]
        is_own = torch.zeros(len(truth), height, width, dtype=torch.bool)
        for i, place in enumerate(places.tolist()):
            is_own[(i, *self._parts[place])] = True
        is_own = is_own.to(truth.device).view(len(truth), *[1] * (truth.ndim - 3), height, width)
        return truth.where(is_own, truth.new_tensor(unknown))
