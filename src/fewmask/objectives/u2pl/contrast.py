"""The contrastive loss of U2PL (Wang et al. 2022, 3.3): pixels of one class, compared with the mean
of the class and with pixels that are surely not of it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.objectives.losses import mean
from fewmask.objectives.u2pl.memory import Memory, draw_members
from fewmask.objectives.u2pl.settings import Contrast


class RepresentationHead(nn.Sequential):
    """From a decoder's features to the vectors that are compared: float (N, C, h, w) -> (N, D, h,
    w)."""

    def __init__(self, channels: int, options: Contrast) -> None:
        width = options.channels
        blocks = [_block(before, width, options.dropout) for before in (channels, width)]
        super().__init__(*blocks, nn.Conv2d(width, width, 1))


def _block(before: int, after: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.Dropout2d(dropout),
    )


@dataclass(frozen=True)
class Pixels:
    """What is known of P pixels of labelled and unlabelled images."""

    classes: Tensor
    """int64 (P): of the mask, or of the teacher."""
    probabilities: Tensor
    """float32 (P, K): the teacher's."""
    is_labelled: Tensor
    """bool (P)."""
    is_member: Tensor
    """bool (P): the class is known well enough for an anchor: that of a mask, or a reliable one."""
    is_unreliable: Tensor
    """bool (P): of an unlabelled image, with a class that is not learnt."""

    def of_class(self) -> Tensor:
        """bool (K, P): the members of every class."""
        every = torch.arange(self.probabilities.shape[1], device=self.classes.device)
        return (self.classes == every[:, None]) & self.is_member

    def not_of_class(self, options: Contrast) -> Tensor:
        """bool (K, P): the negatives of every class."""
        likeliest = self.probabilities.argsort(dim=1, descending=True, stable=True)
        rank = likeliest.argsort(1).T
        every = torch.arange(len(rank), device=rank.device)
        is_other = (self.classes != every[:, None]) & self.is_labelled & self.is_member
        # Of three classes or a few more, the unlikeliest one is surely not that of a pixel; of two
        # it may be, for where the entropy is high both are about as likely.
        far = min(options.low_rank, max(len(rank) - 1, 2))
        is_far = (rank >= far) & (rank < max(options.high_rank, far + 1)) & self.is_unreliable
        return (is_other & (rank < options.low_rank)) | is_far


def contrastive_loss(
    student: Tensor, teacher: Tensor, pixels: Pixels, memory: Memory, options: Contrast
) -> Tensor:
    """The cross-entropy of finding, for an anchor, the mean of its class among negatives.

    Args:
        student: float (P, D), vectors of which anchors are drawn.
        teacher: float32 (P, D), vectors whose means are the positives; no gradient flows to them.
        pixels: what is known of the P pixels.
        memory: of negatives. Those of this step are added first.
        options: how many are drawn, and the temperature.

    Returns:
        The mean over the classes that have members, where a class without an anchor or without any
        negative counts as 0; 0 if no more than one has members. A scalar, in float32.
    """
    teacher, members = teacher.detach().float(), pixels.of_class()
    memory.add(functional.normalize(teacher), pixels.not_of_class(options))
    count = members.sum(1)
    with torch.autocast(student.device.type, enabled=False):
        positive = (members.float() @ teacher) / count.clamp(min=1)[:, None]
    candidates = members & (options.certainty < pixels.probabilities.T)
    chosen = draw_members(candidates, options.anchors)
    anchor = functional.normalize(student[chosen].float(), dim=2)  # (K, anchors, D)
    negative = memory.draw(options.anchors, options.negatives).float()
    with torch.autocast(student.device.type, enabled=False):
        to_positive = torch.einsum("kad,kd->ka", anchor, functional.normalize(positive))
        to_negative = torch.einsum("kad,kand->kan", anchor, negative)
    similarity = torch.cat([to_positive[..., None], to_negative], 2) / options.temperature
    of_class = -similarity.log_softmax(2)[..., 0].mean(1)
    is_compared = candidates.any(1) & (memory.held > 0)
    classes = (count > 0).sum()
    return mean((of_class * is_compared).sum(), classes) * (classes > 1)
