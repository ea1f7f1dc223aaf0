"""PS-MT, perturbed and strict mean teachers (Liu, Tian, Chen, Liu, Belagiannis and Carneiro
2022)."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask.data.augmentation.mixing import Paste
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.mean import MeanOfNetworks
from fewmask.networks.teacher import follow
from fewmask.objectives.assessment import evaluating
from fewmask.objectives.consistency.base import ramp_up
from fewmask.objectives.consistency.strong import boxes_that_leave, pasted, recoloured
from fewmask.objectives.consistency.target import Target, weighted_mean, weights
from fewmask.objectives.features.channels import channels_of
from fewmask.objectives.features.maps import Maps, replaced
from fewmask.objectives.features.noise import (
    added,
    adversarial_noise,
    drawn_seed,
    generator_of,
)
from fewmask.objectives.objective import Objective
from fewmask.objectives.ps_mt.settings import PSMTSettings


class PSMT(Objective):
    """A student f and two teachers, which start from weights of their own and follow it in turn.

    In the first steps all three learn the masks y of the labelled images x, the student in other
    colours. Then one teacher, the core, is the EMA of the student for some steps, while the other
    one stays as it is, until they change their parts. With u the unlabelled images, s() other
    colours and M a box of another image:

    - ``cross_entropy`` of f(s(x)) against y, in the first steps also of the teachers for x,
    - ``consistency``: the mean of c CE(f(M s(u)), M y') over the pixels whose c reaches the
      threshold, where y' is the likeliest class of the mean of both teachers' logits for u, and c
      its probability (the paper's equation 5). In classes that are not among its likeliest ones,
      the teacher that is not the core has the core's logits.

    After the first steps the features of f get noise: that which changes the mean of what the
    decoders of both teachers make of them most (T-VAT).

    Teachers predict in evaluation mode, with the EMA of the statistics of batch-norms; the authors'
    are in training mode. Theirs start without the pretrained weights that the student has, and an
    image may be mixed with itself; here neither is so. Their EMA has the same decay from the first
    step on. Padding does not count.
    """

    def __init__(self, options: PSMTSettings, blueprint: Blueprint) -> None:
        """Raises FewmaskError for feature maps that there are not."""
        super().__init__(blueprint.segmenter())
        self.teachers = nn.ModuleList(blueprint.segmenter() for _ in range(2))
        self.options, self.steps = options, blueprint.steps
        self.updates, self.followed = 0, [0, 0]
        channels = channels_of(self.network, options.perturbed_maps, "perturbed_maps")
        self.perturbed = list(channels)

    @property
    def networks(self) -> list[nn.Module]:
        return [self.network, *self.teachers]

    @property
    def result(self) -> nn.Module:
        return MeanOfNetworks(self.teachers) if self.options.result == "teachers" else self.network

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, weak = batches["labelled"], batches["unlabelled"]
        view = recoloured(labelled, self.options.colours)
        if step < self._first:
            pairs = zip(self.networks, (view, labelled, labelled), strict=True)
            logits = [self._logits(network, batch) for network, batch in pairs]
            learnt = sum(self.cross_entropy(one, labelled.mask) for one in logits)
            return {"cross_entropy": learnt, "consistency": torch.zeros_like(learnt)}
        target = self._target(weak, self._core(step))
        of_labelled = self._with_noise(view)
        view = recoloured(weak, self.options.colours)
        if self.options.mixing is not None:
            paste = Paste(boxes_that_leave(self.options.mixing, view.image))
            view, target = pasted(view, paste), target.moved(paste)
        weight = ramp_up(step - self._first, self.options.ramp_up * self.steps)
        return {
            "cross_entropy": self.cross_entropy(of_labelled, labelled.mask),
            "consistency": weight * self._consistency(self._with_noise(view), target),
        }

    def after_update(self) -> None:
        """Let the core follow."""
        if self.updates >= self._first:
            core = self._core(self.updates)
            # At first the mean of its own weights and of those it follows, else a short training
            # would end before the teachers get near the student.
            mean = 1 - 1 / (self.followed[core] + 2)
            follow(self.teachers[core], self.network, min(mean, self.options.teacher_decay))
            self.followed[core] += 1
        self.updates += 1

    def get_extra_state(self) -> dict[str, Any]:
        return {"updates": self.updates, "followed": self.followed}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.updates, self.followed = state["updates"], list(state["followed"])

    @property
    def _first(self) -> int:
        """The first step in which teachers teach."""
        return math.ceil(self.options.warm_up * self.steps)

    def _core(self, step: int) -> int:
        """Which teacher follows in a step."""
        return (step - self._first) // max(1, self.steps // self.options.turns) % 2

    def _logits(self, network: nn.Module, batch: Batch) -> Tensor:
        return self.predict(network, batch.image, batch.inside)["segmentation"]

    @torch.no_grad()
    def _target(self, weak: Batch, core: int) -> Target:
        """What both teachers predict."""
        with evaluating(*self.teachers):
            logits = [self._logits(one, weak).float() for one in self.teachers]
        of_core, other = logits[core], logits[1 - core]
        likeliest = other.topk(min(self.options.assisting_classes, other.shape[1]), dim=1).indices
        has_a_say = torch.zeros_like(other, dtype=torch.bool).scatter_(1, likeliest, True)
        return Target.of((of_core + torch.where(has_a_say, other, of_core)) / 2, weak.inside)

    def _with_noise(self, batch: Batch) -> Tensor:
        """The student's logits for a batch whose features get noise, float (N, K, H, W)."""
        seed = drawn_seed()

        def logits(image: Tensor, inside: Tensor) -> Tensor:
            features = self.network.features(image, inside)
            maps = [features[i] for i in self.perturbed]

            def of_teachers(noisy: Maps) -> Tensor:
                alike = replaced(features, self.perturbed, noisy)
                return sum(one.scores(alike) for one in self.teachers) / 2

            with evaluating(*self.teachers):
                generator = generator_of(seed, image.device)
                noise = adversarial_noise(maps, of_teachers, self.options.length, generator)
            return self.network.scores(replaced(features, self.perturbed, added(maps, noise)))

        return self.predict(logits, batch.image, batch.inside)

    def _consistency(self, logits: Tensor, target: Target) -> Tensor:
        options = self.options.confidence
        error = functional.cross_entropy(logits.float(), target.classes, reduction="none")
        weight = weights(target.confidence, target.valid, options) * target.confidence
        return weighted_mean(error, weight, target.valid, options.denominator)


build = PSMT
