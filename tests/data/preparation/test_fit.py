"""Images come to the network's size and back without moving."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewmask.data.preparation.fit import fit_image, fit_values, place, unfit
from tests.data.making import noise

FITS = ["pad", "keep", "crop", "stretch"]
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))
fits = st.sampled_from(FITS)


def _inside(placement):
    """Which pixels of the frame are image."""
    rows, columns = np.indices(placement.frame)
    return (rows < placement.extent[0]) & (columns < placement.extent[1])


@pytest.mark.parametrize(
    ("size", "fit", "scaled", "extent", "offset"),
    [
        ((375, 500), "pad", (192, 256), (192, 256), (0, 0)),
        ((500, 375), "pad", (256, 192), (256, 192), (0, 0)),
        ((64, 200), "keep", (64, 200), (64, 200), (0, 0)),
        ((256, 256), "keep", (256, 256), (256, 256), (0, 0)),
        ((375, 500), "keep", (192, 256), (192, 256), (0, 0)),
        ((64, 500), "keep", (33, 256), (33, 256), (0, 0)),
        ((375, 500), "crop", (256, 341), (256, 256), (0, 42)),
        ((375, 500), "stretch", (256, 256), (256, 256), (0, 0)),
        ((64, 64), "pad", (256, 256), (256, 256), (0, 0)),
        ((1, 1000), "pad", (1, 256), (1, 256), (0, 0)),
    ],
)
def test_places_by_hand(size, fit, scaled, extent, offset):
    placement = place(size, (256, 256), fit)
    assert (placement.scaled, placement.extent, placement.offset) == (scaled, extent, offset)


def test_padding_repeats_the_edge_of_images_and_fills_the_rest():
    image = np.array([[[10] * 3, [20] * 3]], np.uint8)  # 1 x 2
    placement = place((1, 2), (2, 2), "pad")
    assert fit_image(image, placement)[..., 0].tolist() == [[10, 20], [10, 20]]
    assert fit_values(image[..., 0], placement).tolist() == [[10, 20], [255, 255]]
    assert fit_values(np.ones((1, 2), np.float32), placement, 0).tolist() == [[1, 1], [0, 0]]


def test_a_crop_keeps_the_centre():
    mask = np.tile(np.arange(6, dtype=np.uint8), (4, 1))
    assert fit_values(mask, place((4, 6), (4, 4), "crop"))[0].tolist() == [1, 2, 3, 4]


def test_images_are_reduced_with_antialiasing():
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    image = np.repeat(stripes[..., None], 3, axis=2)
    small = fit_image(image, place((64, 64), (16, 16), "pad"))
    assert (abs(small[:, 1:-1].astype(int) - 127) < 20).all()


@given(sizes, sizes, fits)
def test_everything_has_the_size_of_the_frame(size, frame, fit):
    placement = place(size, frame, fit)
    assert fit_image(noise(*size, 3), placement).shape == (*frame, 3)
    mask = fit_values(noise(*size, below=3), placement)
    assert mask.shape == frame
    assert ((mask < 3) == _inside(placement)).all()


@given(sizes, sizes, fits)
def test_back_from_a_larger_frame_nothing_has_changed(size, frame, fit):
    frame = tuple(np.maximum(size, frame).tolist())
    values = noise(*size, 3)
    back = unfit(fit_values(values, place(size, frame, fit)), size, fit)
    if fit == "crop":  # what the crop left out is 255, the rest as it was
        assert ((back == values) | (back == 255)).all()
    else:
        assert np.array_equal(back, values)


@given(sizes, sizes, fits)
def test_there_again_from_a_larger_image_nothing_has_changed(size, frame, fit):
    size = tuple(np.maximum(size, frame).tolist())
    placement = place(size, frame, fit)
    predicted = np.where(_inside(placement), noise(*frame, below=9), 255).astype(np.uint8)
    again = fit_values(unfit(predicted, size, fit), placement)
    assert np.array_equal(again, predicted)


@given(sizes, sizes)
def test_back_at_its_own_size_every_pixel_of_an_uncropped_image_is_predicted(size, frame):
    for fit in ("pad", "stretch"):
        assert (unfit(np.zeros(frame, np.uint8), size, fit) == 0).all()


@given(sizes)
def test_a_image_of_the_right_size_is_left_alone(size):
    image = noise(*size, 3)
    for fit in FITS:
        assert np.array_equal(fit_image(image, place(size, size, fit)), image)
