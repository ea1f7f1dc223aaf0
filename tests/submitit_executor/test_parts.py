"""What a job asks for, which GPU it has, how it is stopped, and the copy that it runs in."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.gpus import GpuPool
from snakemake_executor_plugin_submitit.request import Request
from snakemake_executor_plugin_submitit.snapshot import Snapshot
from snakemake_executor_plugin_submitit.task import Task


def request(**resources: object) -> Request:
    return Request.of(SimpleNamespace(resources=resources, threads=2))


class TestRequest:
    def test_resources_become_options_of_sbatch(self):
        requested = request(
            runtime=90,
            mem_mb=2500,
            gpu=1,
            gpu_model="a100",
            slurm_partition="fast",
            slurm_extra="--signal=TERM@60 --exclude=n1,n2 --exclusive",
        )
        found = requested.sbatch()
        assert found["time"] == 90
        assert found["cpus_per_task"] == 2
        assert found["partition"] == "fast"
        assert found["additional_parameters"] == {
            "requeue": True,
            "mem": "2500M",
            "gpus": "a100:1",
            "exclude": "n1,n2",
            "exclusive": True,
        }

    def test_jobs_that_ask_for_the_same_are_equal(self):
        assert request(runtime=5, mem_mb=10) == request(mem_mb=10, runtime=5)
        assert request(runtime=5) != request(runtime=6)
        assert len({request(gpu=1), request(gpu=1), request()}) == 2

    def test_what_is_no_option_is_refused(self):
        with pytest.raises(ValueError, match=r"slurm_extra: '-x' is not an option --name=value"):
            request(slurm_extra="-x n1")


class TestGpuPool:
    @given(st.lists(st.integers(0, 3), max_size=12), st.randoms())
    def test_no_gpu_has_two_jobs(self, wanted: list[int], random):
        pool, held = GpuPool("0,1,2"), {}
        for job, gpus in enumerate(wanted):
            while not pool.room(gpus, 1):
                job_that_ends = random.choice([one for one, has in held.items() if has])
                pool.release(str(job_that_ends))
                del held[job_that_ends]
            held[job] = pool.take(gpus)
            pool.hold(str(job), held[job])
            assert len(held[job]) == gpus
            used = [gpu for taken in held.values() for gpu in taken]
            assert len(set(used)) == len(used)

    def test_so_many_jobs_as_there_is_room_for(self):
        pool = GpuPool("4,5,6")
        assert pool.room(1, 10) == 3
        assert pool.room(2, 10) == 1
        assert pool.room(0, 10) == 10
        assert pool.room(8, 10) == 1  # all that there are

    def test_without_gpus_jobs_run_all_the_same(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        pool = GpuPool(None)
        assert pool.room(1, 10) == 10
        assert pool.take(1) == ()

    def test_only_visible_ones_are_used(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
        assert GpuPool(None).take(2) == (2, 3)


class TestTask:
    def test_the_warning_of_slurm_does_not_reach_the_command(self, tmp_path: Path):
        done = tmp_path / "done"
        Task("kill -USR2 0; sleep 0.1", done)()
        assert done.exists()

    def test_a_failure_is_the_exit_code(self, tmp_path: Path):
        with pytest.raises(SystemExit) as caught:
            Task("exit 3", tmp_path / "done")()
        assert caught.value.code == 3
        assert not (tmp_path / "done").exists()

    def test_it_is_told_to_stop_waited_for_and_described_again(self, tmp_path: Path):
        task = Task(f"trap 'sleep 0.5; echo saved > {tmp_path}/log; exit 75' TERM; "
                    f"echo ready > {tmp_path}/log; while true; do sleep 0.05; done",
                    tmp_path / "done")  # fmt: skip
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # as in a job: the signal's handler runs in the middle of the task

            def warned(*_: object) -> None:
                again = task.checkpoint().function
                os.write(writer, again.command.encode())
                os._exit(0)

            signal.signal(signal.SIGUSR2, warned)
            task()
        while not (tmp_path / "log").exists():
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(child, signal.SIGUSR2)
        os.waitpid(child, 0)
        assert (tmp_path / "log").read_text() == "saved\n"
        assert os.read(reader, 10_000).decode() == task.command


class TestSnapshot:
    def test_what_is_copied_stays_and_all_else_is_shared(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "config").mkdir()
        (tmp_path / "config/a.yaml").write_text("before")
        (tmp_path / "results").mkdir()
        snapshot = Snapshot(["config"], Path("jobs"))
        (tmp_path / "config/a.yaml").write_text("after")
        seen = f"{snapshot.enter} && cat config/a.yaml && echo made > results/b"
        assert subprocess.run(seen, shell=True, capture_output=True).stdout == b"before"
        assert (tmp_path / "results/b").read_text() == "made\n"
        assert Path(snapshot.path_of("config/a.yaml")).read_text() == "before"
        assert snapshot.path_of("/elsewhere/Snakefile") == "/elsewhere/Snakefile"

    def test_a_name_that_is_not_there_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(WorkflowError, match="--submitit-snapshot: confg: not in"):
            Snapshot(["confg"], Path("jobs"))


def test_it_imports_nothing_of_fewmask():
    code = "import sys, snakemake_executor_plugin_submitit; print([*sys.modules])"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "'fewmask" not in modules
