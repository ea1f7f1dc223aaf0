"""What adds up the errors of a task's predictions, from which its metrics follow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Errors(ABC):
    """Errors of the predictions of one task, to which batches of any size can be added.

    P images have been added, of a dataset with K classes.
    """

    @abstractmethod
    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Add a batch."""

    @abstractmethod
    def join(self, parts: int) -> None:
        """Make one image of the ``parts`` that were added last, each as a batch of one."""

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """The metrics of all pixels that were added, by name."""

    @abstractmethod
    def image_scores(self) -> dict[str, np.ndarray]:
        """The metrics of every image by itself, float (P,), in the order of adding."""

    def class_scores(self) -> dict[str, np.ndarray]:
        """The metrics of every class by itself, float (K,), for tasks that have classes."""
        return {}

    def class_pixels(self) -> dict[str, np.ndarray]:
        """Pixels of every image, counted by class, int64 (P, K), for tasks that have classes; the
        metrics of any set of images follow from them."""
        return {}
