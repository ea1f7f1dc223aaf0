"""UniMatch V2 (Yang, Zhao and Zhang 2025)."""

import torch
from torch import Tensor

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.consistency.base import Consistency
from fewmask.objectives.consistency.strong import two_strong
from fewmask.objectives.consistency.target import Target, target_cross_entropy
from fewmask.objectives.features.channels import (
    channels_of,
    complementary,
    joined_scales,
    whole,
)
from fewmask.objectives.unimatch_v2.settings import UniMatchV2Settings


class UniMatchV2(Consistency):
    """FixMatch with an EMA teacher and two strong views, each of which sees half of the features.

    ``cross_entropy`` and ``consistency`` are those of `FixMatch`, the latter the mean over two
    strong views with colours and boxes of their own. Of some of the unlabelled images the channels
    of all feature maps are divided at random: one view has one half, doubled, the other view the
    other half. Labelled images keep all. The paper's loss is half the sum of both.

    The paper's network is a vision transformer, whose maps are equally wide and drop the same
    channels; maps of other encoders draw for each width.
    """

    def __init__(self, options: UniMatchV2Settings, blueprint: Blueprint) -> None:
        super().__init__(options, blueprint)
        self.channels = channels_of(self.network, options.dropped_maps, "dropped_maps")

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = Target.of(self.taught(weak), weak.inside)
        views, pastes = two_strong(weak, self.options.colours, self.options.mixing)
        halves = complementary(self.channels, len(weak.image), self.options.dropout_share)
        scales = joined_scales(whole(self.channels, len(labelled.image)), *halves)
        of_labelled, *of_views = self.scores(labelled, *views, scales=scales)
        losses = [
            target_cross_entropy(logits, target.moved(paste), self.options.confidence)
            for logits, paste in zip(of_views, pastes, strict=True)
        ]
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": torch.stack(losses).mean(),
        }


build = UniMatchV2
