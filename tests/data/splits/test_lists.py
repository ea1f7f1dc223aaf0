"""Published lists of labelled images."""

import numpy as np
import pytest

from fewmask.config.dataset import Split
from fewmask.core.errors import FewmaskError
from fewmask.data.splits.draw import draw
from tests.data.splits.drawing import make, rows


class TestLists:
    def test_label_exactly_their_images(self):
        images = make(masked=0.7)
        names = [images.names[row] for row in np.flatnonzero(images.masked)[::3]]
        for chosen in [Split(), Split(blocks=2, test=0.1)]:
            roles = draw(images, chosen, "published", 0, names, reserved=names)
            assert [images.names[row] for row in sorted(rows(roles, "labelled"))] == names
            # Test and validation are those of the other fractions.
            other = draw(images, chosen, "0.1", 0, reserved=names)
            assert rows(other, "test") == rows(roles, "test")
            assert rows(other, "validation") == rows(roles, "validation")

    def test_unknown_names_are_named(self):
        with pytest.raises(FewmaskError, match=r"2 of its 3 names .* dataset: dog, ox"):
            draw(make(), Split(), "published", 0, {"image 1", "dog", "ox"})

    def test_held_out_and_maskless_images_are_named(self):
        images = make(masked=0.9)
        test = min(rows(draw(images, Split(), "all", 0), "test"))
        without = int(np.flatnonzero(~images.masked)[0])
        with pytest.raises(FewmaskError, match=rf"image {test} \(test\)"):
            draw(images, Split(), "published", 0, {images.names[test]})
        with pytest.raises(FewmaskError, match=rf"image {without} \(without a mask\)"):
            draw(images, Split(), "published", 0, {images.names[without]})

    def test_an_empty_one_and_no_one_are_errors(self):
        with pytest.raises(FewmaskError, match="there is no name on it"):
            draw(make(), Split(), "published", 0, set())
        with pytest.raises(FewmaskError, match="neither a share, a count nor a list"):
            draw(make(), Split(), "published", 0)
