"""Several networks that were trained alike, and how far they disagree."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.core.errors import FewmaskError
from fewmask.data.scaling import Scaling
from fewmask.inference.trained import Trained
from fewmask.networks.mean import MeanOfNetworks
from fewmask.networks.segmenter import Segmenter

DISAGREEMENT, FEATURES = "disagreement", "features"


class Committee(MeanOfNetworks):
    """Predicts the mean of several networks, and how uncertain it is.

    Of two or more networks, the uncertainty of a pixel is their disagreement: the mutual
    information between its class and the choice of the network, which is the entropy of the mean
    probabilities less the mean of the entropies (the Jensen-Shannon divergence of the networks;
    Houlsby et al. 2011; Gal et al. 2017, of ensembles Beluch et al. 2018). A pixel that all
    networks find equally ambiguous does not count. Of one network it is the entropy.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__(networks)
        self._maps: list[Tensor] = []
        for part in self.modules():
            if isinstance(part, Segmenter):
                part.encoder.register_forward_hook(
                    lambda encoder, inputs, maps: self._maps.append(maps[-1])
                )

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """As `MeanOfNetworks`, and ``disagreement``, float32 (N, H, W) in nats, and ``features``,
        float32 (N, C): the means of the encoders' last feature maps over each image, as vectors of
        length 1 of each encoder, and of length 1 in all."""
        self._maps.clear()
        outputs = [one(image, inside) for one in self.networks]
        pooled = [_mean_inside(maps.float(), inside) for maps in self._maps]
        features = torch.cat([functional.normalize(one) for one in pooled], 1)
        return self.mean(outputs) | {
            DISAGREEMENT: disagreement([one["segmentation"] for one in outputs]),
            FEATURES: features / math.sqrt(len(pooled)),
        }


def disagreement(logits: Sequence[Tensor]) -> Tensor:
    """The mutual information (see `Committee`), or of one network the entropy, float32 (N, H, W) in
    nats; from logits, (N, K, H, W) each."""
    shares = torch.stack([one.float().softmax(1) for one in logits])
    of_mean = torch.special.entr(shares.mean(0)).sum(1)
    if len(logits) == 1:
        return of_mean
    return (of_mean - torch.special.entr(shares).sum(2).mean(0)).clamp(min=0)


def _mean_inside(maps: Tensor, inside: Tensor) -> Tensor:
    """The mean of feature maps, (N, C, h, w), over the images without their padding, (N, C)."""
    weights = functional.adaptive_avg_pool2d(inside, maps.shape[2:])
    return (maps * weights).sum((2, 3)) / weights.sum((2, 3))


class Rescaled(nn.Module):
    """A network that sees images which were scaled for another one. Its own training images may
    have been others (those that were not for validation), and so the ranges of their values. What
    lay beyond the other range remains cut."""

    def __init__(self, network: nn.Module, found: Scaling, own: Scaling) -> None:
        super().__init__()
        self.network = network
        low, high, own_low, own_high = (
            torch.tensor(one, dtype=torch.float64).view(-1, 1, 1)
            for one in (found.low, found.high, own.low, own.high)
        )
        self.register_buffer("factor", ((high - low) / (own_high - own_low)).float())
        self.register_buffer("offset", ((low - own_low) / (own_high - own_low)).float())

    def forward(self, image: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """As the network."""
        return self.network((image * self.factor + self.offset).clamp(0, 1), inside)


def as_one(committee: Sequence[Trained]) -> Trained:
    """Trained networks as one, whose network is a `Committee`.

    Raises FewmaskError: one does not predict masks, or was trained on images of another dataset,
    or prepared otherwise.
    """
    first = committee[0]
    for one in committee:
        if "segmentation" not in one.predicts:
            raise FewmaskError(
                f"{one.weights}: weights of a network that predicts no masks\n"
                f"  found: {', '.join(one.predicts)}\n"
                f"  expected: weights of a stage that learnt masks"
            )
        if one.description.dataset != first.description.dataset or one.predicts != first.predicts:
            raise FewmaskError(
                f"{one.weights}: trained on another dataset or for other tasks than "
                f"{first.weights}\n"
                f"  expected: networks of one method, dataset and fraction, with several seeds"
            )
    networks = [
        one.network
        if one.scaling == first.scaling
        else Rescaled(one.network, first.scaling, one.scaling).to(first.runtime.device)
        for one in committee
    ]
    return replace(first, network=Committee(networks).eval())
