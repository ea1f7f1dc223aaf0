"""The quality of the pseudo-masks that runs learnt, as one table."""

from collections.abc import Iterable

import pandas as pd

from fewmask.core.cells import Run
from fewmask.metrics import table as metrics
from fewmask.metrics.records import PseudoMaskQuality

KEY = ["dataset", "method", "fraction", "stage"]


def collect_qualities(learnt: Iterable[tuple[Run, list[PseudoMaskQuality]]]) -> pd.DataFrame:
    """The pseudo-masks that runs learnt, one row each, in the order of the runs and their stages.

    The columns: dataset, method, fraction, stage (of another method as METHOD/STAGE), seed,
    images (that were compared), the metrics of pseudo-masks, and iou_<class>; shares in [0, 1],
    NaN where nothing is known.
    """
    rows = [_row(run, quality) for run, qualities in learnt for quality in qualities]
    of_classes = dict.fromkeys(name for row in rows for name in row if name.startswith("iou_"))
    measured = [*metrics.names(metrics.measured_on("pseudo_masks")), *of_classes]
    table = pd.DataFrame(rows, columns=[*KEY, "seed", "images", *measured])
    return table.astype(dict.fromkeys(measured, float))


def _row(run: Run, quality: PseudoMaskQuality) -> dict[str, object]:
    return {
        "dataset": run.dataset,
        "method": run.method,
        "fraction": run.fraction,
        "stage": quality.stage.removeprefix(f"{run.method}/"),
        "seed": run.seed,
        "images": quality.images,
        **quality.metrics,
        **{f"iou_{name}": of_class.get("iou") for name, of_class in quality.classes.items()},
    }
