"""What jobs ask of a cluster is what their stage says, whether or not all stages say the same."""

import re
from pathlib import Path

import pytest
import yaml

from tests.small_project import change_config, write_config, write_project
from tests.workflow.finished import MASKED_IMAGE
from tests.workflow.snakemake import ROOT, snakemake

SITE = """\
account: masks
gpu: {partition: fast, gpu_type: a100}
cpu: {partition: slow, qos: low}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/site.yaml").write_text(SITE)
    return tmp_path


def requested(folder: Path, *config: str) -> dict[str, dict[str, str]]:
    """The resources of every job that a dry run plans, by its rule and its stage or method."""
    answer = snakemake(folder, "--dry-run", "--config", "seeds=[0]", "fractions=[n4]", *config)
    assert answer.returncode == 0, answer.stdout
    found = {}
    for block in re.split(r"(?m)^(?:local)?rule ", answer.stdout)[1:]:
        rule, wildcards = block[: block.index(":")], _pairs(block, "wildcards")
        name = wildcards.get("stage") or wildcards.get("method", "")
        found[f"{rule} {name}".strip()] = _pairs(block, "resources")
    return found


def _pairs(block: str, key: str) -> dict[str, str]:
    line = re.search(rf"^ +{key}: (.*)$", block, re.M)
    return dict(one.partition("=")[::2] for one in line[1].split(", ")) if line else {}


def chosen(resources: dict[str, str]) -> list[str | None]:
    names = ("slurm_partition", "gpu_model", "qos", "gpu", "runtime", "mem_mb")
    return [resources.get(name) for name in names]


def test_where_stages_differ_each_job_has_its_own(folder: Path):
    write_config(folder, "methods/masked_image", MASKED_IMAGE)
    on_gpu = {"gpus": 1, "minutes": 30, "memory_gb": 16}
    change_config(folder, "methods/masked_image", stages={"pretrain": {"resources": on_gpu}})
    change_config(folder, "config", methods=["masked_image"])
    found = requested(folder)
    assert chosen(found["train pretrain"]) == ["fast", "a100", None, "1", "30", "16000"]
    assert chosen(found["train supervised"]) == ["slow", None, "low", "0", "60", "8000"]
    assert chosen(found["evaluate masked_image"]) == ["slow", None, "low", "0", "60", "8000"]
    assert chosen(found["prepare"])[:3] == ["slow", None, "low"]
    assert {found[job]["slurm_account"] for job in ("prepare", "train pretrain")} == {"masks"}


def test_where_all_agree_each_job_has_the_same(folder: Path):
    on_gpu = {"gpus": 1, "minutes": 7}
    change_config(folder, "methods/supervised", stages={"supervised": {"resources": on_gpu}})
    found = requested(folder)
    assert chosen(found["train supervised"]) == ["fast", "a100", None, "1", "7", "8000"]
    assert chosen(found["evaluate supervised"]) == ["fast", "a100", None, "1", "60", "8000"]
    assert chosen(found["prepare"])[:3] == ["slow", None, "low"]


def test_trainings_that_share_a_gpu_and_their_evaluations_use_a_part_of_it(folder: Path):
    shared = {"gpus": 1, "gpu_share": 3}
    change_config(folder, "methods/supervised", stages={"supervised": {"resources": shared}})
    found = requested(folder)
    names = ("gpu", "gpu_share", "gpu_percent")
    assert [found["train supervised"].get(name) for name in names] == ["1", "3", "33"]
    assert [found["evaluate supervised"].get(name) for name in names] == ["1", None, "33"]
    local = yaml.safe_load((ROOT / "profiles/local/config.yaml").read_text())
    assert local["resources"] == ["gpu_percent=100"]


def test_curves_are_written_where_the_experiment_asks_for_them(folder: Path):
    assert requested(folder)["train supervised"]["tensorboard"] == ""
    curves = "--tensorboard results/tensorboard/rooms/supervised/n4/0/supervised"
    assert requested(folder, "tensorboard=true")["train supervised"]["tensorboard"] == curves
