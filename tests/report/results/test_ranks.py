"""Ranks of methods over datasets, against cases worked out by hand."""

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from fewmask.report.results.bootstrap import Scores
from fewmask.report.results.ranks import Ranks, ranks
from fewmask.report.results.resampled import DRAWS
from tests.report.synthetic_runs import requested

METHODS, DATASETS, FRACTIONS = ["a", "b", "c"], ["pets", "rooms"], ["n10", "n20"]
GRID = requested(methods=METHODS, datasets=DATASETS, fractions=FRACTIONS, seeds=[0, 1, 2])
MEANS = {
    ("pets", "n10"): (0.2, 0.5, 0.6),  # ranks 3, 2, 1
    ("pets", "n20"): (0.3, 0.6, 0.6),  # ranks 3, 1.5, 1.5
    ("rooms", "n10"): (0.1, 0.4, 0.2),  # ranks 3, 1, 2
    ("rooms", "n20"): (0.1, 0.2, 0.4),  # ranks 3, 2, 1
}


def scores_of(means, spread, seeds=3, metric="miou", apart=0.0):
    """Scores of all cells: seeds deviate by ``spread``, methods by ``apart`` beyond that; samples
    of test images give the same scores."""
    random = np.random.default_rng(0)
    scores = Scores(metric)
    for (dataset, fraction), of_methods in means.items():
        shared = spread * np.linspace(-1, 1, seeds)
        for method, mean in zip(METHODS, of_methods, strict=False):
            own = apart * random.standard_normal(seeds)
            values = mean + shared + own - own.mean()
            cell = dataset, method, fraction
            scores.of_seeds[cell] = dict(enumerate(values.tolist()))
            scores.drawn[cell] = {i: np.full(DRAWS, value) for i, value in enumerate(values)}
    return scores


def test_mean_ranks_are_those_by_hand():
    found = ranks(GRID, scores_of(MEANS, 0.01))
    assert found.methods == ["c", "b", "a"]
    assert found.means == pytest.approx([(1 + 1.5 + 2 + 1) / 4, (2 + 1.5 + 1 + 2) / 4, 3])
    assert found.fractions == dict.fromkeys(DATASETS, FRACTIONS)


def test_the_best_has_the_lowest_value_where_lower_is_better():
    found = ranks(GRID, scores_of(MEANS, 0.01, metric="cross_entropy"))
    assert found.methods[0] == "a"
    assert found.means[0] == pytest.approx(1)


def test_what_all_methods_share_decides_nothing_and_what_they_do_not_share_may():
    """Seeds that are hard for all methods leave ranks as they are."""
    found = ranks(GRID, scores_of(MEANS, 0.3))
    for mean, (low, high) in zip(found.means, found.intervals, strict=True):
        assert low == pytest.approx(mean) == pytest.approx(high)
    assert not found.undecided.any(), "the differences are the same in all draws"
    unsure = ranks(GRID, scores_of(MEANS, 0.3, apart=0.3))
    assert unsure.undecided[np.triu_indices(3, 1)].all()
    assert all(high - low > 0.5 for low, high in unsure.intervals)
    assert unsure.joined == [(0, 2)]


def test_only_differences_beyond_chance_are_decided():
    """b and c are close, a is far behind."""
    means = dict.fromkeys(MEANS, (0.1, 0.501, 0.5))
    found = ranks(GRID, scores_of(means, 0.1, seeds=6, apart=0.005))
    assert found.methods == ["b", "c", "a"]
    assert found.undecided.tolist() == [[False, True, False], [True, False, False], [False] * 3]
    assert found.joined == [(0, 1)]


def test_datasets_count_alike_however_many_fractions_are_complete():
    means = {key: value for key, value in MEANS.items() if key != ("rooms", "n10")}
    found = ranks(GRID, scores_of(means, 0.01))
    assert found.fractions == {"pets": ["n10", "n20"], "rooms": ["n20"]}
    by_method = dict(zip(found.methods, found.means, strict=True))
    assert by_method == pytest.approx({"a": 3, "b": (1.75 + 2) / 2, "c": (1.25 + 1) / 2})


def test_ranks_are_those_of_the_friedman_test():
    """Its statistic follows from mean ranks; scipy computes it from scores."""
    random = np.random.default_rng(1)
    means = {key: tuple(random.random(3)) for key in MEANS}
    found = ranks(GRID, scores_of(means, 0.0, apart=0.001))
    n, k = len(means), 3
    statistic = 12 * n / (k * (k + 1)) * (np.sum(found.means**2) - k * (k + 1) ** 2 / 4)
    expected = friedmanchisquare(*np.array(list(means.values())).T).statistic
    assert statistic == pytest.approx(expected)
    table = rankdata(-np.array(list(means.values())), axis=1).mean(axis=0)
    assert found.means.tolist() == pytest.approx(sorted(table))


def test_too_little_to_rank():
    assert GRID.has_ranks
    for change in (
        {"methods": ["a", "b"]},
        {"all_masks": ["c"]},
        {"datasets": ["pets"]},
        {"seeds": [0]},
    ):
        assert not GRID.model_copy(update=change).has_ranks, change
    one = {key: value for key, value in MEANS.items() if key[0] == "pets"}
    assert ranks(GRID, scores_of(one, 0.01)) is None
    assert ranks(GRID, scores_of(dict.fromkeys(MEANS, (0.1, 0.2)), 0.01)) is None
    assert ranks(GRID, scores_of(MEANS, 0.01, seeds=1)) is None
    assert ranks(GRID, Scores("miou")) is None


def test_of_equal_methods_hardly_any_are_told_apart():
    """In 5 % of the experiments at most; here seeds deviate, test images do not."""
    random, alarms = np.random.default_rng(2), 0
    for _ in range(100):
        scores = Scores("miou")
        for dataset in DATASETS:
            for method in METHODS:
                values = dict(enumerate(random.standard_normal(3)))
                scores.of_seeds[dataset, method, "n10"] = values
                drawn = {seed: np.full(DRAWS, value) for seed, value in values.items()}
                scores.drawn[dataset, method, "n10"] = drawn
        found = ranks(GRID, scores)
        alarms += not found.undecided[np.triu_indices(3, 1)].all()
    assert alarms <= 5


@pytest.mark.parametrize(
    ("pairs", "joined"),
    [
        ([], []),
        ([(0, 1), (1, 2)], [(0, 1), (1, 2)]),
        ([(0, 2), (0, 1), (1, 2), (2, 3)], [(0, 2), (2, 3)]),
        ([(0, 3), (1, 2)], [(0, 3)]),
    ],
)
def test_bars_join_the_first_and_the_last_that_are_not_told_apart(pairs, joined):
    undecided = np.zeros((4, 4), bool)
    for i, j in pairs:
        undecided[i, j] = undecided[j, i] = True
    assert Ranks(list("abcd"), np.arange(4), [], undecided, {}).joined == joined
