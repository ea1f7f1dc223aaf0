"""Several networks as one."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from fewmask.config.task import load, names
from fewmask.networks.image_classes import SEGMENTER, WithImageClasses
from fewmask.networks.segmenter import Segmenter

LIST = "networks"


class MeanOfNetworks(nn.Module):
    """Predicts the mean of what several networks predict (see `Task.mean`).

    It is the ``result`` of an objective that trains several alike; the settings of such an
    objective say how many there are (`ObjectiveSettings.result_networks`).
    """

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """What `Task.output` returns, for all tasks; arguments as of `Segmenter`."""
        return self.mean([one(image, inside) for one in self.networks])

    @staticmethod
    def mean(outputs: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The mean of the outputs of all networks, for all tasks."""
        tasks = [load(name) for name in names() if name in outputs[0]]
        return {name: maps for task in tasks for name, maps in task.mean(outputs).items()}


Predictor = Segmenter | MeanOfNetworks | WithImageClasses
"""What a trained stage predicts with."""


def of_network(weights: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """Of the weights of a mean those of one network, counted round; of those of a segmenter with a
    classifier of images those of the segmenter; other weights as they are."""
    numbers = {name.split(".")[1] for name in weights if name.startswith(f"{LIST}.")}
    if numbers:
        return _below(weights, f"{LIST}.{index % len(numbers)}.")
    return _below(weights, f"{SEGMENTER}.") or weights


def _below(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
