"""Intervals of several differences that hold all at once.

Of many methods that are compared with one reference, some look better by chance. So the interval of
each is widened by one factor, such that all of them hold together in 95 % of the draws: the
quantile of the largest deviation of any method, each in units of its own interval (a
max-statistic: Westfall and Young, 1993; Romano and Wolf, 2005). Draws share seeds and test images,
so that methods that vary together cost less than a Bonferroni correction.
"""

import numpy as np

from fewmask.report.results.bootstrap import LEVEL, Interval, interval


def simultaneous(draws: np.ndarray, observed: np.ndarray) -> list[Interval]:
    """The intervals of M values.

    Args:
        draws: float (D, M); NaN where a value is undefined.
        observed: float (M,), the values themselves.
    """
    ends = np.array([interval(values) for values in draws.T])
    below, above = (observed - ends[:, 0]).clip(min=0), (ends[:, 1] - observed).clip(min=0)
    deviations = draws - observed
    units = np.where(deviations > 0, above, below)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(deviations == 0, 0, np.abs(deviations) / units)
    largest = np.nan_to_num(ratios, nan=0, posinf=np.inf).max(axis=1)
    factor = max(1.0, float(np.quantile(largest, LEVEL, method="inverted_cdf")))
    pairs = zip(observed - factor * below, observed + factor * above, strict=True)
    return [Interval(float(low), float(high)) for low, high in pairs]
