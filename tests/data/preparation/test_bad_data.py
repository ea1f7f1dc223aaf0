"""What is wrong with a person's data: one message that names the file and the mend, no half store.

Each row of the table spoils a good dataset (or its good store) in one way and runs the real command
line in a child process.
"""

import ctypes
import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fewmask import IGNORE, cli
from fewmask.data.preparation import prepare
from fewmask.data.splits import job as split_job  # noqa: F401  imported here for all children
from fewmask.data.store.hdf5 import seal
from fewmask.data.store.store import Store
from fewmask.training import job  # noqa: F401
from tests import processes
from tests.conftest import small_stage
from tests.data.making import make_folder, noise, reading, save

STORE = Path("results/datasets/mine.h5")


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


# --- Ways to spoil ---------------------------------------------------------------------------


def empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def a_file(root: Path) -> None:
    shutil.rmtree(root)
    root.touch()


def empty_images(root: Path) -> None:
    empty(root / "images")


def require_masks(root: Path) -> dict[str, Any]:
    return {"reader": folder(masks_required=True)}


def mask_of_another_size(root: Path) -> None:
    save(root / "masks/1.png", noise(4, 5, below=3))


def value_outside_the_classes(root: Path) -> None:
    mask = noise(20, 30, below=3)
    mask[:3, :4] = 7
    save(root / "masks/1.png", mask)


def damage(root: Path) -> None:
    content = bytearray((root / "images/1.png").read_bytes())
    content[60:80] = bytes(20)
    (root / "images/1.png").write_bytes(content)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def bomb(root: Path) -> None:
    """A PNG of 900 million black pixels, which are a few bytes as long as nobody decodes them."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    (root / "images/1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def two_of_one_stem(root: Path) -> dict[str, Any]:
    save(root / "images/1.jpg", noise(20, 30, 3))
    return {"reader": folder(images="images/*")}


def climb(root: Path) -> dict[str, Any]:
    save(root.parent / "secret.png", noise(20, 30, 3))
    return camvid(root, "../secret.png masks/1.png")


def official_without_mask(root: Path) -> dict[str, Any]:
    return camvid(root, "images/4.png masks/4.png")


def link_out(root: Path) -> None:
    save(root.parent / "secret.png", noise(20, 30, 3))
    (root / "images/1.png").unlink()
    (root / "images/1.png").symlink_to(root.parent / "secret.png")


def folder_links_out(root: Path) -> None:
    (root / "masks").rename(root.parent / "elsewhere")
    (root / "masks").symlink_to(root.parent / "elsewhere")


def unwritable_results(root: Path) -> None:
    Path("results/datasets").chmod(0o555)


def full_disk(root: Path) -> dict[str, Any]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "results/datasets"]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mount is not permitted here: no small disk to fill")
    return {"size": 256}


def linked_to_nothing(root: Path) -> None:
    (root / "masks/1.png").unlink()
    (root / "masks/1.png").symlink_to("gone.png")


def masks_of(*values: int) -> Callable[[Path], dict[str, Any]]:
    """Two classes, and masks of these values."""

    def write(root: Path) -> dict[str, Any]:
        for i in range(4):
            save(
                root / f"masks/{i}.png",
                np.array(values, np.uint8)[noise(20, 30, below=len(values))],
            )
        return {"classes": ["wall", "floor"]}

    return write


def class_200(store: Path) -> None:
    with h5py.File(store, "a") as file:
        file["mask"][1, 3, 4] = 200


def all_damaged(root: Path) -> None:
    for path in (root / "images").iterdir():
        path.write_bytes(b"")


def of_another_version(store: Path) -> None:
    with h5py.File(store, "a") as file:
        file.attrs["format"] = 99


def of_another_dataset(store: Path) -> None:
    with h5py.File(store, "a") as file:
        file.attrs["settings"] = reading(dataset="yours")
        seal(file)


def flipped_pixel(store: Path) -> None:
    with h5py.File(store) as file:
        place = file["image"].id.get_chunk_info(0).byte_offset + 20
    content = bytearray(store.read_bytes())
    content[place] ^= 1
    store.write_bytes(content)


def pickled_list(store: Path) -> None:
    Path("data/mine/list.txt").write_bytes(pickle.dumps(["0", "1"]))


def list_links_out(store: Path) -> None:
    Path("data/secret.txt").write_text("password 12345\n")
    Path("data/mine/list.txt").symlink_to("../secret.txt")


def name_not_in_utf8(root: Path) -> None:
    (root / "images/4.png").rename(root / os.fsdecode(b"images/4\xff.png"))


def name_of_two_lines(root: Path) -> None:
    (root / "images/4.png").rename(root / "images/4\n gone.png")


def never_border(root: Path) -> None:
    """No mask holds the third class."""
    for i in range(4):
        save(root / f"masks/{i}.png", noise(20, 30, below=2))
    prepare.prepare(reading(), STORE)


def camvid(root: Path, line: str) -> dict[str, Any]:
    """Lists as CamVid has them, with this line for training."""
    lines = {"train": line, "val": "images/2.png masks/2.png", "test": "images/3.png masks/3.png"}
    for subset, text in lines.items():
        (root / f"{subset}.txt").write_text(f"{text}\n")
    return {"reader": {"name": "camvid"}}


def folder(**changes: Any) -> dict[str, Any]:
    """Settings of the reader."""
    return json.loads(reading())["reader"] | changes


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


# --- The command line ------------------------------------------------------------------------


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder to work in, with a good dataset in data/mine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    make_folder(tmp_path / "data/mine")
    STORE.parent.mkdir(parents=True)
    yield tmp_path
    if STORE.parent.is_mount():
        subprocess.run(["umount", STORE.parent], check=True)


def options(command: str, changes: dict[str, Any]) -> list[str]:
    """What the workflow gives a command."""
    if command == "prepare":
        return ["--settings", reading(**changes), "--output", str(STORE)]
    split = "results/splits/mine/n2/0.csv"
    if command == "split":
        lists = {"listed": "list.txt"} if Path("data/mine/list.txt").exists() else {}
        counts = json.dumps({"test": "n1", "validation": "n1", "lists": lists})
        cell = ["--fraction", "n2", "--seed", "0", "--output", split]
        return ["--dataset", str(STORE), "--settings", counts, *cell]
    files = ["--dataset", str(STORE), "--split", split, "--output", "results/stage"]
    return [*files, "--settings", small_stage().shaping(), "--seed", "0"]


def fewmask(*arguments: str, without_privileges: bool = False) -> tuple[int, str]:
    """Run a command in a child; its exit code and all that it says."""

    def work() -> None:
        if without_privileges:
            give_up_privileges()
        sys.argv = ["fewmask", *arguments]
        cli.main()

    code = processes.run(work, Path("log.txt"))
    text = re.sub("^started on .*\n", "", Path("log.txt").read_text())
    Path("log.txt").unlink()
    return code, text


def give_up_privileges() -> None:
    """Have the modes of files count for root, too (capset with no capabilities)."""
    version = 0x20080522
    if os.geteuid() == 0:
        ctypes.CDLL(None).capset(struct.pack("Ii", version, 0), bytes(24))


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


def files() -> set[Path]:
    """All that lies in the results."""
    return {path for path in Path("results").rglob("*") if path.is_file() and path.name != "lock"}


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


def test_the_option_and_the_setting_make_one_store(workplace):
    damage(Path("data/mine"))
    set_in_yaml = options("prepare", {"skip_damaged": True})
    assert fewmask("prepare", *set_in_yaml)[0] == 0
    with Store(STORE) as store:
        by_setting = store.digest, json.loads(store.settings), store.left_out
    assert fewmask("prepare", *options("prepare", {}), "--skip-damaged")[0] == 0
    with Store(STORE) as store:
        assert (store.digest, json.loads(store.settings), store.left_out) == by_setting


def test_two_workers_leave_out_what_one_leaves_out(workplace):
    damage(Path("data/mine"))
    found = []
    for workers in (1, 2):
        prepare.prepare(reading(), STORE, workers, skip_damaged=True)
        with Store(STORE) as store:
            found.append((store.digest, store.left_out))
    assert found[0] == found[1]


def test_a_list_goes_without_those_who_were_left_out(workplace):
    damage(Path("data/mine"))
    Path("data/mine/list.txt").write_text("images/0.png\nimages/1.png\n")
    assert fewmask("prepare", *options("prepare", {}), "--skip-damaged")[0] == 0
    code, said = fewmask("split", *(a.replace("n2", "listed") for a in options("split", {})))
    assert code == 0, said
    assert "1 labelled, 1 unlabelled, 1 validation, 1 test" in said
    assert "1 of the 2 names on the list listed were left out as damaged" in said


def test_a_folder_may_be_a_link_as_a_whole(workplace):
    Path("data/mine").rename("elsewhere")
    Path("data/mine").symlink_to(workplace / "elsewhere")
    assert fewmask("prepare", *options("prepare", {}))[0] == 0


def test_the_message_names_the_way_to_go_on(workplace):
    damage(Path("data/mine"))
    said = fewmask("prepare", *options("prepare", {}))[1]
    assert said.endswith("leave such images out: skip_damaged: true in the dataset's YAML\n")


def test_ignored_pixels_are_no_mistake(workplace):
    mask = noise(20, 30, below=3)
    mask[0] = IGNORE
    save(Path("data/mine/masks/1.png"), mask)
    assert fewmask("prepare", *options("prepare", {}))[0] == 0
