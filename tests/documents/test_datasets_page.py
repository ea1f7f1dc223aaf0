"""docs/datasets.md is followed word for word, with images made for it."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.data.making import noise, save
from tests.workflow.snakemake import BIN, arguments, preloaded_environment

PAGE = (ROOT / "docs/datasets.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", PAGE, re.M | re.S)
DATASET = "config/datasets/leaves.yaml"


def blocks(kind: str, about: str = "") -> list[str]:
    """The page's blocks of a kind, in their order."""
    return [text for found, name, text in BLOCKS if (found, name) == (kind, about)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's own config/, and the files that the page asks for."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    for line in blocks("text")[0].splitlines():
        make_images(tmp_path, line)
    return tmp_path


def make_images(folder: Path, line: str) -> None:
    """The files of a line like ``data/leaves/images/leaf_01.jpg ... leaf_12.jpg``."""
    first, last = line.split(" ... ")
    stem, number, ending = re.fullmatch(r"(.*_)(\d+)(\.\w+)", first).groups()
    for i in range(int(number), int(re.search(r"_(\d+)\.", last)[1]) + 1):
        pixels = noise(40, 60, below=2, seed=i) if "/masks/" in stem else noise(40, 60, 3, seed=i)
        save(folder / f"{stem}{i:0{len(number)}d}{ending}", pixels)


def run(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command of the page, with this very environment in the place of uv's."""
    uv, run, program, *words = shlex.split(command)
    assert (uv, run) == ("uv", "run")
    if program == "snakemake":
        assert words[:2] == ["--profile", "profiles/local"]
        call = arguments(project, *words[2:])
    else:
        call = [str(BIN / program), *words]
    settings = {
        name: value for name, value in preloaded_environment().items() if name != "FEWMASK_DATA"
    }
    return subprocess.run(
        call, cwd=project, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_the_dataset_takes_at_most_eight_lines():
    assert len(blocks("yaml", DATASET)[0].splitlines()) <= 8


@pytest.mark.slow
def test_the_page_is_followed(project: Path):
    list_them, prepare, inspect, plan = blocks("console")
    (project / DATASET).write_text(blocks("yaml", DATASET)[0])

    listed = run(project, list_them)
    assert re.search(r"^leaves +folder +in data/leaves +Leaves, some", listed.stdout, re.M)

    damaged = project / "data/leaves/images/leaf_03.jpg"
    os.truncate(damaged, 100)
    failed = run(project, prepare)
    assert failed.returncode != 0
    assert "error: data/leaves/images/leaf_03.jpg: found damaged data" in failed.stdout
    assert not list((project / "results/datasets").glob("*"))

    with (project / DATASET).open("a") as file:
        file.write(blocks("yaml", "skip")[0])
    assert len(yaml.safe_load((project / DATASET).read_text())) == 7
    done = run(project, prepare)
    assert done.returncode == 0, done.stdout
    log = (project / "results/logs/prepare/leaves.log").read_text()
    assert "16 images, 9 with masks" in log
    assert "left out as damaged: 1\n  leaf_03: data/leaves/images/leaf_03.jpg: found" in log

    inspected = run(project, inspect)
    assert re.search(r"^leaf +\d+\.\d % +9 of 9$", inspected.stdout, re.M), inspected.stdout
    assert "leaf_03: data/leaves/images/leaf_03.jpg: found damaged data" in inspected.stdout
    assert (project / "results/datasets/leaves.png").exists()

    planned = run(project, plan)
    assert planned.returncode == 0, planned.stdout
    assert "results/splits/leaves/n4/0.csv" in planned.stdout


def test_every_reader_and_dataset_is_on_the_page():
    words = set(re.findall(r"`(\w+)`", PAGE))
    for path in (ROOT / "config/datasets").glob("*.yaml"):
        assert path.stem in words, path
