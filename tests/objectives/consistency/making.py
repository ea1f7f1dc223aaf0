"""A fixed batch with every difficulty, objectives on a tiny network, and what a student saw."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fewmask import IGNORE
from fewmask.config.network import Network
from fewmask.config.stage import Stage
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.objective import Objective, build
from tests.conftest import SMALL_NETWORK, small_stage
from tests.objectives.known import CONFIDENT

CLASSES, SIZE = 4, 16
TINY = Network.model_validate(SMALL_NETWORK)
STILL = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0, "greyscale": 0, "blur": 0}
"""No change of colours, so that a pixel of a view is one of the images."""

Batches = dict[str, Batch]


def options(name: str, **changes: Any) -> Any:
    """The settings of an objective, as a stage reads them."""
    stage: Stage = small_stage(
        objective={"name": name, **changes}, batch={"labelled": 2, "unlabelled": 3}
    )
    return stage.objective


def threshold(name: str, value: float) -> dict[str, Any]:
    """The settings with which pixels count that reach a threshold, if an objective has one."""
    return {"confidence": {"threshold": value}} if name in CONFIDENT else {}


def objective(name: str, classes: int = CLASSES, **changes: Any) -> Objective:
    """An objective in training mode, whose teacher, if any, differs from its student."""
    torch.manual_seed(0)
    one = build(options(name, **changes), Blueprint(TINY, {"segmentation": classes}))
    teacher = getattr(one, "teacher", None)
    with torch.no_grad():
        for network in [one.network, *([teacher.network] if teacher else [])]:
            for parameter in network.segmentation_head.parameters():
                parameter.normal_(std=0.7)
    return one.train()


def batch(images: int, masks: bool) -> Batch:
    """Images of which the first one has padding below and the last one on its right."""
    inside = torch.ones(images, 1, SIZE, SIZE)
    inside[0, :, SIZE - 4 :] = 0
    inside[-1, :, :, SIZE - 3 :] = 0
    mask = torch.randint(0, CLASSES, (images, SIZE, SIZE))
    mask[:, :2] = IGNORE
    image = torch.rand(images, 3, SIZE, SIZE)
    truth = {"segmentation": mask} if masks else {}
    return Batch(np.arange(images), image, inside, truth=truth)


def batches() -> Batches:
    torch.manual_seed(1)
    return {"labelled": batch(2, masks=True), "unlabelled": batch(3, masks=False)}


class Seen:
    """The images that the student was given, its logits for them, and the scales of its features,
    all as one batch; and all that it returned, by batch."""

    def __init__(self, one: Objective) -> None:
        self._outputs = one.outputs
        one.outputs = self._keep

    def _keep(
        self, *given: Batch, scales: dict[int, Tensor] | None = None
    ) -> list[tuple[Tensor, ...]]:
        self.image, self.inside = (joined(given, name) for name in ("image", "inside"))
        self.scales = scales
        found = self._outputs(*given, scales=scales)
        self.found = [tuple(one.detach().double() for one in each) for each in found]
        self.logits = torch.cat([logits for logits, *_ in self.found])
        return found


def softmax(scores: list[float]) -> list[float]:
    largest = max(scores)
    powers = [float(np.exp(score - largest)) for score in scores]
    return [power / sum(powers) for power in powers]


def labelled_cross_entropy(logits: Tensor, mask: Tensor) -> float:
    """The mean of -log p over labelled pixels, pixel by pixel."""
    total, count = 0.0, 0
    for n, y, x in np.ndindex(*mask.shape):
        if mask[n, y, x] != IGNORE:
            total -= float(np.log(softmax(logits[n, :, y, x].tolist())[mask[n, y, x]]))
            count += 1
    return total / count if count else 0.0


def taught_logits(one: Any, weak: Batch) -> Tensor:
    """What the teacher, or the student in evaluation mode, says of plain images."""
    network = one.network if one.teacher is None else one.teacher.network
    was_training = network.training
    with torch.no_grad():
        logits = network.eval()(weak.image, weak.inside)["segmentation"].double()
    network.train(was_training)
    return logits


def recomputed(logits: Tensor, weak: Batch, seen: Seen, first: int, options: Any) -> float:
    """The cross-entropy against a target, pixel by pixel, from what the teacher says of the images
    and what the student saw and said of those from ``first`` on."""
    view = seen.image[first : first + len(weak.image)]
    total, sure, valid, pixels = 0.0, 0, 0, 0
    for n, y, x in np.ndindex(len(view), *view.shape[2:]):
        i = source(view, weak.image, n, y, x)
        assert seen.inside[first + n, 0, y, x] == weak.inside[i, 0, y, x]
        pixels += 1
        if not weak.inside[i, 0, y, x]:
            continue
        valid += 1
        p = softmax(logits[i, :, y, x].tolist())
        is_sure = max(p) >= options.threshold
        sure += is_sure
        if options.rule == "batch" or is_sure:
            of_student = softmax(seen.logits[first + n, :, y, x].tolist())
            total -= float(np.log(of_student[p.index(max(p))]))
    kept = sure
    if options.rule == "batch":
        total *= sure / valid
        kept = valid if sure else 0
    return total / {"all": pixels, "valid": valid, "kept": max(1, kept)}[options.denominator]


def source(view: Tensor, images: Tensor, n: int, y: int, x: int) -> int:
    """Whose pixel image ``n`` of a view shows at its place: its own, or its partner's."""
    found = [i for i in (n, n - 1) if torch.equal(view[n, :, y, x], images[i, :, y, x])]
    assert len(found) == 1
    return found[0] % len(images)
