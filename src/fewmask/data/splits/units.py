"""What a split keeps whole: blocks of neighbouring images, and groups of images."""

import numpy as np

from fewmask.core.errors import FewmaskError

IN_ORDER = ("test", "validation", "labelled")
"""The roles that a group may have, the strongest first."""


def numbered(groups: list[str]) -> np.ndarray:
    """int64 (N,): a number for the group of each image."""
    return np.unique(groups, return_inverse=True)[1]


def block_numbers(subsets: list[str], size: int) -> np.ndarray:
    """int64 (N,): the block of neighbouring rows of each image; a block lies in one subset."""
    subsets = np.array(subsets)
    rows = np.arange(len(subsets))
    starts_subset = subsets != np.roll(subsets, 1)
    starts_subset[0] = True
    place = rows - np.maximum.accumulate(np.where(starts_subset, rows, 0))
    return np.cumsum(place % size == 0) - 1


def check_several(groups: list[str], masked: np.ndarray) -> None:
    """Raise FewmaskError if one group has all masks."""
    of_masks = {groups[row] for row in np.flatnonzero(masked)}
    if len(of_masks) < 2:
        raise FewmaskError(
            f"split.groups: all {masked.sum():,} masks are of one group, {of_masks.pop()}\n"
            f"  expected: several groups, for all images of a group have one role\n"
            f"  mend: correct the pattern or the table; without groups, images are drawn one by one"
        )


def check_apart(role: str, rows: np.ndarray, roles: np.ndarray, groups: np.ndarray) -> None:
    """Raise FewmaskError if official subsets for a role share groups with what is held out.

    Args:
        role: that the rows are to have.
        rows: int64 (n,), the images of these subsets.
        roles: text (N,), those given so far.
        groups: int64 (N,), the number of the group or block of each image.
    """
    shared = np.isin(groups[rows], groups[roles != ""]).sum()
    if shared:
        raise FewmaskError(
            f"split.{role}: {shared} of the {len(rows)} images of these official subsets are of "
            f"groups that have test images\n"
            f"  expected: subsets that share no group\n"
            f"  mend: draw {role} instead ({role}: 0.1), or leave split.groups out"
        )


def give_one_role(roles: np.ndarray, groups: np.ndarray, masked: np.ndarray) -> None:
    """Give no role to images of a group that has another role already.

    An image without a mask cannot be labelled: in a labelled group it is unlabelled. A group with
    unlabelled images alone needs nothing.

    Args:
        roles: text (N,), which is changed.
        groups: int64 (N,), the number of the group of each image.
        masked: bool (N,), which images have a mask.
    """
    for role in IN_ORDER:
        others = np.isin(groups, groups[roles == role]) & (roles != role)
        roles[others & masked if role == "labelled" else others] = ""
