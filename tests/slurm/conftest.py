"""One cluster for all tests here; the same small grid without SLURM and without faults."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.slurm.cluster import Cluster, missing_packages
from tests.slurm.submitter import forget_trainings, write_grid
from tests.workflow.snakemake import snakemake


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running SLURM; tests are skipped by name where its packages are not installed."""
    if missing := missing_packages():
        pytest.skip(f"no SLURM: apt-get install {' '.join(sorted(set(missing)))}")
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def expected(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as profiles/local leaves it, where nothing goes wrong; made once for all
    processes that run tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "expected"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            half = folder.with_name("half")
            write_grid(half)
            answer = snakemake(half)
            assert answer.returncode == 0, answer.stdout
            half.rename(folder)
    return folder


@pytest.fixture
def project(expected: Path, tmp_path: Path) -> Path:
    """The project with prepared images and splits, and nothing trained."""
    folder = tmp_path / "project"
    shutil.copytree(expected, folder, symlinks=True)
    forget_trainings(folder)
    return folder
