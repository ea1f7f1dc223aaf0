"""A trained network on a person's own pictures."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fewmask.config.dataset import Dataset
from fewmask.data.batches import as_batch
from fewmask.data.decode import PictureError, read_image
from fewmask.data.fit import fit_image, place, unfit
from fewmask.errors import FewmaskError
from fewmask.files import written_whole
from fewmask.networks.weights import load_segmenter
from fewmask.progress import bar
from fewmask.training.runtime import start

BATCH_SIZE = 16
OVERLAY = 0.5
"""How much of a class's colour an overlay shows."""


def predict(weights: Path, images: Path, output: Path, threads: int = 2) -> None:
    """Predict masks for a picture or a folder of pictures, at each picture's own size.

    Writes ``output``/masks/NAME.png (palette PNG, values are class indices) and
    ``output``/overlays/NAME.jpg. A picture that cannot be read is named and left out.

    Raises FewmaskError: no pictures, two pictures of one name, all of them damaged, or weights
    that fewmask train did not write.
    """
    network, dataset, description = load_segmenter(weights, torch.device("cpu"))
    runtime = start(description["training"]["precision"], threads)
    network.to(runtime.device)
    files = _pictures(images)
    written, place_of = 0, images if images.is_dir() else images.parent
    with bar("predict", len(files)) as shown:
        for batch in _batches(files, shown.say):
            with torch.no_grad(), runtime.autocast():
                fitted = as_batch(*_fit([image for _, image in batch], dataset), runtime.device)
                logits = network(fitted.image, fitted.inside)["segmentation"]
            for (file, image), mask in zip(batch, logits.argmax(dim=1).cpu().numpy(), strict=True):
                mask = unfit(mask.astype(np.uint8), image.shape[:2], dataset.fit)
                _write(output, file.relative_to(place_of).with_suffix(""), image, mask, dataset)
                written += 1
                shown.at(written, file.name)
        shown.say(f"{written} of {len(files)} pictures: masks and overlays in {output}")
    if not written:
        raise FewmaskError(f"{images}: none of its {len(files)} pictures can be read")


def _pictures(images: Path) -> list[Path]:
    """The files with a picture's ending, in order."""
    endings = set(Image.registered_extensions())
    found = [images] if images.is_file() else sorted(p for p in images.rglob("*") if p.is_file())
    pictures = [path for path in found if path.suffix.lower() in endings]
    if not pictures:
        raise FewmaskError(f"{images}: no pictures there (png, jpg, tif, webp, ...)")
    by_name: dict[Path, Path] = {}
    for path in pictures:
        twin = by_name.setdefault(path.with_suffix(""), path)
        if twin != path:
            raise FewmaskError(
                f"{path} and {twin.name} would both be written to {path.stem}.png: rename one"
            )
    return pictures


def _batches(files: list[Path], say) -> Iterator[list[tuple[Path, np.ndarray]]]:
    """The pictures that can be read, some at a time; the others are named."""

    def read() -> Iterator[tuple[Path, np.ndarray]]:
        for file in files:
            try:
                yield file, read_image(file)
            except PictureError as error:
                say(f"left out: {error}")

    pictures = read()
    while batch := list(islice(pictures, BATCH_SIZE)):
        yield batch


def _fit(images: list[np.ndarray], dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Pictures as the network was trained on them: uint8 (N, H, W, 3), and extents (N, 2)."""
    places = [place(image.shape[:2], dataset.height_width, dataset.fit) for image in images]
    fitted = [fit_image(image, where) for image, where in zip(images, places, strict=True)]
    return np.stack(fitted), np.array([where.extent for where in places])


def _write(output: Path, name: Path, image: np.ndarray, mask: np.ndarray, dataset: Dataset) -> None:
    colours = np.zeros((256, 3), np.uint8)  # what a crop left out, 255, is black
    colours[: len(dataset.classes)] = [one.colour for one in dataset.classes]
    picture = Image.fromarray(mask, mode="P")
    picture.putpalette(colours.tobytes())
    with written_whole(output / "masks" / name.with_suffix(".png")) as path:
        picture.save(path)
    mixed = (1 - OVERLAY) * image + OVERLAY * colours[mask]
    with written_whole(output / "overlays" / name.with_suffix(".jpg")) as path:
        Image.fromarray(mixed.round().astype(np.uint8)).save(path, quality=92)
