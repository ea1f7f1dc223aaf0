"""Ways to spoil the dataset in data/mine, or its store."""

import json
import os
import pickle
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fewmask.data.preparation import prepare
from fewmask.data.store.hdf5 import seal
from tests.data.making import noise, reading, save
from tests.data.preparation.commands import STORE


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
