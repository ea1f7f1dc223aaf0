"""The search of settings: what is drawn, what follows from it, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from fewmask.config.ranges import Linear, Log, Whole
from fewmask.core.cells import Run
from fewmask.core.errors import ConfigError
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.jobs import jobs
from fewmask.planning.requested import requested_by
from fewmask.planning.search.draws import draw
from tests.small_project import change_config, write_project, write_refined

RANGES = {"optimiser.learning_rate": Log(1e-4, 1e-2), "objective.threshold": Linear(0.0, 1.0)}
SEARCH = {"trials": 4, "rungs": [0.5, 1], "keep": 0.5}
ROOT = Path(__file__).parents[2]
CELL = ("rooms", "refined", "n8")


class TestDraws:
    def test_trial_0_is_as_written_and_every_other_sixteenth_is_tried_once(self):
        trials = draw(RANGES, 16)
        assert trials[0] == {}
        for name, one in RANGES.items():
            parts = [int(16 * one.share(trial[name])) for trial in trials[1:]]
            assert len(set(parts)) == 15

    def test_a_setting_has_the_same_values_whatever_else_is_searched(self):
        rate = "optimiser.learning_rate"
        alone = draw({rate: RANGES[rate]}, 16)
        beside = draw(RANGES | {"objective.operations": Whole(1, 5)}, 16)
        assert [one.get(rate) for one in alone] == [one.get(rate) for one in beside]

    def test_more_trials_leave_the_earlier_ones_as_they_are(self):
        assert draw(RANGES, 40)[:16] == draw(RANGES, 16)

    def test_settings_vary_independently(self, monkeypatch: pytest.MonkeyPatch):
        """No two settings of a method go together, nor the halves of their ranges."""
        monkeypatch.chdir(ROOT)
        searches = load_grid(["config/experiments/benchmark/small_searched.yaml"]).searches
        ranges = searches["oxford_pet_binary_64_budget", "unimatch", "n20"].ranges
        assert len(ranges) > 10
        trials = draw(ranges, 65)[1:]
        shares = np.array([[one.share(t[name]) for t in trials] for name, one in ranges.items()])
        for values in (shares, shares > 0.5):
            together = np.corrcoef(values)
            assert abs(together - np.eye(len(ranges))).max() < 0.5


@pytest.fixture
def searched(project: Path) -> Path:
    """A grid of two methods, of which the second has two stages, with a search."""
    write_project(project)
    write_refined(project)
    change_config(project, "config", methods=["supervised", "refined"], fractions=["n4", "n8"])
    change_config(project, "config", search=SEARCH)
    return project


class TestTheGrid:
    def test_every_method_is_run_as_written_and_searched(self, searched: Path):
        methods = list(dict.fromkeys(run.method for run in load_grid().runs))
        assert methods == ["supervised", "supervised_searched", "refined", "refined_searched"]

    def test_all_stages_of_a_trial_have_its_settings_and_the_last_one_its_rung(
        self, searched: Path
    ):
        search = load_grid().searches[CELL]
        first, second = search.rungs
        assert [len(rung.trainings) for rung in (first, second)] == [4, 2]
        earlier, last = first.trainings["refined_trial_3"]
        rate = search.trials[3]["optimiser.learning_rate"]
        assert [one.stage.optimiser.learning_rate for one in (earlier, last)] == [rate, rate]
        assert [one.stage.until for one in (earlier, last)] == [1, 0.5]
        assert last.stage.weighting.weights["consistency"] == pytest.approx(
            search.trials[3]["weighting.weights.consistency"]
        )
        assert last.pseudo_masks is earlier
        (slot,) = second.trainings["refined_rung_2_slot_1"]
        assert (slot.ranked.ranking, slot.ranked.place) == (first.ranking, 1)
        assert slot.stage.until == 1

    def test_a_slot_reads_which_trial_it_goes_on_with(self, searched: Path):
        grid = load_grid()
        arguments = JobArguments(grid)
        (slot,) = grid.searches[CELL].rungs[1].trainings["refined_rung_2_slot_1"]
        ranking = "results/search/rooms/refined/n8/rung_1.json"
        assert arguments.train_inputs(slot.key, 100) == {
            "dataset": "results/datasets/rooms.h5",
            "split": "results/splits/rooms/n8/100.csv",
            "ranking": ranking,
        }
        options = arguments.train_options(slot.key, 100)
        assert "{trial}/n8/100/supervised/pseudo_masks.h5" in options
        assert "{trained_as}/n8/100/refined/checkpoint.pt" in options
        assert f"--ranking {ranking} --place 1" in options
        (first,) = (
            grid.searches["rooms", "supervised", "n8"].rungs[0].trainings["supervised_trial_1"]
        )
        searched_run = grid.stages(Run("rooms", "refined_searched", "n8", 0))
        trials = [slot.key, first.key, *searched_run]
        may_diverge = ["--trial" in arguments.train_options(key, 100) for key in trials]
        assert may_diverge == [True, True, False, False]

    def test_the_jobs_of_a_searched_run_are_those_of_its_search_and_its_own(self, searched: Path):
        of_run = list(jobs(load_grid(), Run("rooms", "refined_searched", "n8", 0)))
        rungs = {"": 0, "refined rung 1": 1, "refined rung 2": 2}
        by_rung = {n: [j.rule for j in of_run if j.search == name] for name, n in rungs.items()}
        assert [by_rung[1].count(rule) for rule in ("train", "pseudo_label", "rank")] == [8, 4, 1]
        assert [by_rung[2].count(rule) for rule in ("train", "pseudo_label", "rank")] == [2, 0, 1]
        assert by_rung[0].count("train") == 2
        splits = [job.cell for job in of_run if job.rule == "split"]
        assert splits == ["rooms/n8/100", "rooms/n8/0"]

    def test_all_methods_are_compared_with_the_searched_baseline(self, searched: Path):
        assert requested_by(load_grid()).compared_with == "supervised_searched"
        change_config(searched, "config", reference="supervised")
        assert requested_by(load_grid()).compared_with == "supervised"
        change_config(searched, "config", reference="refined_searched")
        assert requested_by(load_grid()).compared_with == "refined_searched"

    def test_what_is_left_out_is_left_out_of_the_searched_runs(self, searched: Path):
        change_config(searched, "config", leave_out=[{"method": "refined", "fraction": "n4"}])
        grid = load_grid()
        cells = [cell[1:] for cell in requested_by(grid).cells() if cell[1].startswith("refined")]
        assert cells == [("refined", "n8"), ("refined_searched", "n8")]
        assert len(grid.runs) == 12

    def test_one_search_serves_all_fractions(self, searched: Path):
        change_config(searched, "config", search=SEARCH | {"at": "n8"})
        grid = load_grid()
        assert grid.searches["rooms", "refined", "n4"] is grid.searches[CELL]
        keys = grid.stages(Run("rooms", "refined_searched", "n4", 0))
        assert {key.fraction for key in keys} == {"n4"}
        assert {grid.resolved(key).ranked.ranking for key in keys} == {
            "results/search/rooms/refined/n8/rung_2.json"
        }

    def test_a_method_narrows_ranges_or_does_without(self, searched: Path):
        ranges = {"optimiser.learning_rate": [0.001, 0.002], "optimiser.weight_decay": None}
        change_config(searched, "methods/refined", ranges=ranges)
        search = load_grid().searches[CELL]
        assert search.ranges["optimiser.learning_rate"] == Log(0.001, 0.002)
        assert "optimiser.weight_decay" not in search.ranges

    def test_an_experiment_narrows_the_ranges_of_all_its_methods(self, searched: Path):
        ranges = {"optimiser.learning_rate": [0.001, 0.002], "optimiser.weight_decay": None}
        change_config(searched, "config", search=SEARCH | {"ranges": ranges})
        for search in load_grid().searches.values():
            assert search.ranges["optimiser.learning_rate"] == Log(0.001, 0.002)
            assert "optimiser.weight_decay" not in search.ranges
            rates = {trial.get("optimiser.learning_rate", 0.0015) for trial in search.trials}
            assert len(rates) == 4
            assert all(0.001 <= rate <= 0.002 for rate in rates)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"trials": 0}, "config.yaml:14: search.trials: Input should be greater than or equal"),
        ({"trials": 3, "keep": 0.25}, "keep: 0.25 leaves no trial for the last rung"),
        ({"keep": 1.5}, "search.keep: Input should be less than or equal to 1"),
        ({"rungs": [1, 0.5]}, "search.rungs: must rise, and end with 1"),
        ({"rungs": [0.25, 0.5]}, "search.rungs: must rise, and end with 1"),
        ({"at": "n5"}, "search.at is n5, which is none of the fractions: n4, n8"),
        ({"seeds": [0]}, "search.seeds: runs have the seed 0, too"),
        (
            8,
            "search: needs keys with values\n  found: 8\n  expected: trials, rungs, keep",
        ),
    ],
)
def test_a_search_that_cannot_be_done_is_refused(searched: Path, search, message):
    change_config(searched, "config", search=search)
    with pytest.raises(ConfigError) as error:
        load_grid()
    assert message in str(error.value)
    assert "'datasets'" not in str(error.value), "what was found is not the whole experiment"


class TestRefused:
    @pytest.mark.parametrize(
        ("ranges", "message"),
        [
            ({"optimiser.learning_rate": [0.001, 2]}, "wider than the setting's own range"),
            ({"optimiser.learning_rate": ["a", "b"]}, "expected two numbers"),
            ({"optimiser.learning_rats": [1, 2]}, "did you mean optimiser.learning_rate?"),
        ],
    )
    def test_ranges_that_are_no_part_of_the_declared_ones(self, searched: Path, ranges, message):
        change_config(searched, "methods/refined", ranges=ranges)
        with pytest.raises(ConfigError) as error:
            load_grid()
        assert message in str(error.value)
        assert str(error.value).startswith("config/methods/refined.yaml:")

    def test_ranges_of_an_experiment_that_are_no_part_of_the_declared_ones(self, searched: Path):
        ranges = {"optimiser.learning_rate": [0.001, 2]}
        change_config(searched, "config", search=SEARCH | {"ranges": ranges})
        with pytest.raises(ConfigError) as error:
            load_grid()
        assert "wider than the setting's own range, [1e-05, 0.01]" in str(error.value)
        named = "config/config.yaml: search.ranges.optimiser.learning_rate:"
        assert str(error.value).startswith(named)

    def test_trials_that_nothing_ranks(self, searched: Path):
        overrides = [{"settings": {"evaluation": {"metric": "none"}}}]
        change_config(searched, "config", overrides=overrides)
        with pytest.raises(ConfigError, match="no validation value ranks its trials"):
            load_grid()

    @pytest.mark.parametrize(
        "name", ["refined_searched", "refined_trial_12", "refined_rung_2_slot_0"]
    )
    def test_a_method_that_is_called_as_a_part_of_a_search(self, searched: Path, name: str):
        text = Path("config/methods/supervised.yaml").read_text()
        Path(f"config/methods/{name}.yaml").write_text(text)
        with pytest.raises(ConfigError, match=f"{name}, as another method is"):
            load_grid()

    def test_a_method_without_a_setting_to_search(self, searched: Path):
        known = load_grid().searches["rooms", "supervised", "n8"].ranges
        change_config(searched, "methods/supervised", ranges=dict.fromkeys(known))
        with pytest.raises(ConfigError, match="supervised has no setting to search"):
            load_grid()

    def test_a_fraction_to_search_at_that_is_left_out(self, searched: Path):
        left_out = [{"method": "refined", "fraction": "n8"}]
        change_config(searched, "config", search=SEARCH | {"at": "n8"}, leave_out=left_out)
        with pytest.raises(ConfigError, match=r"search\.at: refined is not run on rooms at n8"):
            load_grid()

    def test_seeds_that_have_test_images_of_their_own(self, searched: Path):
        change_config(searched, "datasets/rooms", split={"held_out_per_seed": True})
        with pytest.raises(ConfigError, match="would learn from test images of the runs' seeds"):
            load_grid()

    def test_without_a_search_a_method_may_be_called_searched(self, searched: Path):
        text = Path("config/methods/supervised.yaml").read_text()
        Path("config/methods/own_searched.yaml").write_text(text)
        change_config(searched, "config", search=None, methods=["own_searched"])
        requested = requested_by(load_grid())
        assert (requested.methods, requested.searches) == (["own_searched"], [])
        assert requested.title_of("own_searched") == "own_searched"


def test_the_benchmark_searches_all_methods_alike(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    grid = load_grid([Path("config/experiments/benchmark/small_searched.yaml")])
    rates = [
        [trial.get("optimiser.learning_rate") for trial in search.trials]
        for search in grid.searches.values()
    ]
    assert len(rates) == 2 * 5
    assert all(one == rates[0] for one in rates)
    assert len(grid.runs) == 2 * 5 * (5 + 3)
