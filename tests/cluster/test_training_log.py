"""The line of a training's log is read as it was written."""

import math

from hypothesis import given
from hypothesis import strategies as st

from fewmask.cluster.training_log import TrainingProgress
from fewmask.metrics import table

NUMBERS = st.floats(min_value=-1e6, max_value=1e6)
NOT_NEGATIVE = st.floats(min_value=0, max_value=1e6)
JUDGED = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "metric": st.sampled_from(sorted(table.names(table.measured_on("validation")))),
            "value": NUMBERS,
        }
    ),
)


@st.composite
def progresses(draw: st.DrawFn) -> TrainingProgress:
    step = draw(st.integers(1, 10**6))
    steps = draw(st.integers(step, 10**7))
    values = {"loss": draw(NUMBERS), "speed": draw(NOT_NEGATIVE)}
    return TrainingProgress(step, steps, **values, seconds_left=draw(NOT_NEGATIVE), **draw(JUDGED))


def test_the_line_says_it_to_people():
    progress = TrainingProgress(200, 1000, 0.51234, 87.4, 63.6, "miou", 0.3)
    assert str(progress) == (
        "step 200/1000  loss 0.5123  validation miou 0.3000  87 images/s  64 s left"
    )
    assert str(TrainingProgress(1, 2, 3, 4, 5)) == "step 1/2  loss 3.0000  4 images/s  5 s left"


@given(st.lists(progresses(), min_size=1))
def test_the_last_line_is_read_back(progress: list[TrainingProgress]):
    lines = [f"a note\n{one}\nresuming from step {one.step}" for one in progress]
    found, last = TrainingProgress.last_in("\n".join(lines)), progress[-1]
    assert (found.step, found.steps, found.metric) == (last.step, last.steps, last.metric)
    assert math.isclose(found.loss, last.loss, abs_tol=5.1e-5)
    assert math.isclose(found.speed, last.speed, abs_tol=0.51)
    assert math.isclose(found.seconds_left, last.seconds_left, abs_tol=0.51)
    if last.value is not None:
        assert math.isclose(found.value, last.value, abs_tol=5.1e-5)


def test_a_line_that_is_cut_off_is_none():
    line = str(TrainingProgress(200, 1000, 0.5, 87, 64, "miou", 0.3))
    assert TrainingProgress.last_in(line[:-6]) is None
    assert TrainingProgress.last_in(f"{line}\n{line[:-6]}") == TrainingProgress.last_in(line)
    assert TrainingProgress.last_in("") is None


def test_damaged_lines_are_none():
    line = str(TrainingProgress(200, 1000, 0.5, 87, 64, "miou", 0.3))
    for good, bad in [("0.5000", "0.5.0"), ("0.3000", "xyz"), ("/1000", "/0"), ("200/", "-2/")]:
        assert TrainingProgress.last_in(line.replace(good, bad)) is None
