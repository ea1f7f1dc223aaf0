"""A loss that no weighting weighs, such as that of a discriminator."""

import pytest
import torch
from torch import Tensor, nn

from tests.objectives.weighting.making import OFF, Slopes, weighting

ROWS = torch.tensor([[1.0, 0.2, 0.0], [-0.5, 1.0, 0.3]])
WEIGHTINGS = [
    {"name": "fixed", "weights": {"a": 0.5}},
    {"name": "uncertainty"},
    {"name": "dynamic_weight_average", "period": 1},
    {"name": "nash_mtl"},
    {"name": "nash_mtl", "update_weights_every": 2},
    {"name": "pcgrad"},
    {"name": "cagrad"},
]


class Opposed(Slopes):
    """The same losses, and one of a network that they do not reach."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__(rows)
        self.discriminator = nn.Parameter(torch.tensor(3.0))

    def losses(self, batches: dict | None = None, step: int = 0) -> dict[str, Tensor]:
        return super().losses() | {"discriminator": self.discriminator**2}


@pytest.mark.parametrize("options", WEIGHTINGS, ids=str)
def test_it_changes_no_weight_and_has_weight_1(options: dict):
    alone, opposed = Slopes(ROWS), Opposed(ROWS)
    first, second = (weighting(**options) for _ in range(2))
    for step in range(3):
        for one in (alone, opposed):
            one.zero_grad(set_to_none=True)
        torch.manual_seed(step)
        expected = first.backward(alone.losses(), alone, OFF, step)
        torch.manual_seed(step)
        found = second.backward(opposed.losses(), opposed, OFF, step)
        assert torch.equal(opposed.shared_gradient, alone.shared_gradient)
        assert opposed.own_gradients == alone.own_gradients
        assert opposed.discriminator.grad.item() == 6
        assert found.pop("discriminator").item() == 9
        assert {k: v.item() for k, v in found.items()} == {k: v.item() for k, v in expected.items()}
