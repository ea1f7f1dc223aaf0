"""The usual way to prepare a dataset: a loop over Pillow, in one process.

    uv run python -m benchmarks.pillow_loop FOLDER OUTPUT SIZE [--checked]

It decodes, scales, pads, translates the values of masks, and writes rows of the layout that stores
have. With ``--checked`` it does what else `fewmask prepare` does for a store that can be trusted:
it counts the pixels of classes, makes a SHA-256 of all rows, and reads each row again to see that
it is there.
"""

import hashlib
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

TABLE = np.full(256, 255, np.uint8)
TABLE[[1, 2, 3]] = 0, 1, 2


def main(folder: Path, output: Path, size: int, is_checked: bool) -> None:
    """Write the images ``folder/images/*.jpg`` and masks ``folder/masks/*.png`` at one size."""
    digest = hashlib.sha256()
    counts = []
    paths = sorted((folder / "images").iterdir())
    shape = (len(paths), size, size)
    with h5py.File(output, "w") as file:
        images = file.create_dataset("image", (*shape, 3), "uint8", chunks=(1, size, size, 3))
        masks = file.create_dataset(
            "mask", shape, "uint8", chunks=(1, size, size), compression="gzip"
        )
        for row, path in enumerate(paths):
            image = Image.open(path).convert("RGB")
            mask = Image.open(folder / f"masks/{path.stem}.png")
            scale = size / max(image.size)
            scaled = tuple(max(1, round(scale * length)) for length in image.size)
            pixels = np.asarray(image.resize(scaled, Image.Resampling.BILINEAR))
            classes = TABLE[np.asarray(mask.resize(scaled, Image.Resampling.NEAREST))]
            padding = [(0, size - length) for length in classes.shape]
            pixels = np.pad(pixels, (*padding, (0, 0)), mode="edge")
            classes = np.pad(classes, padding, constant_values=255)
            images[row], masks[row] = pixels, classes
            if is_checked:
                counts.append(np.bincount(classes.ravel(), minlength=256)[:3])
                digest.update(pixels)
                digest.update(classes)
                assert np.array_equal(images[row], pixels)
                assert np.array_equal(masks[row], classes)
        if is_checked:
            file["class_pixels"] = np.array(counts)
            file.attrs["digest"] = digest.hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), "--checked" in sys.argv)
