"""The job of a split: from a prepared dataset to the file that says which images are labelled."""

import re
import sys
from pathlib import Path

import numpy as np

from fewmask.config.dataset import Split
from fewmask.config.layers import from_json
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import data_folder
from fewmask.data.splits import draw as splits
from fewmask.data.splits import file as split_files
from fewmask.data.splits.groups import groups_of
from fewmask.data.splits.likely_groups import likely_groups
from fewmask.data.splits.lists import read_list
from fewmask.data.splits.suggested import Suggested
from fewmask.data.store.store import Store


def split(
    dataset: Path,
    settings: str,
    fraction: str,
    seed: int,
    output: Path,
    suggested: Suggested | None = None,
) -> None:
    """Write the split of a dataset at a fraction for a seed, and log the number of images by role.

    Images are drawn; those with known masks, if given, are the ``suggested`` ones. All tiles of an
    image have its role, but for those of labelled images that are left out (see
    `Tiles.least_labelled`).

    Warnings name the classes that no labelled image contains, and, with a budget of masks, those
    that no validation image contains; and groups that names suggest and the settings do not. A note
    says where whole groups do not meet a count.
    """
    requested = from_json(Split, settings, "--settings")
    with Store(dataset) as store:
        store.check_name()
        left_out = {name for name, _ in store.left_out}
        listed = {name: _names(store, file) for name, file in requested.lists.items()}
        lists = {name: names - left_out for name, names in listed.items()}
        images = _images(store, requested)
        roles = splits.draw(
            images,
            requested,
            fraction,
            seed,
            list_names=suggested.names(store, requested) if suggested else lists.get(fraction),
            reserved=set().union(*lists.values()),
        )
        of_rows = _roles_of_rows(store, roles)
        split_files.write(output, store.names, of_rows, _groups_of_rows(store, images))
        counts = (
            f"{_counts(roles)} (tiles: {_counts(of_rows)})" if store.is_tiled else _counts(roles)
        )
        print(f"{store.dataset} at {fraction}, seed {seed}: {counts}", file=sys.stderr)
        if images.groups is not None:
            _report_groups(images.groups, roles, requested, fraction)
        if gone := listed.get(fraction, set()) & left_out:
            print(
                f"warning: {len(gone)} of the {len(listed[fraction])} names on the list {fraction} "
                f"were left out as damaged: this is not the published split",
                file=sys.stderr,
            )
        means = {"labelled": "no method can learn it; label more images"}
        if requested.masks == "budget" and "validation" in roles:
            means["validation"] = "weights are selected without it"
        for role, meaning in means.items():
            missing = [store.classes[i] for i in splits.missing_classes(images, roles, role)]
            if missing:
                print(
                    f"warning: no {role} image contains {', '.join(missing)}: {meaning}",
                    file=sys.stderr,
                )


def _images(store: Store, requested: Split) -> splits.Images:
    """The images of a store, whole ones also where it holds tiles."""
    images, first = store.images, store.images.first_rows
    return splits.Images(
        names=images.names,
        subsets=[store.subsets[row] for row in first],
        class_pixels=images.sum(store.class_pixels),
        categories=store.read("category", first) if "category" in store.fields else None,
        groups=_groups(store, requested),
    )


def _groups_of_rows(store: Store, images: splits.Images) -> list[str] | None:
    """The group of every row, from those of the images; None without groups."""
    if images.groups is None:
        return None
    return [images.groups[place] for place in store.images.of_rows]


def _roles_of_rows(store: Store, roles: list[str]) -> list[str]:
    """The role of every row, from those of the images."""
    of_rows = np.array(roles)[store.images.of_rows]
    tiles = store.dataset_settings.tiles
    if tiles is None or not (of_rows == "labelled").any():
        return of_rows.tolist()
    labelled = np.flatnonzero(of_rows == "labelled")
    shares = store.class_pixels[labelled].sum(axis=1) / store.extents[labelled].prod(axis=1)
    of_rows[labelled[shares < tiles.least_labelled]] = ""
    if shares.max() < tiles.least_labelled:
        raise FewmaskError(
            f"{store.path}: no tile of the labelled images is labelled as far as "
            f"tiles.least_labelled says\n"
            f"  found: shares up to {shares.max():.3f} of their pixels\n"
            f"  expected: at least {tiles.least_labelled}\n"
            f"  mend: a smaller tiles.least_labelled"
        )
    return of_rows.tolist()


def _counts(roles: list[str]) -> str:
    return ", ".join(f"{roles.count(role):,} {role}" for role in splits.ROLES)


def _report_groups(groups: list[str], roles: list[str], requested: Split, fraction: str) -> None:
    pairs = sorted({*zip(groups, roles, strict=True)})
    print(f"groups: {_counts([role for _, role in pairs])}", file=sys.stderr)
    masks = roles.count("labelled")
    masks += roles.count("validation") if requested.masks == "budget" else 0
    if re.fullmatch(r"n\d+", fraction) and int(fraction[1:]) != masks:
        print(
            f"note: {fraction} requests {fraction[1:]} masks; whole groups have {masks}",
            file=sys.stderr,
        )


def _groups(store: Store, requested: Split) -> list[str] | None:
    """The groups of the images that the settings know; a warning where names suggest others."""
    root = data_folder() / (store.dataset_settings.root or "")
    if requested.groups is not None:
        return groups_of(store.images.names, requested.groups, root)
    likely = likely_groups(store.images.names) if requested.draws_one_by_one else None
    if likely:
        print(f"warning: {likely.warning}", file=sys.stderr)
    return None


def _names(store: Store, file: str) -> set[str]:
    """The names on a published list: the first word of each line, as paths or plain names."""
    root = data_folder() / (store.dataset_settings.root or "")
    layout = "text, one image in each line (pickled lists are never read)"
    lines = read_list(root / file, root, layout, "put such a file there, or unlist it: split.lists")
    known = {*store.images.names, *(name for name, _ in store.left_out)}
    listed = [words[0] for _, words in lines]
    # Published lists name images by path or stem; a store names them by what is unique.
    return {name if name in known else Path(name).stem for name in listed}
