"""Bare steps: forward pass, backward pass and update, written with torch alone where possible.

Each works on one batch that stays where it is, augmented once, in the precision and memory format
of the training, with a copy of its networks and torch's fused AdamW. Nothing is drawn, moved,
logged or recorded.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch.nn import functional

from fewmask import IGNORE
from fewmask.data.batches import Batch, joined
from fewmask.objectives.losses import mean
from fewmask.objectives.masked_image.objective import colours_of, rotate_patches
from fewmask.objectives.objective import Objective
from fewmask.objectives.simclr.objective import nt_xent
from fewmask.tasks.depth import depth_error
from fewmask.tasks.normal import normal_error
from fewmask.training.loop import Training

Step = Callable[[], object]
Losses = Callable[[], list[torch.Tensor]]


def supervised(training: Training) -> Step:
    """The network on a batch, cross-entropy, one backward pass, update."""
    objective, batch = deepcopy(training.objective), first_batches(training)["labelled"]

    def losses() -> list[torch.Tensor]:
        logits = objective.network(batch.image, batch.inside)["segmentation"]
        return [_cross_entropy(logits, batch.mask)]

    return bare_step(training, objective, losses)


def self_training(training: Training) -> Step:
    """The teacher on labelled and unlabelled images; the student on labelled images and again on
    both; the auxiliary head on both; three cross-entropies, one backward pass, update of
    the student. The teacher does not follow."""
    objective, batches = deepcopy(training.objective), first_batches(training)
    labelled, both = batches["labelled"], list(batches.values())
    image, inside = joined(both, "image"), joined(both, "inside")
    all_images = torch.cat([labelled.image, image])
    all_inside = torch.cat([labelled.inside, inside])
    pseudo_masks, count = joined(both, "pseudo_mask"), len(labelled.rows)
    objective.teacher.eval()

    def losses() -> list[torch.Tensor]:
        with torch.no_grad():
            classes = objective.teacher(image, inside)["segmentation"].argmax(1)
        features = objective.network.features(all_images, all_inside)
        logits = objective.network.scores(features)
        found = objective.auxiliary([level[count:] for level in features])
        return [
            _cross_entropy(logits[:count], labelled.mask)
            + 0.5 * _cross_entropy(logits[count:], classes)
            + 0.5 * _cross_entropy(found, pseudo_masks)
        ]

    return bare_step(training, objective, losses)


def multi_task(training: Training) -> Step:
    """The network with three decoders, three losses, a backward pass of each, one update."""
    objective, batches = deepcopy(training.objective), first_batches(training)
    labelled, both = batches["labelled"], list(batches.values())
    image, inside, depth, normal = (
        joined(both, name) for name in ("image", "inside", "depth", "normal")
    )
    network, count = objective.network, len(labelled.rows)

    def losses() -> list[torch.Tensor]:
        features = network.features(image, inside)
        logits = network.scores([level[:count] for level in features])
        return [
            _cross_entropy(logits, labelled.mask),
            mean(*depth_error(network.of_task("depth", features)["depth"], depth)),
            mean(*normal_error(network.of_task("normal", features)["normal"], normal)),
        ]

    return bare_step(training, objective, losses)


def simclr(training: Training) -> Step:
    """The encoder and head on two views of every image, NT-Xent, one backward pass, update."""
    objective, batch = deepcopy(training.objective), first_batches(training)["all"]
    image, inside = torch.cat([batch.image, batch.image]), torch.cat([batch.inside, batch.inside])

    def losses() -> list[torch.Tensor]:
        features = objective.network.features(image, inside)[-1].mean((2, 3))
        first, second = objective.head(features).chunk(2)
        return [nt_xent(first, second, batch.rows, objective.options.temperature)]

    return bare_step(training, objective, losses)


def masked_image(training: Training) -> Step:
    """The network on images with rotated patches, squared error, one backward pass, update."""
    objective, batch = deepcopy(training.objective), first_batches(training)["all"]
    options = objective.options
    perturbed = rotate_patches(batch.image, options.patches, options.patch_size)

    def losses() -> list[torch.Tensor]:
        predicted = colours_of(objective.network)(perturbed, batch.inside)
        return [functional.mse_loss(predicted.float(), batch.image)]

    return bare_step(training, objective, losses)


def bare_step(training: Training, objective: Objective, losses: Losses) -> Step:
    """A forward pass, a backward pass for every loss, and an update. The learning rate is 0, so
    that the weights stay the same however often the step is done; the work is the same."""
    trained = [one for one in objective.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=0, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with training.runtime.autocast():
            found = losses()
        for left, loss in zip(reversed(range(len(found))), found, strict=True):
            loss.backward(retain_graph=left > 0)
        optimiser.step()

    return step


def first_batches(training: Training) -> dict[str, Batch]:
    """The batches of the first step, by role."""
    return {role: training.augmented(batch) for role, batch in training.draws.at(0).items()}


def _cross_entropy(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.float(), mask, ignore_index=IGNORE)
