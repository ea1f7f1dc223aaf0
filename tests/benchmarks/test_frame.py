"""The table and the JSON file of the benchmarks. What they measure is not judged here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.measurement import Measurement, in_turns, speed_up
from benchmarks.objectives import BENCHMARKS, learning
from benchmarks.table import as_json, markdown

from tests.conftest import ROOT
from tests.objectives.known import NAMES


def benchmarks(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    env = os.environ | variables
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def test_ways_take_turns():
    done = []
    seconds = in_turns({"ours": lambda: done.append("a"), "bare": lambda: done.append("b")}, 3)
    assert done == ["a", "b"] * 4  # once to warm up
    assert [len(each) for each in seconds.values()] == [3, 3]


def test_a_ratio_of_each_turn():
    seconds = {"ours": [2.0, 4.0], "bare": [1.0, 3.0]}
    assert speed_up(seconds, "ours", "bare") == [0.5, 0.75]


def test_median_quartiles_and_target():
    ratios = [0.5, 0.9, 0.8, 0.7, 0.6]
    measurement = Measurement("loop", "bare", ratios, target=0.7)
    assert (measurement.median, measurement.spread, measurement.reached) == (0.7, (0.6, 0.8), True)
    assert not Measurement("loop", "bare", ratios, target=0.71).reached
    assert not Measurement("wait", "start", ratios, target=0.69, unit="s", at_most=True).reached
    assert Measurement("loop", "bare", [0.5]).reached is None


def test_the_table_says_what_was_missed():
    rows = [
        ("a.b", Measurement("loop", "bare", [0.5], 0.7)),
        ("a.c", Measurement("wait", "start", [2.5])),
    ]
    header, _, first, second = markdown(rows).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in (first, second)]
    assert cells[0] == ["a.b", "loop", "bare", "0.5 x", "0.5 to 0.5", "1", "≥ 0.7", "missed"]
    assert cells[1][-2:] == ["", ""]
    assert len({len(row) for row in (header, first, second)}) == 1
    assert [row["reached"] for row in as_json(rows)] == [False, None]


def test_an_unknown_name_is_told():
    ended = benchmarks("trainign")
    assert ended.returncode == 2
    assert "no such benchmark: trainign" in ended.stderr
    assert "training.simclr" in ended.stderr


def test_every_objective_is_trained_by_a_small_experiment(monkeypatch: pytest.MonkeyPatch):
    """Its benchmark finds it there."""
    monkeypatch.chdir(ROOT)
    places = learning()
    assert [name for name in NAMES if name not in places] == []
    assert {one.__name__ for one in BENCHMARKS} == set(NAMES)


def test_the_smallest_is_measured_and_written_down(tmp_path: Path):
    output, before = tmp_path / "speed.json", set((ROOT / "results").iterdir())
    ended = benchmarks("commands.help_text", "--output", output)
    assert ended.returncode == 0, ended.stderr
    assert "commands.help_text" in ended.stdout
    found = json.loads(output.read_text())
    assert found["command"] == f"python -m benchmarks commands.help_text --output {output}"
    assert {"date", "seconds"} <= set(found)
    assert {"processor", "cores", "memory_gb", "system", "load_before"} <= set(found["machine"])
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert {"python", "torch", "fewmask", "git_commit"} <= set(found["versions"])
    for measurement in found["measurements"]:
        assert measurement["benchmark"] == "commands.help_text"
        low, high = measurement["spread"]
        assert 0 < low <= measurement["median"] <= high
        assert len(measurement["values"]) == 9
    assert set((ROOT / "results").iterdir()) == before


def test_one_that_fails_does_not_cost_the_others(tmp_path: Path):
    output = tmp_path / "speed.json"
    names = "training.supervised_64", "commands.help_text"
    ended = benchmarks(*names, "--output", output, FEWMASK_DATA=str(tmp_path))
    assert ended.returncode == 1
    assert f"{names[0]} failed: {tmp_path}/oxford-iiit-pet" in ended.stderr
    assert ended.stderr.endswith(f"failed, and not in the table: {names[0]}\n")
    assert "Traceback" not in ended.stderr
    [measurement] = json.loads(output.read_text())["measurements"]
    assert measurement["benchmark"] == names[1]
