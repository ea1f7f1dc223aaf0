"""PrevMatch (Shin et al. 2024)."""

import torch
from torch import Tensor, nn

from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.teacher import Teacher
from fewmask.objectives.consistency.target import Target
from fewmask.objectives.prevmatch.settings import PrevMatchSettings
from fewmask.objectives.unimatch.objective import UniMatch, against


class PrevMatch(UniMatch):
    """UniMatch with a second target: a random mean of what earlier states of the student predict.

    Every step draws some snapshots and weights for them (a flat Dirichlet distribution). The
    weighted sum of their logits of the weak view is the target of ``previous``, the same losses on
    the same views: half of that of strong views and half of that of dropped features, with a
    threshold of its own. With lambda its weight, which rises from 0 to 1 in the first half of the
    training and falls to 0 in the second, the paper's loss is
    (L_x + L_u + lambda L_previous) / (2 + lambda); here all is twice as much, so that with
    lambda = 0 it is UniMatch's. Before the first snapshot lambda is 0.

    Snapshots are taken by the calendar: the paper's depend on validation, on images that would have
    to count as labelled.
    """

    def __init__(self, options: PrevMatchSettings, blueprint: Blueprint) -> None:
        super().__init__(options, blueprint)
        kept = range(options.snapshots)
        self.snapshots = nn.ModuleList(Teacher(self.network, decay=0.5) for _ in kept)
        self.snapshot_every = max(1, self.steps // options.taken)
        self.updates = 0

    def full_losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        target = Target.of(self.taught(weak), weak.inside)
        of_labelled, answers = self.answers(labelled, weak)
        strong, dropped = against(target, answers, self.options.confidence)
        losses = {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": strong,
            "feature_consistency": dropped,
            "previous": torch.zeros_like(strong),
        }
        if not (weight := self._weight(step)):
            return losses
        previous = Target.of(self._previous(weak), weak.inside)
        of_previous = against(previous, answers, self.options.previous_confidence)
        losses["previous"] = weight * torch.stack(of_previous).mean()
        return {name: 2 / (2 + weight) * loss for name, loss in losses.items()}

    def after_update(self) -> None:
        """Let a teacher follow, and take a snapshot when it is time."""
        super().after_update()
        self.updates += 1
        if self.updates % self.snapshot_every == 0:
            place = self.updates // self.snapshot_every - 1
            self.snapshots[place % self.options.snapshots].start_from(self.network)

    def _weight(self, step: int) -> float:
        """lambda."""
        return max(0.0, 1 - abs(2 * step / self.steps - 1)) if self._taken else 0.0

    @property
    def _taken(self) -> int:
        """How many snapshots there are."""
        return min(self.updates // self.snapshot_every, self.options.snapshots)

    @torch.no_grad()
    def _previous(self, weak: Batch) -> Tensor:
        """The weighted sum of the logits of some snapshots, float32 (N, K, H, W)."""
        most = min(self.options.most_chosen, self._taken)
        number = int(torch.randint(1, most + 1, ()))
        chosen = torch.randperm(self._taken)[:number].tolist()
        weights = torch.distributions.Dirichlet(torch.ones(number)).sample().tolist()
        return sum(
            weight
            * self.predict(self.snapshots[i], weak.image, weak.inside)["segmentation"].float()
            for i, weight in zip(chosen, weights, strict=True)
        )

    def get_extra_state(self) -> dict[str, int]:
        return {"updates": self.updates}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.updates = state["updates"]


build = PrevMatch
