"""What tests share: the real images, a small project, and a hypothesis profile."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from fewmask.config.stage import Stage

# Before torch is imported, and for all children: more processes run the tests than CI has cores.
os.environ["OMP_NUM_THREADS"] = "1"

# Machines that run tests are shared: how long an example takes says nothing.
settings.register_profile("fewmask", deadline=None)
settings.load_profile("fewmask")

# A shell has its background jobs ignore Ctrl-C, and children, which tests send it to, inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent

SMALL_UNET = {"name": "unet", "decoder_channels": [16, 8, 4]}
"""A decoder that is quick to train."""

SMALL_NETWORK = {
    "encoder": "tu-test_efficientnet",
    "weights": "none",
    "architecture": SMALL_UNET,
}
"""It is built and saved in no time, and is quick also in 16 bits, which processors are slow in."""

SMALL_RESNET = SMALL_NETWORK | {"encoder": "resnet18"}
"""A network whose encoder has residual stages."""

SLOW = (
    "slurm/test_slurm_faults",
    "slurm/test_submitit_faults",
    "mutations",
    "workflow",
    "slurm",  # when the first two are done: more than two clusters at a time are slow
    "training",
)
"""Where long test files are, by the start of their paths. They are run first, so that no process is
left with one at the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files come first; what takes all night is run only where it is asked for, by
    ``-m nightly``."""
    items.sort(key=_place)
    if "nightly" not in config.option.markexpr:
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in set(nightly)]


def _place(item: pytest.Item) -> int:
    path = str(item.path.relative_to(ROOT / "tests"))
    return next((place for place, start in enumerate(SLOW) if path.startswith(start)), len(SLOW))


@pytest.fixture(autouse=True)
def _same_draws_every_time() -> None:
    """Tests that draw from torch's generator draw the same whatever ran before them."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real datasets; tests that need it are skipped by name without it."""
    folder = os.environ.get("FEWMASK_DATA")
    if not folder:
        pytest.skip("FEWMASK_DATA is not set: no real images")
    return Path(folder).resolve()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder to work in, with a config/ of its own."""
    for name in ("datasets", "methods", "experiments"):
        (tmp_path / "config" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset of 36 small rendered rooms, 32 x 32."""
    from tests.data.making import scenes_store

    return scenes_store(tmp_path_factory.mktemp("rooms") / "rooms.h5", 36, geometry=False)


@pytest.fixture(scope="session")
def rooms_with_geometry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rooms with their depths and normals."""
    from tests.data.making import scenes_store

    return scenes_store(tmp_path_factory.mktemp("geometry") / "rooms.h5", 36)


@pytest.fixture(scope="session")
def rooms_in_bands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rooms in six bands of 16 bits, with their depths and normals."""
    from tests.data.making import bands_store

    return bands_store(tmp_path_factory.mktemp("bands") / "rooms.h5", 36)


@pytest.fixture(scope="session")
def rooms_split(rooms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split of the rooms: 12 labelled, 8 unlabelled, 6 validation, 10 test."""
    from fewmask.data.splits import file as split_files

    roles = ["labelled"] * 12 + ["unlabelled"] * 8 + ["validation"] * 6 + ["test"] * 10
    path = tmp_path_factory.mktemp("split") / "0.csv"
    split_files.write(path, [f"scene_{i:05d}" for i in range(36)], roles)
    return path


def small_stage(**changes: Any) -> Stage:
    """A stage that trains in a second: a few steps of a tiny U-Net."""
    settings = {
        "network": SMALL_NETWORK,
        "objective": {"name": "supervised"},
        "optimiser": {"name": "adamw", "learning_rate": 0.003},
        "schedule": {"name": "cosine", "warmup_steps": 3},
        "steps": 20,
        "precision": "fp32",  # bf16 takes four times as long without a GPU
        "batch": {"labelled": 4},
        "augmentation": {"scale": [0.8, 1.2], "rotate": 10, "brightness": 0.2},
        "evaluation": {"every": 5},
    }
    return Stage.model_validate(settings | changes)
