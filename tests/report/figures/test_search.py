"""The figure of a search: where trials are drawn."""

import numpy as np
import pytest

from fewmask.config.ranges import Choice, Linear, Log, LogToOne, Whole
from fewmask.planning.search.tried import Tried
from fewmask.report.figures.search import BEYOND, place_of, search_figure
from fewmask.report.tables.search import search_summary
from tests.report.synthetic_runs import requested
from tests.report.synthetic_search import METHODS, search


@pytest.mark.parametrize(
    ("tried", "places"),
    [
        (Log(1e-4, 1e-2), {1e-4: 0, 1e-3: 0.5, 1e-2: 1, 1e-5: -BEYOND, 0.1: 1 + BEYOND}),
        (LogToOne(0.9, 0.999), {0.9: 0, 0.99: 0.5, 0.999: 1, 0.9999: 1 + BEYOND}),
        (Linear(0, 2), {0.5: 0.25, 2: 1}),
        (Whole(1, 5), {2: 0.25}),
        (Choice(("a", "b")), {"a": 0.25, "b": 0.75, "c": 1 + BEYOND}),
    ],
)
def test_a_value_is_drawn_on_the_scale_that_it_is_drawn_evenly_on(tried, places):
    record = Tried.of(tried, next(iter(places)))
    found = {value: place_of(record, value) for value in places}
    assert found == pytest.approx(places)


def test_trials_lie_at_their_setting_and_their_score(project):
    """Of 3 trials, 0 is as written, 1 diverged, and 2 went on and was chosen."""
    searches = [search("fixmatch"), search("supervised")]
    grid = requested(methods=METHODS, searches=searches)
    figure = search_figure(grid, search_summary(grid), "scenes")
    first, second = figure.axes
    assert [text.get_text() for text in figure.texts if text.get_text() in METHODS] == [
        "supervised",
        "fixmatch",
    ]
    assert first.get_xlabel() == "learning_rate (log)"
    dots = np.concatenate([np.asarray(one.get_offsets()) for one in first.collections])
    places = {value: np.log(value / 1e-4) / np.log(1e3) for value in (0.0005, 0.001, 0.002)}
    expected = [(0.001, 0.04), (0.002, 50), (0.0005, 40), (0.002, 60)]
    assert dots.tolist() == [[pytest.approx(places[x]), pytest.approx(y)] for x, y in expected]
    assert second.get_ylim() == first.get_ylim()


def test_without_a_ranking_a_sentence_says_so(project):
    figure = search_figure(requested(), search_summary(requested()), "scenes")
    assert "No trial of a search is ranked yet." in [text.get_text() for text in figure.texts]
