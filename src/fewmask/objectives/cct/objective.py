"""Cross-consistency training (Ouali, Hudelot and Tami 2020)."""

import torch
from torch import Tensor, nn

from fewmask.core.errors import FewmaskError
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.assessment import evaluating
from fewmask.objectives.cct.perturbations import BY_NAME, Given, numbers_of
from fewmask.objectives.cct.settings import CCTSettings
from fewmask.objectives.consistency.base import ramp_up
from fewmask.objectives.consistency.options import EVERY_PIXEL
from fewmask.objectives.consistency.target import SoftTarget, target_squared_error
from fewmask.objectives.features.channels import channels_of
from fewmask.objectives.features.maps import Maps, replaced
from fewmask.objectives.features.noise import drawn_seed, generator_of
from fewmask.objectives.features.places import Predicted
from fewmask.objectives.objective import Objective


class CCT(Objective):
    """One encoder h with the main decoder g, and auxiliary decoders g_k that see its features
    perturbed, each in a way of its own.

    With x the labelled images, u the unlabelled ones, K auxiliary decoders and P_k their
    perturbations:

    - ``cross_entropy`` of g(h(x)) against the masks,
    - ``consistency``: the mean over the K decoders and the pixels inside the images of
      |softmax g_k(P_k h(u)) - softmax g(h(u))|^2 (the paper's equation 1), without gradients
      through g(h(u)). So the encoder learns from all decoders, the main decoder from masks alone.
      The authors also divide by the number of classes, by which a weight would mean ten times as
      much for 2 classes as for 21.

    The authors' decoders receive one feature map; here all maps that a decoder receives are
    perturbed alike, but for the image itself. All decoders are in training mode, as theirs are.
    Objects are the predicted classes but one: the authors cut boxes out of connected regions with
    long outlines, and their loss counts padding.
    """

    def __init__(self, options: CCTSettings, blueprint: Blueprint) -> None:
        """Raises FewmaskError for feature maps or a class that there are not."""
        super().__init__(blueprint.segmenter())
        self.options, self.steps = options, blueprint.steps
        channels = channels_of(self.network, options.perturbed_maps, "perturbed_maps")
        self.classes = blueprint.heads["segmentation"]
        if options.background is not None and options.background >= self.classes:
            raise FewmaskError(
                f"objective.background is {options.background}, and the dataset has "
                f"{self.classes} classes\n"
                f"  mend: a class from 0 to {self.classes - 1}, or null"
            )
        self.perturbed = list(channels)
        self.numbers = numbers_of(list(channels.values()), self.classes)
        self.kinds = [kind for kind, count in options.decoders for _ in range(count)]
        self.auxiliary = nn.ModuleList(blueprint.decoder() for _ in self.kinds)

    def parts(self, name: str) -> list[nn.Module]:
        """Auxiliary decoders learn at the rate of the main one."""
        others = [] if name == "encoder" else [getattr(one, name) for one in self.auxiliary]
        return [*super().parts(name), *others]

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, unlabelled = batches["labelled"], batches["unlabelled"]
        logits = self.predict(self.network, labelled.image, labelled.inside)["segmentation"]
        weight = ramp_up(step, self.options.ramp_up * self.steps)
        return {
            "cross_entropy": self.cross_entropy(logits, labelled.mask),
            "consistency": weight * self._consistency(unlabelled),
        }

    def _consistency(self, batch: Batch) -> Tensor:
        drawn = torch.rand(len(batch.image), len(self.kinds), self.numbers)
        seed = drawn_seed()

        def answers(image: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
            return self._answers(generator_of(seed, image.device), image, *others)

        numbers = drawn.to(batch.image.device, non_blocking=True)
        of_main, *of_others = self.predict(answers, batch.image, batch.inside, numbers)
        target = SoftTarget.of(of_main.float(), batch.inside)
        errors = [target_squared_error(one, target, EVERY_PIXEL) for one in of_others]
        return torch.stack(errors).mean()

    def _answers(
        self, generator: torch.Generator, image: Tensor, inside: Tensor, numbers: Tensor
    ) -> tuple[Tensor, ...]:
        """The logits of the main decoder, without gradients, and those of all others."""
        features = self.network.features(image, inside)
        maps = [features[i] for i in self.perturbed]
        with torch.no_grad():
            logits = self.network.scores(features)
        predicted = Predicted.of(logits, inside, self.options.background)
        found = [logits]
        for kind, decoder, own in zip(self.kinds, self.auxiliary, numbers.unbind(1), strict=True):

            def scores(perturbed: Maps, decoder: nn.Module = decoder) -> Tensor:
                with evaluating(decoder):
                    return decoder(replaced(features, self.perturbed, perturbed))

            given = Given(own, generator, predicted, scores)
            perturbed = BY_NAME[kind](self.options, maps, given)
            found.append(decoder(replaced(features, self.perturbed, perturbed)))
        return tuple(found)


build = CCT
