"""A compiled network learns the same, goes on exactly, and is not needed."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fewmask.config.stage import TrainingSettings
from fewmask.training.loop import Training
from tests.conftest import SMALL_RESNET, small_stage
from tests.training.test_loop import go, training

STAGE = small_stage(
    steps=6,
    evaluation={"every": 3, "metric": "none"},
    network=SMALL_RESNET,  # few kinds of operations, each of which takes the compiler its time
)
COMPILED = STAGE.model_copy(update={"compile": True})
NO_COMPILER = {"cpp.cxx": (None, "/nowhere/g++")}


@pytest.fixture(autouse=True)
def _compile_anew():
    torch.compiler.reset()


def same(one: Training, other: Training) -> bool:
    """Whether two trainings have the same weights, bit for bit."""
    pairs = zip(one.result.items(), other.result.items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
def test_it_learns_the_same_and_goes_on_exactly(rooms: Path, rooms_split: Path):
    plain, compiled = (training(one, rooms, rooms_split) for one in (STAGE, COMPILED))
    go(plain)
    go(compiled)
    assert not same(plain, compiled)  # it was compiled: it rounds otherwise
    for expected, found in zip(plain.history, compiled.history, strict=True):
        assert found["loss"] == pytest.approx(expected["loss"], rel=0.02)

    stopped, resumed = (training(COMPILED, rooms, rooms_split) for _ in range(2))
    states: list[dict[str, Tensor]] = []
    assert not stopped.run(
        save=lambda now: states.append(now.state_dict()),
        checkpoint_minutes=60,
        interrupted=lambda: stopped.step == 4,
        report=lambda now: None,
    )
    resumed.load_state_dict(states[0])
    go(resumed)
    assert same(compiled, resumed)


@pytest.mark.slow
def test_without_a_compiler_the_network_is_trained_as_it_is(
    rooms: Path, rooms_split: Path, capfd: pytest.CaptureFixture[str]
):
    plain, compiled = (training(one, rooms, rooms_split) for one in (STAGE, COMPILED))
    go(plain)
    with torch._inductor.config.patch(NO_COMPILER):
        go(compiled)
    assert same(plain, compiled)
    notes = [line for line in capfd.readouterr().err.splitlines() if line.startswith("compile:")]
    assert len(notes) == 1
    assert "No working C++ compiler" in notes[0]


def test_a_compiled_stage_says_so_in_what_shapes_its_weights():
    assert TrainingSettings.model_validate_json(COMPILED.shaping()).compile
