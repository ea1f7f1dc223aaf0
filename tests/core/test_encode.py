"""Arrays that are written a few rows at a time are read as they were."""

import io

import numpy as np
import pytest
from PIL import Image

from fewmask.core.encode import row_writer

PALETTE = np.array([[0, 0, 0], [230, 159, 0], [86, 180, 233]], np.uint8)


def written(ending: str, array: np.ndarray, heights: list[int]) -> io.BytesIO:
    file = io.BytesIO()
    writer = row_writer(file, ending, array.shape, array.dtype, PALETTE)
    for part in np.split(array, np.cumsum(heights)[:-1]):
        writer.add(part)
    writer.close()
    file.seek(0)
    return file


@pytest.mark.parametrize("heights", [[100], [1, 98, 1], [50, 50]])
def test_masks_in_parts(heights: list[int]):
    mask = np.random.default_rng(0).choice([0, 1, 2, 255], (100, 257)).astype(np.uint8)
    image = Image.open(written(".png", mask, heights))
    image.load()
    assert np.array_equal(image, mask)
    colours = np.zeros((256, 3), np.uint8)
    colours[:3] = PALETTE
    assert np.array_equal(image.convert("RGB"), colours[mask])


@pytest.mark.parametrize("shape", [(10, 7), (10, 7, 3)])
def test_numbers_in_parts(shape: tuple[int, ...]):
    values = np.random.default_rng(0).random(shape, np.float32)
    read = np.load(written(".npy", values, [4, 6]))
    assert read.dtype == np.float32
    assert np.array_equal(read, values)
