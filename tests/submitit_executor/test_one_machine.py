"""Real Snakemake runs with the executor on this machine, without SLURM."""

import itertools
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.processes import end_within
from tests.small_project import write_project
from tests.workflow.snakemake import BIN, ROOT, environment, preloaded_environment

SNAKEFILE = """\
rule all:
    input: expand("out/{i}", i=range(4))
rule gpu:
    output: "out/{i}"
    resources: gpu=1
    shell: "date +%s.%N > {output}; echo gpu ${{CUDA_VISIBLE_DEVICES:-}} >> {output}; {COMMAND}"
"""


def snakemake(folder: Path, command: str, *options: str) -> subprocess.Popen[str]:
    (folder / "Snakefile").write_text(SNAKEFILE.replace("{COMMAND}", command))
    return subprocess.Popen(
        [
            *(str(BIN / "snakemake"), "--executor", "submitit", "--jobs", "10", "--keep-going"),
            *("--seconds-between-status-checks", "1", "--latency-wait", "5", *options),
        ],
        cwd=folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_each_gpu_has_one_job_at_a_time(tmp_path: Path):
    command = "sleep 1.5; date +%s.%N >> {output}"
    run = snakemake(tmp_path, command, "--submitit-cluster", "local", "--submitit-gpus", "0,1")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    spans: dict[str, list[tuple[float, float]]] = {}
    for i in range(4):
        start, gpu, end = (tmp_path / f"out/{i}").read_text().split("\n")[:3]
        spans.setdefault(gpu, []).append((float(start), float(end)))
    assert set(spans) == {"gpu 0", "gpu 1"}
    for of_gpu in spans.values():
        of_gpu.sort()
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(of_gpu))


def test_jobs_that_share_a_gpu_run_side_by_side_and_fail_alone(tmp_path: Path):
    command = (
        "mkdir -p tries; echo $SUBMITIT_SIDE_BY_SIDE >> tries/{wildcards.i}; "
        # Each waits for the other one of its pair, a minute at most.
        "for i in $(seq 300); do [ $(( $(ls tries | wc -l) % 2 )) = 0 ] && break; sleep 0.2; done; "
        "if [ {wildcards.i} = 3 ] && [ $(wc -l < tries/3) = 1 ]; then "
        "echo the reason is this; kill -9 $$; fi; date +%s.%N >> {output}"
    )
    options = ("--submitit-cluster", "local", "--submitit-gpus", "7", "--retries", "1")
    run = snakemake(tmp_path, command, *options, "--set-resources", "gpu:gpu_share=2")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    assert said.count("Trying to restart") == 1
    assert "the reason is this" in said
    assert [(tmp_path / f"tries/{i}").read_text().split() for i in range(4)] == [
        *[["2"]] * 3,
        ["2", "1"],
    ]
    changes = []
    for i in range(4):
        start, gpu, end = (tmp_path / f"out/{i}").read_text().split("\n")[:3]
        assert gpu == "gpu 7"
        changes += [(float(start), 1), (float(end), -1)]
    changes.sort()
    assert max(itertools.accumulate(change for _, change in changes)) == 2


@pytest.mark.parametrize("cluster", ["local", "debug"])
def test_one_job_fails_alone_and_its_own_words_are_shown(tmp_path: Path, cluster: str):
    command = "if [ {wildcards.i} = 3 ]; then echo the reason is this; exit 3; fi"
    run = snakemake(tmp_path, command, "--submitit-cluster", cluster)
    said, _ = run.communicate()
    assert run.returncode == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("*")) == ["0", "1", "2"], said
    assert "the reason is this" in said
    assert "submitit/core" not in said  # no traceback of what ran it


def test_an_interrupted_snakemake_stops_its_jobs(tmp_path: Path):
    command = "sleep 600"
    run = snakemake(tmp_path, command, "--submitit-cluster", "local")
    while len(list((tmp_path / "out").glob("*"))) < 4:
        assert run.poll() is None
        time.sleep(0.2)
    started = psutil.Process(run.pid).children(recursive=True)
    assert sum("sleep" in process.name() for process in started) == 4
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert run.returncode
    assert end_within(60, started)


def test_a_cluster_that_there_is_not_is_told(tmp_path: Path):
    run = snakemake(tmp_path, "true", "--submitit-cluster", "sge")
    said, _ = run.communicate()
    assert run.returncode == 1
    assert "--submitit-cluster sge: expected one of slurm, local, debug" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_the_profile_trains_without_slurm(tmp_path: Path):
    write_project(tmp_path)
    run = subprocess.run(
        [
            *(str(BIN / "snakemake"), "--profile", str(ROOT / "profiles/submitit")),
            *("--snakefile", str(ROOT / "workflow/Snakefile"), "--submitit-cluster", "local"),
            *("--seconds-between-status-checks", "1", "--config", "fractions=[n4]"),
        ],
        cwd=tmp_path,
        env=preloaded_environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert run.returncode == 0, run.stdout
    [log] = (tmp_path / ".snakemake/log").glob("*.snakemake.log")
    assert "Submitted 2 jobs of train" in log.read_text()
    assert (tmp_path / "results/tables/summary.md").exists()
