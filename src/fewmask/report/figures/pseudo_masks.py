"""The quality of pseudo-masks, stage by stage."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fewmask.planning.requested import Requested
from fewmask.report.figures.dot_rows import Dots, dot_rows
from fewmask.report.figures.panels import fraction_looks, samples_of, spread_note
from fewmask.report.figures.style import STYLED


@STYLED
def pseudo_masks_figure(requested: Requested, qualities: pd.DataFrame) -> Figure:
    """Draw the mIoU of pseudo-masks: a panel per dataset, a row per stage, a dot per
    fraction.

    ``qualities`` is what ``pseudo_masks_summary`` returns.
    """
    keys = list(dict.fromkeys(zip(qualities["method"], qualities["stage"], strict=True)))
    of_fractions = fraction_looks(requested.fractions)
    panels = {}
    for dataset in requested.datasets:
        own = qualities[qualities["dataset"] == dataset]
        if own.empty:
            continue
        panels[dataset] = [
            Dots.with_spread(look, *_means_and_stds(own[own["fraction"] == fraction], keys))
            for fraction, look in of_fractions.items()
        ]
    names = [f"{requested.title_of(method)}: {stage}" for method, stage in keys]
    legend = samples_of(of_fractions)
    return dot_rows(
        requested.title, _note(requested, qualities), legend, names, panels, "mIoU (%)"
    ).figure


def _means_and_stds(
    own: pd.DataFrame, keys: list[tuple[str, str]]
) -> tuple[np.ndarray, np.ndarray]:
    rows = own.set_index(["method", "stage"]).reindex(keys)
    return tuple(100 * rows[f"miou_{part}"].to_numpy(float) for part in ("mean", "std"))


def _note(requested: Requested, qualities: pd.DataFrame) -> str:
    is_incomplete = bool((qualities["seeds"] < qualities["seeds_requested"]).any())
    return (
        "Pseudo-masks that a method learns from, by the stage that predicted them, compared with "
        f"the true masks of the unlabelled training images: {spread_note(requested)}. No "
        "training and no selection uses these values."
        + " Incomplete: some means are over fewer seeds."
        * is_incomplete
    )
