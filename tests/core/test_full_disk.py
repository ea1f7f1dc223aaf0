"""A disk without room: one message, exit code 1, nothing half-written, and what was there stays."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from fewmask import cli
from fewmask.core.paths import CHECKPOINT, TRAINING, WEIGHTS
from fewmask.data.rendered.scenes import render
from fewmask.data.splits import job as split_job  # noqa: F401
from fewmask.inference import (
    pseudo_label,  # noqa: F401  imported for all children
)
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests import processes
from tests.conftest import ROOT, SMALL_RESNET, small_stage
from tests.data.making import save
from tests.small_project import write_project

STAGE = small_stage(network=SMALL_RESNET, steps=4)  # its checkpoint is larger than 1 MiB


@pytest.fixture(scope="module")
def weights(rooms: Path, rooms_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    assert train(Inputs(rooms, rooms_split), STAGE, 0, folder)
    return folder / WEIGHTS


@pytest.fixture(params=["results"])
def disk(project: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of the project, that of results if no other is named, on a disk of its own."""
    folder = project / request.param
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mount is not permitted here: no small disk to fill")
    (folder / "other").write_text("a disk of size 0 would have no limit")
    yield folder
    subprocess.run(["umount", folder], check=True)


def leave_room(disk: Path, room: int) -> None:
    """Have a disk so many bytes larger than what is on it."""
    status = os.statvfs(disk)
    size = (status.f_blocks - status.f_bfree) * status.f_frsize + room
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def fewmask(*arguments: object, log: Path = Path("log"), most_bytes: int | None = None) -> int:
    """Run a command in a child; its exit code."""

    def work() -> None:
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        sys.argv = ["fewmask", *map(str, arguments)]
        cli.main()

    return processes.run(work, log)


def training(rooms: Path, split: Path) -> tuple[object, ...]:
    files = ("--dataset", rooms, "--split", split, "--output", "results/stage")
    return ("train", *files, "--settings", STAGE.shaping(), "--seed", 0, "--checkpoint-seconds", 0)


def commands(rooms: Path, split: Path, weights: Path) -> dict[str, tuple[object, ...]]:
    """The commands that write, as the workflow gives them."""
    write_project(Path())
    grid = load_grid()
    Path("images").mkdir()
    Image.fromarray(render(0, 1, 64, 64).image).save("images/room.png")
    files = ("--dataset", rooms, "--split", split, "--weights", weights)
    run = ("--run", "rooms", "supervised", "n12", 0, "--training", weights.with_name(TRAINING))
    cell = ("--fraction", "n4", "--seed", 0, "--dataset", rooms)
    arguments = JobArguments(grid)
    reading, splitting = arguments.prepare_settings("rooms"), arguments.split_settings("rooms")
    label = ("--stage", "supervised/supervised", "--output", "results/pseudo_masks.h5")
    return {
        "train": training(rooms, split),
        "prepare": ("prepare", "--settings", reading, "--output", "results/rooms.h5"),
        "split": ("split", *cell, "--settings", splitting, "--output", "results/split.csv"),
        "evaluate": ("evaluate", *run, *files, "--output", "results/0.json"),
        "pseudo-label": ("pseudo-label", *label, *files),
        "predict": ("predict", weights, "--images", "images", "--out", "results/predicted"),
    }


def assert_told(code: int, folder: str = "results") -> None:
    said = Path("log").read_text()
    assert code == 1, said
    assert "Traceback" not in said
    assert said.count("error: ") == 1
    assert f"error: {folder}/" in said
    assert ": cannot be written: " in said
    assert "mend: free space there" in said
    assert not [path for path in Path(folder).rglob(".*") if path.is_file()]


@pytest.mark.parametrize(
    "command", ["train", "prepare", "split", "evaluate", "pseudo-label", "predict"]
)
def test_no_room(disk: Path, rooms: Path, rooms_split: Path, weights: Path, command: str):
    arguments = commands(rooms, rooms_split, weights)[command]
    leave_room(disk, 0)
    assert_told(fewmask(*arguments))
    leave_room(disk, 2**30)
    assert fewmask(*arguments) == 0


@pytest.mark.parametrize("disk", ["results", "config"], indirect=True)
def test_new_leaves_nothing_behind_where_there_is_no_room(
    disk: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWMASK_DATA", str(disk.parent / "data"))
    for i in range(12):
        room = render(0, i, 40, 40)
        save(disk.parent / f"data/mine/images/{i}.png", room.image)
        save(disk.parent / f"data/mine/masks/{i}.png", room.mask)
    shutil.rmtree("config/methods", ignore_errors=True)
    shutil.copytree(ROOT / "config/methods", "config/methods")
    before = files()
    leave_room(disk, 0)
    assert_told(fewmask("new", "mine", "mine"), disk.name)
    assert files() == before | {Path("log")}
    leave_room(disk, 2**30)
    assert fewmask("new", "mine", "mine") == 0


def files() -> set[Path]:
    """All files of the project."""
    return {path for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["train", "prepare", "evaluate", "pseudo-label"])
def test_files_may_not_be_so_large(
    project: Path, rooms: Path, rooms_split: Path, weights: Path, command: str
):
    Path("results").mkdir()
    arguments = commands(rooms, rooms_split, weights)[command]
    assert_told(fewmask(*arguments, most_bytes=10_000))


@pytest.mark.parametrize("room", [0, 2**20])
def test_the_checkpoint_of_before_is_kept(disk: Path, rooms: Path, rooms_split: Path, room: int):
    stopped = partial(train, Inputs(rooms, rooms_split), STAGE, 0, Path("results/stage"))
    assert processes.run(partial(stop_after_a_checkpoint, stopped)) != 0
    before = (disk / "stage" / CHECKPOINT).read_bytes()
    leave_room(disk, room)
    assert_told(fewmask(*training(rooms, rooms_split)))
    assert (disk / "stage" / CHECKPOINT).read_bytes() == before
    leave_room(disk, 2**30)
    assert fewmask(*training(rooms, rooms_split)) == 0
    assert "resuming from step" in Path("log").read_text()


def stop_after_a_checkpoint(training: partial) -> None:
    from fewmask.training.checkpoint import Checkpoint
    from fewmask.training.execution import Execution

    save = Checkpoint.save

    def save_and_die(checkpoint: Checkpoint, state: dict) -> None:
        save(checkpoint, state)
        os._exit(9)

    Checkpoint.save = save_and_die
    training(execution=Execution(checkpoint_minutes=0))


def test_not_even_the_log_has_room(disk: Path, rooms: Path, rooms_split: Path):
    log = disk / "log"
    log.touch()
    leave_room(disk, 0)
    assert fewmask(*training(rooms, rooms_split), log=log) == 1
    assert not [path for path in disk.rglob(".*") if path.is_file()]


def test_the_results_are_a_file(project: Path, rooms: Path, rooms_split: Path):
    Path("results").write_text("mine")
    assert fewmask(*training(rooms, rooms_split)) == 1
    said = Path("log").read_text()
    assert said.splitlines()[1].startswith("error: results/stage: cannot be written: ")
    assert "'results" in said
    assert said.endswith("mend: move away what is in its place\n")
    assert Path("results").read_text() == "mine"
