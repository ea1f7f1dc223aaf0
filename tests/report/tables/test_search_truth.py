"""A search does not leak into what is tested: simulated grids in which no setting does anything.

All trials of all methods are equally good. Their validation scores differ by chance, and the search
picks the best one; its runs, of other seeds, are tested. Then any verdict is false.
"""

import numpy as np
import pandas as pd
from scipy.stats import binom

from fewmask.planning.search.names import searched
from fewmask.planning.search.ranking import RankedTrial, best_first
from fewmask.report.results.bootstrap import Scores
from fewmask.report.results.resampled import samples_of
from fewmask.report.tables.comparison import comparison
from fewmask.report.tables.search_effect import search_effect
from tests.report.synthetic_runs import requested

GRIDS, METHODS, TRIALS, SEEDS, IMAGES, DRAWN = 200, ["supervised", "a", "b"], 8, 5, 40, 400
FRACTIONS = [f"n{i}" for i in range(1, GRIDS + 1)]
MOST = binom.ppf(0.999, GRIDS, 0.05) / GRIDS
"""The largest share of false verdicts to expect where one in twenty is."""


def chosen(scores):
    """The number of the trial that ranks first."""
    trials = [
        RankedTrial(
            trial=k, method="", changes={}, trained_as="", scores={}, score=float(score), steps=1
        )
        for k, score in enumerate(scores)
    ]
    return best_first(trials, "miou")[0].trial


def simulated(leaks):
    """The comparison of the searched methods with the searched baseline, and what the search is
    said to have changed, at so many independent fractions.

    A score has effects of the seed and of the image, which all runs share, of the training, and of
    the training and image together. With ``leaks`` trials are ranked by what is tested.
    """
    random = np.random.default_rng(7)
    shares = samples_of(IMAGES, DRAWN, random) / IMAGES
    scores, normal = Scores("miou", {"scenes": IMAGES}), random.standard_normal
    for fraction in FRACTIONS:
        shared = normal((SEEDS, 1)) + 3 * normal((1, IMAGES))
        for method in METHODS:
            tested = shared + normal((TRIALS, SEEDS, 1)) + 3 * normal((TRIALS, SEEDS, IMAGES))
            validated = normal(1) + normal(TRIALS) + 3 * normal((TRIALS, 8)).mean(axis=1)
            best = chosen(tested.mean(axis=(1, 2)) if leaks else validated)
            for name, trial in ((method, 0), (searched(method), best)):
                cell = "scenes", name, fraction
                scores.of_seeds[cell] = dict(enumerate(tested[trial].mean(axis=1)))
                scores.drawn[cell] = dict(enumerate((shares @ tested[trial].T).T))
    names = [name for method in METHODS for name in (method, searched(method))]
    searches = [
        {"dataset": "scenes", "method": method, "fraction": FRACTIONS[0], "rungs": 1, "seeds": [9]}
        | {"stages": []}
        for method in METHODS
    ]
    axes = {"methods": names, "fractions": FRACTIONS, "seeds": list(range(SEEDS))}
    grid = requested(**axes, searches=searches)
    cells = [
        {"dataset": "scenes", "method": searched(method), "fraction": fraction, "masks": 20}
        for method in METHODS
        for fraction in FRACTIONS
    ]
    return comparison(grid, pd.DataFrame(cells), scores), search_effect(grid, scores)


def share_with_any(is_verdict, table):
    """The share of the simulated grids in which there is any verdict."""
    return is_verdict.groupby(table["fraction"]).any().mean()


def test_verdicts_on_what_a_search_chose_are_false_one_in_twenty_times():
    compared, effects = simulated(leaks=False)
    assert set(compared["reference"]) == {"supervised_searched"}
    assert len(effects) == len(METHODS) * GRIDS
    between_methods = share_with_any(compared["verdict"].isin(["better", "worse"]), compared)
    assert between_methods <= MOST
    changed = share_with_any((effects["low"] > 0) | (effects["high"] < 0), effects)
    assert changed <= MOST
    assert min(between_methods, changed) > 0
    error = effects["difference"].std() / len(effects) ** 0.5
    assert abs(effects["difference"].mean()) < 4 * error


def test_settings_that_are_chosen_by_what_is_tested_would_look_better():
    """So the simulation above can see a leak."""
    _, effects = simulated(leaks=True)
    error = effects["difference"].std() / len(effects) ** 0.5
    assert effects["difference"].mean() > 10 * error
    assert (effects["low"] > 0).sum() > 5 * (effects["high"] < 0).sum()
