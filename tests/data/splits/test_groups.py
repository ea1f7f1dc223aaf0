"""Groups: all images of one have one role, whatever is drawn."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from fewmask.config.dataset import Split
from fewmask.core.errors import FewmaskError
from fewmask.data.splits.draw import Images, draw
from fewmask.data.splits.groups import groups_of
from fewmask.data.splits.likely_groups import likely_groups
from tests.data.splits.drawing import make, rows, unhurried

PATTERN = r"(patient\d+)_"
TABLE = {"file": "groups.csv", "column": "patient"}


def grouped(sizes, masked=1.0, subsets=None):
    """Images in groups of these sizes, in an order in which groups are not side by side."""
    images = make(sum(sizes), masked=masked, subsets=subsets)
    groups = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
    groups = np.random.default_rng(1).permutation(groups).tolist()
    return Images(images.names, images.subsets, images.class_pixels, images.categories, groups)


@st.composite
def cases(draw):
    """Images in groups of any size, some without masks, and settings of any kind."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=8, max_size=25))
    subsets = None
    if draw(st.booleans()):
        subsets = draw(
            st.lists(st.sampled_from(["a", "b"]), min_size=sum(sizes), max_size=sum(sizes))
        )
    images = grouped(sizes, draw(st.sampled_from([0.5, 1.0])), subsets)
    chosen = Split(
        test=draw(st.sampled_from([0.2, "n5", *(["a"] if subsets else [])])),
        validation=draw(st.sampled_from([0.1, "n3"])),
        masks=draw(st.sampled_from(["labelled", "budget"])),
        validation_share=draw(st.sampled_from([0, 0.25, 0.7])),
        train=draw(st.sampled_from([None, ["b"]])) if subsets else None,
        stratify=draw(st.sampled_from(["none", "category", "classes"])),
        held_out_per_seed=draw(st.booleans()),
    )
    names = draw(st.none() | st.sets(st.sampled_from(images.names), min_size=1, max_size=9))
    return images, chosen, names, draw(st.integers(0, 2**63 - 1))


def drawn(images, chosen, fraction, seed, listed):
    """The roles, if so much can be drawn."""
    try:
        return draw(images, chosen, fraction, seed, listed, listed or ())
    except FewmaskError:
        assume(False)


@unhurried
@given(cases(), st.sampled_from(["n1", "0.1", "n9", "0.5", "all"]))
def test_no_group_is_in_two_roles(case, fraction):
    images, chosen, listed, seed = case
    roles = drawn(images, chosen, fraction, seed, listed)
    of_groups = {}
    for group, role, masked in zip(images.groups, roles, images.masked, strict=True):
        # An image without a mask cannot be labelled, and is unlabelled beside images that are.
        own = "labelled" if role == "unlabelled" and not masked else role
        if own:
            of_groups.setdefault(group, set()).add(own)
    held_out = [found for found in of_groups.values() if found & {"test", "validation"}]
    assert all(len(found) == 1 for found in held_out)
    with_masks = zip(images.groups, roles, images.masked, strict=True)
    of_masks = {(group, role) for group, role, masked in with_masks if masked and role}
    assert len({group for group, _ in of_masks}) == len(of_masks)


@unhurried
@given(cases())
def test_labelled_groups_are_nested_and_as_near_to_the_count_as_they_allow(case):
    images, chosen, _, seed = case
    every = [drawn(images, chosen, fraction, seed, None) for fraction in ("n1", "n9", "0.5", "all")]
    budgets = [rows(one, "labelled") | rows(one, "validation") for one in every]
    if chosen.masks == "labelled":
        budgets = [rows(one, "labelled") for one in every]
    largest = max(images.groups.count(group) for group in set(images.groups))
    assert abs(len(budgets[1]) - 9) <= max(largest, 9)
    assert all(smaller <= larger for smaller, larger in pairwise(sorted(budgets, key=len)))
    assert len({frozenset(rows(one, "test")) for one in every}) == 1


def test_groups_of_one_size_meet_every_count_that_they_can():
    images = grouped([5] * 20)
    for fraction, count in {"n5": 5, "n20": 20, "n22": 20, "n23": 25}.items():
        roles = draw(images, Split(test=0.2, validation="n10"), fraction, 3)
        found = [len(rows(roles, role)) for role in ("test", "validation", "labelled")]
        assert found == [20, 10, count]


def test_images_without_a_mask_are_unlabelled_beside_labelled_ones_and_else_left_out():
    images = Images(
        names=list("abcdefgh"),
        subsets=["t", "t", "v", "v", "", "", "", ""],
        class_pixels=np.array([[1, 1], [0, 0]] * 4),
        groups=list("ttvvwwxx"),
    )
    roles = draw(images, Split(test="t", validation="v"), "n1", 0)
    assert roles[:4] == ["test", "", "validation", ""]
    assert sorted(roles[4:]) == ["labelled"] + ["unlabelled"] * 3


class TestRefuses:
    def test_a_group_that_holds_everything(self):
        with pytest.raises(FewmaskError, match="all 30 masks are of one group, g0"):
            draw(grouped([30]), Split(), "all", 0)

    def test_too_few_groups(self):
        with pytest.raises(
            FewmaskError, match=r"(?s)no image .* is left.*groups .* held out whole"
        ):
            draw(grouped([9, 9]), Split(), "all", 0)

    def test_a_budget_of_one_group(self):
        chosen = Split(masks="budget", test="n10")
        with pytest.raises(FewmaskError, match="fraction n8: its 10 masks are of one group"):
            draw(grouped([10] * 6), chosen, "n8", 0)

    def test_official_subsets_that_share_a_group(self):
        images = Images(list("abcd"), ["t", "v", "", ""], np.ones((4, 2), int), groups=list("xxyz"))
        with pytest.raises(FewmaskError, match=r"split.validation: 1 of the 1 images .* groups"):
            draw(images, Split(test="t", validation="v"), "all", 0)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"groups": r"patient\d+"}, "needs parentheses around the part"),
            ({"groups": "(patient"}, "no regular expression"),
            ({"groups": "(p)", "blocks": 5}, "groups and blocks: give one of them"),
            ({"groups": {"file": "groups.csv"}}, "Field required"),
            ({"groups": {"file": "../groups.csv", "column": "patient"}}, "a relative path"),
            ({"groups": 5}, "a valid dictionary"),
        ],
    )
    def test_settings_that_make_no_sense(self, values, message):
        with pytest.raises(ValidationError, match=message) as raised:
            Split(**values)
        assert raised.value.error_count() == 1


class TestPattern:
    def test_names_the_group(self):
        names = ["patient1_a", "patient1_b", "x/patient12_a"]
        assert groups_of(names, PATTERN, None) == ["patient1", "patient1", "patient12"]

    def test_must_match_every_name(self):
        with pytest.raises(FewmaskError, match="names no group of 1 of the 2 images: phantom_a"):
            groups_of(["patient1_a", "phantom_a"], PATTERN, None)
        with pytest.raises(FewmaskError, match="no group of 1 of the 2 images: b"):
            groups_of(["a1", "b"], r"^a?(\d)?", None)


class TestTable:
    def groups(self, folder, text):
        (folder / "groups.csv").write_text(text)
        return groups_of(["a/1", "a/2"], Split(groups=TABLE).groups, folder)

    def test_names_the_group_of_images_by_name_or_file(self, tmp_path):
        text = "image,age,patient\na/1,3, p1 \nimages/a/2.jpg,4,p2\n"
        with pytest.raises(FewmaskError, match="no line for 1 of the 2 images: a/2"):
            self.groups(tmp_path, text)
        assert self.groups(tmp_path, text.replace("images/", "")) == ["p1", "p2"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", r"no column patient .*\n  found: nothing"),
            ("patient\np1\n", r"no column patient .*\n  found: patient"),
            ("image,pat\na/1,p\n", r"no column patient .*\n  found: image, pat"),
            (
                "image,patient\na/1,p\n",
                "no line for 1 of the 2 images: a/2\n  found: lines for a/1",
            ),
            ("image,patient\na/1,p\na/1,q\n", "line 3: a/1 is of the group p in a line above"),
            ("image,patient\na/1\n", "line 2: the column patient is empty"),
            ('image,patient\n"a/1,p\n', "cannot be read as a table"),
        ],
    )
    def test_that_lacks_something_is_named(self, tmp_path, text, message):
        with pytest.raises(FewmaskError, match=message):
            self.groups(tmp_path, text)

    def test_that_is_not_there_or_lies_elsewhere(self, tmp_path):
        chosen = Split(groups=TABLE).groups
        with pytest.raises(FewmaskError, match=r"groups\.csv: no such file"):
            groups_of(["a"], chosen, tmp_path)
        (tmp_path / "root").mkdir()
        (tmp_path / "secret.csv").write_text("x,patient\na,p\n")
        (tmp_path / "root/groups.csv").symlink_to(tmp_path / "secret.csv")
        with pytest.raises(FewmaskError, match="outside the dataset's folder"):
            groups_of(["a"], chosen, tmp_path / "root")


@pytest.mark.parametrize(
    ("names", "pattern", "groups"),
    [
        (["patient07_slice_1", "patient07_slice_2", "patient8_slice_10", "patient8_slice_2"],
         r"(patient\d+_slice)", 2),
        (["0001TP_006690", "0001TP_006720", "0006R0_f00930", "0006R0_f00960"], None, 2),
        (["volume 1/12", "volume 1/13", "volume 2/1", "volume 2/2"], r"(volume\ \d+)", 2),
        (["train/0001TP_1", "train/0001TP_2", "test/0001TP_3", "val/02_4", "val/02_5"], None, 2),
        (["leaf_01", "leaf_02", "leaf_03"], None, 0),
        (["Abyssinian_1", "Abyssinian_2", "beagle_1", "beagle_2"], None, 0),
        (["p1_1", "p2_1", "p3_1", "p4_2"], None, 0),
        (["p1_1", "p1_2", "p2_1", "p2_2", "other"], None, 0),
        ([], None, 0),
    ],
)  # fmt: skip
def test_names_suggest_groups(names, pattern, groups):
    likely = likely_groups(names)
    assert (len(likely.sizes) if likely else 0) == groups
    if likely:
        assert len({*groups_of(names, Split(groups=likely.pattern).groups, None)}) == groups
        assert pattern in (None, likely.pattern)
        assert likely.pattern in likely.warning
