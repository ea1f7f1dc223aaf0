"""Official subsets are taken whole, and kept apart."""

import pytest

from fewmask.config.dataset import Split
from fewmask.core.errors import FewmaskError
from fewmask.data.splits.draw import draw
from tests.data.splits.drawing import make, rows


class TestOfficialSubsets:
    subsets = ("train",) * 60 + ("val",) * 20 + ("test",) * 20

    def test_are_taken_whole(self):
        images = make(subsets=list(self.subsets))
        roles = draw(images, Split(test="test", validation="val"), "0.1", 0)
        assert rows(roles, "test") == {*range(80, 100)}
        assert rows(roles, "validation") == {*range(60, 80)}
        assert len(rows(roles, "labelled")) == 6

    def test_several_are_taken_together(self):
        images = make(subsets=list(self.subsets))
        roles = draw(images, Split(test=["test", "val"], validation="n5"), "0.1", 0)
        assert rows(roles, "test") == {*range(60, 100)}
        assert rows(roles, "validation") <= {*range(60)}

    def test_each_of_several_must_have_a_mask_that_is_left(self):
        images = make(subsets=list(self.subsets))
        images.class_pixels[80:] = 0
        chosen = Split(test=["val", "test"], validation="n5")
        with pytest.raises(FewmaskError, match=r"split.test: no image of test that has a mask"):
            draw(images, chosen, "0.1", 0)

    def test_are_not_drawn_from_for_another_role(self):
        images = make(subsets=list(self.subsets))
        roles = draw(images, Split(test=0.5, validation="val"), "0.1", 0)
        assert rows(roles, "validation") == {*range(60, 80)}
        assert len(rows(roles, "test")) == 50

    def test_train_takes_images_without_masks_but_no_others(self):
        images = make(masked=0.5, subsets=list(self.subsets))
        chosen = Split(test="test", validation="n5", train=["train"])
        roles = draw(images, chosen, "n5", 0)
        unlabelled = rows(roles, "unlabelled")
        assert unlabelled <= {*range(60)}
        assert unlabelled >= {row for row in range(60) if not images.masked[row]}

    def test_a_held_out_subset_is_trained_on_only_where_train_says_so(self):
        images = make(masked=0.5, subsets=list(self.subsets))
        without_mask = {row for row in range(80, 100) if not images.masked[row]}
        assert rows(draw(images, Split(test="test"), "n5", 0), "") == without_mask
        chosen = Split(test="test", train=["train", "val", "test"])
        assert rows(draw(images, chosen, "n5", 0), "unlabelled") >= without_mask

    @pytest.mark.parametrize(
        "chosen",
        [Split(test="trial"), Split(test=["val", "trial"]), Split(train=["train", "trial"])],
    )
    def test_unknown_ones_are_named(self, chosen):
        with pytest.raises(FewmaskError, match="trial; there are test, train, val"):
            draw(make(subsets=list(self.subsets)), chosen, "0.1", 0)
        with pytest.raises(FewmaskError, match="this dataset has none"):
            draw(make(), chosen, "0.1", 0)

    def test_one_subset_cannot_be_both(self):
        chosen = Split(test="test", validation="test")
        with pytest.raises(FewmaskError, match=r"split.validation: no image of test"):
            draw(make(subsets=list(self.subsets)), chosen, "0.1", 0)
