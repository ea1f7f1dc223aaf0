"""The grid: runs, stages and files that follow from YAML, and what is shared."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fewmask.config.layers import load_chain
from fewmask.config.named import load_dataset
from fewmask.core.errors import ConfigError
from fewmask.planning.grid import Grid, load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.jobs import jobs
from fewmask.planning.requested import requested_by
from tests.conftest import ROOT
from tests.planning.chain import EXPERIMENT, METHOD, write


def test_runs_are_the_product_of_the_axes(small: Path):
    grid = load_grid()
    assert len(grid.runs) == 6
    assert [run.fraction for run in grid.runs[::2]] == ["0.05", "n40", "all"]


def test_files_of_a_stage_follow_from_its_cell(small: Path):
    grid = load_grid()
    first, second = grid.stages(grid.runs[0])
    assert JobArguments(grid).train_inputs(second, 0) == {
        "dataset": "results/datasets/rooms.h5",
        "split": "results/splits/rooms/0.05/0.csv",
        "start_from": "results/stages/rooms/chain/0.05/0/first/weights.safetensors",
    }
    assert JobArguments(grid).train_options(first, 0) == ""
    inputs = JobArguments(grid).evaluate_inputs(grid.runs[0])
    assert inputs["weights"] == "results/stages/rooms/chain/0.05/0/second/weights.safetensors"
    assert len(inputs["training"]) == 2


def test_encoder_weights_are_an_input(small: Path):
    write("methods/chain", METHOD.replace("weights: none", "weights: imagenet"))
    grid = load_grid()
    first, second = grid.stages(grid.runs[0])
    assert (
        JobArguments(grid).train_inputs(first, 0)["encoder"]
        == "results/encoders/resnet18.safetensors"
    )
    assert "encoder" not in JobArguments(grid).train_inputs(second, 0)


def test_what_cannot_change_a_result_is_not_handed_to_the_job(small: Path):
    before = load_grid()
    changed = METHOD.replace("steps: 100", "steps: 100\n  checkpoint_minutes: 9")
    write("methods/chain", changed.replace("steps: 50", "steps: 50, resources: {minutes: 7}"))
    after = load_grid()
    for run in before.runs:
        for old, new in zip(before.stages(run), after.stages(run), strict=True):
            assert JobArguments(before).train_settings(old) == JobArguments(after).train_settings(
                new
            )
    assert after.stage(after.stages(after.runs[0])[1]).resources.minutes == 7


def test_neither_are_curves(small: Path):
    before, after = load_grid(), load_grid(config={"tensorboard": True})
    key = before.stages(before.runs[0])[0]
    assert JobArguments(before).train_settings(key) == JobArguments(after).train_settings(key)
    assert requested_by(before) == requested_by(after)
    folder = before.layout.stage_folder(key, 0).replace("/stages/", "/tensorboard/")
    assert JobArguments(after).tensorboard_option(key, 0) == f"--tensorboard {folder}"


def test_an_override_reaches_what_it_selects(small: Path):
    write(
        "config",
        EXPERIMENT
        + "overrides:\n"
        + "  - settings: {steps: 10}\n"
        + "  - {when: {fraction: 0.05, stage: second}, settings: {steps: 20}}\n",
    )
    grid = load_grid()
    steps = {
        (run.fraction, key.stage): grid.stage(key).steps
        for run in grid.runs
        for key in grid.stages(run)
    }
    assert steps[("0.05", "second")] == 20
    assert set(steps.values()) == {10, 20}
    assert sum(value == 20 for value in steps.values()) == 1


def test_config_lies_on_top_of_the_file(small: Path):
    grid = load_grid(config={"seeds": [5], "title": "A small grid"})
    assert {run.seed for run in grid.runs} == {5}


def test_an_experiment_adds_overrides_to_those_it_extends(small: Path):
    base = EXPERIMENT + "overrides:\n  - settings: {steps: 10}\n"
    write("experiments/base", base)
    write(
        "experiments/twin",
        "extends: base\noverrides:\n  - {when: {stage: second}, settings: {steps: 3}}\n",
    )
    grid = load_grid([Path("config/experiments/twin.yaml")])
    assert [grid.stage(key).steps for key in grid.stages(grid.runs[0])] == [10, 3]


def test_settings_are_plain_json(small: Path):
    grid = load_grid()
    settings = json.loads(JobArguments(grid).train_settings(grid.stages(grid.runs[0])[0]))
    assert settings["network"]["encoder"] == "resnet18"
    assert "\n" not in JobArguments(grid).train_settings(grid.stages(grid.runs[0])[0])


def test_planning_imports_nothing_heavy(small: Path):
    code = (
        "import sys; from fewmask.planning.grid import load_grid; load_grid(); "
        "print([m for m in ('torch', 'pandas', 'matplotlib', 'h5py') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_every_shipped_experiment_resolves_to_jobs_that_have_all_that_they_read(project: Path):
    shutil.rmtree("config")
    shutil.copytree(ROOT / "config", "config")
    given = Path("data/resnet101_coco.safetensors")  # a file that users have to provide
    with pytest.raises(ConfigError, match=f"network.weights: there is no file {given}"):
        load_grid([Path("config/experiments/voc_three_stage_coco.yaml")])
    given.parent.mkdir(exist_ok=True)
    given.touch()
    files = [Path("config/config.yaml"), *Path("config/experiments").rglob("*.yaml")]
    for path in files:
        grid = load_grid([path])
        written = {job.output for run in grid.runs for job in jobs(grid, run)}
        assert {*read_by_trainings(grid)} <= written | {str(given)}, path
        assert load_chain(path)


def read_by_trainings(grid: Grid) -> Iterator[str]:
    """The files that the trainings of all runs read."""
    arguments = JobArguments(grid)
    for run in grid.runs:
        for key in grid.stages(run):
            assert json.loads(arguments.train_settings(key)), key
            yield from arguments.train_inputs(key, run.seed).values()


def test_no_shipped_dataset_chooses_who_is_labelled_by_hidden_masks(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(ROOT)
    for path in Path("config/datasets").glob("*.yaml"):
        assert load_dataset(path.stem, "test").split.stratify != "classes", path
