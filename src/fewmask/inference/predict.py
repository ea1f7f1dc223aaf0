"""Predictions of a trained network for a user's own images."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fewmask.config.dataset import Dataset
from fewmask.core.errors import FewmaskError
from fewmask.core.progress import bar
from fewmask.data.batches import as_batch
from fewmask.data.preparation.decode import read_image
from fewmask.data.preparation.fit import fit_image, place, unfit
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.preparation.image_files import ENDINGS, images_below, is_image, real_path
from fewmask.inference.own_files import OwnFiles
from fewmask.networks.weights import load_segmenter
from fewmask.training.runtime import start

BATCH_SIZE = 16
OVERLAY = 0.5
"""The share of the class colours in an overlay."""
RECORD = "predicted.sha256"
"""The list of written files in the output folder."""


def predict(weights: Path, images: Path, output: Path, threads: int = 2) -> None:
    """Predict masks for an image or a folder of images, each at its own size.

    Writes ``output``/masks/NAME.png (palette PNG, values are class indices),
    ``output``/overlays/NAME.jpg and a list of these files. An image that cannot be read is named
    and left out; files that an earlier run wrote to ``output`` are ignored as input.

    Raises FewmaskError: no images, two images with the same name, images inside ``output``, a file
    there that would be replaced but is not from an earlier run, all images damaged, or weights that
    fewmask train did not write or that predict no masks.
    """
    network, description = load_segmenter(weights, torch.device("cpu"))
    if "segmentation" not in description.training.objective.predicts:
        raise FewmaskError(
            f"{weights}: weights of a network that predicts no masks\n"
            f"  found: {', '.join(description.training.objective.predicts)}\n"
            f"  expected: weights of a stage that learnt segmentation"
        )
    dataset = description.trained_on
    runtime = start(description.training.precision, threads)
    network.to(runtime.device)
    own = OwnFiles(output, RECORD)
    targets = _targets(_images(images, output, own), images, output)
    own.claim(path for pair in targets.values() for path in pair)
    written = 0
    with bar("predict", len(targets)) as shown:
        for batch in _batches(list(targets), shown.say):
            with torch.no_grad(), runtime.autocast():
                fitted = as_batch(*_fit([image for _, image in batch], dataset), runtime.device)
                logits = network(fitted.image, fitted.inside)["segmentation"]
            for (file, image), mask in zip(batch, logits.argmax(dim=1).cpu().numpy(), strict=True):
                mask = unfit(mask.astype(np.uint8), image.shape[:2], dataset.fit)
                _write(own, targets[file], image, mask, dataset)
                written += 1
                shown.at(written, file.name)
        shown.say(f"{written} of {len(targets)} images: masks and overlays in {output}")
    if not written:
        raise FewmaskError(f"{images}: none of its {len(targets)} images can be read")


def _images(images: Path, output: Path, own: OwnFiles) -> list[Path]:
    """The requested images, in order."""
    listed = images_below(images) if images.is_dir() else [images]
    inside = output.resolve()
    found = []
    for path in filter(is_image, listed):
        real = Path(real_path(path))
        if not real.is_relative_to(inside):
            found.append(path)
        elif output / real.relative_to(inside) not in own:
            raise FewmaskError(
                f"{output}: found an input image in the folder to write to: {path}\n"
                f"  expected: a folder that holds only files that this command wrote\n"
                f"  mend: name another folder, --out predicted for example"
            )
    if not found:
        raise FewmaskError(
            f"{images}: found no images\n"
            f"  expected: files that end in {', '.join(sorted(ENDINGS))}\n"
            f"  mend: correct --images"
        )
    return found


def _targets(files: list[Path], images: Path, output: Path) -> dict[Path, tuple[Path, Path]]:
    """The paths of the mask and the overlay of every image, all of them different."""
    top = images if images.is_dir() else images.parent
    targets: dict[Path, tuple[Path, Path]] = {}
    image_of: dict[Path, Path] = {}
    for file in files:
        name = file.relative_to(top)
        mask = output / "masks" / name.with_name(f"{file.stem}.png")
        overlay = output / "overlays" / name.with_name(f"{file.stem}.jpg")
        targets[file] = mask, overlay
        for target in (mask, overlay):
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


def _batches(files: list[Path], say) -> Iterator[list[tuple[Path, np.ndarray]]]:
    """The readable images in batches; the others are named in messages."""

    def read() -> Iterator[tuple[Path, np.ndarray]]:
        for file in files:
            try:
                yield file, read_image(file)
            except ImageError as error:
                say(f"left out: {error}")

    images = read()
    while batch := list(islice(images, BATCH_SIZE)):
        yield batch


def _fit(images: list[np.ndarray], dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Images fitted as in the training: uint8 (N, H, W, 3), and their extents (N, 2)."""
    places = [place(image.shape[:2], dataset.height_width, dataset.fit) for image in images]
    fitted = [fit_image(image, where) for image, where in zip(images, places, strict=True)]
    return np.stack(fitted), np.array([where.extent for where in places])


def _write(
    own: OwnFiles,
    targets: tuple[Path, Path],
    image: np.ndarray,
    mask: np.ndarray,
    dataset: Dataset,
) -> None:
    colours = np.zeros((256, 3), np.uint8)  # 255, which a crop left out, is black
    colours[: len(dataset.classes)] = [one.colour for one in dataset.classes]
    palette_image = Image.fromarray(mask, mode="P")
    palette_image.putpalette(colours.tobytes())
    with own.written(targets[0]) as path:
        palette_image.save(path)
    mixed = (1 - OVERLAY) * image + OVERLAY * colours[mask]
    with own.written(targets[1]) as path:
        Image.fromarray(mixed.round().astype(np.uint8)).save(path, quality=92)
