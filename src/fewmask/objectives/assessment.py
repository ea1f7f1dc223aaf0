"""How good a network is on validation or test images.

It is evaluated in evaluation mode, and is afterwards in the mode that it was in. The values are
those of the images, however they come in batches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from fewmask.config.task import TaskSettings, load
from fewmask.core.seeds import derive
from fewmask.data.batches import Batch
from fewmask.metrics.errors import Errors

Autocast = Callable[[], AbstractContextManager]
"""What makes the context that a forward pass runs in."""

Outputs = dict[str, Tensor]
"""The outputs of a network for a batch, by name."""


class PooledMean:
    """A mean over the pixels, say, of all images, to which batches of any size can be added."""

    def __init__(self) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64)

    def add(self, total: Tensor, count: Tensor) -> None:
        """Count what was summed over a batch, and over how many values; both scalars."""
        self._sums = self._sums.to(total.device) + torch.stack([total.double(), count.double()])

    @property
    def value(self) -> float:
        """The mean; NaN if it is that of nothing."""
        total, count = self._sums.tolist()
        return total / count if count else float("nan")


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Modules in evaluation mode, until the block ends; then each part is in the mode that it was
    in."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training


def drawn_alike(
    batch: Batch, draw: Callable[[Tensor, Tensor], tuple[Tensor, ...]]
) -> tuple[Tensor, ...]:
    """What ``draw`` makes of images at random: of each the same always, whatever its batch holds.

    Args:
        batch: the images.
        draw: from image (1, 3, H, W) and inside (1, 1, H, W) to tensors (1, ...); it draws from
            torch's generator on the CPU, which afterwards is what it was.

    Returns:
        The tensors, (N, ...) each.
    """
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for i, row in enumerate(batch.rows.tolist()):
            torch.default_generator.manual_seed(derive("validation", row))
            drawn.append(draw(batch.image[i : i + 1], batch.inside[i : i + 1]))
    return tuple(map(torch.cat, zip(*drawn, strict=True)))


@torch.no_grad()
def predictions(
    network: nn.Module, batches: Iterable[Batch], autocast: Autocast
) -> Iterator[tuple[Batch, Outputs]]:
    """Every batch with the outputs of the network in evaluation mode."""
    with evaluating(network):
        for batch in batches:
            with autocast():
                outputs = network(batch.image, batch.inside)
            yield batch, outputs


def assess(
    network: nn.Module,
    batches: Iterable[Batch],
    autocast: Autocast,
    tasks: Mapping[str, TaskSettings],
) -> dict[str, float]:
    """Compare the predictions of a network with the truth, in evaluation mode.

    Returns:
        ``loss_<task>``, the mean loss over the pixels of all images whose truth is known, for all
        ``tasks``; ``loss``, the sum of these; and the metrics of the tasks.
    """
    losses = {name: PooledMean() for name in tasks}
    errors = {name: load(name).errors() for name in tasks}
    images = _Images(errors)
    for batch, outputs in predictions(network, batches, autocast):
        for name, settings in tasks.items():
            losses[name].add(*load(name).error(outputs, batch.truth[name], settings))
        images.add(batch, outputs)
    images.close()
    metrics = {"loss": sum(one.value for one in losses.values())}
    metrics |= {f"loss_{name}": one.value for name, one in losses.items()}
    for one in errors.values():
        metrics |= one.scores()
    return metrics


class _Images:
    """Adds batches to errors, and makes one image of the tiles of each."""

    def __init__(self, errors: Mapping[str, Errors]) -> None:
        self._errors = errors
        self._image, self._tiles = -1, 0
        """The image of the tiles that were added last, and how many they are."""

    def add(self, batch: Batch, outputs: Outputs) -> None:
        """Add a batch; the tiles of an image follow each other."""
        if batch.tiles_of is None:
            for name, one in self._errors.items():
                one.add(outputs[name], batch.truth[name])
            return
        for i, image in enumerate(batch.tiles_of.tolist()):
            if image != self._image:
                self.close()
                self._image = image
            for name, one in self._errors.items():
                one.add(outputs[name][i : i + 1], batch.truth[name][i : i + 1])
            self._tiles += 1

    def close(self) -> None:
        """Complete the last image."""
        if self._tiles:
            for one in self._errors.values():
                one.join(self._tiles)
        self._tiles = 0
