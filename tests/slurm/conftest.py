"""One cluster for all tests here; the same small grid without SLURM and without faults."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, missing_packages
from tests.slurm.head import forget_trainings, keep_figures, write_grid
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
    """The project as profiles/local leaves it, where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("expected")
    write_grid(folder)
    for options in ([], ["--config", "methods=[longer]", "seeds=[0]"]):
        answer = snakemake(folder, *options)
        assert answer.returncode == 0, answer.stdout
        keep_figures(folder)
    return folder


@pytest.fixture
def project(expected: Path, tmp_path: Path) -> Path:
    """The project with prepared pictures and splits, and nothing trained."""
    folder = tmp_path / "project"
    shutil.copytree(expected, folder, symlinks=True)
    forget_trainings(folder)
    return folder
