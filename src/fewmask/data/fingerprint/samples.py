"""An image of some samples of a folder, before anything is prepared."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.dataset import Dataset
from fewmask.core.paths import data_folder
from fewmask.data.inspection.sheet import Shown, coloured, draw_sheet, sample
from fewmask.data.preparation.fit import fit_image, fit_values, place
from fewmask.data.readers.reader import Item, open_reader
from fewmask.data.scaling import shown_alone

FRAME = (192, 192)
COUNT = 8


def draw_samples(name: str, settings: Dataset, items: Sequence[Item], output: Path) -> None:
    """Draw some images with their masks, as the settings read them, as a PNG at ``output``.

    Raises ImageError: a file is damaged, or a mask has values without a meaning.
    """
    from matplotlib.patches import Patch

    reader = open_reader(settings, data_folder())
    palette = np.array([one.colour for one in settings.classes], np.uint8)
    masked = [item for item in items if item.mask is not None]
    shown = []
    for i in sample(np.arange(len(masked)), COUNT):
        loaded = reader.load(masked[i])
        placement = place(loaded.image.shape[:2], FRAME, "pad")
        height, width = placement.extent
        mask = fit_values(loaded.truth["mask"], placement, IGNORE)[:height, :width]
        image = shown_alone(fit_image(loaded.image, placement)[:height, :width], settings)
        shown.append(Shown(masked[i].name, {"image": image, "mask": coloured(mask, palette)}))
    legend = [
        Patch(facecolor=np.array(one.colour) / 255, edgecolor="0.6", label=one.name)
        for one in settings.classes
    ]
    title = f"{name}: {len(items):,} images, {len(masked):,} with masks"
    draw_sheet(output, title, shown, FRAME, legend)
