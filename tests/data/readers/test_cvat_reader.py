"""CVAT's XML: shapes that others do not have, and what is wrong with damaged ones."""

import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.readers.shapes import NO_AREA
from tests.data.readers.reading_shapes import reader
from tests.data.readers.shape_files import (
    CVAT,
    expected,
)


class TestCvat:
    def with_shape(self, root, shape):
        whole = CVAT.replace('<tag label="leaf" source="manual"></tag>', shape)
        opened = reader(root, "cvat", whole)
        return opened.load(opened.items()[0])

    def test_runs_lie_in_a_box(self, root):
        shape = '<mask label="spot" rle="1, 2, 3" left="1" top="12" width="3" height="2"/>'
        painted = expected()
        painted[12, 2:4] = 2
        np.testing.assert_array_equal(self.with_shape(root, shape).truth["mask"], painted)

    def test_an_ellipse_and_a_turned_box(self, root):
        shape = '<ellipse label="leaf" cx="12" cy="12" rx="6" ry="2" rotation="90"/>'
        column = self.with_shape(root, shape).truth["mask"][:, 12]
        assert (column[10:] == 1).all()
        shape = '<box label="leaf" xtl="2" ytl="12" xbr="6" ybr="13" rotation="90"/>'
        found = self.with_shape(root, shape).truth["mask"]
        assert (found[11:14, 4] == 1).all()
        assert (found[12:14, 6:] == 0).all()

    def test_lines_are_left_out_and_noted(self, root):
        shape = '<polyline label="leaf" points="1,1;5,5"/><points label="leaf" points="1,1"/>'
        assert self.with_shape(root, shape).notes[NO_AREA] == 2

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ('<polygon label="leaf" points="1,1;5,5"/>', "2 points\n  expected: 3 points or more"),
            ('<polygon label="leaf" points="1,1;5"/>', "no pairs of numbers"),
            ('<polygon label="leaf" points="1,x;5,5"/>', "in the image leaf_01"),
            ('<polygon label="leaf" points="1,nan;5,5;6,6"/>', "no pairs of numbers"),
            ('<polygon label="leaf" points="90,1;95,5;99,6"/>', "far outside the image"),
            ('<polygon label="leaf"/>', "attributes that are missing"),
            ('<mask label="leaf" rle="5" left="0" top="0" width="3" height="2"/>', "runs of 5 pix"),
            ('<mask label="leaf" rle="-1,7" left="0" top="0" width="3" height="2"/>', "runs of 6"),
            (
                f'<mask label="leaf" rle="{10**16}" left="0" top="0" width="{10**8}" '
                f'height="{10**8}"/>',
                "far larger than the image",
            ),
            ('<ellipse label="leaf" cx="9" cy="9" rx="nan" ry="4" rotation="9"/>', "radii of nan"),
            ('<ellipse label="leaf" cx="9" cy="9" rx="-8" ry="4"/>', "radii of -8 and 4"),
            ('<cylinder label="leaf"/>', "the kind 'cylinder'"),
        ],
    )
    def test_shapes_that_make_no_sense(self, root, shape, message):
        with pytest.raises(ImageError, match=message):
            self.with_shape(root, shape)

    def test_entities_that_fill_the_memory_are_refused(self, root):
        bomb = '<!DOCTYPE a [<!ENTITY x "aaaa"><!ENTITY y "&x;&x;">]>\n<annotations>&y;'
        whole = CVAT.replace("<annotations>", bomb)
        with pytest.raises(FewmaskError, match=r"all\.xml: cannot be read as annotations"):
            reader(root, "cvat", whole).items()
