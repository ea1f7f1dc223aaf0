"""What a grid has found, in a sentence for every dataset and fraction."""

import numpy as np
import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.report.tables.columns import called, interval_text, signed
from fewmask.report.tables.comparison import BETTER, WORSE
from fewmask.report.tables.label_savings import factor_text
from fewmask.report.tables.statistics import CELL

FEW_HOURS = 0.5
"""A method that is better at this share of the best one's hours, or less, is worth naming."""


def verdicts(
    requested: Requested, summary: pd.DataFrame, compared: pd.DataFrame, savings: pd.DataFrame
) -> list[str]:
    """A sentence for every dataset and fraction at which several seeds were compared.

    Each method counts once: where a search has chosen the settings of the reference, with the
    settings that a search has chosen for it.

    Args:
        requested: the experiment.
        summary: what ``summary`` returns, for hours.
        compared: what ``comparison`` returns.
        savings: what ``label_savings`` returns.
    """
    known = compared[compared["corrected_low"].notna()]
    left_out = [*requested.all_masks, *requested.not_alike]
    known = known[~known["method"].isin(left_out)]
    hours = "gpu_hours_mean" if (summary["gpu_hours_mean"] > 0).any() else "hours_mean"
    known = known.merge(summary[[*CELL, hours]].rename(columns={hours: "hours"}), on=CELL)
    of_savings = savings[[*CELL, "needed", "curve", "curve_from", "curve_to", "factor"]]
    known = known.merge(of_savings, on=CELL, how="left")
    return [
        f"{dataset} at {fraction}: {_sentence(requested, own)}."
        for (dataset, fraction), own in known.groupby(["dataset", "fraction"], sort=False)
    ]


def _sentence(requested: Requested, own: pd.DataFrame) -> str:
    """What was found of methods that were compared at one fraction."""
    own = own.iloc[np.argsort(-_gains(own), kind="stable")]
    better, worse = (own[own["verdict"] == verdict] for verdict in (BETTER, WORSE))
    than = f"than {requested.reference_title}"
    best = own.iloc[0]
    title = requested.title_of(best["method"])
    if len(own) == 1:
        verdict = {BETTER: f"is better {than}", WORSE: f"is worse {than}"}
        found = verdict.get(best["verdict"], f"cannot be told from {requested.reference_title}")
        return f"{title} {found} ({_evidence(best)})"
    methods = f"{len(own)} {'searched ' if requested.is_reference_searched else ''}methods"
    also = f", {len(worse)} {_are(worse)} worse" if len(worse) else ""
    if better.empty:
        closest = f"{title} comes closest ({_evidence(best)})"
        return f"of {methods}, none is better {than} for certain{also}; {closest}"
    found = f"of {methods}, {len(better)} {_are(better)} better {than}{also}"
    certain = better.iloc[0]
    it = "it" if len(better) == 1 else "the best of them"
    found += f"; {it} is {requested.title_of(certain['method'])} ({_evidence(certain)})"
    cheap = better[better["hours"] <= FEW_HOURS * certain["hours"]]
    if len(cheap):
        one = cheap.iloc[0]
        share = one["hours"] / certain["hours"]
        named = requested.title_of(one["method"])
        found += f"; at {share:.2g} of its hours, {named} ({_evidence(one)})"
    if certain["method"] != best["method"]:
        found += f"; {title} is higher in the mean, but not better for certain ({_evidence(best)})"
    return found


def _gains(own: pd.DataFrame) -> np.ndarray:
    """How much better methods are, whatever the direction of the metric."""
    higher_is_better = metrics.find(own["metric"].iloc[0]).higher_is_better
    return own["difference"].to_numpy() * (1 if higher_is_better else -1)


def _are(methods: pd.DataFrame) -> str:
    return "is" if len(methods) == 1 else "are"


def _evidence(row: pd.Series) -> str:
    """The difference with its corrected interval, and the savings."""
    metric = row["metric"]
    unit = {"%": " points of"}.get(metrics.find(metric).unit, " of")
    ends = interval_text(metric, row["corrected_low"], row["corrected_high"], signed)
    text = f"{signed(metric, row['difference'])}{unit} {called(metric)}, 95 % {ends}"
    if pd.isna(row["needed"]):
        return text
    return f"{text}; {factor_text(row)} labels"
