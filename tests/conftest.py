"""What tests share: the real pictures, a small project, and a hypothesis profile."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Machines that run tests are shared: how long an example takes says nothing.
settings.register_profile("fewmask", deadline=None)
settings.load_profile("fewmask")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real datasets; tests that need it are skipped by name without it."""
    folder = os.environ.get("FEWMASK_DATA")
    if not folder:
        pytest.skip("FEWMASK_DATA is not set: no real pictures")
    return Path(folder).resolve()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder to work in, with a config/ of its own."""
    for name in ("datasets", "methods", "experiments"):
        (tmp_path / "config" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path
