"""The ranking of the trials of a rung, and what it leaves of their trainings."""

import json
from pathlib import Path

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.metrics.records import write_record
from fewmask.planning.search.ranking import rank, read_ranking


def write_training(
    method: str, seed: int, value: float | None, steps: int = 5, diverged: str | None = None
) -> Path:
    folder = Path(f"results/stages/rooms/{method}/n8/{seed}/last")
    folder.mkdir(parents=True, exist_ok=True)
    known = {"seconds": 1.0, "peak_memory_mb": None, "images_seen": 1, "steps": steps}
    known |= {"best_value": value, "device": "cpu", "gpus": 0, "history": "", "training": {}}
    known |= {"version": "", "network": {}, "dataset": {}, "seed": seed, "digests": {}}
    known |= {"diverged": diverged} if diverged else {}
    write_record(folder / "training.json", known)
    (folder / "checkpoint.pt").touch()
    return folder


def rung(**changes) -> str:
    record = "results/stages/rooms/{trained_as}/n8/{seed}/last/training.json"
    settings = {"metric": "miou", "tried": {}, "seeds": [100, 101], "record": record}
    trials = [{}, {"optimiser.learning_rate": 0.5}, {"optimiser.learning_rate": 0.1}]
    names = [f"m_trial_{k}" for k in range(3)]
    return json.dumps(settings | {"goes_on": 1, "trials": trials, "trained_as": names} | changes)


class TestRanking:
    """Means over seeds, best first; checkpoints that nothing goes on from are removed."""

    def test_the_best_comes_first_and_of_equal_ones_the_first(self, project: Path):
        for trial, values in enumerate([(0.3, 0.4), (0.5, 0.4), (0.35, 0.35)]):
            for seed, value in zip((100, 101), values, strict=True):
                write_training(f"m_trial_{trial}", seed, value)
        rank(rung(), None, Path("rung_1.json"))
        ranked = read_ranking(Path("rung_1.json")).trials
        assert [one.trial for one in ranked] == [1, 0, 2]
        assert ranked[0].score == pytest.approx(0.45)
        assert ranked[0].changes == {"optimiser.learning_rate": 0.5}
        left = sorted(path.parts[3] for path in Path("results").rglob("checkpoint.pt"))
        assert left == ["m_trial_1", "m_trial_1"]
        for seed in (100, 101):
            write_training("m_rung_2_slot_0", seed, 0.7)
        second = rung(trained_as=["m_rung_2_slot_0"], goes_on=0)
        rank(second, Path("rung_1.json"), Path("rung_2.json"))
        (best,) = read_ranking(Path("rung_2.json")).trials
        assert (best.trial, best.method, best.trained_as) == (1, "m_trial_1", "m_rung_2_slot_0")
        assert best.fill(Path("{trial}/{trained_as}")) == Path("m_trial_1/m_rung_2_slot_0")
        assert not list(Path("results").rglob("checkpoint.pt"))

    def test_lower_losses_are_better(self, project: Path):
        for trial, value in enumerate([0.3, 0.2, 0.4]):
            write_training(f"m_trial_{trial}", 100, value)
        rank(rung(metric="loss", seeds=[100]), None, Path("rung_1.json"))
        assert [one.trial for one in read_ranking(Path("rung_1.json")).trials] == [1, 0, 2]

    def test_a_trial_that_diverged_is_last_whatever_it_scored_before(self, project: Path):
        reason = "the loss is not finite at step 3"
        for trial, value in enumerate([0.9, 0.2, 0.3]):
            for seed in (100, 101):
                has_diverged = (trial, seed) == (0, 101)
                write_training(f"m_trial_{trial}", seed, value, diverged=reason * has_diverged)
        rank(rung(), None, Path("rung_1.json"))
        ranked = read_ranking(Path("rung_1.json")).trials
        assert [one.trial for one in ranked] == [2, 1, 0]
        assert (ranked[2].score, ranked[2].scores) == (None, {"100": 0.9})
        assert ranked[2].diverged == f"{reason} (seed 101)"
        assert [one.diverged for one in ranked[:2]] == [None, None]

    def test_trials_of_which_all_diverged_choose_nothing(self, project: Path):
        for trial in range(3):
            write_training(
                f"m_trial_{trial}", 100, None, diverged="the loss is not finite at step 3"
            )
        with pytest.raises(FewmaskError) as error:
            rank(rung(seeds=[100]), None, Path("rung_1.json"))
        assert "every trial of this rung has diverged" in str(error.value)
        assert "m_trial_0: the loss is not finite at step 3 (seed 100)" in str(error.value)
        assert not Path("rung_1.json").exists()

    def test_a_place_that_there_is_not(self, project: Path):
        write_training("m_trial_0", 100, 0.5)
        settings = rung(seeds=[100], trained_as=["m_trial_0"], trials=[{}])
        rank(settings, None, Path("rung_1.json"))
        with pytest.raises(FewmaskError, match="it has 1 trials, and place 1 is requested"):
            read_ranking(Path("rung_1.json")).at(1, Path("rung_1.json"))

    def test_a_training_without_a_validation_value(self, project: Path):
        write_training("m_trial_0", 100, None)
        with pytest.raises(FewmaskError, match="states no value on validation images"):
            rank(rung(seeds=[100]), None, Path("rung_1.json"))
