"""How several tasks learnt together compare with each learnt alone, as one number."""

from collections.abc import Mapping

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.metrics.table import Metric, find, register

register(Metric("delta_m", "Δm", "%", False, ("runs",)))


def delta_m(values: Mapping[str, float], baselines: Mapping[str, float]) -> float:
    """How much worse than single tasks the tasks are that were learnt together, in per cent.

    With M a metric, B its baseline, and l = 1 where higher is better, else 0, it is the mean over
    the metrics, each counting the same, of (Maninis et al., 2019, with Navon et al.'s sign, 2022)

        100 (-1)^l (M - B) / B

    Lower is better, and below 0 better than single tasks. NaN if a value is.

    Args:
        values: of the tasks learnt together, by their metric's name.
        baselines: the same of each task learnt alone.

    Raises:
        FewmaskError: there are no values, a baseline is missing or is 0.
    """
    if not values or set(values) != set(baselines):
        raise FewmaskError(
            "delta_m compares each metric with its baseline\n"
            f"  metrics: {', '.join(sorted(values)) or 'none'}\n"
            f"  baselines: {', '.join(sorted(baselines)) or 'none'}\n"
            "  mend: give the same metrics of both"
        )
    changes = []
    for name, value in values.items():
        baseline = baselines[name]
        if baseline == 0:
            raise FewmaskError(
                f"delta_m: the baseline of {name} is 0, so that no change can be relative to it\n"
                f"  mend: leave {name} out, or train the baseline for longer"
            )
        sign = -1 if find(name).higher_is_better else 1
        changes.append(100 * sign * (value - baseline) / baseline)
    return float(np.mean(changes))
