"""The usual loop, with which the benchmarks compare, learns from the same images and masks."""

import numpy as np
import torch
from benchmarks.conventional import ImageFiles, conventional
from PIL import Image

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation

NOTHING = Augmentation(flip=0, scale=(1, 1), rotate=0, brightness=0, contrast=0, saturation=0)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_it_learns_normalised_images_and_classes_from_0_on(real_data):
    root, size = real_data / "oxford-iiit-pet", 32
    names = [path.stem for path in sorted((root / "images").glob("*.jpg"))[:4]]
    files = ImageFiles(root, names, size, NOTHING)
    for name, (image, mask) in zip(names, map(files.__getitem__, range(len(names))), strict=True):
        known = Image.open(root / f"images/{name}.jpg").convert("RGB").resize((size, size))
        trimap = Image.open(root / f"annotations/trimaps/{name}.png")
        trimap = np.array(trimap.resize((size, size), Image.Resampling.NEAREST)).astype(int)
        normalised = (np.array(known) / 255 - MEAN) / DEVIATION
        np.testing.assert_allclose(image.permute(1, 2, 0), normalised, atol=1e-5)
        np.testing.assert_array_equal(mask, np.where(trimap == IGNORE, IGNORE, trimap - 1))

    torch.manual_seed(0)
    step = conventional("resnet18", files, 4, torch.device("cpu"))
    losses = [step() for _ in range(8)]
    assert losses[-1] < losses[0] / 2
