"""What all adversarial objectives have in common: two sides that learn apart."""

import copy
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from fewmask import IGNORE
from fewmask.config.stage import TrainingSettings
from fewmask.data.store.store import Store
from fewmask.objectives.objective import Objective
from fewmask.training.building import build_training
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.objectives.adversarial.making import SMALL, reached
from tests.objectives.consistency.making import batches, objective
from tests.objectives.known import ADVERSARIAL
from tests.training.gradients import STAGES, inputs_of

every = pytest.mark.parametrize("name", ADVERSARIAL)
LATE = 1
ALWAYS = {"hung": {"threshold": 0, "judged_images": "all"}, "s4gan": {"threshold": 0}}
"""Settings with which every loss counts."""


def made(name: str, **changes: Any) -> Objective:
    return objective(name, discriminator=SMALL, **ALWAYS[name], **changes)


@every
def test_no_loss_reaches_both_sides(name: str):
    one = made(name)
    losses = one.losses(batches(), LATE)
    assert set(losses) == {*one.options.loss_names, "discriminator"}
    for key, loss in losses.items():
        assert loss > 0
        is_its_own = key == "discriminator"
        assert reached(one, loss) == {"network": not is_its_own, "discriminator": is_its_own}, key


@every
def test_without_masks_or_inside_nothing_is_learnt(name: str):
    one, drawn = made(name), batches()
    drawn["labelled"].mask.fill_(IGNORE)
    for batch in drawn.values():
        batch.inside.zero_()
    losses = one.losses(drawn, LATE)
    assert not any(loss.item() for loss in losses.values())
    sum(losses.values()).backward()
    assert not any(p.grad.any() for p in one.parameters() if p.grad is not None)


@every
def test_each_side_moves_as_if_it_were_alone(name: str, rooms, rooms_split):
    """With losses of one side only, the other side stays; its optimiser is its own."""
    optimiser = {"name": "sgd", "learning_rate": 0.1, "momentum": 0}
    stage = small_stage(
        precision="fp32", optimiser=optimiser, schedule={"name": "constant"}, **STAGES[name]
    )
    both, segmenter, discriminator = (begun(stage, rooms, rooms_split) for _ in range(3))
    before = copy.deepcopy(both.objective)
    keep(segmenter, lambda key: key != "discriminator")
    keep(discriminator, lambda key: key == "discriminator")
    for one in (both, segmenter, discriminator):
        one.objective.train()
        one._update()
    pairs = {"network": (segmenter, discriminator), "discriminator": (discriminator, segmenter)}
    for side, (alone, other) in pairs.items():
        moved = dict(getattr(both.objective, side).named_parameters())
        start_of = dict(getattr(before, side).named_parameters())
        assert any(not torch.equal(moved[key], start_of[key]) for key in moved)
        for key, value in getattr(alone.objective, side).named_parameters():
            assert torch.equal(value, moved[key]), f"{side}: {key}"
        for key, value in getattr(other.objective, side).named_parameters():
            assert torch.equal(value, start_of[key]), f"{side}: {key}"
    # Adam's first step is its learning rate, whatever the gradient.
    head = both.objective.discriminator.head.bias
    step = (head - before.discriminator.head.bias).abs()
    assert step.item() == pytest.approx(stage.objective.discriminator.optimiser.learning_rate, 1e-3)


def begun(stage: TrainingSettings, rooms, rooms_split) -> Training:
    with Store(rooms) as store:
        inputs = inputs_of(stage, rooms, rooms_split)
        return build_training(inputs, stage, 0, store, start("fp32", 1))


def keep(training: Training, is_kept) -> None:
    """Let the losses of a training be 0 that are not kept."""
    losses = training.objective.losses

    def kept(*given) -> dict:
        found = losses(*given)
        return {key: one if is_kept(key) else one.detach() * 0 for key, one in found.items()}

    training.objective.losses = kept


@every
def test_images_must_be_large_enough_for_the_discriminator(name: str):
    layers = [4] * 6
    with pytest.raises(ValueError, match="at least"):
        made_settings(name, layers).size_of(31, 64)
    made_settings(name, [4]).size_of(16, 16)
    with pytest.raises(ValidationError):
        made_settings(name, [])


def made_settings(name: str, channels: list[int]) -> Any:
    stage = STAGES[name] | {"objective": {"name": name, "discriminator": {"channels": channels}}}
    return small_stage(**stage).objective
