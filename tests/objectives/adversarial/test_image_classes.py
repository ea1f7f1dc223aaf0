"""The classifier of images beside s4GAN, and the segmenter that listens to it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fewmask import IGNORE
from fewmask.config.network import Network
from fewmask.core.paths import WEIGHTS
from fewmask.data.store.store import Store
from fewmask.networks.image_classes import ImageClassifier, WithImageClasses
from fewmask.networks.weights import load_segmenter, load_weights
from fewmask.objectives.objective import Objective
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.objectives.adversarial.making import SMALL, mean, reached, sigmoid
from tests.objectives.consistency.making import CLASSES, batches, objective
from tests.training.gradients import STAGES

OWN = {"image_classes", "image_class_consistency"}
SGD = {"name": "sgd", "learning_rate": 0.03}


def s4gan(**options: Any) -> Objective:
    return objective("s4gan", discriminator=SMALL, image_classes=options)


class Answers:
    """What a classifier was given, and returned, call by call."""

    def __init__(self, classifier: nn.Module) -> None:
        self.images: list[Tensor] = []
        self.logits: list[Tensor] = []
        classifier.register_forward_hook(self._keep)

    def _keep(self, classifier: nn.Module, given: tuple[Tensor, ...], found: Tensor) -> None:
        self.images.append(given[0])
        self.logits.append(found.detach())


def cosine(a: list[float], b: list[float]) -> float:
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def test_losses_are_those_of_the_formulas():
    one, drawn = s4gan(burn_in=0.1, ramp_up=0.5), batches()
    one.steps = 10
    drawn["labelled"].mask[0] = IGNORE
    drawn["labelled"].mask[1] = drawn["labelled"].mask[1].clamp(max=1)
    with torch.no_grad():
        one.class_teacher.network.head.weight.normal_()
    student, teacher = Answers(one.classifier), Answers(one.class_teacher.network)
    losses = one.losses(drawn, 4)
    (of_labelled, of_view), (taught,) = student.logits, teacher.logits
    assert torch.equal(teacher.images[0], drawn["unlabelled"].image)
    assert not torch.equal(student.images[1], drawn["unlabelled"].image)
    errors = []
    for k in range(CLASSES):
        p = sigmoid(of_labelled[1, k])
        errors.append(-math.log(p if k in (0, 1) else 1 - p))
    assert losses["image_classes"].item() == pytest.approx(mean(errors), rel=1e-4)
    apart = [1 - cosine(a.tolist(), b.tolist()) for a, b in zip(of_view, taught, strict=True)]
    expected = 0.6 * mean(apart)
    assert losses["image_class_consistency"].item() == pytest.approx(expected, rel=1e-4)


def test_the_weight_of_the_teacher_rises_after_a_while():
    one, drawn = s4gan(burn_in=0.2, ramp_up=0.4), batches()
    one.steps = 10
    values = []
    for step in (0, 2, 4, 6, 9):
        torch.manual_seed(0)
        values.append(one.losses(drawn, step)["image_class_consistency"].item())
    shares = [value / values[-1] for value in values]
    assert shares == pytest.approx([0, 0, 0.5, 1, 1], rel=1e-3, abs=1e-6)


def test_the_classifier_learns_from_its_losses_alone():
    one = s4gan(burn_in=0)
    losses = one.losses(batches(), 1)
    assert set(losses) == {*one.options.loss_names, "discriminator", *OWN}
    for name, loss in losses.items():
        found = reached(one, loss)
        assert found.pop("class_teacher") is False
        if name in OWN:
            assert found == {"network": False, "discriminator": False, "classifier": True}
        else:
            assert not found["classifier"]


def test_what_all_images_show_is_soon_known_to_encoders_that_end_without_an_activation():
    torch.manual_seed(0)
    classifier = ImageClassifier(Network(encoder="tu-tf_efficientnet_lite0"), CLASSES)
    optimiser = torch.optim.AdamW(classifier.parameters(), 1e-3)
    shown = (torch.arange(CLASSES) < 2).float().expand(8, CLASSES)
    for _ in range(30):
        image = torch.rand(8, 3, 32, 32)
        logits = classifier(image, torch.ones(8, 1, 32, 32))
        loss = functional.binary_cross_entropy_with_logits(logits, shown)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.3


def test_without_masks_nothing_is_learnt_of_them():
    one, drawn = s4gan(), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    assert one.losses(drawn, 1)["image_classes"].item() == 0


def test_the_teacher_follows_and_an_optimiser_may_be_its_own():
    one = s4gan(optimiser=SGD)
    with torch.no_grad():
        one.classifier.head.bias.fill_(7)
    one.after_update()
    assert torch.equal(one.class_teacher.network.head.bias, one.classifier.head.bias)
    _, group = one.parameter_groups()
    assert {*group.parameters} == {*one.classifier.parameters()}
    assert group.optimiser.learning_rate == 0.03
    assert len(s4gan().parameter_groups()) == 1
    assert one.classifier.encoder in one.parts("encoder")


class Constant(nn.Module):
    """Returns what it was made with, whatever it is given."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def forward(self, *_: Tensor) -> Any:
        return self.value


def test_only_classes_that_an_image_shows_are_predicted():
    torch.manual_seed(0)
    logits = torch.randn(3, 5, 8, 8) * 20
    shown = torch.tensor([[1, 0, 0, 1, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]) * 4.0 - 2
    one = WithImageClasses(Constant({"segmentation": logits}), Constant(shown), threshold=0.5)
    found = one(torch.rand(3, 3, 8, 8), torch.ones(3, 1, 8, 8))["segmentation"]
    assert found.isfinite().all()
    for n, y, x in np.ndindex(3, 8, 8):
        scores = logits[n, :, y, x]
        allowed = [k for k in range(5) if shown[n, k] > 0] or list(range(5))
        assert int(found[n, :, y, x].argmax()) == max(allowed, key=lambda k: float(scores[k]))
        assert torch.equal(found[n, allowed, y, x], scores[allowed])


@pytest.fixture(scope="module")
def trained(rooms: Path, rooms_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    stage = small_stage(steps=4, precision="fp32", evaluation={"every": 2}, **STAGES["s4gan"])
    output = tmp_path_factory.mktemp("s4gan")
    assert train(Inputs(rooms, rooms_split), stage, 0, output)
    return output / WEIGHTS


def test_both_networks_are_kept_and_predict_together(trained: Path, rooms: Path):
    network, description = load_segmenter(trained, torch.device("cpu"))
    assert isinstance(network, WithImageClasses)
    assert network.threshold == description.training.objective.image_classes.threshold
    weights = load_weights(trained)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_another_stage_starts_from_the_segmenter(trained: Path, rooms: Path, rooms_split: Path):
    stage = small_stage(start_from="earlier", precision="fp32")
    inputs = Inputs(rooms, rooms_split, start_from=trained)
    with Store(rooms) as store:
        network = build_training(inputs, stage, 1, store, start("fp32", 1)).objective.network
    weights = load_weights(trained)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[f"segmenter.{name}"]), name
