"""Masks painted from shapes."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fewmask.data.readers.shapes import CUT_OFF, Canvas, Labels
from tests.data.making import settings
from tests.data.readers.shape_files import (
    CLASSES,
    SIZE,
)

COCO = {"name": "coco", "annotations": "all.json"}


class TestCanvas:
    def canvas(self):
        return Canvas(SIZE, Labels(settings(reader=COCO, classes=CLASSES)), Path("all.json"))

    def test_a_shape_that_leaves_the_image_is_cut_off_and_noted(self):
        canvas = self.canvas()
        canvas.polygon("leaf", [(-5, -5), (8, -5), (8, 40), (-5, 40)])
        canvas.bitmap("spot", np.ones((4, 6), bool), top=-2, left=20)
        sample = canvas.sample(np.zeros((*SIZE, 3), np.uint8))
        assert (sample.truth["mask"][:, :9] == 1).all()
        assert (sample.truth["mask"] == 2).sum() == 2 * 4
        assert sample.notes == {CUT_OFF: 2}

    @given(st.permutations(range(6)))
    def test_the_order_of_drawing_does_not_matter(self, order):
        canvas, reference = self.canvas(), self.canvas()
        boxes = [("leaf", 0), ("spot", 1), ("leaf", 2), ("spot", 3), ("background", 4), ("leaf", 5)]
        for at, one in ((canvas, order), (reference, range(6))):
            for i in one:
                label, left = boxes[i]
                at.bitmap(label, np.ones((9, 5), bool), top=left, left=2 * left)
        image = np.zeros((*SIZE, 3), np.uint8)
        first, second = canvas.sample(image), reference.sample(image)
        np.testing.assert_array_equal(first.truth["mask"], second.truth["mask"])
        assert first.notes == second.notes
