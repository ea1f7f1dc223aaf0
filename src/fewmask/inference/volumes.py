"""Predictions of volumes, slice by slice as in the training, as volumes at the same place."""

from pathlib import Path

import numpy as np

from fewmask import IGNORE
from fewmask.config.task import load
from fewmask.core.paths import data_folder
from fewmask.data.preparation.as_stored import ImageInMemory
from fewmask.data.preparation.fit import unfit
from fewmask.data.preparation.tiling import Tiling
from fewmask.data.readers.nifti.volume import AXES, opened, place_slice
from fewmask.data.readers.reader import open_reader
from fewmask.inference.file_batches import fitted, tiles_of
from fewmask.inference.strips import strips
from fewmask.inference.trained import Trained
from fewmask.objectives.assessment import predictions

ENDINGS = (".nii", ".gz")
VOLUME = ".nii.gz"
"""The ending of what is written."""
SLICES_AT_ONCE = 16
SEGMENTATION = load("segmentation")


def predicted_volume(trained: Trained, file: Path) -> bytes:
    """The masks of a volume as a compressed NIfTI file. Raises ImageError."""
    settings = trained.description.trained_on
    reader, axis = open_reader(settings, data_folder()), AXES[settings.reader.slices]
    volume = opened(file)
    masks = np.full(volume.size, IGNORE, np.uint8)
    places = range(volume.size[axis])
    predict = _by_tiles if settings.tiles else _whole
    for start in range(0, len(places), SLICES_AT_ONCE):
        some = places[start : start + SLICES_AT_ONCE]
        images = [reader.image(file, place) for place in some]
        for place, mask in zip(some, predict(trained, images), strict=True):
            place_slice(masks, axis, place, mask)
    return volume.as_file(masks)


def _whole(trained: Trained, images: list[np.ndarray]) -> list[np.ndarray]:
    """The masks of slices that are brought to one size."""
    settings = trained.description.trained_on
    batch = fitted(trained, images, settings.height_width, settings.fit)
    [(_, outputs)] = predictions(trained.network, [batch], trained.runtime.autocast)
    found, size = SEGMENTATION.stored(outputs["segmentation"]), images[0].shape[:2]
    return [unfit(one, size, settings.fit) for one in found]


def _by_tiles(trained: Trained, images: list[np.ndarray]) -> list[np.ndarray]:
    """The masks of slices at their own resolution."""
    tiling = Tiling.of(images[0].shape[:2], trained.description.trained_on.tiles)
    masks = []
    for image in images:
        parts = strips(trained, tiling, tiles_of(trained, ImageInMemory(image), tiling))
        found = [SEGMENTATION.stored(part.outputs["segmentation"])[0] for part in parts]
        masks.append(np.concatenate(found))
    return masks
