"""Draws the labelled, unlabelled, validation and test images.

Test and validation are drawn first, among the images that have masks, and are the same for every
fraction (and every seed, unless `held_out_per_seed`). The remaining images are ordered once per
seed, and a fraction labels the first k of them, so that the images of 10 % are among those of 20 %.
The masks of the others stay hidden; like images without masks, they are unlabelled. With a budget
of masks, validation is drawn among these k, spread over their classes, whatever is set: their masks
are known.

With folds of a budget, so many consecutive seeds have the same test images and the same k images,
and each has another part of these for validation.

With groups, all this is done with whole groups, so that k is approached and not always met.

Every draw is spread over strata (breeds, or the rarest class of each image): the r-th of the n
images of a stratum is placed at r / n, counted from 0. So any beginning of the order holds the
strata in proportion, and at least one image of each stratum as soon as there is room.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewmask.config.cells import ALL
from fewmask.config.dataset import Split, official_subsets
from fewmask.core.errors import FewmaskError
from fewmask.core.seeds import derive
from fewmask.data.splits.strata import part, take
from fewmask.data.splits.units import (
    block_numbers,
    check_apart,
    check_several,
    give_one_role,
    numbered,
)

ROLES = ("labelled", "unlabelled", "validation", "test")


@dataclass(frozen=True)
class Images:
    """The images from which a split is drawn, in the order of their rows in the store."""

    names: list[str]
    subsets: list[str]  # the official subset, or "" where there is none
    class_pixels: np.ndarray  # int64 (N, K), pixels of every class; all 0: it has no mask
    categories: np.ndarray | None = None  # int64 (N,)
    groups: list[str] | None = None  # None: every image is a group

    @cached_property
    def group_numbers(self) -> np.ndarray:
        """int64 (N,): a number for the group of each image."""
        return np.arange(len(self.names)) if self.groups is None else numbered(self.groups)

    @property
    def masked(self) -> np.ndarray:
        """bool (N,): which images have a mask."""
        return self.class_pixels.any(1)


def draw(
    images: Images,
    settings: Split,
    fraction: str,
    seed: int,
    list_names: Collection[str] | None = None,
    reserved: Collection[str] = (),
) -> list[str]:
    """The role of every image.

    Test and validation are official subsets, or drawn from the images with masks outside such
    subsets; a share is a share of all images with masks. With `blocks` they are drawn as whole
    blocks of neighbouring rows of a subset, which hold about the requested number. No role is given
    to images without a mask in these blocks, to images without a mask in an official subset that is
    held out (unless `train` names it), and to images outside the subsets in `train`. In a dataset
    without classes all images that `train` allows are unlabelled, at any fraction. All images of a
    group have one role or none; but in a labelled group, those without a mask are unlabelled.

    Args:
        images: all images of the dataset.
        settings: `split` of the dataset.
        fraction: how much is labelled: a share of the images with masks that are left to train
            on, a count (``n100``), ``all``, or the name of a list.
        seed: of the run; it orders the images that are left to train on.
        list_names: if the fraction is a list, the names on it: exactly these are labelled.
        reserved: names that are not drawn for test and validation: for every fraction, the names
            on all lists of the dataset, so that every list stays whole.

    Returns:
        For every image a role of `ROLES`, or "" if it is left out.

    Raises:
        FewmaskError: no such subset, list or category; more images are requested than there
            are; test, validation or labelled would be empty; or an image on the list is unknown,
            has no mask, or is not to be trained on.
    """
    if not images.class_pixels.shape[1]:  # without classes there is nothing to test on
        pool = _in_subsets(images, settings.train)
        return np.where(pool, "unlabelled", "").tolist()
    if not images.masked.any():
        raise FewmaskError("split: no image has a mask, so there is nothing to test on")
    if images.groups is not None:
        check_several(images.groups, images.masked)
    kinds = _kinds(images, settings.stratify)
    roles = np.full(len(images.names), "", dtype="<U10")
    closed = _hold_out(roles, images, settings, kinds, seed, reserved)
    pool = (roles == "") & ~closed & _in_subsets(images, settings.train)

    can_be_labelled = pool & images.masked
    if list_names is not None:
        labelled = _listed(images, roles, can_be_labelled, fraction, list_names)
    else:
        count = _labels(fraction, can_be_labelled, roles)
        order = derive("labelled", settings.draw_of(seed))
        labelled = take(can_be_labelled, count, kinds, images.group_numbers, order)
    roles[pool] = "unlabelled"
    roles[labelled] = "labelled"
    if settings.masks == "budget":
        roles[_validation(images, settings, labelled, fraction, seed)] = "validation"
    give_one_role(roles, images.group_numbers, images.masked)
    return roles.tolist()


def _validation(
    images: Images, settings: Split, budget: np.ndarray, fraction: str, seed: int
) -> np.ndarray:
    """The rows of a budget that are validation images."""
    try:
        count = settings.validation_in(len(budget))
    except ValueError as error:
        raise FewmaskError(f"fraction {fraction}: {error}") from None
    if not count:
        return budget[:0]
    groups, kinds = images.group_numbers, _kinds(images, "classes")
    if (there := len({*groups[budget]})) < (least := settings.folds or 2):
        of_groups = "one group" if there == 1 else f"{there} groups"
        raise FewmaskError(
            f"fraction {fraction}: its {len(budget)} masks are of {of_groups}, each of which is "
            f"labelled or validation, but not both\n"
            f"  expected: at least {least} groups\n"
            f"  mend: more masks, a smaller split.folds, or split.validation_share: 0"
        )
    in_budget = np.isin(np.arange(len(groups)), budget)
    order = derive("validation", settings.draw_of(seed))
    if settings.folds:
        return part(in_budget, seed % settings.folds, settings.folds, kinds, groups, order)
    return take(in_budget, count, kinds, groups, order, spared=1)


def missing_classes(images: Images, roles: list[str], role: str) -> list[int]:
    """The classes that no image of a role contains: no method can learn them from labelled images,
    or no weights are selected by them."""
    chosen = np.array(roles) == role
    return np.flatnonzero(~images.class_pixels[chosen].any(0)).tolist()


# Test and validation.


def _hold_out(
    roles: np.ndarray,
    images: Images,
    settings: Split,
    kinds: np.ndarray,
    seed: int,
    reserved: Collection[str],
) -> np.ndarray:
    """Write test and validation into `roles`; return bool (N,): what else is not for training."""
    subsets = np.array(images.subsets)
    amounts = {"test": settings.test}
    if settings.masks == "labelled":
        amounts["validation"] = settings.validation
    official = [subset for amount in amounts.values() for subset in official_subsets(amount)]
    in_official = _in_subsets(images, official)
    blocks = images.group_numbers
    if settings.blocks is not None:
        blocks = block_numbers(images.subsets, settings.blocks)
    shut_blocks = blocks[in_official | np.isin(images.names, list(reserved))]

    for role, amount in amounts.items():
        free = images.masked & (roles == "")
        if official_subsets(amount):
            rows = np.flatnonzero(free & np.isin(subsets, official_subsets(amount)))
            for subset in {*official_subsets(amount)} - {*subsets[rows]}:
                raise FewmaskError(f"split.{role}: no image of {subset} that has a mask is left")
            check_apart(role, rows, roles, blocks)
        else:
            free &= ~np.isin(blocks, shut_blocks)
            count = _count(amount, images.masked.sum())
            if not 0 < count <= free.sum():
                raise FewmaskError(
                    f"split.{role}: {amount} requests {count} images; there are {free.sum()} "
                    f"with masks outside official test and validation subsets and published lists"
                )
            who = [settings.draw_of(seed)] if settings.held_out_per_seed else []
            rows = take(free, count, kinds, blocks, derive(role, *who))
        roles[rows] = role
    beside_held_out = np.isin(blocks, blocks[roles != ""])
    return beside_held_out | in_official if settings.train is None else beside_held_out


def _in_subsets(images: Images, named: Iterable[str] | None) -> np.ndarray:
    """bool (N,): which images are in one of the requested official subsets; all if that is None."""
    if named is None:
        return np.ones(len(images.subsets), bool)
    known = sorted({*images.subsets} - {""})
    for subset in named:
        if subset not in known:
            there = f"there are {', '.join(known)}" if known else "this dataset has none"
            raise FewmaskError(
                f"split: no official subset is called {subset}; {there}\n"
                f"  expected: one of them, or for test and validation a share (0.2) or a count "
                f"(n100)"
            )
    return np.isin(images.subsets, list(named))


# Labels.


def _labels(fraction: str, can_be_labelled: np.ndarray, roles: np.ndarray) -> int:
    """The number of images that a fraction labels."""
    available = int(can_be_labelled.sum())
    held_out = f"{(roles == 'test').sum()} are test, {(roles == 'validation').sum()} validation"
    if not available:
        raise FewmaskError(
            f"split: no image with a mask is left to train on; {held_out}\n"
            f"  mend: more masks, or smaller shares; groups and blocks are held out whole"
        )
    if fraction == ALL:
        return available
    count = _count(fraction, available)
    if not 0 < count <= available:
        raise FewmaskError(
            f"fraction {fraction}: requests {count} labelled images; {available} with masks are "
            f"left to train on ({held_out})"
        )
    return count


def _listed(
    images: Images,
    roles: np.ndarray,
    can_be_labelled: np.ndarray,
    fraction: str,
    names: Collection[str],
) -> np.ndarray:
    """The rows of the images on a list."""
    if not names:
        raise FewmaskError(f"the list {fraction}: there is no name on it")
    unknown = sorted({*names} - {*images.names})
    if unknown:
        raise FewmaskError(
            f"the list {fraction}: {len(unknown)} of its {len(names)} names are not in the "
            f"dataset: {_some(unknown)}"
        )
    listed = np.isin(images.names, list(names))
    unfit = np.flatnonzero(listed & ~can_be_labelled)
    if len(unfit):
        why = np.where(images.masked, "not to be trained on", "without a mask")
        why = np.where(roles == "", why, roles)
        raise FewmaskError(
            f"the list {fraction}: {len(unfit)} of its {len(names)} images cannot be labelled: "
            f"{_some([f'{images.names[row]} ({why[row]})' for row in unfit])}"
        )
    return np.flatnonzero(listed)


def _some(items: list[str]) -> str:
    return ", ".join(items[:5]) + (", ..." if len(items) > 5 else "")


def _count(amount: float | str, total: int) -> int:
    """A count as it is, or a share of a total (at least 1)."""
    if re.fullmatch(r"n\d+", str(amount)):
        return int(str(amount)[1:])
    try:
        return max(1, round(float(amount) * total))
    except ValueError:
        raise FewmaskError(f"fraction {amount}: neither a share, a count nor a list") from None


def _kinds(images: Images, stratify: str) -> np.ndarray:
    """bool (N, S): the kinds that an image is or contains; its stratum is the rarest of them."""
    if stratify == "classes":
        return images.class_pixels > 0
    if stratify == "category":
        if images.categories is None:
            raise FewmaskError(
                "split.stratify: this dataset has no categories; write classes or none"
            )
        return images.categories[:, None] == np.unique(images.categories)
    return np.ones((len(images.names), 1), bool)
