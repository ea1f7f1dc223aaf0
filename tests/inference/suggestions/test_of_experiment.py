"""Which networks an experiment has."""

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.inference.suggestions.of_experiment import networks_of
from fewmask.planning.grid import load_grid
from tests.small_project import write_project

FIRST = {"dataset": None, "method": None, "fraction": None}


def test_they_are_those_of_all_seeds_of_a_cell(project):
    write_project(project)
    grid = load_grid()
    folders = [f"results/stages/rooms/supervised/n8/{seed}/supervised" for seed in (0, 1)]
    for folder in folders:
        (project / folder).mkdir(parents=True)
        (project / folder / "weights.safetensors").touch()
    networks = networks_of(grid, FIRST | {"fraction": "n8"})
    assert [path.as_posix() for path in networks.weights] == [
        f"{folder}/weights.safetensors" for folder in folders
    ]
    assert networks.dataset.as_posix() == "results/datasets/rooms.h5"
    assert [path.as_posix() for path in networks.splits] == [
        f"results/splits/rooms/n8/{seed}.csv" for seed in (0, 1)
    ]
    with pytest.raises(FewmaskError, match=r"n4/0/.*: no such file \(2 of 2 networks are missing"):
        networks_of(grid, FIRST)
    with pytest.raises(FewmaskError, match=r"has no fraction n9.*\n  found: n4, n8"):
        networks_of(grid, FIRST | {"fraction": "n9"})
