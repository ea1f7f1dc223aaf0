"""Predictions of a trained network for a user's own images."""

from collections.abc import Collection, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.task import load
from fewmask.core.errors import FewmaskError
from fewmask.core.progress import bar
from fewmask.data.preparation.as_stored import ENDINGS_AS_STORED, OpenImage, needed
from fewmask.data.preparation.fit import unfit
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.image_files import ENDINGS, images_below, is_image, real_path
from fewmask.data.preparation.opening import large_images
from fewmask.data.preparation.tiff import is_georeferenced
from fewmask.data.preparation.tiling import Tiling
from fewmask.inference import volumes
from fewmask.inference.file_batches import (
    Say,
    fitted,
    opened,
    read_whole,
    readable,
    shown,
    tiles_of,
)
from fewmask.inference.geotiff import GEOTIFF
from fewmask.inference.own_files import OwnFiles
from fewmask.inference.predicted_files import Predicted, Values, write_predicted
from fewmask.inference.strips import strips
from fewmask.inference.trained import Trained
from fewmask.objectives.assessment import predictions

BATCH_SIZE = 16
RECORD = "predicted.sha256"
"""The list of written files in the output folder."""


def predict(weights: Path, images: Path, output: Path, threads: int = 2) -> None:
    """Predict every task of a network for an image or a folder of images, each at its own size.

    Writes ``output``/FOLDER/NAME.ENDING for every folder of every task (see `Task.files`) and a
    list of these files. An image that cannot be read is named and left out; files that an earlier
    run wrote to ``output`` are ignored as input.

    Raises FewmaskError: no images, two images with the same name, images inside ``output``, a file
    there that would be replaced but is not from an earlier run, all images damaged, or weights that
    fewmask train did not write or that predict nothing of an image.
    """
    trained = Trained.load(weights, threads)
    own = OwnFiles(output, RECORD)
    settings = trained.description.trained_on
    files = _images(images, output, own, _endings_of_input(settings))
    targets = _targets(trained, files, images, output)
    own.claim(path for of_image in targets.values() for path in of_image.values())
    written = 0
    with bar("predict", len(targets)) as progress:
        for file in _written(trained, targets, own, progress.say):
            written += 1
            progress.at(written, file.name)
        folders = ", ".join(sorted({folder for one in targets.values() for folder in one}))
        progress.say(f"{written} of {len(targets)} images: {folders} in {output}")
    if not written:
        raise FewmaskError(f"{images}: none of its {len(targets)} images can be read")


def _endings_of_input(settings: Dataset) -> Collection[str]:
    """The endings of files with such images as a network was trained on."""
    if settings.reader.cuts_volumes:
        return volumes.ENDINGS
    return ENDINGS if settings.is_rgb else ENDINGS_AS_STORED


def _written(
    trained: Trained, targets: dict[Path, dict[str, Path]], own: OwnFiles, say: Say
) -> Iterator[Path]:
    """Predict files, and write what is predicted; yields the file of each."""
    settings = trained.description.trained_on
    if settings.reader.cuts_volumes:
        predict_one = partial(volumes.predicted_volume, trained)
        for file, content in readable(targets, lambda file: (file, predict_one(file)), say):
            [target] = targets[file].values()
            with own.written(target) as path:
                path.write_bytes(content)
            yield file
        return
    palette = np.array([one.colour for one in settings.classes], np.uint8).reshape(-1, 3)
    predicted = by_tiles if settings.tiles else whole
    for file, prediction in predicted(trained, list(targets), say):
        write_predicted(prediction, targets[file], own, palette)
        yield file


def _images(images: Path, output: Path, own: OwnFiles, endings: Collection[str]) -> list[Path]:
    """The requested images, in order."""
    listed = images_below(images, endings) if images.is_dir() else [images]
    inside = output.resolve()
    requested = []
    for path in (one for one in listed if is_image(one, endings)):
        real = Path(real_path(path))
        if not real.is_relative_to(inside):
            requested.append(path)
        elif output / real.relative_to(inside) not in own:
            raise FewmaskError(
                f"{output}: found an input image in the folder to write to: {path}\n"
                f"  expected: a folder that holds only files that this command wrote\n"
                f"  mend: name another folder, --out predicted for example"
            )
    if not requested:
        raise FewmaskError(
            f"{images}: found no images\n"
            f"  expected: files that end in {', '.join(sorted(endings))}\n"
            f"  mend: correct --images"
        )
    return requested


def _targets(
    trained: Trained, files: list[Path], images: Path, output: Path
) -> dict[Path, dict[str, Path]]:
    """The paths of what is written for every image, by folder, all of them different."""
    top = images if images.is_dir() else images.parent
    targets: dict[Path, dict[str, Path]] = {}
    image_of: dict[Path, Path] = {}
    for file in files:
        name = file.relative_to(top)
        targets[file] = {
            folder: output / folder / name.with_name(f"{file.stem.removesuffix('.nii')}{ending}")
            for folder, ending in _endings(trained, file).items()
        }
        for target in targets[file].values():
            other = image_of.setdefault(target, file)
            if other != file:
                raise FewmaskError(
                    f"{file} and {other.name} would both be written to {target}\n  mend: rename one"
                )
    for target, file in image_of.items():
        for folder in target.parents:  # an image called a.jpg beside a folder called a.png
            if folder in image_of:
                raise FewmaskError(
                    f"{image_of[folder]} would be written to {folder}, which has to be a folder "
                    f"for {file}\n  mend: rename one"
                )
    return targets


def _endings(trained: Trained, file: Path) -> dict[str, str]:
    """The endings of what is written for an image, by folder; values of a GeoTIFF are one, too, and
    those of a volume are a volume, without a view."""
    if trained.description.trained_on.reader.cuts_volumes:
        return {next(iter(load(task).files)): volumes.VOLUME for task in trained.predicts}
    endings = {}
    for task in trained.predicts:
        (values, ending), *views = load(task).files.items()
        endings |= {values: GEOTIFF if _has_place(file) else ending, **dict(views)}
    return endings


def _has_place(file: Path) -> bool:
    """Whether an image says where on Earth it lies. Raises FewmaskError if predictions for it
    cannot be written, without rasterio."""
    try:
        has_place = is_georeferenced(file)
    except ImageError:  # it will be named and left out
        return False
    if has_place:
        needed("rasterio", "geotiff", file)
    return has_place


def whole(trained: Trained, files: list[Path], say: Say) -> Iterator[tuple[Path, Predicted]]:
    """The predictions of images that are brought to one size, as in the training."""
    images = readable(files, lambda file: (file, read_whole(trained, file)), say)
    dataset = trained.description.trained_on
    while read := list(islice(images, BATCH_SIZE)):
        pixels = [image.read() for _, image in read]
        batch = fitted(trained, pixels, dataset.height_width, dataset.fit)
        [(_, outputs)] = predictions(trained.network, [batch], trained.runtime.autocast)
        values = {name: load(name).stored(outputs[name]) for name in trained.predicts}
        for i, (file, image) in enumerate(read):
            size = image.size
            at_own_size = {
                name: unfit(maps[i], size, dataset.fit, load(name).unknown)
                for name, maps in values.items()
            }
            yield file, Predicted(size, partial(shown, trained, image), [(0, at_own_size)], file)


def by_tiles(trained: Trained, files: list[Path], say: Say) -> Iterator[tuple[Path, Predicted]]:
    """The predictions of images at their own resolution, from those of their tiles."""
    with large_images():
        for file, image in readable(files, lambda file: (file, opened(trained, file)), say):
            pixels = partial(shown, trained, image)
            yield file, Predicted(image.size, pixels, _strips(trained, image), file)


def _strips(trained: Trained, image: OpenImage) -> Iterator[tuple[int, Values]]:
    tiling = Tiling.of(image.size, trained.description.trained_on.tiles)
    for strip in strips(trained, tiling, tiles_of(trained, image, tiling)):
        yield (
            strip.top,
            {name: load(name).stored(strip.outputs[name])[0] for name in trained.predicts},
        )
    image.close()  # its memory is needed for what is written for viewing
