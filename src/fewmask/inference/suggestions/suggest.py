"""Which images next: ``fewmask suggest``."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.core.files import explained
from fewmask.core.paths import data_folder
from fewmask.core.progress import Bar, bar
from fewmask.data.inspection.sheet import Shown, draw_sheet, overlaid
from fewmask.data.preparation.fit import fit_image, fit_values, place
from fewmask.data.readers.writer import Annotated, open_writer
from fewmask.data.store.store import Store
from fewmask.inference.suggestions.choose import Suggestion, choose, write_table
from fewmask.inference.suggestions.committee import as_one
from fewmask.inference.suggestions.file_pool import FilePool
from fewmask.inference.suggestions.networks import Networks
from fewmask.inference.suggestions.pool import Pool, StoredPool
from fewmask.inference.trained import Trained

TABLE, SHEET = "suggestions.csv", "suggestions.png"
MOST_SHOWN = 24
"""How many images are on the sheet."""
FRAME = (192, 192)


def suggest(
    networks: Networks, images: Path | None, count: int, output: Path, threads: int = 2
) -> str:
    """Choose ``count`` images of a folder, or of the dataset's unlabelled images, that a mask would
    help most (see `weighted_k_centre`), and return a summary.

    Writes to the folder ``output`` suggestions.csv, suggestions.png (a contact sheet) and, in the
    format in which the dataset's masks are read, the predictions of the networks for these images.

    Raises FewmaskError: there is something in ``output``; weights do not go together, or not with
    dataset and splits; there are no images; or neither a folder nor a dataset is known.
    """
    _check_output(output)
    if images is None and networks.dataset is None:
        raise FewmaskError(
            "weights alone do not say which images are unlabelled\n"
            "  mend: name a folder of images, --images; or instead of weights an experiment"
        )
    trained = [Trained.load(path, threads) for path in networks.weights]
    committee = as_one(trained)
    with ExitStack() as stack:
        shown = stack.enter_context(bar("suggest", 0))
        pool = _stored(networks, trained, stack, is_alone=images is None)
        if images is not None:
            pool = FilePool(images, committee, shown, pool)
        chosen = choose(pool, committee, count)
        with explained(output):
            output.mkdir(parents=True, exist_ok=True)
        write_table(output / TABLE, chosen, len(trained))
        _write_masks(committee, pool, chosen, output, shown)
        return _summary(pool, chosen, len(trained), output)


def _check_output(output: Path) -> None:
    if output.is_dir() and any(output.iterdir()):
        raise FewmaskError(
            f"{output}: the folder to write to is not empty, and nothing is overwritten\n"
            f"  mend: name another folder: --out"
        )


def _stored(
    networks: Networks, trained: Sequence[Trained], stack: ExitStack, is_alone: bool
) -> StoredPool | None:
    if networks.dataset is None:
        return None
    store = stack.enter_context(Store(networks.dataset))
    return StoredPool(store, networks.splits, trained, needs_free=is_alone)


def _write_masks(
    committee: Trained, pool: Pool, chosen: Sequence[Suggestion], output: Path, shown: Bar
) -> None:
    """Write the predicted masks, and the first of them on a sheet."""
    settings = committee.description.trained_on
    writer = open_writer(settings, data_folder() / (settings.root or ""), output)
    on_sheet = []
    for rank, one in enumerate(chosen, start=1):
        found = pool.predicted(one.number, committee)
        writer.add(Annotated(one.name, pool.file(one.number), found.mask))
        if rank <= MOST_SHOWN:
            on_sheet.append(
                _shown(f"{rank}  ·  {one.name}", found.image, found.shown_mask, settings)
            )
    writer.close()
    title = f"{len(chosen)} images whose masks would help most, with predicted masks"
    draw_sheet(output / SHEET, title, on_sheet, FRAME, _legend(settings))


def _shown(caption: str, image: np.ndarray, mask: np.ndarray, settings: Dataset) -> Shown:
    palette = np.array([one.colour for one in settings.classes], np.uint8)
    placement = place(image.shape[:2], FRAME, "pad")
    height, width = placement.extent
    small = fit_image(image, placement)[:height, :width]
    overlay = overlaid(small, fit_values(mask, placement)[:height, :width], palette)
    return Shown(caption, {"image": small, "prediction": overlay})


def _legend(settings: Dataset) -> list:
    from matplotlib.patches import Patch

    return [
        Patch(facecolor=np.array(one.colour) / 255, edgecolor="0.6", label=one.name)
        for one in settings.classes
    ]


def _summary(pool: Pool, chosen: Sequence[Suggestion], networks: int, output: Path) -> str:
    by = (
        f"the disagreement of {networks} networks"
        if networks > 1
        else "the entropy of one network (several seeds would give their disagreement)"
    )
    return (
        f"{len(chosen)} of {len(pool.free)} images, by {by}\n"
        f"and by the distance to {len(pool.known)} images with known masks and to each other\n"
        f"order: {output / TABLE}\nimages: {output / SHEET}\n"
        f"predicted masks, to be corrected: {output}"
    )
