"""Errors of masks on test images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fewmask import IGNORE
from fewmask.data.preparation.fit import unfit
from fewmask.data.preparation.original_masks import OriginalMasks
from fewmask.metrics.pooled_losses import PooledLosses
from fewmask.metrics.segmentation import MaskErrors, confusion

if TYPE_CHECKING:
    from torch import Tensor

    from fewmask.data.store.store import Store


class MaskErrorsAndLosses(MaskErrors):
    """Confusion matrices, and losses pooled over the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self._losses = PooledLosses()

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch, as `MaskErrors.add`."""
        super().add(prediction, truth)
        self._losses.add(prediction, truth)

    def scores(self) -> dict[str, float]:
        """The metrics of all images together."""
        return super().scores() | self._losses.scores()

    def class_scores(self) -> dict[str, np.ndarray]:
        """The metrics of every class."""
        return super().class_scores() | {"dice_loss": self._losses.class_scores()}


class OriginalSizeErrors(MaskErrorsAndLosses):
    """The same, but for the losses, of predictions that are brought back to the size of each mask
    file and compared with the file as it is."""

    def __init__(self, store: Store, rows: np.ndarray) -> None:
        """``rows``: of the images in the order of adding, int64 (P,)."""
        super().__init__()
        self._store, self._rows = store, iter(rows)
        self._originals = OriginalMasks(store)

    def _confusion(self, prediction: Tensor, truth: Tensor) -> Tensor:
        predicted = prediction.argmax(dim=1).byte().cpu().numpy()
        return torch.cat([self._of_original(one) for one in predicted])

    def _of_original(self, predicted: np.ndarray) -> Tensor:
        """Compare the prediction of the next image, uint8 (H, W), with its file."""
        truth = self._originals.read(next(self._rows))
        back = unfit(predicted, truth.shape, self._store.fit)
        # Of what a crop left out there is no prediction: it counts nowhere.
        truth = np.where(back == IGNORE, IGNORE, truth)
        pair = torch.from_numpy(back).long()[None], torch.from_numpy(truth)[None]
        return confusion(*pair, len(self._store.classes))
