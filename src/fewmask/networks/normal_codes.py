"""Surface normals as a choice among K directions, the codes (Khamesra et al., II.A.1).

Axes are the camera's, as in `fewmask.data.readers.normals_from_depth`: x to the right, y down, z
away from it. What faces the camera has z < 0, and over that half of the sphere the codes are spread
evenly. Away from the middle of an image a camera sees a little beyond, at most as far as half its
field of view: such normals have the code at the rim that is nearest to them.
"""

from math import pi, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask import IGNORE

GOLDEN_ANGLE = pi * (3 - sqrt(5))


class NormalCodes(nn.Module):
    """K directions, and the way from normals to them and back. Nothing in it is learnt."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("directions", spread(count), persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        """Normals, float32 (N, 3, H, W), unit vectors, from logits of the codes, (N, K, H, W).

        The mean of the codes, each times its probability, brought to length 1. It is never 0, for
        all codes have z < 0.
        """
        shares = logits.float().softmax(dim=1)
        # As products and a sum, here and below: autocast would round a matrix product.
        means = [(shares * axis[:, None, None]).sum(dim=1) for axis in self.directions.unbind(1)]
        return functional.normalize(torch.stack(means, dim=1), dim=1)

    def nearest(self, normals: Tensor) -> Tensor:
        """The code nearest to every normal, int64 (N, H, W), 0 to K - 1; 255 where not known.

        ``normals`` float32 (N, 3, H, W), unit vectors; one of 0 is not known.
        """
        axes = zip(normals.unbind(1), self.directions.unbind(1), strict=True)
        cosines = sum(part[:, None] * axis[:, None, None] for part, axis in axes)
        return cosines.argmax(dim=1).masked_fill(~normals.any(dim=1), IGNORE)


def spread(count: int) -> Tensor:
    """``count`` directions over the half sphere z < 0, float32 (count, 3), unit vectors.

    A Fibonacci lattice: at equal steps of z lie zones of equal area, and the golden angle from one
    to the next keeps neighbours apart.
    """
    steps = torch.arange(count, dtype=torch.float64) + 0.5
    z, turns = steps / count - 1, steps * GOLDEN_ANGLE
    radius = (1 - z.square()).sqrt()
    return torch.stack([radius * turns.cos(), radius * turns.sin(), z], dim=1).float()
