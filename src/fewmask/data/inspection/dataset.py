"""Descriptions of datasets for users: which there are, and what a prepared one holds."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.named import load_dataset, names_in
from fewmask.config.task import load
from fewmask.core.columns import aligned
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import data_folder
from fewmask.data.inspection.sheet import contact_sheet
from fewmask.data.readers.reader import has_files
from fewmask.data.splits.likely_groups import likely_groups
from fewmask.data.store.store import Store

MOST_NAMED = 12
"""Of the channels."""

__all__ = ["contact_sheet", "describe", "list_datasets"]


def describe(path: Path) -> str:
    """The content of a store as lines of text.

    Raises FewmaskError if the store is not whole, or if its content does not match its digest.
    """
    with Store(path) as store:
        store.verify()
        lines = [
            ("file", str(path)),
            ("dataset", store.dataset),
            ("content", store.summary),
            ("subsets", _counts(store.subsets[row] or "(none)" for row in store.images.first_rows)),
            ("categories", _categories(store)),
            ("size", f"{store.height} x {store.width} (height x width), {_fit(store)}"),
            ("channels", _channels(store)),
            ("original sizes", _sizes(store.sizes[store.images.first_rows])),
            ("fields", _fields(store)),
            *_groups(store),
            ("digest", f"{store.digest}, agrees with the content"),
            ("settings", store.settings),
        ]
        text = "\n".join(aligned(lines))
        return f"{text}\n\n{_classes(store)}{_left_out(store)}"


def _channels(store: Store) -> str:
    names = store.dataset_settings.channel_names
    more = f", ... ({len(names)})" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}, {store.image_type}"


def _fit(store: Store) -> str:
    tiles = store.dataset_settings.tiles
    return f"fit: {store.fit}" if tiles is None else f"tiles that overlap by {tiles.overlap}"


def list_datasets() -> str:
    """One line for every dataset in config/datasets, also for those that cannot be read."""
    lines = [("name", "reader", "files", "description"), *map(_about, names_in("datasets"))]
    return "\n".join(aligned(lines))


def _about(name: str) -> tuple[str, str, str, str]:
    try:
        settings = load_dataset(name)
        return name, settings.reader.name, _files(settings), settings.description
    except FewmaskError as error:
        return name, "-", "-", f"error: {str(error).splitlines()[0]}"


def _files(settings: Dataset) -> str:
    if settings.root is None:
        return "none needed"
    root = data_folder() / settings.root
    if has_files(root):
        return f"in {root}"
    return f"not in {root}" + (", can be downloaded" if settings.download else "")


def _fields(store: Store) -> str:
    """The fields of every image, with a note on those that were computed instead of measured."""
    derived = store.dataset_settings.reader.derived
    notes = {load(name).field: f" (derived from {source})" for name, source in derived.items()}
    return ", ".join(field + notes.get(field, "") for field in store.fields)


def _classes(store: Store) -> str:
    """A table of the share of labelled pixels, and the number of images, of each class."""
    if not store.classes:
        return "no classes: images without masks, for pretraining"
    pixels, labelled = store.class_pixels, store.labelled.sum()
    total = max(pixels.sum(), 1)
    lines = [("class", "labelled pixels", "tiles" if store.is_tiled else "images")]
    for name, count, seen in zip(
        store.classes, pixels.sum(axis=0), (pixels > 0).sum(axis=0), strict=True
    ):
        lines.append((name, f"{100 * count / total:5.1f} %", f"{seen:,} of {labelled:,}"))
    return "\n".join(aligned(lines))


def _groups(store: Store) -> list[tuple[str, str]]:
    """The groups that the names suggest, if they suggest any."""
    likely = likely_groups(store.images.names)
    if likely is None:
        return []
    some = ", ".join(f"{name} {size:,}" for name, size in list(likely.sizes.items())[:3])
    return [
        ("groups", f"by their names {len(likely.sizes):,} ({some}, ...): {likely.pattern}"),
        ("", "give them in split.groups if images of one are alike"),
    ]


def _left_out(store: Store) -> str:
    """The damaged images that were left out of the store."""
    lines = [f"  {name}: {reason}" for name, reason in store.left_out]
    return "\n".join(["", "", f"left out as damaged: {len(lines):,}", *lines] if lines else [])


def _categories(store: Store) -> str:
    if not store.categories:
        return "none"
    names = (*store.categories, "(none)")  # -1 is the last
    return _counts(names[one] for one in store.read("category", store.images.first_rows))


def _sizes(sizes: np.ndarray) -> str:
    def span(lengths: np.ndarray) -> str:
        low, high = lengths.min(), lengths.max()
        return f"{low} (all)" if low == high else f"{low} to {high} (median {np.median(lengths):g})"

    return f"height {span(sizes[:, 0])}, width {span(sizes[:, 1])}"


def _counts(names: Iterable[str]) -> str:
    counts = sorted(Counter(names).items())
    return ", ".join(f"{name} {count:,}" for name, count in counts)
