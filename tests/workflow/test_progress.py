"""What jobs show: on a terminal how far they are, in a log a few plain lines."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.terminal import Terminal
from tests.workflow.snakemake import BIN, snakemake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose grid is done."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("copy") / "project")


@pytest.fixture(scope="module")
def commands(folder: Path) -> dict[str, list[str]]:
    """The commands of all jobs as Snakemake prints them, by their log, without it."""
    plan = snakemake(folder, "--dry-run", "--forceall", "--printshellcmds").stdout
    found = re.findall(r"fewmask ([a-z-]+ .*) >>? results/logs/(\S+)\.log 2>&1", plan)
    return {log: [str(BIN / "fewmask"), *shlex.split(command)] for command, log in found}


@pytest.mark.parametrize(
    ("log", "bar"),
    [
        ("prepare/rooms", "prepare rooms ━+ 36/36 "),
        ("train/rooms/refined/n8/0/refined", "train ━+ 12/12 "),
        pytest.param(
            "pseudo_label/rooms/supervised/n8/0/supervised",
            "pseudo-label ━+ 16/16 ",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "evaluate/rooms/refined/n8/0", "evaluate ━+ 12/12 ", marks=pytest.mark.nightly
        ),
        pytest.param("summarise/all", "bootstrap rooms ━+ 10000/10000 ", marks=pytest.mark.nightly),
    ],
)
def test_a_terminal_shows_how_far_it_is(
    folder: Path, commands: dict[str, list[str]], tmp_path: Path, log: str, bar: str
):
    command = commands[log]
    if log.startswith("train"):  # what is trained is not trained again
        place = command.index("--output") + 1
        command = [*command[:place], str(tmp_path / "stage"), *command[place + 1 :]]
    terminal = Terminal(command, folder)
    assert terminal.end() == 0, terminal.said
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", terminal.said)
    assert re.search(bar + r"0:00:\d\d 0:00:00", plain), plain  # time gone, time left
    assert plain.rstrip().endswith("done")


def test_predict_too(folder: Path, tmp_path: Path):
    (tmp_path / "images").mkdir()
    for i in range(3):
        Image.new("RGB", (40, 30)).save(tmp_path / f"images/{i}.png")
    weights = "results/stages/rooms/supervised/n8/0/supervised/weights.safetensors"
    options = ["--images", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    command = [str(BIN / "fewmask"), "predict", weights, *options]
    terminal = Terminal(command, folder)
    assert terminal.end() == 0
    assert re.search("predict.* .*3/3", terminal.said)
    logged = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    assert logged.stderr == f"3 of 3 images: masks, overlays in {tmp_path / 'out'}\n"


def test_logs_are_a_few_plain_lines(folder: Path):
    logs = sorted(folder.glob("results/logs/**/*.log"))
    rules = {path.relative_to(folder / "results/logs").parts[0] for path in logs}
    assert rules == {"prepare", "split", "train", "pseudo_label", "evaluate", "summarise"}
    for log in logs:
        text = log.read_text()
        assert re.fullmatch(r"[\n\x20-\uffff]*", text), log  # no control characters
        assert len(text.splitlines()) <= 7, text
        assert text.endswith("done\n")
