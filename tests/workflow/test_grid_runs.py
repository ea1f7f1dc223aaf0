"""A tiny grid through the real Snakemake: whole, with a failing seed, after edits, after a kill.

The tests of one class share a project and follow one another.
"""

import csv
import re
import shutil
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.small_project import change_config, write_project
from tests.workflow.snakemake import (
    fewmask,
    job_counts,
    kill_group,
    planned,
    snakemake,
    start_snakemake,
)

METRICS = "results/metrics/rooms/supervised"


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def cell(row: dict[str, str]) -> tuple[str, str, str]:
    return row["fraction"], row["seeds"], row["seeds_requested"]


def hold(folder: Path, results: str) -> FileLock:
    """Hold a folder of results as another Snakemake would."""
    locks = folder / ".snakemake" / "submitters"
    locks.mkdir(parents=True)
    (locks / f"{results}.txt").write_text("process 7 on node3")
    lock = FileLock(locks / f"{results}.lock")
    lock.acquire()
    return lock


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the tests of the class share."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    change_config(folder, "config", title="A {tiny} grid of {seed}s")  # no wildcards
    return folder


@pytest.fixture(scope="module")
def broken_split(folder: Path) -> tuple[Path, str]:
    """The split of one seed, spoiled, and what it should hold."""
    split = folder / "results/splits/rooms/n8/1.csv"
    answer = snakemake(folder, "results/splits/rooms/n8/1.csv")
    assert answer.returncode == 0, answer.stdout
    whole = split.read_text()
    split.write_text(whole.replace("labelled", "labeled"))
    return split, whole


@pytest.mark.slow
class TestAGridWithAFailingSeed:
    """One seed fails, the others finish; the same command again runs just what is missing."""

    def test_the_others_finish(self, folder: Path, broken_split: tuple[Path, str]):
        answer = snakemake(folder)
        assert answer.returncode == 1
        assert job_counts(answer.stdout) == {"split": 3, "train": 4, "evaluate": 4, "summarise": 1}
        made = sorted(
            str(p.relative_to(folder / METRICS)) for p in folder.glob(f"{METRICS}/*/*.json")
        )
        assert made == ["n4/0.json", "n4/1.json", "n8/0.json"]
        assert not (folder / "results/tables/summary.csv").exists()
        assert "the role is" in answer.stdout  # the failed job's log is shown

    def test_status_names_the_seed_and_its_reason(self, folder: Path):
        answer = fewmask(folder, "status")
        assert answer.returncode == 0
        assert "rooms  supervised  n8  done: 0  failed: 1" in answer.stdout
        assert "n8 seed 1 failed: results/splits/rooms/n8/1.csv, line" in answer.stdout
        assert "log: results/logs/train/rooms/supervised/n8/1/supervised.log" in answer.stdout
        assert "3 done, 0 running, 0 waiting, 1 failed, 0 outdated, 0 missing" in answer.stdout
        targets = fewmask(folder, "status", "--failed", "--targets")
        assert targets.stdout.split() == [f"{METRICS}/n8/1.json"]

    def test_the_plan_is_what_is_left_and_what_the_others_took(self, folder: Path):
        answer = fewmask(folder, "plan")
        rows = [line.split() for line in answer.stdout.splitlines()]
        counts = {row[0]: row[-7:-4] for row in rows if row and row[0] in ("train", "evaluate")}
        assert counts == {"train": ["4", "3", "1"], "evaluate": ["4", "3", "1"]}
        assert "measured: the mean" in answer.stdout
        assert "YAML" not in answer.stdout

    def test_partial_tables_say_how_many_seeds_they_hold(self, folder: Path):
        answer = snakemake(folder, "partial")
        assert answer.returncode == 0, answer.stdout
        rows = table(folder / "results/partial/tables/summary.csv")
        assert [cell(row) for row in rows] == [("n4", "2", "2"), ("n8", "1", "2")]
        assert rows[1]["miou_std"] == ""
        assert "1 of 2" in (folder / "results/partial/tables/summary.md").read_text()

    def test_the_same_command_runs_just_that_seed(
        self, folder: Path, broken_split: tuple[Path, str]
    ):
        split, whole = broken_split
        before = {p: p.stat().st_mtime_ns for p in folder.glob("results/stages/**/*.safetensors")}
        split.write_text(whole)
        answer = snakemake(folder)
        assert answer.returncode == 0, answer.stdout
        assert job_counts(answer.stdout) == {"train": 1, "evaluate": 1, "summarise": 1}
        assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())
        rows = table(folder / "results/tables/summary.csv")
        assert [cell(row) for row in rows] == [("n4", "2", "2"), ("n8", "2", "2")]
        assert len(table(folder / "results/tables/runs.csv")) == 4
        costs = table(folder / "results/tables/cost.csv")
        assert [row["dataset"] for row in costs] == ["rooms", "total"]
        assert (costs[-1]["jobs"], costs[-1]["from_benchmark"]) == ("8", "8")
        for name in ("label_curve.svg", "label_curve.png", "segmentation_examples.png"):
            assert (folder / "results/figures" / name).stat().st_size > 1000
        assert "4 done" in fewmask(folder, "status").stdout

    def test_then_there_is_nothing_to_do(self, folder: Path):
        assert planned(folder) == {}

    @pytest.mark.parametrize(
        ("file", "changes", "expected"),
        [
            ("config", {"title": "Another title"}, {"summarise": 1}),
            ("config", {"seeds": [0, 1, 2]},
             {"split": 2, "train": 2, "evaluate": 2, "summarise": 1}),
            ("config", {"overrides": [{"when": {"fraction": "n8"}, "settings": {"steps": 7}}]},
             {"train": 2, "evaluate": 2, "summarise": 1}),
            ("config", {"tensorboard": True, "overrides": [
                {"settings": {"resources": {"minutes": 9}, "checkpoint_minutes": 9}}]}, {}),
            ("config", {"evaluation_size": "original"}, {"evaluate": 4, "summarise": 1}),
            ("datasets/rooms", {"split": {"test": "n11", "validation": "n8"}},
             {"split": 4, "train": 4, "evaluate": 4, "summarise": 1}),
            ("datasets/rooms", {"description": "Another text"}, {}),
        ],
        ids=lambda value: str(value)[:50],
    )  # fmt: skip
    def test_an_edit_reruns_only_what_depends_on_it(
        self, folder: Path, file: str, changes: dict, expected: dict
    ):
        path = folder / f"config/{file}.yaml"
        before = path.read_text()
        change_config(folder, file, **changes)
        try:
            assert planned(folder) == expected
        finally:
            path.write_text(before)

    def test_changed_settings_are_noticed_without_snakemakes_records(self, folder: Path):
        shutil.rmtree(folder / ".snakemake")
        path = folder / "config/methods/supervised.yaml"
        before = path.read_text()
        optimiser = {"learning_rate": 0.1}
        change_config(folder, "methods/supervised", stages={"supervised": {"optimiser": optimiser}})
        assert planned(folder) == {}
        assert "4 outdated" in fewmask(folder, "status").stdout
        files = fewmask(folder, "status", "--outdated").stdout.split()
        expected = {"train": 4, "evaluate": 4, "summarise": 1}
        assert planned(folder, "--forcerun", *files) == expected
        path.write_text(before)

    def test_a_deleted_metrics_file_is_made_again(self, folder: Path):
        (folder / METRICS / "n4/0.json").unlink()
        assert planned(folder) == {"evaluate": 1, "summarise": 1}


@pytest.mark.slow
def test_a_kill_of_snakemake_costs_nothing_but_time(tmp_path: Path):
    write_project(tmp_path)
    settings = {"steps": 240, "checkpoint_minutes": 0.01, "evaluation": {"every": 40}}
    overrides = [{"settings": settings}]
    change_config(
        tmp_path, "config", fractions=["n8"], seeds=[0], tensorboard=True, overrides=overrides
    )
    stage = tmp_path / "results/stages/rooms/supervised/n8/0/supervised"
    first = start_snakemake(tmp_path)
    while not (stage / "checkpoint.pt").exists():
        assert first.poll() is None, "it ended before it was killed"
        time.sleep(0.05)
    log = tmp_path / "results/logs/train/rooms/supervised/n8/0/supervised.log"
    number = re.search(r"as process (\d+)", log.read_text())[1]
    psutil.Process(int(number)).suspend()  # it must not end before it is killed
    assert "running: 0" in fewmask(tmp_path, "status").stdout
    kill_group(first)
    assert "failed: 0" in fewmask(tmp_path, "status").stdout

    answer = snakemake(tmp_path)
    assert answer.returncode == 0, answer.stdout
    assert "resuming from step" in log.read_text()
    curves = EventAccumulator(
        str(tmp_path / "results/tensorboard/rooms/supervised/n8/0/supervised")
    )
    curves.Reload()
    steps = [event.step for event in curves.Scalars("validation/miou")]
    assert steps == list(range(40, 241, 40))
    assert "done: 0" in fewmask(tmp_path, "status").stdout


def test_one_snakemake_at_a_time_writes_to_a_folder(tmp_path: Path):
    write_project(tmp_path)
    held = hold(tmp_path, "results")
    second = snakemake(tmp_path)
    assert second.returncode == 1
    assert "error: results: another snakemake writes here: process 7 on node3" in second.stdout
    assert "Traceback" not in second.stdout
    partial = snakemake(tmp_path, "--", "partial")
    assert "none of the 4 runs is" in partial.stdout  # it writes nowhere that others do
    elsewhere = snakemake(tmp_path, "--config", "results=results/b", "--", "datasets")
    assert elsewhere.returncode == 0, elsewhere.stdout
    held.release()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ('methods=["superwised"]', "no config/methods/superwised.yaml (did you mean supervised?)"),
        ("seedz=[1]", "--config: seedz: unknown key (did you mean seeds?)"),
        ('datasets=["rooms; touch hacked"]', "datasets.0: not an allowed name"),
    ],
)
def test_a_bad_config_is_one_message_before_any_job(tmp_path: Path, change: str, expected: str):
    write_project(tmp_path)
    answer = snakemake(tmp_path, "--config", change)
    assert answer.returncode == 1
    assert expected in answer.stdout
    assert "Traceback" not in answer.stdout
    assert not (tmp_path / "results").exists()


def test_a_wrong_key_is_told_of_its_file_and_line(tmp_path: Path):
    write_project(tmp_path)
    path = tmp_path / "other.yaml"
    path.write_text((tmp_path / "config/config.yaml").read_text().replace("seeds", "seeeds"))
    answer = snakemake(tmp_path, "--configfile", str(path))
    assert answer.returncode == 1
    assert f"{path}:5: seeeds: unknown key (did you mean seeds?)" in answer.stdout
    assert f"{path}: seeds: this key is required and missing" in answer.stdout
    assert "--config" not in answer.stdout


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "other.yaml: expected keys and values, found nothing"),
        (b"- 1\n", "other.yaml: expected keys and values, found list"),
        (b"title: a\n\tb: c\n", "other.yaml:2: not valid YAML"),
        (b"title: a\nb: \0\n", "other.yaml:2: not valid YAML"),
        (b"title: a\n---\ntitle: b\n", "other.yaml:2: not valid YAML"),
        (b"title: a\nb: caf\xe9\n", "other.yaml:2: cannot be read as UTF-8"),
        (
            b"__use_yte__: true\n__definitions__:\n- open('run', 'w')\n",
            "other.yaml:1: __use_yte__: unknown key",
        ),
    ],
)
def test_plan_tells_of_a_file_that_snakemake_cannot_read_or_would_run(
    tmp_path: Path, content: bytes, expected: str
):
    write_project(tmp_path)
    (tmp_path / "other.yaml").write_bytes(content)
    answer = fewmask(tmp_path, "plan", "--configfile", "other.yaml")
    assert answer.returncode == 1
    assert expected in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "run").exists()
