"""What is wrong with a person's data: one message that names the file and the mend, no half store.

Each row of the table spoils a good dataset (or its good store) in one way and runs the real command
line in a child process.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fewmask import IGNORE
from fewmask.data.preparation import prepare
from fewmask.data.store.store import Store
from tests.data.making import noise, reading, save
from tests.data.preparation.commands import STORE, fewmask, files, options
from tests.data.preparation.spoiling import (
    a_file,
    all_damaged,
    bomb,
    class_200,
    climb,
    cut_off,
    damage,
    empty,
    empty_images,
    flipped_pixel,
    folder,
    folder_links_out,
    full_disk,
    link_out,
    linked_to_nothing,
    list_links_out,
    mask_of_another_size,
    masks_of,
    name_not_in_utf8,
    name_of_two_lines,
    never_border,
    of_another_dataset,
    of_another_version,
    official_without_mask,
    pickled_list,
    require_masks,
    two_of_one_stem,
    unwritable_results,
    value_outside_the_classes,
)


@dataclass(frozen=True)
class Case:
    """A way to spoil the dataset in data/mine, or its store, and what is said then."""

    words: str
    spoil: Callable[[Path], dict[str, Any] | None]
    """Gets the dataset's folder, or the store; may return settings that change."""
    named: str
    """The file in the message."""
    found: str
    """What the message says of it."""
    command: str = "prepare"
    left_out: str = ""
    """With --skip-damaged: the images that are left out; none: it stops all the same."""
    level: str = "error"
    without_privileges: bool = False


CASES = [
    Case("missing root", shutil.rmtree, "data/mine", "no files of the dataset mine here"),
    Case("a file for a folder", a_file, "data/mine", "a file, and no folder for a dataset"),
    Case("empty folder", empty, "data/mine", "no files of the dataset mine here"),
    Case("empty folder of images", empty_images, "data/mine", "matches images/*.png"),
    Case("image without mask where masks are required", require_masks, "images/4.png",
         "found no mask of this image", left_out="4"),
    Case("image of an official subset without mask", official_without_mask, "masks/4.png",
         "found no such file", left_out="4"),
    Case("mask without image", lambda root: (root / "images/1.png").unlink(), "masks/1.png",
         "this mask has no image"),
    Case("a mask that links to nothing", linked_to_nothing, "masks/1.png", "found no such file",
         left_out="1"),
    Case("sizes that differ", mask_of_another_size, "masks/1.png",
         "found a mask of 5 x 4 (width x height)\n  expected: 30 x 20", left_out="1"),
    Case("a value outside the classes", value_outside_the_classes, "masks/1.png",
         "found values without a meaning: 7 in 12 pixels", left_out="1"),
    Case("masks of 0 and 255 without a word on 255", masks_of(0, 255), "mine: mask_values",
         "found no class but wall (0) in all 4 masks"),
    Case("masks of 1 and 255 without a word on 255", masks_of(1, 255), "mine: mask_values",
         "add to the dataset's YAML: mask_values: {1: floor, 255: wall}"),
    Case("masks of nothing but 255", masks_of(255), "mine: mask_values",
         "found nothing but ignored pixels in all 4 masks"),
    Case("a damaged file", damage, "images/1.png", "found damaged data", left_out="1"),
    Case("a cut-off file", lambda root: cut_off(root / "images/1.png"), "images/1.png",
         "found damaged data", left_out="1"),
    Case("a decompression bomb", bomb, "images/1.png", "found too large an image", left_out="1"),
    Case("two files of one stem", two_of_one_stem, "images/1.jpg", "have the same name, 1"),
    Case("a name that is not UTF-8", name_not_in_utf8, "mine: found", r"the name '4\udcff'"),
    Case("a name of two lines", name_of_two_lines, "mine: found",
         r"the name '4\n gone'"),
    Case("a name that climbs out of the root", climb, "secret.png",
         "found a file outside the dataset's folder", left_out="secret"),
    Case("a pattern that climbs out of the root",
         lambda root: {"reader": folder(images="../*.png")}, "reader.images",
         "must be a relative path without '..'"),
    Case("an image that links out of the root", link_out, "images/1.png",
         "found a file outside the dataset's folder", left_out="1"),
    Case("a folder that links out of the root", folder_links_out, "masks/0.png",
         "found a file outside the dataset's folder", left_out="0 1 2 3"),
    Case("no permission to read an image", lambda root: (root / "images/1.png").chmod(0),
         "images/1.png", "found no permission to read it", left_out="1", without_privileges=True),
    Case("no permission to look into the folder", lambda root: root.chmod(0), "data/mine",
         "no permission to look into this folder", without_privileges=True),
    Case("no permission to write the store", unwritable_results, "mine.h5", "Permission denied",
         without_privileges=True),
    Case("a full disk", full_disk, "mine.h5", "No space left on device"),
    Case("all images are damaged", all_damaged, "images/0.png", "found an empty file"),
    Case("a store cut short", cut_off, "mine.h5", "not a whole HDF5 file", "split"),
    Case("a store from another version", of_another_version, "mine.h5",
         "format 99; this version reads format 3", "split"),
    Case("a store with a changed pixel", flipped_pixel, "mine.h5", "damaged: ", "train"),
    Case("a store whose masks hold another class", class_200, "mine.h5",
         "found the value 200 in a mask\n  expected: classes from 0 to 2", "train"),
    Case("a store of another dataset than the config says", of_another_dataset, "mine.h5",
         "found the dataset yours\n  expected: mine", "split"),
    Case("a store of another dataset, when training starts", of_another_dataset, "mine.h5",
         "found the dataset yours\n  expected: mine", "train"),
    Case("a published list that is a pickle", pickled_list, "data/mine/list.txt",
         "pickled lists are never read", "split"),
    Case("a published list that links out of the root", list_links_out, "data/mine/list.txt",
         "found a file outside the dataset's folder", "split"),
    Case("a class that no labelled image of a split contains", never_border, "border",
         "no labelled image contains border: no method can learn it", "split", level="warning"),
]  # fmt: skip

PREPARED = [case for case in CASES if case.command == "prepare"]


def spoil(case: Case) -> dict[str, Any]:
    """Spoil what the case spoils; the settings that change."""
    if case.command == "prepare" or case.level == "warning":
        return case.spoil(Path("data/mine").absolute()) or {}
    prepare.prepare(reading(), STORE)
    assert fewmask("split", *options("split", {}))[0] == 0
    if case.command == "split":
        shutil.rmtree("results/splits")
    case.spoil(STORE)
    return {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_bad_data(workplace, case):
    changes = spoil(case)
    before = files()
    code, said = fewmask(
        case.command,
        *options(case.command, changes),
        without_privileges=case.without_privileges,
    )
    assert "Traceback" not in said
    assert "12345" not in said
    assert said.count(f"{case.level}: ") == 1
    assert case.named in said
    assert case.found in said
    if case.level == "error":
        assert code == 1
        assert said.startswith("error: ")
        # Of a setting it is said what it must be.
        assert "mend: " in said or "reader.images: must be" in said
        assert files() == before
    else:
        assert code == 0


@pytest.mark.parametrize("case", PREPARED, ids=lambda case: case.words)
def test_skip_damaged(workplace, case):
    """What is wrong with one image costs that image; all else stops as before."""
    arguments = options("prepare", spoil(case))
    code, said = fewmask(
        "prepare", *arguments, "--skip-damaged", without_privileges=case.without_privileges
    )
    assert "Traceback" not in said
    if not case.left_out:
        assert code == 1
        assert case.named in said
        assert not files()
        return
    assert code == 0, said
    names = case.left_out.split()
    listed = said.split(f"left out as damaged: {len(names)}\n")[1].splitlines()
    assert listed[0].startswith(f"  {names[0]}: ")
    assert case.named in listed[0]
    assert case.found.splitlines()[0] in listed[0]
    with Store(STORE) as store:
        assert [name for name, _ in store.left_out] == names
        assert not {*names} & {*store.names}
        store.verify()
    inspected = fewmask("inspect", str(STORE))[1]
    assert listed[0] in inspected


def test_a_folder_may_be_a_link_as_a_whole(workplace):
    Path("data/mine").rename("elsewhere")
    Path("data/mine").symlink_to(workplace / "elsewhere")
    assert fewmask("prepare", *options("prepare", {}))[0] == 0


def test_ignored_pixels_are_no_mistake(workplace):
    mask = noise(20, 30, below=3)
    mask[0] = IGNORE
    save(Path("data/mine/masks/1.png"), mask)
    assert fewmask("prepare", *options("prepare", {}))[0] == 0
