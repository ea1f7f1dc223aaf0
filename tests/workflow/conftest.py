"""One finished grid with a method of every kind, for all tests that read what a run leaves."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests.workflow.finished import write_finished
from tests.workflow.snakemake import snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished project, made once for all processes that run tests; to be read alone."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            half = folder.with_name("half_finished")
            write_finished(half)
            answer = snakemake(half)
            assert answer.returncode == 0, answer.stdout
            half.rename(folder)
    return folder
