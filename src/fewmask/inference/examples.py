"""Test images that are kept with their truth and predictions, for figures."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.task import load
from fewmask.data.batches import Images
from fewmask.data.store.hdf5 import hdf5_written_whole
from fewmask.inference.trained import Trained
from fewmask.metrics import table
from fewmask.metrics.errors import Errors
from fewmask.objectives.assessment import predictions

EXAMPLES = {"fixed": 6, "median": 3, "worst": 3}
"""How many images are kept: the same ones in every run, those whose value is nearest to the median,
and the worst."""


def write_examples(
    path: Path, trained: Trained, images: Images, errors: Mapping[str, Errors]
) -> None:
    """Write some test images with, for every task that the network has learnt, the truth, the
    prediction, and the value of the metric by which the task is judged.

    ``errors`` are those of all test images. Images are chosen by the first task.
    """
    values = {name: one.image_scores()[load(name).judged_by] for name, one in errors.items()}
    first = next(iter(errors))
    better = table.find(load(first).judged_by).higher_is_better
    chosen = choose(values[first] if better else -values[first])
    places = np.concatenate(list(chosen.values()))
    store, rows = images.store, images.rows[places]
    [(_, outputs)] = predictions(trained.network, [images.batch(rows)], trained.runtime.autocast)
    with hdf5_written_whole(path) as file:
        file["row"], file["choice"] = rows, [why for why, some in chosen.items() for _ in some]
        file["name"] = [store.names[row] for row in rows]
        file["extent"] = store.extents[rows]
        file.create_dataset("image", data=store.read("image", rows), compression="gzip")
        for name in errors:
            truth, predicted = store.read(load(name).field, rows), load(name).stored(outputs[name])
            file.create_dataset(name, data=truth, compression="gzip")
            file.create_dataset(f"{name}_prediction", data=predicted, compression="gzip")
            file[f"{name}_value"] = values[name][places]
        file.attrs["tasks"] = json.dumps(list(errors))
        file.attrs["classes"] = json.dumps(store.classes)
        file.attrs["palette"] = store.palette
        file.attrs["ignore"] = IGNORE


def choose(values: np.ndarray) -> dict[str, np.ndarray]:
    """Places of the images to keep, by the reason, each at most once; higher values are better."""
    in_order = [int(i) for i in np.argsort(values, kind="stable") if not np.isnan(values[i])]
    fixed = np.linspace(0, len(values) - 1, min(EXAMPLES["fixed"], len(values))).astype(int)
    from_middle = sorted(in_order, key=lambda i: abs(in_order.index(i) - len(in_order) // 2))
    taken = set(fixed.tolist())
    chosen = {"fixed": fixed}
    for why, order in (("worst", in_order), ("median", from_middle)):
        places = [i for i in order if i not in taken][: EXAMPLES[why]]
        taken.update(places)
        chosen[why] = np.array(places, dtype=int)
    return chosen
