"""Whatever is done to a file that a command reads, it says so or makes the same of it."""

from pathlib import Path

import pytest

from tests.mutations.project import Project
from tests.mutations.targets import Target, targets
from tests.mutations.trying import Trial

SEEDS = {
    **dict.fromkeys(["split-store", "inspect-store", "inspect-pseudo_masks"], 12),
    **dict.fromkeys(["evaluate-store", "evaluate-split", "evaluate-weights"], 10),
    **dict.fromkeys(["evaluate-training", "evaluate-quality", "predict-weights"], 10),
    **dict.fromkeys(["pseudo_label-split", "pseudo_label-weights"], 10),
    **dict.fromkeys(["train-store", "train-split", "train-start_from", "train-pseudo_masks"], 5),
    "train-checkpoint": 3,
    **dict.fromkeys(["summarise-metrics", "summarise-images", "summarise-history"], 5),
    **dict.fromkeys(["summarise-examples", "summarise-benchmark"], 2),
    **dict.fromkeys(["status-log", "plan-benchmark", "plan-training"], 20),
    **dict.fromkeys(["plan-dataset", "plan-method", "plan-experiment"], 40),
}
"""How many mutations of each target every run of the tests tries; those that take long, few."""

PARTS = 32
"""All night: so many times more, with other seeds."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def known(project: Project) -> dict[str, Target]:
    found = {target.name: target for target in targets(project)}
    assert found.keys() == SEEDS.keys()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.nightly) for part in range(1, PARTS))]
)
def test_a_damaged_file_is_told_or_makes_no_difference(
    name: str, part: int, project: Project, known: dict[str, Target], tmp_path: Path
) -> None:
    trial = Trial(project, known[name], tmp_path)
    seeds = range(part * SEEDS[name], (part + 1) * SEEDS[name])
    found = [mistake for seed in seeds if (mistake := trial.fails(seed))]
    assert not found, "\n\n".join(found)
