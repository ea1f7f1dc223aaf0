"""S4L, self-supervised semi-supervised learning (Zhai, Oliver, Kolesnikov and Beyer 2019), for
segmentation as in the code of PixelSSL."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.objective import Objective
from fewmask.objectives.s4l.settings import S4LSettings

ROTATIONS = 4
"""By 0, 90, 180 and 270 degrees."""


class S4L(Objective):
    """Masks, and the rotations of all images.

    With x the labelled images, u the unlabelled ones, f the network, and R a rotation of every
    image by 90, 180 or 270 degrees:

    - ``cross_entropy`` of f(x) against the masks, and ``rotated_cross_entropy`` of f(R x) against
      the rotated masks,
    - ``rotation``: the mean cross-entropy of the rotation that a second head predicts of each of x,
      u, R x and R u, against the true one.

    All images pass through the network at once. Of images that are not square, a square part is
    used, at a place that is drawn once for a step. Where images have padding, its place tells how
    they are rotated, and the second head has little to learn.
    """

    def __init__(self, options: S4LSettings, blueprint: Blueprint) -> None:
        super().__init__(blueprint.segmenter())
        self.is_from_logits = options.rotation_from == "logits"
        if self.is_from_logits:
            self.head = _head_of_logits(blueprint.heads["segmentation"])
        else:
            self.head = _head_of_features(self.network.encoder.out_channels[-1])

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        both = [batches["labelled"], batches["unlabelled"]]
        image, inside = (joined(both, name) for name in ("image", "inside"))
        image, inside, mask = _squares(image, inside, both[0].mask)
        count, labelled = len(image), len(mask)
        rotations = torch.randint(1, ROTATIONS, (count,)).to(image.device, non_blocking=True)
        seen = (torch.cat([one, rotated(one, rotations)]) for one in (image, inside))
        logits, of_rotations = self.predict(self._predict, *seen)
        rotated_mask = rotated(mask, rotations[:labelled])
        target = torch.cat([torch.zeros_like(rotations), rotations])
        return {
            "cross_entropy": self.cross_entropy(logits[:labelled], mask),
            "rotated_cross_entropy": self.cross_entropy(
                logits[count : count + labelled], rotated_mask
            ),
            "rotation": functional.cross_entropy(of_rotations.float(), target),
        }

    def _predict(self, image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of classes, float (N, K, H, W), and of rotations, float (N, 4)."""
        features = self.network.features(image, inside)
        logits = self.network.scores(features)
        return logits, self.head(logits if self.is_from_logits else features[-1])


def rotated(maps: Tensor, rotations: Tensor) -> Tensor:
    """Squares, (N, S, S) or (N, C, S, S), each rotated anticlockwise by so many right angles,
    int64 (N), between 1 and 3."""
    by_each = torch.stack([maps.rot90(angles, (-2, -1)) for angles in range(1, ROTATIONS)])
    return by_each[rotations - 1, torch.arange(len(maps), device=maps.device)]


def _squares(*batches: Tensor) -> list[Tensor]:
    """The same square part of maps (N, ..., H, W), as large as there is one, at a random place."""
    size = batches[0].shape[-2:]
    side = min(size)
    top, left = (int(torch.randint(length - side + 1, ())) for length in size)
    return [one[..., top : top + side, left : left + side] for one in batches]


def _head_of_logits(classes: int) -> nn.Sequential:
    """Two convolutions, each of which halves the size, a mean, and a linear layer."""
    layers = []
    for inputs, outputs in [(classes, classes), (classes, 2 * classes)]:
        layers += [
            nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers, *_head_of_features(2 * classes))


def _head_of_features(channels: int) -> nn.Sequential:
    """A mean over all places, and a linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, ROTATIONS))


build = S4L
