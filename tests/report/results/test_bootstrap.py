"""Intervals hold a known truth about as often as they say."""

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.report.results.bootstrap import bootstrap, draws, interval, weights_of_seeds
from fewmask.report.results.resampled import DRAWS, RUNS_AT_ONCE, samples_of
from fewmask.report.results.runs import collect
from tests.report.synthetic_runs import requested, write_images, write_run

GROUPS = [f"patient{i // 4}" for i in range(12)]
IMAGES, SIMULATIONS, SAMPLES = 60, 1000, 1000


def false_alarms(seeds, of_seeds, of_images, of_both):
    """How often an interval of a difference that is truly 0 leaves it out.

    The deviations of seeds, of images, and of both together are normal, with these deviations.
    """
    random = np.random.default_rng(seeds)
    shares = samples_of(IMAGES, SAMPLES, random) / IMAGES
    found = []
    for _ in range(SIMULATIONS):
        values = of_seeds * random.standard_normal((seeds, 1))
        values = values + of_images * random.standard_normal((1, IMAGES))
        values = values + of_both * random.standard_normal((seeds, IMAGES))
        of_samples = shares @ values.mean(axis=0)
        weights = weights_of_seeds(seeds, SAMPLES, random)
        low, high = interval(draws(values.mean(axis=1), of_samples, weights))
        found.append(not low <= 0 <= high)
    return np.mean(found)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("of_images", [0, 8])
def test_one_in_twenty_is_a_false_alarm(seeds, of_images):
    # In 1000 simulations 5 % are 3.6 to 6.4 % (two standard errors).
    assert 0.015 <= false_alarms(seeds, 1, of_images, 1) <= 0.07


@pytest.mark.parametrize("seeds", [3, 10])
def test_where_seeds_do_not_differ_intervals_are_wide_rather_than_narrow(seeds):
    assert false_alarms(seeds, 0, 1, 5) <= 0.05


def test_drawing_seeds_with_replacement_alone_would_alarm_too_often():
    random = np.random.default_rng(0)
    shares = samples_of(3, SAMPLES, random) / 3
    ends = [interval(shares @ random.standard_normal(3)) for _ in range(SIMULATIONS)]
    assert np.mean([not low <= 0 <= high for low, high in ends]) > 0.2


def test_what_two_scores_share_cancels_in_their_difference():
    random = np.random.default_rng(0)
    shared = random.standard_normal(4)
    of_samples = random.standard_normal((SAMPLES, 1)) + np.array([0, 1])
    weights = weights_of_seeds(4, SAMPLES, random)
    drawn = draws(np.stack([shared, shared + 1], axis=1), of_samples, weights)
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 1)
    assert drawn[:, 0].std() > 0.5


def test_intervals_of_groups_hold_the_truth_where_those_of_images_do_not():
    """20 groups of 5 images, whose values are nearly those of the group; the truth is 0."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 5)
    missed = {"images": 0, "groups": 0}
    for _ in range(300):
        values = random.standard_normal(20)[groups] + 0.1 * random.standard_normal(100)
        for unit, samples in (
            ("images", samples_of(100, 300, random)),
            ("groups", samples_of(20, 300, random)[:, groups]),
        ):
            low, high = interval(samples @ values / 100)
            missed[unit] += not low <= 0 <= high
    assert missed["groups"] / 300 < 0.12
    assert missed["images"] / 300 > 0.25


def test_samples_hold_as_many_images_as_there_are():
    samples = samples_of(7, 50, np.random.default_rng(0))
    assert samples.shape == (50, 7)
    assert samples.sum(axis=1).tolist() == [7] * 50


def test_the_ends_of_an_interval_are_draws():
    values = np.array([np.inf, -np.inf, *range(98)])
    assert interval(values) == (1, 96)
    assert interval(np.full(100, np.inf)) == (np.inf, np.inf)
    assert np.isnan(interval(np.array([np.nan]))).all()


class TestScores:
    """What is made of the files of an experiment."""

    def scores(self, **axes):
        grid = requested(**{"methods": ["supervised", "b"], "seeds": [0, 1]} | axes)
        return bootstrap(grid, collect(grid).table, grid.metrics[0])

    def test_images_are_drawn_alike_for_all_runs(self, project):
        for seed in (0, 1):
            for method in ("supervised", "b"):
                write_run(method=method, seed=seed, images=[0.1, 0.2, 0.9])
        scores = self.scores()
        assert scores.images == {"scenes": 3}
        drawn = scores.drawn["scenes", "b", "n10"][1]
        np.testing.assert_array_equal(drawn, scores.drawn["scenes", "supervised", "n10"][0])
        assert drawn.shape == (DRAWS,)
        assert (drawn.min(), drawn.max()) == (
            pytest.approx(0.1, abs=1e-3),
            pytest.approx(0.9, abs=1e-3),
        )

    def test_any_number_of_threads_draws_the_same(self, project):
        methods = [f"m{i}" for i in range(RUNS_AT_ONCE + 1)]  # so that there are two blocks of runs
        for i, method in enumerate(methods):
            write_run(method=method, images=[0.1, 0.2, i / len(methods)])
        grid = requested(methods=methods, seeds=[0])
        runs = collect(grid).table
        one, several = (bootstrap(grid, runs, "miou", threads).drawn for threads in (1, 3))
        for cell, of_seeds in one.items():
            np.testing.assert_array_equal(of_seeds[0], several[cell][0])
        assert len({of_seeds[0].tobytes() for of_seeds in one.values()}) == len(methods)

    def test_images_of_a_group_are_drawn_together(self, project):
        # Within a group all images score alike, so that there are only 3 independent values.
        for seed in (0, 1):
            path = write_run(seed=seed, images=[0.2] * 4 + [0.5] * 4 + [0.8] * 4)
            write_images(path.with_suffix(".csv"), [0.2] * 4 + [0.5] * 4 + [0.8] * 4, groups=GROUPS)
        scores = self.scores(methods=["supervised"])
        drawn = scores.drawn["scenes", "supervised", "n10"][0]
        # Three groups that are drawn three times can be drawn in ten ways.
        values = {round(value, 3) for value in drawn}
        assert len(values) <= 10
        assert scores.groups == {"scenes": 3}
        assert "in whole groups, of which there are 3: so few make" in scores.notes()[1]

    def test_runs_that_disagree_on_groups_are_refused(self, project):
        path = write_run()
        write_images(path.with_suffix(".csv"), [0.5] * 6, groups=["a"] * 6)
        write_run(method="b")
        with pytest.raises(FewmaskError, match="their groups differ"):
            self.scores(seeds=[0])

    def test_a_dataset_without_a_run_is_no_matter(self, project):
        for seed in (0, 1):
            for method in ("supervised", "b"):
                write_run(method=method, seed=seed)
        scores = self.scores(datasets=["scenes", "pets"])
        assert scores.images == {"scenes": 6}
        assert scores.notes()[0].endswith("seeds and test images, the same ones for all methods.")

    def test_the_same_again(self, project):
        for seed in (0, 1):
            write_run(seed=seed, miou=0.3 + 0.1 * seed)
            write_run(method="b", seed=seed, images=[0.1, 0.9] * 3)
        cells = [("scenes", "b", "n10"), ("scenes", "supervised", "n10")]
        first, second = (self.scores().draws(cells, [0, 1]) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_seeds_are_drawn_alike_for_all_runs_of_a_dataset_and_for_no_other(self, project):
        for dataset in ("scenes", "pets"):
            for method in ("supervised", "b"):
                for seed in (0, 1):
                    values = {"seed": seed, "miou": 0.3 + 0.1 * seed, "dataset": dataset}
                    write_run(method=method, **values)
        scores = self.scores(datasets=["scenes", "pets"])
        [first, second, other] = (
            scores.draws([cell], [0, 1])[:, 0]
            for cell in [
                ("scenes", "supervised", "n10"),
                ("scenes", "b", "n10"),
                ("pets", "b", "n10"),
            ]
        )
        np.testing.assert_array_equal(first, second)
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.05

    def test_where_seeds_have_images_of_their_own_these_are_not_drawn(self, project):
        for seed in (0, 1):
            for method in ("supervised", "b"):
                write_run(method=method, seed=seed, images=[0.1, 0.9][: seed + 1])
        scores = self.scores()
        assert scores.images == {"scenes": 0}
        assert np.ptp(scores.drawn["scenes", "b", "n10"][1]) == 0
        assert "seeds alone where every seed has test images of its own" in scores.notes()[0]

    def test_losses_are_not_stored_for_every_image(self, project):
        for seed in (0, 1):
            write_run(seed=seed, cross_entropy=0.25 + seed)
            write_run(method="b", seed=seed)
        scores = self.scores(metrics=["cross_entropy"])
        assert scores.of_seeds["scenes", "supervised", "n10"] == {0: 0.25, 1: 1.25}
        assert "over seeds alone; this metric is not stored" in scores.notes()[0]

    def test_runs_that_segment_nothing_are_left_out(self, project):
        write_run()
        write_run(method="b", miou=None)
        assert list(self.scores(seeds=[0]).of_seeds) == [("scenes", "supervised", "n10")]

    def test_a_missing_table_of_images_is_named(self, project):
        write_run().with_suffix(".csv").unlink()
        with pytest.raises(FewmaskError, match=r"n10/0\.csv: not the test images"):
            self.scores(seeds=[0])

    def test_a_table_that_is_cut_short_is_refused(self, project):
        path = write_run().with_suffix(".csv")
        path.write_text("\n".join(path.read_text().splitlines()[:-1]))
        with pytest.raises(FewmaskError, match=r"found 5 images, expected 6"):
            self.scores(seeds=[0])

    def test_runs_of_a_seed_with_other_images_are_refused(self, project):
        write_run()
        write_run(method="b", images=[0.5] * 5)
        with pytest.raises(FewmaskError, match="not of the test images of results"):
            self.scores(seeds=[0])

    def test_runs_of_a_seed_with_other_masks_are_refused(self, project):
        write_run()
        write_images(write_run(method="b").with_suffix(".csv"), [0.5] * 6, pixels=99_999)
        with pytest.raises(FewmaskError, match=r"not of the masks of results.*_0 diff"):
            self.scores(seeds=[0])

    def test_images_and_metrics_file_agree(self, project):
        write_run(miou=0.5, images=[0.5, 0.6])
        with pytest.raises(FewmaskError, match=r"their miou is 0\.54\d+, and 0\.500000 in the"):
            self.scores(seeds=[0])

    def test_classes_are_those_of_the_dataset(self, project):
        write_run()
        runs = collect(requested()).table
        grid = requested(classes={"scenes": ["wall", "box", "cone"]})
        with pytest.raises(FewmaskError, match="without the columns hit_cone, truth_cone"):
            bootstrap(grid, runs, "miou")

    def test_folds_of_the_same_masks_count_as_one_seed(self, project):
        for seed in range(5):
            write_run(seed=seed, images=[0.1 * (seed + 1)] * 6)
        scores = self.scores(seeds=list(range(5)), folds={"scenes": 2})
        cell = ("scenes", "supervised", "n10")
        assert scores.seeds([cell]) == [0, 1], "seed 4 is a fold without its other one"
        assert list(scores.of_seeds[cell].values()) == pytest.approx([0.15, 0.35], abs=1e-3)
        drawn = scores.drawn[cell][1]
        assert drawn.shape == (DRAWS,)
        np.testing.assert_allclose(drawn, 0.35, atol=1e-3)
