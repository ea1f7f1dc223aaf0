"""Example predictions: reading them, and the colours of masks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from fewmask import IGNORE
from fewmask.config.task import load
from fewmask.config.task import names as task_names
from fewmask.core.errors import FewmaskError
from fewmask.data.store.hdf5 import check_seal
from fewmask.metrics import table as metrics
from fewmask.metrics.records import damaged

DAMAGES = (AttributeError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError)
"""What HDF5 and its values raise where they are not as an evaluation has written them."""

STRIPES = (224, 150)
"""The two greys of pixels that count nowhere."""

STRIPE = 7
"""How many pixels a stripe and its gap take along a row."""


@dataclass(frozen=True)
class Example:
    """A test image, cropped to what is not padding, with the truth and the prediction of a task.

    Both are uint8, classes (H, W) with IGNORE where none counts, or colours (H, W, 3).
    """

    image: np.ndarray  # uint8 (H, W, 3)
    truth: np.ndarray
    prediction: np.ndarray
    value: float  # of the metric by which the task is judged, or NaN


@dataclass(frozen=True)
class RestoredImage:
    """A test image, cropped to what is not padding, as it is, perturbed, and restored.

    The images are uint8 (H, W, 3), the errors the mean squared differences from the original, whose
    values are in [0, 1].
    """

    image: np.ndarray
    perturbed: np.ndarray
    restored: np.ndarray
    perturbed_error: float
    restored_error: float


@dataclass(frozen=True)
class Examples:
    """Images that a run shows, by name, with one of its tasks, and the classes of their dataset."""

    task: str
    images: dict[str, Example]
    classes: list[str]
    palette: np.ndarray  # uint8 (K, 3)

    @property
    def metric(self) -> str:
        """The metric by which the task is judged."""
        return load(self.task).judged_by

    def value_of(self, name: str) -> str:
        """The value of an image as a figure shows it: shares in percent, without decimals."""
        value, unit = self.images[name].value, metrics.find(self.metric).unit
        if np.isnan(value):
            return ""
        return (
            f"{100 * value:.0f}"
            if unit == "%"
            else f"{value:.0f}"
            if unit == "°"
            else f"{value:.2f}"
        )


def read_choices(path: Path, choices: list[str], task: str | None = None) -> dict[str, Examples]:
    """Read, by the reason for their choice, the images that are the same in every run (``fixed``),
    or its own ``worst`` or ``median`` ones, with one of the tasks that it learns; None: the first,
    by which they were chosen.

    Raises FewmaskError: the file is missing or damaged, or the run does not learn the task.
    """
    with _opened(path) as file:
        classes, palette = json.loads(file.attrs["classes"]), file.attrs["palette"][:]
        if palette.shape != (len(classes), 3) or not all(isinstance(c, str) for c in classes):
            raise ValueError("its classes and their colours do not go together")
        task = _task(file, task)
        return {
            choice: Examples(
                task,
                {name: _example(file, i, task, len(classes)) for name, i in places.items()},
                classes,
                palette,
            )
            for choice, places in _places(file, choices).items()
        }


def read_restored(path: Path) -> dict[str, RestoredImage]:
    """Read the images that are the same in every run, by name, as a stage of the run restores them.

    Raises FewmaskError: the file is missing or damaged, or holds no restored images.
    """
    with _opened(path) as file:
        return {name: _restored(file, i) for name, i in _places(file, ["fixed"])["fixed"].items()}


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """A file of examples, whose seal holds. Whatever its content raises in the block is reported as
    damage."""
    mend = "run the workflow again, which evaluates the run anew"
    if not path.is_file():
        raise FewmaskError(f"{path}: not there, though the metrics of the run are\n  {mend}")
    try:
        with h5py.File(path) as file:
            check_seal(file)
            if len({len(values) for values in file.values()}) > 1:
                raise ValueError("it holds more of some images than of others")
            yield file
    except DAMAGES as error:
        kind = "the example predictions of a run"
        raise damaged(path, kind, error, f"delete the file and {mend}") from None


def _places(file: h5py.File, choices: list[str]) -> dict[str, dict[str, int]]:
    """By the reason for their choice, the places of images, by name."""
    reasons, names = file["choice"].asstr()[:], file["name"].asstr()[:]
    return {
        choice: {str(names[i]): int(i) for i in np.flatnonzero(reasons == choice)}
        for choice in choices
    }


def _task(file: h5py.File, requested: str | None) -> str:
    """The requested task, or the first of the run. Raises ValueError: the run has none such."""
    learnt = json.loads(file.attrs["tasks"])
    task = learnt[0] if requested is None else requested
    if task not in learnt or task not in task_names():
        raise ValueError(f"it holds the tasks {learnt}, expected {requested or 'known ones'}")
    return task


def _restored(file: h5py.File, i: int) -> RestoredImage:
    height, width = (int(one) for one in file["extent"][i])
    images = [file[name][i, :height, :width] for name in ("image", "perturbed", "restored")]
    if {one.shape for one in images} != {(height, width, 3)} or not images[0].size:
        raise ValueError("the original, perturbed and restored images are not of one size")
    errors = (float(file[f"{name}_error"][i]) for name in ("perturbed", "restored"))
    return RestoredImage(*images, *errors)


def _example(file: h5py.File, i: int, task: str, classes: int) -> Example:
    height, width = (int(one) for one in file["extent"][i])
    names = ("image", task, f"{task}_prediction")
    image, truth, prediction = (file[name][i, :height, :width] for name in names)
    if (
        image.ndim != 3
        or not image.size
        or {truth.shape[:2], prediction.shape[:2]} != {image.shape[:2]}
    ):
        raise ValueError(f"the images of {task} are not of one size")
    truth, prediction = (load(task).colours(values, truth) for values in (truth, prediction))
    for one in (truth, prediction):
        if one.ndim == 2:
            _check_mask(one, classes)
    # Images of other than three channels are shown by their first.
    image = image if image.shape[2] == 3 else image[..., [0, 0, 0]]
    return Example(image, truth, prediction, float(file[f"{task}_value"][i]))


def _check_mask(mask: np.ndarray, classes: int) -> None:
    """Raise ValueError unless a mask holds classes and IGNORE."""
    unknown = np.setdiff1d(mask, [*range(classes), IGNORE])
    if len(unknown):
        raise ValueError(f"a mask holds the value {unknown[0]}, and there are {classes} classes")


def colour_mask(mask: np.ndarray, palette: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask in the colours of its classes, with stripes where it says IGNORE.

    uint8 (H, W) -> uint8 (height, width, 3). The stripes are drawn at the final size, so that they
    look the same on every image.
    """
    mask = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = palette
    coloured = colours[mask]
    rows, columns = np.nonzero(mask == IGNORE)
    stripes = np.where((rows + columns) % STRIPE < STRIPE // 2, *STRIPES[::-1])
    coloured[rows, columns] = stripes[:, None]
    return coloured


def scale_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image at another size: uint8 (H, W, 3) -> uint8 (height, width, 3)."""
    is_smaller = height < image.shape[0]
    how = Image.Resampling.LANCZOS if is_smaller else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(image).resize((width, height), how))
