"""What a network can learn of every pixel: tasks, found by name in ``fewmask.tasks``.

A task is one module there, whose ``TASK`` is all that other code needs to know: what can be set,
what is stored, how geometry moves it, its head, loss and errors, and how predictions are averaged,
drawn and written. Modules import torch only inside functions, because planning reads them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal

from fewmask.config.settings import Settings
from fewmask.core.encode import png
from fewmask.metrics.errors import Errors

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PACKAGE = "fewmask.tasks"


class TaskSettings(Settings):
    """Base of the settings of all tasks; each also has a ``name``, which is its default."""


class Task(ABC):
    """A task."""

    name: str
    settings: type[TaskSettings]
    """What can be set of it."""
    field: str
    """Of the store, and of batches."""
    channels: int = 0
    """Of every pixel's truth; 0: it is one number without an axis of its own."""
    dtype: str = "float32"
    unknown: float = 0
    """The value of pixels whose truth is not known, and of padding."""
    of_labelled_images: bool = False
    """Whether only labelled images have truth: else every image that is drawn counts."""
    needs_shapes: bool = True
    """Whether its truth is only known after changes that stretch no image."""
    fits_stretched: bool = True
    """Whether its truth is right in a dataset whose images were stretched to one size."""
    compression: str | None = None
    """Of its truth in the store, as h5py names it."""
    title: str
    """What is learnt, in the plural: ``surface normals``."""
    judged_by: str = ""
    """A metric that every run has which learns it, and every test image."""
    legend: str = ""
    """How its images are to be read."""

    @property
    def bytes_per_pixel(self) -> int:
        """How much memory its truth takes."""
        return max(1, self.channels) * {"uint8": 1, "float32": 4}[self.dtype]

    def nothing_known(self, size: tuple[int, int]) -> np.ndarray:
        """The truth of an image of which none is known, as the store holds it."""
        import numpy as np

        channels = (self.channels,) if self.channels else ()
        return np.full((*size, *channels), self.unknown, self.dtype)

    def check(self, truth: np.ndarray, classes: int) -> None:  # noqa: B027  most need none
        """Raise ValueError for truth of a store without a meaning, in a dataset with so many
        classes."""

    def head_channels(self, settings: Any, classes: int) -> int:
        """The channels of its head, in a dataset with so many classes."""
        return max(1, self.channels)

    @abstractmethod
    def output(self, maps: Tensor) -> dict[str, Tensor]:
        """The outputs of a network, the prediction by the task's name, from those of the task's
        head, (N, channels, H, W)."""

    def mean(self, outputs: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The mean of what `output` returns for several networks, likewise."""
        return {self.name: sum(one[self.name] for one in outputs) / len(outputs)}

    @abstractmethod
    def error(
        self, outputs: dict[str, Tensor], truth: Tensor, settings: Any
    ) -> tuple[Tensor, Tensor]:
        """The loss, summed over the pixels whose truth is known, and their number."""

    @abstractmethod
    def warped(self, warp: Any, truth: Tensor) -> Tensor:
        """Truth, (N, H, W) or (N, channels, H, W), that stays true when a `Warp` moves images."""

    @abstractmethod
    def errors(self) -> Errors:
        """What adds up the errors of predictions (see `output`) on validation images."""

    def errors_on_test_images(self, store: Any, originals: np.ndarray | None) -> Errors:
        """The same on test images, where more may be measured.

        ``originals``: the rows of the images in the order of adding, int64 (P,), if the truth is to
        be read again from the files that the store was prepared from, at its own size; None: the
        truth of the store. What cannot be read again is compared with the truth of the store.
        """
        return self.errors()

    def stored(self, prediction: Tensor) -> np.ndarray:
        """A prediction as the store holds truth, (N, H, W) or (N, H, W, channels)."""
        maps = prediction if prediction.ndim == 3 else prediction.permute(0, 2, 3, 1)
        return maps.float().cpu().numpy()

    @abstractmethod
    def colours(self, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Truth or a prediction as the store holds it, (H, W) or (H, W, channels), as colours,
        uint8 (H, W, 3), on the scale of ``truth``; or as classes, uint8 (H, W), which have the
        colours of the dataset."""

    @property
    def files(self) -> dict[str, str]:
        """What ``fewmask predict`` writes for an image, the endings of files by their folders: the
        values, and a view of them."""
        return {self.name: ".npy", f"{self.name}_colours": ".png"}

    def view(self, prediction: np.ndarray, image: np.ndarray, palette: np.ndarray) -> bytes:
        """The content of the file for viewing: the colours of a prediction.

        Args:
            prediction: (H, W) or (H, W, channels), as the store holds truth; `unknown` where there
                is no prediction.
            image: uint8 (H, W, 3).
            palette: the colours of the classes, uint8 (K, 3).
        """
        return png(self.colours(prediction, prediction))


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


@cache
def tasks() -> tuple[Task, ...]:
    """All tasks: first those whose truth only labelled images have, then in alphabetical order."""
    return tuple(sorted(map(load, names()), key=lambda one: not one.of_labelled_images))


TaskName = Literal[(*names(),)]
