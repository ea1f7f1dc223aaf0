"""Correlations between the places of a feature map, along which logits and classes spread (Sun et
al. 2024, 3.2 and 3.3)."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.objectives.consistency.target import Target


class CorrelationHead(nn.Module):
    """Two scores per class of every place of a feature map, which are compared with each other."""

    def __init__(self, channels: int, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Conv2d(channels, hidden, 3, padding=1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Dropout2d(dropout),
        )
        self.query, self.key = nn.Conv2d(hidden, classes, 1), nn.Conv2d(hidden, classes, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """float (N, C, h, w) -> queries and keys, float (N, K, h, w) each."""
        hidden = self.hidden(features)
        return self.query(hidden), self.key(hidden)


def correlation(query: Tensor, key: Tensor) -> Tensor:
    """How much each place resembles each other one: the softmax over j of q_i k_j / sqrt K.

    ``query`` and ``key``: float (N, K, h, w). Returns float32 (N, h * w, h * w); rows add up to 1.
    """
    query, key = (one.flatten(2).float() for one in (query, key))
    with torch.autocast(query.device.type, enabled=False):
        return (query.transpose(1, 2) @ key / query.shape[1] ** 0.5).softmax(2)


def spread(logits: Tensor, correlations: Tensor, places: torch.Size) -> Tensor:
    """Logits of pixels after each place has shared its own among all places that resemble it.

    Args:
        logits: float (N, K, H, W), to which no gradient flows.
        correlations: float32 (N, h * w, h * w), of which row i says where the logits of i go.
        places: h and w.

    Returns:
        float32 (N, K, H, W).
    """
    coarse = _resized(logits.detach().float(), places).flatten(2)
    with torch.autocast(logits.device.type, enabled=False):
        shared = coarse @ correlations
    return _resized(shared.unflatten(2, places), logits.shape[2:])


def regions(correlations: Tensor, chosen: Tensor, places: torch.Size, size: torch.Size) -> Tensor:
    """The pixels that resemble some places: bool (N, R, H, W).

    Args:
        correlations: float32 (N, h * w, h * w).
        chosen: int64 (N, R), the places. The region of one is where its row, enlarged, lies above
            the middle between its smallest and its largest value; if these are equal it is empty.
        places: h and w.
        size: H and W.
    """
    index = chosen[..., None].expand(-1, -1, correlations.shape[2])
    rows = _resized(correlations.gather(1, index).unflatten(2, places), size)
    lowest, highest = rows.amin((2, 3), keepdim=True), rows.amax((2, 3), keepdim=True)
    return rows > (lowest + highest) / 2


def propagated(target: Target, classes: int, region: Tensor, threshold: Tensor) -> Target:
    """A target in which classes have spread over regions that are nearly all theirs.

    Where the sure pixels are at least a share ``threshold`` of a region, and those of one class are
    more than that share of the sure ones, the whole region gets this class and becomes sure. Where
    such regions overlap the last one decides.

    Args:
        target: its confidence is 1 where it is sure, 0 elsewhere.
        classes: how many there are.
        region: bool (N, R, H, W).
        threshold: float32 scalar.
    """
    inside = (region & target.valid[:, None]).flatten(2)
    sure = (target.confidence * target.valid).flatten(1)[:, None]
    one_hot = functional.one_hot(target.classes.flatten(1), classes).mT * sure
    counted = torch.cat([one_hot, torch.ones_like(sure)], dim=1)  # (N, K + 1, H * W)
    with torch.autocast(sure.device.type, enabled=False):
        found = inside.to(counted.dtype) @ counted.mT  # (N, R, K + 1); whole numbers
    votes, size = found[..., :-1], found[..., -1]
    most, winner = votes.max(2)
    total = votes.sum(2)
    is_sure = (total > 0) & (total >= threshold * size) & (most > threshold * total)
    order = torch.arange(1, inside.shape[1] + 1, device=inside.device, dtype=torch.int16)
    last = (inside * (is_sure * order)[..., None]).amax(1).long()  # 0 where there is none
    spread_class = winner.gather(1, (last - 1).clamp(min=0)).view_as(target.classes)
    is_spread = (last > 0).view_as(target.valid)
    return replace(
        target,
        classes=torch.where(is_spread, spread_class, target.classes),
        confidence=target.confidence.masked_fill(is_spread, 1),
    )


def _resized(maps: Tensor, size: torch.Size) -> Tensor:
    return functional.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)
