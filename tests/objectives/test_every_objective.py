"""What every objective must do with a network that it judges on the validation images."""

import copy
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from fewmask.config.task import load
from fewmask.data.batches import Batch, Images
from fewmask.data.store.store import Store
from fewmask.objectives.hard_pixels import HardPixels
from fewmask.objectives.objective import Objective
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.objectives.known import LEARNS_MASKS, NAMES
from tests.training.gradients import STAGES, inputs_of

Build = Callable[[], Training]


@pytest.fixture(params=NAMES)
def build(
    request: pytest.FixtureRequest, rooms_with_geometry: Path, rooms_split: Path
) -> Iterator[Build]:
    """What builds a training of every objective."""
    stage = small_stage(
        precision="fp32", evaluation={"every": 5, "metric": "loss"}, **STAGES[request.param]
    )
    inputs = inputs_of(stage, rooms_with_geometry, rooms_split)
    with Store(inputs.dataset) as store:
        yield lambda: build_training(inputs, stage, 0, store, start("fp32", 1))


@pytest.fixture
def training(build: Build) -> Training:
    """A training after two steps."""
    one = build()
    to(2, one)
    return one


def to(step: int, training: Training) -> bytes:
    """Train up to a step, and save what a checkpoint holds."""
    file = BytesIO()
    training.run(
        save=lambda now: torch.save(now.state_dict(), file),
        checkpoint_minutes=60,
        interrupted=lambda: training.step >= step,
        report=lambda now: None,
    )
    return file.getvalue()


def gaps(batch: Batch) -> Batch:
    """Truth that is known of as many pixels as the row says, and padding likewise."""
    for i, row in enumerate(batch.rows.tolist()):
        unknown = slice(0, 4 * (row % 7))
        batch.inside[i, :, unknown] = 0
        for name, truth in batch.truth.items():
            truth[i, ..., unknown, :] = load(name).unknown
    return batch


def judged(training: Training, network: nn.Module, batch_size: int = 4) -> dict[str, float]:
    images: Images = training.validation
    batches: Iterator[Batch] = map(gaps, images.in_order(batch_size))
    return training.objective.validate(network, batches, nullcontext)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {n: one.clone() for n, one in module.state_dict().items() if isinstance(one, Tensor)}


def modes(module: nn.Module) -> list[bool]:
    return [one.training for one in module.modules()]


def test_it_judges_the_network_that_it_is_handed(training: Training):
    objective: Objective = training.objective
    handed = copy.deepcopy(objective.result)
    found = judged(training, handed)
    assert judged(training, handed.eval()) == found, "in evaluation mode, whatever its mode"
    with torch.no_grad():
        for parameter in objective.network.parameters():
            parameter.normal_()
    assert judged(training, handed) == found, "and not its own"


def test_it_leaves_everything_as_it_was(training: Training):
    objective = training.objective
    handed = copy.deepcopy(objective.result)
    next(one for one in handed.modules() if isinstance(one, nn.BatchNorm2d)).eval()
    before = [(state(one), modes(one)) for one in (objective, handed)]
    drawn = torch.get_rng_state()
    judged(training, handed)
    assert torch.equal(torch.get_rng_state(), drawn)
    for one, (weights, mode) in zip((objective, handed), before, strict=True):
        assert modes(one) == mode
        for name, tensor in state(one).items():
            assert torch.equal(tensor, weights[name]), name


def test_the_batch_size_changes_nothing(training: Training):
    whole = judged(training, training.network, 6)
    for batch_size in (1, 3, 4):
        found = judged(training, training.network, batch_size)
        assert found == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("build", LEARNS_MASKS, indirect=True)
def test_its_masks_may_count_where_they_are_hard_to_learn(build: Build):
    one = build()
    objective = one.objective.train()
    batches = {role: one.augmented(batch) for role, batch in one.draws.at(0).items()}

    def value() -> float:
        torch.manual_seed(0)
        return objective.losses(batches, 0)["cross_entropy"].item()

    of_all = value()
    objective.hard_pixels = HardPixels(threshold=1e-9, least=0.01)
    assert value() > 1.2 * of_all


def test_hard_pixels_are_a_setting(rooms: Path, rooms_split: Path):
    hard = {"threshold": 0.5, "least": 0.2}
    stage = small_stage(objective={"name": "supervised", "hard_pixels": hard})
    with Store(rooms) as store:
        one = build_training(Inputs(rooms, rooms_split), stage, 0, store, start("bf16", 1))
    assert one.objective.hard_pixels == HardPixels(**hard)
    with pytest.raises(ValidationError, match="hard_pixels choose pixels of the cross-entropy"):
        small_stage(
            objective={"name": "supervised", "losses": ["dice"], "hard_pixels": hard},
        )


def test_it_goes_on_with_all_that_it_had(build: Build):
    """Teachers, snapshots, further heads and decoders, thresholds that follow, memories."""
    whole, resumed = build(), build()
    saved = to(2, whole)
    to(3, whole)
    with torch.no_grad():
        for parameter in resumed.objective.parameters():
            parameter.normal_()
    resumed.load_state_dict(torch.load(BytesIO(saved), weights_only=True))
    to(3, resumed)
    expected, found = state(whole.objective), state(resumed.objective)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    assert resumed.since_evaluation == whole.since_evaluation


def test_in_bf16_it_has_the_same_losses_but_for_rounding(build: Build):
    def losses(precision: str) -> dict[str, float]:
        one = build()
        batches = {role: one.augmented(batch) for role, batch in one.draws.at(0).items()}
        torch.manual_seed(0)
        with start(precision, 1).autocast():
            found = one.objective.train().losses(batches, 0)
        return {name: value.item() for name, value in found.items()}

    assert losses("bf16") == pytest.approx(losses("fp32"), rel=0.05, abs=0.02)
