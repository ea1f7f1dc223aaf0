"""Test images that are kept with their truth and predictions, for figures."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.task import load
from fewmask.data.batches import Images
from fewmask.data.scaling import shown_images
from fewmask.data.store.hdf5 import hdf5_written_whole
from fewmask.inference.kept import Kept
from fewmask.inference.overview import Overview
from fewmask.inference.restorer import Restorer
from fewmask.inference.strips import stored_strips
from fewmask.inference.trained import Trained
from fewmask.metrics import table
from fewmask.metrics.errors import Errors

EXAMPLES = {"fixed": 6, "median": 3, "worst": 3}
"""How many images are kept: the same ones in every run, those whose value is nearest to the median,
and the worst."""


def write_examples(
    path: Path,
    trained: Trained,
    images: Images,
    errors: Mapping[str, Errors],
    kept: Kept,
    restorer: Restorer | None = None,
) -> None:
    """Write some test images with, for every task that the network has learnt, the truth, the
    prediction, and the value of the metric by which the task is judged.

    ``errors`` and ``kept`` predictions are those of all test images; of images in tiles none are
    kept, so that these are predicted once more. Images are chosen by the first task. With a
    ``restorer`` they are also kept as it restores them.
    """
    values = {name: one.image_scores()[load(name).judged_by] for name, one in errors.items()}
    first = next(iter(errors))
    better = table.find(load(first).judged_by).higher_is_better
    chosen = choose(values[first] if better else -values[first])
    chosen_places = np.concatenate(list(chosen.values()))
    store, places = images.store, images.places[chosen_places]
    if store.is_tiled:
        maps = _overviews(trained, images, places)
    else:
        predicted = {name: kept.predictions(name, chosen_places) for name in errors}
        maps = _maps(images, places, predicted)
    maps |= restorer.maps(images, places) if restorer else {}
    with hdf5_written_whole(path) as file:
        file["row"] = store.images.first_rows[places]
        file["choice"] = [why for why, some in chosen.items() for _ in some]
        file["name"] = [store.images.names[place] for place in places]
        file["extent"] = maps.pop("extent")
        for name, pixels in maps.items():
            file.create_dataset(name, data=pixels, compression="gzip")
        for name in errors:
            file[f"{name}_value"] = values[name][chosen_places]
        file.attrs["tasks"] = json.dumps(list(errors))
        file.attrs["classes"] = json.dumps(store.classes)
        file.attrs["palette"] = store.palette
        file.attrs["ignore"] = IGNORE


def _maps(
    images: Images, rows: np.ndarray, predicted: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What is shown of some rows: extent, image, and TASK and TASK_prediction of every task."""
    store = images.store
    maps = {"extent": store.extents[rows], "image": shown_images(store, rows, images.scaling)}
    for name, values in predicted.items():
        maps[name] = store.read(load(name).field, rows)
        maps[f"{name}_prediction"] = values
    return maps


def _overviews(trained: Trained, images: Images, places: np.ndarray) -> dict[str, np.ndarray]:
    """The same of whole images that are stored in tiles, at the size of one tile."""
    shown = [_overview(trained, images, place) for place in places]
    return {name: np.stack([one[name] for one in shown]) for name in shown[0]}


def _overview(trained: Trained, images: Images, place: int) -> dict[str, np.ndarray]:
    store = images.store
    rows = store.images.rows(place)
    fields = {"image": ("image", 0)}
    fields |= {name: (load(name).field, load(name).unknown) for name in trained.predicts}
    size, frame = tuple(store.sizes[rows[0]].tolist()), images.size
    shown = {name: Overview(size, frame, unknown) for name, (_, unknown) in fields.items()}
    for row in rows:
        (height, width), offset = store.extents[row], store.read("offset", [row])[0]
        for name, (field, _) in fields.items():
            is_image = field == "image"
            read = (
                shown_images(store, [row], images.scaling) if is_image else store.read(field, [row])
            )
            shown[name].add(read[0, :height, :width], *offset)
    for name in trained.predicts:
        shown[f"{name}_prediction"] = Overview(size, frame, load(name).unknown)
    for strip in stored_strips(trained, images, place):
        for name in trained.predicts:
            predicted = load(name).stored(strip.outputs[name])[0]
            shown[f"{name}_prediction"].add(predicted, strip.top)
    extent = np.array(shown["image"].extent, np.int32)
    return {"extent": extent, **{name: one.values for name, one in shown.items()}}


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
