"""The commands that read a dataset, run in child processes."""

import ctypes
import json
import os
import re
import struct
import sys
from pathlib import Path
from typing import Any

from fewmask import cli
from fewmask.data.splits import job as split_job  # noqa: F401  imported here for all children
from fewmask.training import job  # noqa: F401
from tests import processes
from tests.conftest import small_stage
from tests.data.making import reading

STORE = Path("results/datasets/mine.h5")


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


def files() -> set[Path]:
    """All that lies in the results."""
    return {path for path in Path("results").rglob("*") if path.is_file() and path.name != "lock"}
