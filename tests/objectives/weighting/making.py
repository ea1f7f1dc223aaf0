"""What the tests of weightings share."""

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from fewmask.config.stage import Weighting as Settings
from fewmask.objectives.objective import Objective
from fewmask.objectives.weighting.weighting import Weighting, build

OFF = torch.amp.GradScaler("cpu", enabled=False)


def weighting(name: str, losses: int = 2, **options) -> Weighting:
    """A weighting of losses a, b, ..."""
    settings = TypeAdapter(Settings).validate_python({"name": name, **options})
    return build(settings, "abcdefgh"[:losses])


class Slopes(Objective):
    """Losses whose gradients are given: on the shared parameters those of the rows, on each
    task's own parameter 1."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__(nn.Module())
        self.rows = rows
        self.network.encoder = nn.Linear(rows.shape[1], 1, bias=False)
        self.own = nn.ParameterList(torch.zeros(1) for _ in rows)
        nn.init.zeros_(self.network.encoder.weight)

    def losses(self, batches: dict | None = None, step: int = 0) -> dict[str, Tensor]:
        values = self.rows @ self.network.encoder.weight[0]
        return {
            name: value + own.sum()
            for name, value, own in zip("abcdefgh", values, self.own, strict=False)
        }

    @property
    def shared_gradient(self) -> Tensor:
        return self.network.encoder.weight.grad[0]

    @property
    def own_gradients(self) -> list[float]:
        return [one.grad.item() for one in self.own]


def gramian_of(rows: Tensor) -> Tensor:
    """Inner products of the rows, in 64 bits."""
    return rows.double() @ rows.double().T
