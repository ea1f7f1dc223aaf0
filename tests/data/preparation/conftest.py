"""What the tests of preparation share."""

import subprocess

import pytest

from tests.data.making import make_folder
from tests.data.preparation.commands import STORE
from tests.data.preparation.serving import Server


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "served")
    yield server
    server.close()


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def receipt(tmp_path):
    return tmp_path / "results/downloads/mine.txt"


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder to work in, with a good dataset in data/mine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    make_folder(tmp_path / "data/mine")
    STORE.parent.mkdir(parents=True)
    yield tmp_path
    if STORE.parent.is_mount():
        subprocess.run(["umount", STORE.parent], check=True)
