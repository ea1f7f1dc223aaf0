"""Roles never overlap, test and validation stay, and labelled sets are nested."""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewmask.config.dataset import Split
from fewmask.core.errors import FewmaskError
from fewmask.data.splits.draw import ROLES, Images, draw, missing_classes
from tests.data.splits.drawing import make, rows, unhurried

FRACTIONS = ["n1", "0.05", "0.1", "n7", "0.3", "0.5", "0.9", "all"]


@st.composite
def cases(draw):
    """A dataset and settings with which every fraction of FRACTIONS can be drawn."""
    count = draw(st.integers(90, 150))
    subsets = None
    if draw(st.booleans()):
        subsets = ["train"] * (count - 35) + ["val"] * 15 + ["extra"] * 20
    images = make(count, masked=draw(st.sampled_from([0.6, 1.0])), subsets=subsets)
    amounts = [0.1, "n5"]
    chosen = Split(
        test=draw(st.sampled_from([*amounts, "val"] if subsets else amounts)),
        validation=draw(st.sampled_from(amounts)),
        train=draw(st.sampled_from([None, ["train"], ["train", "extra"]])) if subsets else None,
        stratify=draw(st.sampled_from(["none", "category", "classes"])),
        blocks=draw(st.sampled_from([None, 3])),
    )
    return images, chosen, draw(st.integers(0, 2**63 - 1))


@unhurried
@given(cases(), st.floats(0, 0.6), st.integers(1, 4))
def test_a_budget_holds_validation_and_all_masks_of_smaller_budgets(case, share, least):
    images, chosen, seed = case
    of_budget = {"masks": "budget", "validation_share": share, "least_validation": least}
    chosen = chosen.model_copy(update=of_budget)
    drawn = [draw(images, chosen, fraction, seed) for fraction in ("n9", "n10", "0.5", "all")]
    assert len({frozenset(rows(roles, "test")) for roles in drawn}) == 1
    budgets = [rows(roles, "labelled") | rows(roles, "validation") for roles in drawn]
    assert [len(budget) for budget in budgets[:2]] == [9, 10]
    for (smaller, larger), roles in zip(pairwise(budgets), drawn, strict=False):
        assert smaller <= larger
        validation = rows(roles, "validation")
        assert len(validation) == (max(least, round(share * len(smaller))) if share else 0)
    assert images.masked[list(budgets[-1])].all()
    free = images.masked & (np.array(drawn[-1]) == "unlabelled")
    assert not free.any(), "of all, no mask is hidden"


def test_the_validation_images_of_a_budget_show_every_class():
    images = make(60)
    chosen = Split(masks="budget", stratify="none")
    for seed in range(20):
        roles = draw(images, chosen, "n20", seed)
        shown = images.class_pixels[list(rows(roles, "labelled") | rows(roles, "validation"))] > 0
        rarest = np.flatnonzero((shown.sum(0) > 0) & (shown.sum(0) < 4))
        assert len(rows(roles, "validation")) == 5
        counted = images.class_pixels[list(rows(roles, "validation"))].any(0)
        assert counted.sum() >= min(3, shown.any(0).sum()), rarest


@unhurried
@given(cases(), st.integers(2, 5))
def test_every_mask_of_a_budget_is_validation_in_one_fold(case, folds):
    images, chosen, seed = case
    seed -= seed % folds
    chosen = chosen.model_copy(update={"masks": "budget", "folds": folds})
    drawn = [draw(images, chosen, "n9", seed + fold) for fold in range(folds)]
    parts = [rows(roles, "validation") for roles in drawn]
    for roles, part in zip(drawn, parts, strict=True):
        assert rows(roles, "labelled") | part == set().union(*parts)
        assert len(part) in (9 // folds, 9 // folds + 1)
    assert sum(map(len, parts)) == 9


def test_folds_share_their_test_images_also_where_these_are_drawn_anew():
    images = make(60)
    chosen = Split(masks="budget", folds=2, held_out_per_seed=True)
    drawn = [draw(images, chosen, "n8", seed) for seed in range(4)]
    tested = [rows(roles, "test") for roles in drawn]
    budgets = [rows(roles, "labelled") | rows(roles, "validation") for roles in drawn]
    assert tested[0] == tested[1] != tested[2] == tested[3]
    assert budgets[0] == budgets[1] != budgets[2] == budgets[3]
    assert not rows(drawn[0], "validation") & rows(drawn[1], "validation")


def test_other_folds_have_other_masks():
    images, chosen = make(60), Split(masks="budget", folds=3)
    budgets = [
        rows(roles, "labelled") | rows(roles, "validation")
        for roles in (draw(images, chosen, "n9", seed) for seed in range(6))
    ]
    assert budgets[0] == budgets[1] == budgets[2] != budgets[3] == budgets[4] == budgets[5]


def test_a_budget_that_is_too_small_is_told():
    with pytest.raises(FewmaskError, match="fraction n3: a budget of 3 masks, of which 3 are"):
        draw(make(60), Split(masks="budget"), "n3", seed=0)


class TestEverySplit:
    @unhurried
    @given(cases())
    def test_fits_the_images_and_labelled_sets_are_nested(self, case):
        images, chosen, seed = case
        labelled = []
        held_out = set()
        for fraction in FRACTIONS:
            roles = draw(images, chosen, fraction, seed)
            assert len(roles) == len(images.names)
            assert set(roles) <= {*ROLES, ""}
            for role in ("labelled", "validation", "test"):
                assert rows(roles, role)
                assert images.masked[list(rows(roles, role))].all()
            if chosen.train:
                learnt_from = rows(roles, "labelled") | rows(roles, "unlabelled")
                assert {images.subsets[row] for row in learnt_from} <= {*chosen.train}
            labelled.append(rows(roles, "labelled"))
            held_out.add((*rows(roles, "test"), -1, *rows(roles, "validation")))
        assert len(held_out) == 1
        labelled.sort(key=len)
        assert all(inner <= outer for inner, outer in pairwise(labelled))
        assert not images.masked[list(rows(roles, "unlabelled"))].any()

    @unhurried
    @given(cases())
    def test_shares_test_and_validation_over_seeds_but_not_labels(self, case):
        images, chosen, seed = case
        one, other = (draw(images, chosen, "0.3", s) for s in (seed, seed + 1))
        assert rows(one, "test") == rows(other, "test")
        assert rows(one, "validation") == rows(other, "validation")
        assert rows(one, "labelled") != rows(other, "labelled")

    @unhurried
    @given(cases())
    def test_uses_everything_that_no_rule_leaves_out(self, case):
        images, chosen, seed = case
        roles = draw(images, chosen, "0.3", seed)
        for row in rows(roles, ""):
            subset = images.subsets[row]
            outside = chosen.train is not None and subset not in chosen.train
            beside = not images.masked[row] and (chosen.blocks or subset == chosen.test)
            assert outside or beside


def test_counts_are_exact():
    images = make(200, masked=0.75)
    chosen = Split(test=0.2, validation="n17")
    for fraction, count in {"0.05": 5, "0.1": 10, "n100": 100, "all": 103, "0.001": 1}.items():
        roles = draw(images, chosen, fraction, 0)
        assert len(rows(roles, "test")) == 30
        assert len(rows(roles, "validation")) == 17
        assert len(rows(roles, "labelled")) == count
        assert len(rows(roles, "unlabelled")) == 200 - 30 - 17 - count


def test_held_out_per_seed_draws_test_and_validation_anew():
    images = make()
    chosen = Split(held_out_per_seed=True)
    one, other = (draw(images, chosen, "0.1", seed) for seed in (1, 2))
    assert rows(one, "test") != rows(other, "test")
    assert rows(one, "validation") != rows(other, "validation")
    assert rows(one, "test") == rows(draw(images, chosen, "0.9", 1), "test")


def test_every_process_draws_the_same_and_needs_no_torch():
    program = """
import sys
import numpy as np
from fewmask.config.dataset import Split
from fewmask.data.splits.draw import Images, draw

pixels = (np.arange(300) ** 2 % 7).reshape(100, 3)
images = Images([str(row) for row in range(100)], [""] * 100, pixels)
print(draw(images, Split(stratify="classes"), "0.1", 3))
assert "torch" not in sys.modules and "pandas" not in sys.modules
"""
    command = [sys.executable, "-c", program]
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    one, other = (
        subprocess.run(command, capture_output=True, check=True, env=environment).stdout
        for environment in environments
    )
    assert b"labelled" in one
    assert one == other


class TestStrata:
    @pytest.mark.parametrize("role", ["labelled", "validation", "test"])
    @pytest.mark.parametrize("stratify", ["category", "classes"])
    def test_every_role_holds_the_strata_in_proportion(self, role, stratify):
        sizes = [300, 60, 30, 10]
        stratum = np.repeat(range(4), sizes)
        # Class 0 is everywhere; the others are what an image's stratum is named after.
        class_pixels = (stratum[:, None] == range(4)) | (np.arange(4) == 0)
        images = Images(
            names=[str(row) for row in range(400)],
            subsets=[""] * 400,
            class_pixels=class_pixels.astype(np.int64),
            categories=stratum,
        )
        chosen = Split(test=0.2, validation=0.1, stratify=stratify)
        roles = draw(images, chosen, "0.2", 5)
        drawn = np.bincount(stratum[list(rows(roles, role))], minlength=4)
        expected = np.array(sizes) * len(rows(roles, role)) / 400
        assert (abs(drawn - expected) < 4 * np.array(sizes) / 400 + 1).all()

    def test_few_labels_cover_every_category(self):
        images = make(400, categories=10)
        chosen = Split(stratify="category")
        for seed in range(5):
            roles = draw(images, chosen, "n10", seed)
            assert {images.categories[row] for row in rows(roles, "labelled")} == {*range(10)}

    def test_few_labels_cover_every_class(self):
        images = make(400, classes=8)
        for seed in range(5):
            roles = draw(images, Split(stratify="classes"), "n8", seed)
            assert missing_classes(images, roles, "labelled") == []

    def test_categories_are_needed_to_stratify_by_them(self):
        images = Images(["a"] * 9, [""] * 9, np.ones((9, 2), np.int64))
        with pytest.raises(FewmaskError, match="no categories"):
            draw(images, Split(stratify="category"), "all", 0)


class TestBlocks:
    @unhurried
    @given(st.integers(2, 9), st.sampled_from(["none", "category", "classes"]))
    def test_are_held_out_whole(self, size, stratify):
        images = make(90, masked=0.8, subsets=["a"] * 47 + ["b"] * 43)
        chosen = Split(blocks=size, stratify=stratify)
        roles = np.array(draw(images, chosen, "all", 0))
        for start, stop in [(0, 47), (47, 90)]:
            for block in range(start, stop, size):
                run = slice(block, min(block + size, stop))
                held_out = set(roles[run]) & {"test", "validation"}
                if held_out:
                    assert set(roles[run][images.masked[run]]) == held_out
                    assert set(roles[run][~images.masked[run]]) <= {""}

    def test_are_as_few_as_hold_the_amount(self):
        roles = draw(make(100), Split(test="n20", validation="n1", blocks=8), "all", 0)
        assert len(rows(roles, "test")) in (20, 24)  # The last block has four images.
        assert len(rows(roles, "validation")) in (4, 8)


@pytest.mark.parametrize(
    ("count", "chosen", "fraction", "message"),
    [
        (100, Split(), "n80", "80 labelled images; 70 with .* left .*20 are test, 10 validation"),
        (100, Split(), "n0", "requests 0"),
        (100, Split(test="n0"), "all", "split.test: n0 requests 0"),
        (100, Split(test="n101"), "all", "split.test: n101 requests 101 images; there are 100"),
        (100, Split(test="n60", validation="n50"), "all", "split.validation: .* there are 40"),
        (2, Split(), "all", "no image with a mask is left to train on; 1 are test, 1 validation"),
        (1, Split(), "all", "split.validation: .* there are 0"),
        (10, Split(blocks=50), "all", "split.validation: .* there are 0"),
        (0, Split(), "all", "no image has a mask"),
    ],
)
def test_too_few_images(count, chosen, fraction, message):
    images = Images([str(i) for i in range(count)], [""] * count, np.ones((count, 2), np.int64))
    with pytest.raises(FewmaskError, match=message):
        draw(images, chosen, fraction, 0)


def test_missing_classes():
    class_pixels = np.array([[3, 1, 0, 0], [0, 5, 0, 0], [2, 2, 2, 0]])
    images = Images(["a", "b", "c"], [""] * 3, class_pixels)
    assert missing_classes(images, ["labelled", "labelled", "test"], "labelled") == [2, 3]
    assert missing_classes(images, ["test", "", "labelled"], "labelled") == [3]
