"""The table of searches, against rankings written by hand."""

import math

from fewmask.metrics.records import write_record
from fewmask.report.tables.search import search_summary, search_table
from tests.report.synthetic_runs import requested

RATE = "optimiser.learning_rate"


def write_ranking(path, scores, rung_of="m_trial_{}"):
    trials = [
        {
            "trial": trial,
            "method": f"m_trial_{trial}",
            "changes": {RATE: 0.001 * trial} if trial else {},
            "trained_as": rung_of.format(trial),
            "scores": {"100": score},
            "score": score,
            "steps": 10,
        }
        for trial, score in scores.items()
    ]
    write_record(path, {"metric": "miou", "trials": trials})


def search(project, method, share=0.5):
    rankings = [f"{method}_1.json", f"{method}_2.json"]
    write_ranking(project / rankings[0], {2: 0.5, 0: 0.4, 1: 0.3})
    write_ranking(project / rankings[1], {2: 0.6})
    return {
        **{"dataset": "scenes", "method": method, "fraction": "n10", "rankings": rankings},
        "ranges": {RATE: "[0.001, 0.1]"},
        "shares": {1: {RATE: 0.5}, 2: {RATE: share}},
    }


def test_every_trial_of_every_rung_with_its_settings(project):
    grid = requested(searches=[search(project, "supervised")])
    table = search_summary(grid)
    assert table[["rung", "trial", "score", "chosen"]].to_numpy().tolist() == [
        [1, 2, 0.5, False],
        [1, 0, 0.4, False],
        [1, 1, 0.3, False],
        [2, 2, 0.6, True],
    ]
    assert table[RATE].iloc[[0, 2, 3]].tolist() == [0.002, 0.001, 0.002]
    assert math.isnan(table[RATE].iloc[1])


def test_the_baseline_comes_first_and_an_edge_is_named(project):
    methods = ["fixmatch", "fixmatch_searched", "supervised", "supervised_searched"]
    searches = [search(project, "fixmatch", 0.99), search(project, "supervised")]
    grid = requested(methods=methods, searches=searches)
    page = search_table(grid, search_summary(grid)).markdown()
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in page.splitlines() if "|" in line]
    assert [row[2] for row in rows[2:]] == ["supervised", "fixmatch"]
    assert rows[2][3:7] == ["3", "trial 2", "mIoU 60.0", "40.0 (rung 1)"]
    assert "0.002" in rows[2][7]
    (edge,) = [line for line in page.splitlines() if "edge of its range" in line]
    assert edge.lstrip("- ").startswith("fixmatch on scenes at n10")


def test_without_a_search_a_sentence_says_so(project):
    page = search_table(requested(), search_summary(requested())).markdown()
    assert "no search of settings" in page
