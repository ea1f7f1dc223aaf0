"""What a job asks for, which GPU it has, how it is stopped, and the copy that it runs in."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.gpus import GpuPool
from snakemake_executor_plugin_submitit.request import Request
from snakemake_executor_plugin_submitit.sharing import allocations
from snakemake_executor_plugin_submitit.snapshot import Snapshot
from snakemake_executor_plugin_submitit.task import Command, Task


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


class TestSharing:
    @given(st.integers(0, 30), st.integers(1, 10))
    def test_groups_are_full_but_for_the_last_one(self, jobs: int, share: int):
        one = request(gpu=1, gpu_share=share, mem_mb=100)
        found = [*allocations(one, range(jobs))]
        groups = [group for _, groups in found for group in groups]
        assert [job for group in groups for job in group] == [*range(jobs)]
        assert [len(group) for group in groups[:-1]] == [share] * (len(groups) - 1)
        assert all(0 < len(group) <= share for group in groups)
        for asked, of_request in found:
            [members] = {len(group) for group in of_request}
            options = asked.sbatch()
            assert options["cpus_per_task"] == 2 * members
            assert options["additional_parameters"]["mem"] == f"{100 * members}M"
            assert options["additional_parameters"]["gpus"] == "1"

    def test_without_the_resource_each_has_its_own(self):
        [(asked, groups)] = allocations(request(gpu=1), "abc")
        assert (asked, groups) == (request(gpu=1), ["a", "b", "c"])


class TestTask:
    @staticmethod
    def task(folder: Path, *commands: str) -> Task:
        return Task([Command(one, folder / f"job.{i}") for i, one in enumerate(commands)])

    @staticmethod
    def ends(task: Task) -> list[tuple[bool, bool]]:
        """Whether each command has ended well, and whether it has failed."""
        return [(one.done.exists(), one.failed.exists()) for one in task.commands]

    @staticmethod
    def start(task: Task) -> int:
        """Run a task as in a job: the signal's handler runs in the middle of it, and what is to go
        on is written to a file."""
        child = os.fork()
        if child:
            return child

        def warned(*_: object) -> None:
            again = task.checkpoint().function
            with task.commands[0].files.with_name("again").open("wb") as file:
                pickle.dump(again, file)
            os._exit(0)

        signal.signal(signal.SIGUSR2, warned)
        try:
            task()
        except SystemExit as error:
            os._exit(error.code)
        os._exit(0)

    @staticmethod
    def wait_for(*paths: Path) -> None:
        while not all(path.exists() for path in paths):
            time.sleep(0.05)

    def test_the_warning_of_slurm_does_not_reach_the_command(self, tmp_path: Path):
        task = self.task(tmp_path, "kill -USR2 0; sleep 0.1")
        task()
        assert self.ends(task) == [(True, False)]

    def test_a_failure_is_the_exit_code(self, tmp_path: Path):
        task = self.task(tmp_path, "exit 3")
        with pytest.raises(SystemExit) as caught:
            task()
        assert caught.value.code == 3
        assert self.ends(task) == [(False, True)]

    def test_commands_run_side_by_side_and_one_that_is_killed_dies_alone(self, tmp_path: Path):
        met = "touch {own}; until [ -e {other} ]; do sleep 0.05; done; {then}"
        one = met.format(own=tmp_path / "a", other=tmp_path / "b", then="kill -9 $$")
        other = met.format(own=tmp_path / "b", other=tmp_path / "a", then="sleep 1")
        task = self.task(tmp_path, one, other)
        with pytest.raises(SystemExit):
            task()
        assert self.ends(task) == [(False, True), (True, False)]

    def test_all_are_told_to_stop_and_those_that_had_not_ended_go_on(self, tmp_path: Path):
        counts = "echo started >> {log}; "
        lasting = counts + (
            "trap 'sleep 0.5; echo saved >> {log}; exit 75' TERM; touch {ready}; "
            "[ $(grep -c saved {log}) = 1 ] || while true; do sleep 0.05; done"
        )
        texts = [counts + "exit 3", counts, lasting, lasting]
        logs, ready = ([tmp_path / f"{name}{i}" for i in range(4)] for name in ("log", "ready"))
        task = self.task(
            tmp_path,
            *(text.format(log=logs[i], ready=ready[i]) for i, text in enumerate(texts)),
        )
        job = self.start(task)
        self.wait_for(*ready[2:], task.commands[0].failed, task.commands[1].done)
        os.kill(job, signal.SIGUSR2)
        os.waitpid(job, 0)
        assert self.ends(task) == [(False, True), (True, False), (False, False), (False, False)]
        again = pickle.loads((tmp_path / "again").read_bytes())
        with pytest.raises(SystemExit):
            again()
        assert self.ends(task) == [(False, True), *[(True, False)] * 3]
        lines = [path.read_text().split() for path in logs]
        assert lines[:2] == [["started"]] * 2
        assert lines[2:] == [["started", "saved", "started"]] * 2

    def test_how_commands_end_when_slurm_ends_the_job_is_not_their_failure(self, tmp_path: Path):
        task = self.task(tmp_path, f"trap 'exit 75' TERM; touch {tmp_path}/ready; sleep 60 & wait")
        job = self.start(task)
        self.wait_for(tmp_path / "ready")
        [bash] = psutil.Process(job).children()
        os.kill(bash.pid, signal.SIGTERM)  # to one process after another
        os.kill(job, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]) == 75
        assert self.ends(task) == [(False, False)]


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
