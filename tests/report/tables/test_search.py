"""The table of searches, against rankings written by hand."""

import math
from pathlib import Path

import pandas as pd
import pytest

from fewmask.core.paths import TRAINING
from fewmask.metrics.records import write_record
from fewmask.report.results.runs import collect
from fewmask.report.tables.cost import cost_table
from fewmask.report.tables.search import search_summary, search_table
from fewmask.report.tables.search_effect import COLUMNS, effect_sentences
from fewmask.report.tables.tabulate import tabulate
from tests.report.synthetic_runs import RECORD, requested, write_run
from tests.report.synthetic_search import METHODS, RATE, search, write_ranking, write_split

NO_EFFECTS = pd.DataFrame([], columns=COLUMNS)


def test_every_trial_of_every_rung_with_its_settings(project):
    grid = requested(searches=[search("supervised")])
    table = search_summary(grid)
    assert table[["rung", "trial", "chosen"]].to_numpy().tolist() == [
        [1, 2, False],
        [1, 0, False],
        [1, 1, False],
        [2, 2, True],
    ]
    assert table["score"].iloc[[0, 1, 3]].tolist() == [0.5, 0.4, 0.6]
    assert table["diverged"].dropna().to_dict() == {2: "the loss is not finite at step 3"}
    assert table[RATE].iloc[[0, 2, 3]].tolist() == [0.002, 0.001, 0.002]
    assert math.isnan(table[RATE].iloc[1])


def test_the_baseline_comes_first_and_an_edge_and_divergence_are_named(project):
    searches = [search("fixmatch", 0.0495), search("supervised")]
    grid = requested(methods=METHODS, searches=searches)
    page = search_table(grid, search_summary(grid), NO_EFFECTS).markdown()
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in page.splitlines() if "|" in line]
    assert [row[2] for row in rows[2:]] == ["supervised", "fixmatch"]
    assert rows[2][3:8] == ["10", "3", "trial 2", "mIoU 60.0", "40.0 (rung 1)"]
    assert "0.002" in rows[2][9]
    (edge,) = [line for line in page.splitlines() if "edge of its range" in line]
    assert edge.lstrip("- ").startswith("fixmatch on scenes at n10")
    assert "supervised on scenes at n10: 1 of 3 trials diverged" in page
    assert "trial 1: the loss is not finite at step 3." in page


@pytest.mark.parametrize(
    ("as_written", "where"), [(0.1, "at the edge of"), (0.0, "outside"), (0.01, None)]
)
def test_the_method_as_it_is_written_may_be_at_an_edge_or_outside(project, as_written, where):
    grid = requested(searches=[search("supervised")])
    for rung in (1, 2):
        path = Path(f"results/search/scenes/supervised/n10/rung_{rung}.json")
        write_ranking(path, {0: 0.6, 1: 0.5}, as_written=as_written)
    page = search_table(grid, search_summary(grid), NO_EFFECTS).markdown()
    assert ("values further out" in page) == bool(where)
    if where:
        sentence = f"{RATE} {as_written:g} lies {where} its range, [0.0001, 0.1]"
        assert sentence in page.replace("\\", "")


def test_without_a_search_a_sentence_says_so(project):
    page = search_table(requested(), search_summary(requested()), NO_EFFECTS).markdown()
    assert "no search of settings" in page


class TestMasks:
    """Those of the search are masks that somebody has drawn, too."""

    @pytest.mark.parametrize(("budgets", "masks"), [(["scenes"], [8, 13]), ([], [6, 8])])
    def test_images_of_the_run_and_of_the_search_count_once(self, project, budgets, masks):
        """Rows 0 to 7 are of the run, 4 to 12 of the search. Without a budget the two validation
        images of the run come on top; where the search labels or validates them, too, they still
        do."""
        searches = [search("supervised")]
        for name in METHODS[2:]:
            write_run(method=name, labelled=6, validation=2)
        write_split("n10", 0, range(6), (6, 7))
        validation = (6, 7) if not budgets else (11, 12)
        write_split("n10", 100, (4, 5, 8, 9) if not budgets else range(4, 11), validation)
        grid = requested(methods=METHODS[2:], searches=searches, budgets=budgets)
        assert collect(grid).table["masks"].tolist() == masks
        table = search_summary(grid)
        assert set(table["masks"]) == {9 if budgets else 6}
        page = tabulate(grid, collect(grid)).pages(grid)["summary"][1].markdown()
        assert "Masks counts these, too" in page

    def test_a_search_at_another_fraction_counts_its_own_masks(self, project):
        searches = [search("supervised")]
        write_run(method="supervised_searched", fraction="n5", labelled=5, validation=0)
        write_split("n5", 0, range(5), ())
        write_split("n10", 100, range(10, 20), (20, 21))
        grid = requested(
            methods=METHODS[2:], fractions=["n5"], searches=searches, budgets=["scenes"]
        )
        assert collect(grid).table["masks"].tolist() == [17]


def test_hours_of_a_search_stand_apart_and_count_every_training_once(project):
    """Trial 2 goes on from 10 minutes to 40; the two others take 10 minutes each."""
    searches = [search("supervised")]
    write_split("n10", 0, range(5), ())
    write_split("n10", 100, range(5), ())
    seconds = {"supervised_trial_0": 600, "supervised_trial_1": 600, "supervised_trial_2": 600}
    for name, one in (seconds | {"supervised_slot": 2400}).items():
        folder = project / f"results/stages/scenes/{name}/n10/100/last"
        folder.mkdir(parents=True)
        write_record(folder / TRAINING, RECORD | {"seconds": float(one)})
    for name in METHODS[2:]:
        write_run(method=name, seconds=3600.0)
    grid = requested(methods=METHODS[2:], searches=searches)
    cost = tabulate(grid, collect(grid)).cost
    assert cost["search_hours"].tolist() == pytest.approx([math.nan, 1.0, 1.0], nan_ok=True)
    assert cost["hours"].tolist() == [1, 1, 2]
    page = cost_table(grid, cost).markdown()
    assert "supervised (searched)" in page
    assert "Hours of search" in page


def test_what_the_search_changed_is_the_first_finding(project):
    """The baseline gains 10 points, fixmatch nothing; seeds differ by little."""
    gains = {"fixmatch_searched": 0.2, "fixmatch": 0.2, "supervised_searched": 0.1, "supervised": 0}
    for seed in (0, 1, 2):
        write_split("n10", seed, range(10), ())
        for name, gain in gains.items():
            images = [0.3 + gain + 0.01 * seed + 0.05 * image for image in range(6)]
            write_run(method=name, seed=seed, images=images)
    searches = [search("fixmatch"), search("supervised")]
    grid = requested(methods=METHODS, seeds=[0, 1, 2], searches=searches)
    results = tabulate(grid, collect(grid))
    effects = results.search_effect
    assert effects["method"].tolist() == ["supervised", "fixmatch"]
    assert effects["difference"].iloc[0] == pytest.approx(
        effects["searched"].iloc[0] - effects["as_written"].iloc[0]
    )
    assert effects["low"].iloc[0] > 0.05
    assert effects["low"].iloc[1] <= 0 <= effects["high"].iloc[1]
    (sentence,) = effect_sentences(grid, effects)
    assert sentence.startswith("scenes at n10: the search of settings changed supervised by +1")
    assert sentence.endswith("; of 1 other method, it made 0 better and 0 worse for certain.")
    pages = results.pages(grid)
    assert pages["summary"][1].findings[0] == sentence
    second = pages["summary"][1].findings[1]
    assert second.startswith("scenes at n10: fixmatch (searched) is better than supervised (searc")
    assert "| supervised (searched) |" in pages["summary"][1].markdown()
    assert "supervised_searched" not in pages["summary"][1].markdown()


def test_a_method_counts_once_and_one_whose_settings_stay_is_said_to_stay(project):
    """The search changes ict alone; each method of either kind is compared with its own kind."""
    mious = {"supervised": (0.5, 0.5), "fixmatch": (0.6, 0.6), "ict": (0.45, 0.55)}
    for seed in (0, 1, 2):
        write_split("n10", seed, range(10), ())
        for name, both in mious.items():
            for method, miou in zip((name, f"{name}_searched"), both, strict=True):
                write_run(method=method, seed=seed, images=[miou] * 6)
    methods = [name for one in mious for name in (one, f"{one}_searched")]
    searches = [search(name) for name in mious]

    def findings(reference):
        axes = {"methods": methods, "seeds": [0, 1, 2], "reference": reference}
        grid = requested(**axes, searches=searches)
        return tabulate(grid, collect(grid)).pages(grid)["summary"][1].findings

    changed, compared = findings(None)
    assert changed.startswith(
        "scenes at n10: the search of settings left supervised as it is written, with 50.0 % mIoU; "
        "of 2 other methods, it made 1 better (ict +10.0 points"
    )
    assert compared.startswith(
        "scenes at n10: of 2 searched methods, 2 are better than supervised (searched); the best "
        "of them is fixmatch (searched) (+10.0"
    )
    _, compared = findings("supervised")
    assert compared.startswith(
        "scenes at n10: of 2 methods, 1 is better than supervised, 1 is worse; it is fixmatch (+10."
    )
