"""The speed and memory of `fewmask prepare`."""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.measurement import Measurement, in_turns, speed_up
from benchmarks.project import CORES
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import data_folder
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments

PREPARE = """\
import sys
from pathlib import Path
from fewmask.data.preparation.prepare import prepare
prepare(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
"""A program that runs the command and prints the peak memory of its process in kilobytes."""


def size_64() -> list[Measurement]:
    """11,056 images of 256 px brought to 64 px, against a loop over Pillow."""
    return _speed(copies=16, size=64)


def size_256() -> list[Measurement]:
    """5,528 images of 256 px kept as they are, against a loop over Pillow."""
    return _speed(copies=8, size=256)


def from_500_px() -> list[Measurement]:
    """2,764 images enlarged to 500 px, the size of the dataset, brought to 256 px, likewise."""
    return _speed(copies=4, size=256, side=500)


def memory() -> list[Measurement]:
    """The peak memory of the main process for 11,056 images, against that for a quarter of them.

    What is left to grow are names and paths.
    """
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for copies in (4, 16):
            root = Path(folder, str(copies))
            number = _images(root / "pets", copies)
            peaks[number] = _prepare(root, root / "out.h5", 64)
    less, more = peaks
    return [
        Measurement(
            f"peak memory of prepare, {more:,} images",
            f"{less:,} images",
            [peaks[more] / peaks[less]],
            target=1.25,
            at_most=True,
            details={f"peak_megabytes_{number}_images": mb for number, mb in peaks.items()},
        )
    ]


def _speed(copies: int, size: int, side: int | None = None) -> list[Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        root, output = Path(folder), Path(folder, "out.h5")
        number = _images(root / "pets", copies, side)
        ways = {
            "prepare": partial(_prepare, root, output, size),
            "loop": partial(_loop, root, output, size, "--checked"),
            "unchecked_loop": partial(_loop, root, output, size),
        }
        seconds = in_turns(ways, turns=3, warm_up=0)
    what = f"prepare, {number:,} images of {side or 256} px at {size} px, {CORES} processes"
    speeds = {f"{way}_images_per_second": number / min(seconds[way]) for way in ways}
    against = "one process, Pillow, the same work"
    unchecked = "one process, Pillow, unchecked"
    return [
        Measurement(what, against, speed_up(seconds, "prepare", "loop"), 1.8, details=speeds),
        Measurement(what, unchecked, speed_up(seconds, "prepare", "unchecked_loop")),
    ]


def _images(root: Path, copies: int, side: int | None = None) -> int:
    """Copy real images and masks under several names each; returns their number."""
    source = data_folder() / "oxford-iiit-pet"
    if not source.is_dir():
        raise FewmaskError(f"{source}: no such folder; set FEWMASK_DATA")
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    images = sorted((source / "images").glob("*.jpg"))
    for path in images:
        image = Image.open(path).convert("RGB")
        mask = Image.open(source / f"annotations/trimaps/{path.stem}.png")
        if side is not None:
            scale = side / max(image.size)
            size = tuple(round(scale * length) for length in image.size)
            image, mask = image.resize(size, Image.Resampling.BICUBIC), mask.resize(size, 0)
        first = [root / f"images/0_{path.stem}.jpg", root / f"masks/0_{path.stem}.png"]
        image.save(first[0], quality=90)
        mask.save(first[1])
        for copy in range(1, copies):
            for file in first:
                os.link(file, file.with_name(f"{copy}_{file.name[2:]}"))
    return copies * len(images)


def _prepare(root: Path, output: Path, size: int) -> float:
    """Run the command as the workflow does; returns the peak memory of its main process in MB."""
    reading = json.loads(
        JobArguments(load_grid(config={"datasets": ["oxford_pet"]})).prepare_settings("oxford_pet")
    )
    ours = {"reader": {"name": "folder", "images": "images/*.jpg", "masks": "masks/*.png"}}
    settings = json.dumps(reading | ours | {"root": "pets", "size": size})
    answer = _python("-c", PREPARE, settings, output, CORES, data=root)
    return float(answer) / 1000


def _loop(root: Path, output: Path, size: int, *options: str) -> None:
    """The loop over Pillow (`benchmarks.pillow_loop`)."""
    _python("-m", "benchmarks.pillow_loop", root / "pets", output, size, *options)


def _python(*arguments: object, data: Path | None = None) -> str:
    """The output of a new Python process; ``data`` is the folder of datasets."""
    environment = os.environ | ({"FEWMASK_DATA": str(data)} if data else {})
    command = [sys.executable, *map(str, arguments)]
    return subprocess.check_output(command, env=environment, text=True, stderr=subprocess.DEVNULL)


BENCHMARKS = [size_64, size_256, from_500_px, memory]
