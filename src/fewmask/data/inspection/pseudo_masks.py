"""Descriptions of files of pseudo-masks for users: their origin, their quality, and samples."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fewmask import IGNORE
from fewmask.core.columns import aligned
from fewmask.core.errors import FewmaskError
from fewmask.core.files import file_digest
from fewmask.data.inspection.sheet import Shown, class_legend, coloured, draw_sheet, sample
from fewmask.data.pseudo_masks import PseudoMasks
from fewmask.data.scaling import shown_images
from fewmask.data.store.store import Store

COUNT = 8
"""How many rows the sheet shows."""
AT_ONCE = 64
"""Rows in memory while classes are counted."""


def inspect(path: Path, image: Path, dataset: Path | None = None) -> str:
    """Draw some pseudo-masks as a PNG at ``image``; returns a description as lines of text.

    ``dataset`` is the store to which they belong; the default is its place when they were made,
    relative to their folder. Raises FewmaskError if a file is missing, damaged, or another one.
    """
    with PseudoMasks(path) as pseudo_masks, Store(_store_of(pseudo_masks, dataset)) as store:
        pseudo_masks.check(store)
        pixels = _class_pixels(pseudo_masks)
        _draw(pseudo_masks, store, pixels, image)
        return _describe(pseudo_masks, store, pixels)


def _store_of(pseudo_masks: PseudoMasks, dataset: Path | None) -> Path:
    path = dataset or _beside(pseudo_masks, pseudo_masks.origin.dataset_file)
    if not path.exists():
        raise FewmaskError(
            f"{pseudo_masks.path}: its dataset is not at {path}\n"
            f"  mend: say where it is with --dataset (a prepared {pseudo_masks.origin.dataset}.h5)"
        )
    return path


def _beside(pseudo_masks: PseudoMasks, file: str) -> Path:
    """A file whose path is relative to the folder of the pseudo-masks."""
    path = (pseudo_masks.path.parent / file).resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _class_pixels(pseudo_masks: PseudoMasks) -> np.ndarray:
    """The number of pixels that are predicted as each class, by row: int64 (M, K)."""
    classes, rows = len(pseudo_masks.origin.classes), pseudo_masks.rows
    counts = [
        np.bincount(labels.ravel(), minlength=IGNORE + 1)[:classes]
        for start in range(0, len(rows), AT_ONCE)
        for labels in pseudo_masks.labels(rows[start : start + AT_ONCE])
    ]
    return np.array(counts)


def _describe(pseudo_masks: PseudoMasks, store: Store, pixels: np.ndarray) -> str:
    origin, rows = pseudo_masks.origin, pseudo_masks.rows
    lines = [
        ("file", str(pseudo_masks.path)),
        ("pseudo-masks", f"{len(rows):,} of the {len(store):,} images of {origin.dataset}"),
        ("rows", f"{rows[0]} to {rows[-1]}"),
        ("size", f"{store.height} x {store.width} (height x width)"),
        ("dataset", f"{store.path}, digest {origin.dataset_digest}"),
        ("weights", f"{_weights(pseudo_masks)}, digest {origin.weights_digest}"),
        *_quality(pseudo_masks.path.with_suffix(".json"), origin.weights_digest),
    ]
    shares = 100 * pixels.sum(axis=0) / pixels.sum()
    seen = (pixels > 0).sum(axis=0)
    classes = [("class", "predicted pixels", "images")]
    for name, share, count in zip(origin.classes, shares, seen, strict=True):
        classes.append((name, f"{share:5.1f} %", f"{count:,} of {len(rows):,}"))
    return "\n".join([*aligned(lines), "", *aligned(classes)])


def _weights(pseudo_masks: PseudoMasks) -> str:
    path = _beside(pseudo_masks, pseudo_masks.origin.weights_file)
    if not path.exists():
        return f"{path} (not there)"
    is_same = file_digest(path) == pseudo_masks.origin.weights_digest
    return str(path) if is_same else f"{path} (other weights by now)"


def _quality(path: Path, weights_digest: str) -> list[tuple[str, str]]:
    """The quality of the pseudo-masks, from the file beside them."""
    if not path.exists():
        return [("quality", f"not known: no {path.name} beside them")]
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        metrics = [
            f"{title} {100 * record[name]:.1f} %"
            for name, title in {
                "miou": "mIoU",
                "pixel_accuracy": "pixel accuracy",
                "calibration_error": "calibration error",
                "mean_confidence": "mean confidence",
            }.items()
            if record[name] is not None
        ]
        if record["digests"]["weights"] != weights_digest:
            return [("quality", f"not known: {path.name} is of other weights")]
        compared = f"on {record['images']:,} unlabelled images whose masks are known"
        return [("stage", record["stage"]), ("quality", ", ".join([*metrics, compared]))]
    except (ValueError, KeyError, TypeError) as error:
        raise FewmaskError(
            f"{path}: damaged: {error!r}\n  mend: delete it and run the workflow again"
        ) from None


def _draw(
    pseudo_masks: PseudoMasks, store: Store, pixels: np.ndarray, output: Path, seed: int = 0
) -> None:
    rows = sample(pseudo_masks.rows, COUNT, seed)
    title = f"{store.dataset}: {len(pseudo_masks):,} pseudo-masks"
    shown = [_shown(pseudo_masks, store, row) for row in rows]
    has_ignored = (store.read("mask", rows) == IGNORE).any()
    legend = class_legend(store, pixels.sum(axis=0), has_ignored)
    draw_sheet(output, title, shown, pseudo_masks.size, legend)


def _shown(pseudo_masks: PseudoMasks, store: Store, row: int) -> Shown:
    """Image, truth, pseudo-mask and confidence."""
    height, width = store.extents[row]

    def part(values: np.ndarray) -> np.ndarray:
        return values[0, :height, :width]

    truth, labels = part(store.read("mask", [row])), part(pseudo_masks.labels([row]))
    confidence = part(pseudo_masks.confidence([row]))
    known = truth != IGNORE
    right = [f"{100 * (labels == truth)[known].mean():.0f} % right"] if known.any() else []
    sure = f"mean confidence {confidence.mean() / 255:.2f}"
    return Shown(
        "  ·  ".join([store.names[row], *right, sure]),
        {
            "image": part(shown_images(store, [row])),
            "true mask": coloured(truth, store.palette),
            "pseudo-mask": coloured(labels, store.palette),
            "confidence (black 0, white 1)": np.repeat(confidence[..., None], 3, axis=-1),
        },
    )
