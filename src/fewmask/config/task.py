"""What a network can learn of every pixel: tasks, found by name in ``fewmask.tasks``.

A task is one module there, whose ``TASK`` is all that other code needs to know: what is stored, how
geometry moves it, its head, loss and errors, and how it is drawn. Modules import torch only
inside functions, for planning reads them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor, nn

PACKAGE = "fewmask.tasks"


class Errors(Protocol):
    """Errors of predictions, to which batches of any size can be added."""

    def add(self, prediction: Tensor, truth: Tensor) -> None:
        """Count a batch."""
        ...

    def scores(self) -> dict[str, float]:
        """The metrics of all pixels that were added, by name."""
        ...


class Task(ABC):
    """A task; ``options`` below are the settings of the objective that learns it."""

    name: str
    field: str
    """Of the store, and of batches."""
    channels: int = 0
    """Of every pixel's truth; 0: it is one number without an axis of its own."""
    dtype: str = "float32"
    unknown: float = 0
    """The value of pixels whose truth is not known, and of padding."""
    of_labelled_images: bool = False
    """Whether only labelled images have truth: else every image that is drawn counts."""
    fits_stretched: bool = True
    """Whether its truth is right in a dataset whose images were stretched to one size."""
    options: tuple[str, ...] = ()
    """Settings of an objective that are about this task alone."""
    title: str
    """What is learnt, in the plural: ``surface normals``."""
    judged_by: str = ""
    """A metric that every run has which learns it."""
    legend: str = ""
    """How its images are to be read."""

    @property
    def bytes_per_pixel(self) -> int:
        """How much memory its truth takes."""
        return max(1, self.channels) * {"uint8": 1, "float32": 4}[self.dtype]

    def head_channels(self, options: Any) -> int:
        """The channels of its head; 0: the network itself has its head."""
        return max(1, self.channels)

    def helpers(self, channels: int) -> list[nn.Module]:
        """Modules without weights that `output` and `error` need, for a head of these channels."""
        return []

    @abstractmethod
    def output(self, maps: Tensor, helpers: Sequence[nn.Module]) -> dict[str, Tensor]:
        """What a network tells, the prediction by the task's name, from what its head gives,
        float32 (N, channels, H, W)."""

    @abstractmethod
    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, options: Any, helpers: Sequence[nn.Module]
    ) -> tuple[Tensor, Tensor]:
        """The loss, summed over the pixels whose truth is known, and their number."""

    @abstractmethod
    def warped(self, warp: Any, truth: Tensor) -> Tensor:
        """Truth, (N, H, W) or (N, channels, H, W), that stays true when a `Warp` moves images."""

    @abstractmethod
    def errors(self) -> Errors:
        """What adds up the errors that its metrics follow from."""

    @abstractmethod
    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Truth or a prediction, (H, W) or (H, W, channels), as colours, uint8 (H, W, 3), on the
        scale of ``truth``."""


@cache
def names() -> tuple[str, ...]:
    """The names of all tasks, in alphabetical order."""
    return tuple(sorted(one.name for one in iter_modules(import_module(PACKAGE).__path__)))


@cache
def load(name: str) -> Task:
    """A task by its name."""
    return import_module(f"{PACKAGE}.{name}").TASK


@cache
def fields() -> dict[str, Task]:
    """All tasks by their field of the store."""
    return {load(name).field: load(name) for name in names()}


def with_figure() -> list[Task]:
    """The tasks that have a figure of examples of their own."""
    return [load(name) for name in names() if load(name).legend]


TaskName = Literal[(*names(),)]
