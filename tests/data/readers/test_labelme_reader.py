"""LabelMe's JSON files: shapes that others do not have, and what is wrong with damaged ones."""

import pytest

from fewmask.data.preparation.image_error import ImageError
from tests.data.readers.reading_shapes import mask, reader
from tests.data.readers.shape_files import (
    labelme,
)


class TestLabelme:
    def with_shape(self, root, **shape):
        content = labelme(shapes=[{"label": "leaf", "points": [[2, 2], [8, 2]], **shape}])
        opened = reader(root, "labelme", content)
        return opened.load(opened.items()[0])

    def test_a_circle(self, root):
        found = self.with_shape(root, shape_type="circle", points=[[12, 8], [12, 12]])
        assert 45 <= found.truth["mask"].sum() <= 55  # pi 4^2

    def test_a_file_without_shapes_is_background(self, root):
        opened = reader(root, "labelme", labelme(shapes=[]))
        assert (mask(opened) == 0).all()

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ({"shape_type": "polygon"}, "2 points"),
            ({"shape_type": "rectangle", "points": [[1, 1]]}, "1 points"),
            ({"shape_type": "rectangle", "points": [[1, 1]] * 3}, "3 points"),
            ({"shape_type": "mask", "mask": "iVBORw0KGgo="}, "cannot be decoded"),
            ({"shape_type": "spline"}, "the shape_type 'spline'"),
            ({"shape_type": "polygon", "points": "abc"}, "no pairs of numbers"),
            ({"shape_type": "polygon", "label": 3, "points": [[1, 1]] * 3}, "the label '3'"),
        ],
    )
    def test_shapes_that_make_no_sense(self, root, shape, message):
        with pytest.raises(ImageError, match=message):
            self.with_shape(root, **shape)
