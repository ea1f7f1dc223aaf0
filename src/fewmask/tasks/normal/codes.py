"""Surface normals as a choice among K directions, the codes (Khamesra et al., II.A.1).

Axes are those of the camera, as in `fewmask.data.readers.normals_from_depth`: x to the right, y
down, z away from it. Surfaces that face the camera have z < 0; the codes are spread evenly over
that half of the sphere. Away from the middle of an image a camera also sees surfaces slightly
beyond, by at most half its field of view: their normals get the nearest code at the rim.
"""

from functools import cache
from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional

from fewmask import IGNORE

CPU = torch.device("cpu")
GOLDEN_ANGLE = pi * (3 - sqrt(5))


def mean_of_codes(logits: Tensor) -> Tensor:
    """Normals, float32 (N, 3, H, W), unit vectors, from logits of the codes, (N, K, H, W).

    They are the mean of the codes weighted by their probabilities, scaled to length 1. The mean is
    never 0, because all codes have z < 0.
    """
    shares = logits.float().softmax(dim=1)
    codes = spread(logits.shape[1], logits.device)
    # Products and a sum, here and below, because autocast would round a matrix product.
    means = [(shares * axis[:, None, None]).sum(dim=1) for axis in codes.unbind(1)]
    return functional.normalize(torch.stack(means, dim=1), dim=1)


def nearest_code(normals: Tensor, count: int) -> Tensor:
    """The nearest of ``count`` codes to every normal, int64 (N, H, W); 255 where it is not known.

    ``normals``: float32 (N, 3, H, W), unit vectors, 0 = not known.
    """
    axes = zip(normals.unbind(1), spread(count, normals.device).unbind(1), strict=True)
    cosines = sum(part[:, None] * axis[:, None, None] for part, axis in axes)
    return cosines.argmax(dim=1).masked_fill(~normals.any(dim=1), IGNORE)


@cache
def spread(count: int, device: torch.device = CPU) -> Tensor:
    """``count`` directions over the half sphere z < 0, float32 (count, 3), unit vectors.

    They form a Fibonacci lattice: equal steps of z cut zones of equal area, and turning by the
    golden angle from each direction to the next keeps neighbours apart.
    """
    steps = torch.arange(count, dtype=torch.float64) + 0.5
    z, turns = steps / count - 1, steps * GOLDEN_ANGLE
    radius = (1 - z.square()).sqrt()
    return torch.stack([radius * turns.cos(), radius * turns.sin(), z], dim=1).float().to(device)
