"""The command line: fast to start, one message for what can be mended, and status."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from fewmask.core.cells import Run
from fewmask.monitor.status import statuses
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from tests.small_project import change_config, write_project
from tests.workflow.snakemake import BIN, fewmask


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["status"], ["plan"]])
def test_planning_commands_import_nothing_heavy(project: Path, command: list[str]):
    write_project(project)
    code = (
        "import sys; sys.argv = ['fewmask', *sys.argv[1:]]\n"
        "from fewmask.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = [m for m in ('torch', 'pandas', 'matplotlib', 'h5py') if m in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    answer = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["status", "--config", "seedz=1"], "seedz: unknown key (did you mean seeds?)"),
        (["status", "--config", "seeds"], "--config seeds: expected KEY=VALUE"),
        (["methods", "show", "superwised"], "did you mean supervised?"),
        (["split", "--dataset", "config/config.yaml", "--settings", "{}", "--fraction", "n4",
          "--seed", "0", "--output", "0.csv"], "not a whole HDF5 file"),
        (["inspect", "config/config.yaml"], "not a whole HDF5 file"),
        (["prepare", "--settings", "{", "--output", "x.h5"], "--settings"),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_one_message(project: Path, command: list[str], expected: str):
    write_project(project)
    answer = fewmask(project, *command)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: ")
    assert expected in answer.stderr
    assert "Traceback" not in answer.stderr


def test_methods_are_listed_and_shown(project: Path):
    write_project(project)
    (project / "config/methods/longer.yaml").write_text(
        "extends: supervised\nstages:\n  supervised: {steps: 99}\n"
    )
    assert "longer" in fewmask(project, "methods", "list").stdout
    shown = fewmask(project, "methods", "show", "longer", "--fraction", "n8").stdout
    assert "steps: 99" in shown
    assert "# results/stages/rooms/longer/n8/{seed}/supervised" in shown


def test_a_method_is_shown_as_one_of_its_experiment(project: Path):
    """Its reference, and the other methods that overrides select, stay."""
    write_project(project)
    change_config(
        project,
        "config",
        methods=["supervised", "longer"],
        reference="supervised",
        leave_out=[{"method": "longer", "fraction": "n4"}],
        overrides=[
            {"when": {"method": "supervised"}, "settings": {"steps": 7}},
            {"when": {"method": "longer"}, "settings": {"steps": 98}},
        ],
    )
    (project / "config/methods/longer.yaml").write_text("extends: supervised\n")
    shown = fewmask(project, "methods", "show", "longer")
    assert "steps: 98" in shown.stdout, shown.stderr
    assert "/longer/n8/" in shown.stdout, "the first fraction that it is not left out at"
    refused = fewmask(project, "methods", "show", "longer", "--fraction", "n4")
    assert "the experiment has no fraction n4 of longer\n  found: n8" in refused.stderr


@pytest.fixture
def grid(project: Path):
    write_project(project)
    return load_grid()


def log_of(run: Run) -> Path:
    """The log of the run's only stage, with everything before it made."""
    for file in (f"datasets/{run.dataset}.h5", f"splits/rooms/{run.fraction}/{run.seed}.csv"):
        path = Path("results") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    log = Path(f"results/logs/train/rooms/supervised/{run.fraction}/{run.seed}/supervised.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("step 3\nerror: the disk is full\n  mend: x\n", "failed", "the disk is full"),
        ("error: the first try\nstep 3\nerror: the second\n", "failed", "the second"),
        ("step 3/9\n", "failed", "stopped without a message; its last line: step 3/9"),
        ("", "failed", "stopped before it wrote anything to its log; killed?"),
        ("step 9/9\ndone\n", "missing", ""),
        (None, "missing", ""),
    ],
)
def test_status_follows_from_the_log(grid, text: str | None, state: str, reason: str):
    run = grid.runs[0]
    log = log_of(run)
    if text is not None:
        log.write_text(text)
        os.utime(log, (0, 0))
    found = statuses(grid)[run]
    assert (found.state, found.reason) == (state, reason)
    assert found.log == (str(log) if state == "failed" else "")


def test_an_empty_log_is_that_of_a_run_that_starts_while_a_process_has_it_open(grid):
    log = log_of(grid.runs[0])
    with log.open("w"):
        assert statuses(grid)[grid.runs[0]].state == "running"
    found = statuses(grid)[grid.runs[0]]
    assert (found.state, found.reason) == (
        "failed",
        "stopped before it wrote anything to its log; killed?",
    )


def test_a_job_that_was_killed_before_it_said_anything_has_failed_at_once(grid):
    log = log_of(grid.runs[0])
    code = "from fewmask.cluster.job_log import hold_log; hold_log(); input()"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=file, text=True
        )
    while not log.read_text():
        assert process.poll() is None
    assert statuses(grid)[grid.runs[0]].state == "running"
    process.kill()
    process.wait()
    found = statuses(grid)[grid.runs[0]]
    assert found.state == "failed"
    assert f"its last line: started on {socket.gethostname()} as process" in found.reason


def test_a_run_whose_log_is_held_is_running(grid):
    run = grid.runs[0]
    log = log_of(run)
    with log.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert statuses(grid)[run].state == "running"
    os.utime(log, (0, 0))
    assert statuses(grid)[run].state == "failed"


def test_a_job_holds_its_log_while_it_runs(project: Path):
    write_project(project)
    log = project / "job.log"
    code = "from fewmask.cluster.job_log import hold_log; hold_log();"
    code += "print('ready', flush=True); input()"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=file, text=True
        )
    while "ready" not in log.read_text():
        assert process.poll() is None
    with log.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        process.communicate("\n")
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_run_with_metrics_is_done(grid):
    run = grid.runs[2]
    path = Path(grid.layout.metrics.format(**asdict(run)))
    path.parent.mkdir(parents=True)
    path.touch()
    assert [status.state for status in statuses(grid).values()].count("done") == 1


@pytest.fixture
def trained_run(grid) -> tuple[Run, Path]:
    """A run that has its weights, its record and its metrics, all of the settings requested."""
    run = grid.runs[0]
    log_of(run).write_text("done\n")
    [key] = grid.stages(run)
    arguments = JobArguments(grid)
    settings = {
        "training": json.loads(arguments.train_settings(key)),
        "dataset": json.loads(arguments.prepare_settings("rooms")),
    }
    weights, record = (
        Path(grid.layout.stage_files(key, 0)[name]) for name in ("weights", "training")
    )
    metrics = Path(grid.layout.metrics.format(**asdict(run)))
    for file in (weights, record, metrics):
        file.parent.mkdir(parents=True, exist_ok=True)
    weights.touch()
    record.write_text(json.dumps(settings))
    provenance = {"stages": [settings["training"]], "dataset": settings["dataset"]}
    metrics.write_text(json.dumps({"provenance": provenance}))
    return run, weights


CHANGES = {
    "methods/supervised": {"stages": {"supervised": {"optimiser": {"learning_rate": 0.1}}}},
    "datasets/rooms": {"size": 64},
}


@pytest.mark.parametrize("only_metrics", [False, True])
@pytest.mark.parametrize("file", CHANGES)
def test_a_run_of_other_settings_is_outdated(
    trained_run: tuple[Run, Path], file: str, only_metrics: bool, project: Path
):
    run, weights = trained_run
    if only_metrics:
        shutil.rmtree(weights.parent)
    assert statuses(load_grid())[run].state == "done"
    change_config(project, file, **CHANGES[file])
    found = statuses(load_grid())[run]
    metrics = load_grid().layout.metrics.format(**asdict(run))
    assert (found.state, found.file) == ("outdated", metrics if only_metrics else str(weights))
    printed = fewmask(project, "status").stdout
    assert "outdated: 0" in printed
    assert "--forcerun $(fewmask status --outdated)" in printed
    assert fewmask(project, "status", "--outdated").stdout.split() == [found.file]
    assert metrics in fewmask(project, "status", "--targets").stdout


def test_a_damaged_record_says_nothing_of_settings(trained_run: tuple[Run, Path]):
    run, weights = trained_run
    for text in (b"", b"[]", b"{", b"null", b"[" * 100_000, b"\xff"):
        weights.with_name("training.json").write_bytes(text)
        assert statuses(load_grid())[run].state in ("done", "missing")


def test_a_dataset_that_failed_fails_all_its_runs_once(project: Path):
    write_project(project)
    log = project / "results/logs/prepare/rooms.log"
    log.parent.mkdir(parents=True)
    log.write_text("error: no such folder\n")
    printed = fewmask(project, "status").stdout
    assert "and 3 more failed: no such folder" in printed
    assert printed.count("no such folder") == 1


def test_the_command_is_installed():
    assert os.access(BIN / "fewmask", os.X_OK)


def test_metrics_of_an_earlier_training_do_not_hide_a_failure(grid):
    run = grid.runs[0]
    log = log_of(run)
    log.write_text("error: the loss is not finite at step 3\n")
    metrics = Path(grid.layout.metrics.format(**asdict(run)))
    metrics.parent.mkdir(parents=True)
    metrics.touch()
    assert statuses(grid)[run].state == "failed"
    log.write_text("step 9/9\ndone\n")  # the weights were removed to save space
    assert statuses(grid)[run].state == "done"


def test_weights_that_could_not_be_fetched_fail_their_runs(project: Path):
    write_project(project)
    change_config(project, "methods/supervised", network={"weights": "imagenet"})
    grid = load_grid()
    log_of(grid.runs[0])
    log = project / "results/logs/fetch_encoder/tu-test_efficientnet.log"
    log.parent.mkdir(parents=True)
    log.write_text("error: cannot fetch the weights of tu-test_efficientnet\n")
    found = statuses(grid)[grid.runs[0]]
    assert (found.state, found.reason[:12]) == ("failed", "cannot fetch")
