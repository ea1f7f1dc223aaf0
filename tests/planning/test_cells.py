"""Which cells an experiment has, and names of cells that no file requests."""

from pathlib import Path

import pytest

from fewmask.core.cells import Run
from fewmask.core.errors import ConfigError
from fewmask.planning.grid import load_grid
from fewmask.planning.requested import requested_by
from tests.planning.chain import EXPERIMENT, METHOD, write

LEFT_OUT = "methods: [chain, longer]\nleave_out: [{method: longer, fraction: [n40, all]}]\n"


@pytest.fixture
def two_methods(small: Path) -> Path:
    """A project whose second method is run at one fraction alone."""
    write("methods/longer", METHOD.replace("steps: 50", "steps: 60"))
    write("config", EXPERIMENT.replace("methods: [chain]\n", LEFT_OUT))
    return small


def test_what_is_left_out_is_neither_run_nor_shown(two_methods: Path):
    grid = load_grid()
    every = ["0.05", "n40", "all"]
    expected = [("rooms", "chain", fraction) for fraction in every] + [("rooms", "longer", "0.05")]
    assert grid.experiment.cells() == requested_by(grid).cells() == expected
    assert [(run.method, run.fraction) for run in grid.runs[::2]] == [cell[1:] for cell in expected]
    assert len(requested_by(grid).trainings) == len(expected)


def test_seeds_may_be_left_out_of_some_cells(two_methods: Path):
    left_out = [{"seed": 1, "fraction": ["n40", "all"]}, {"method": "longer", "fraction": "n40"}]
    grid = load_grid(config={"leave_out": left_out})
    runs = {cell: grid.experiment.seeds_of(*cell) for cell in grid.experiment.cells()}
    assert runs == {
        ("rooms", "chain", "0.05"): [0, 1],
        ("rooms", "chain", "n40"): [0],
        ("rooms", "chain", "all"): [0],
        ("rooms", "longer", "0.05"): [0, 1],
        ("rooms", "longer", "all"): [0],
    }
    assert grid.runs == [Run(*cell, seed) for cell, seeds in runs.items() for seed in seeds]
    without = [*left_out, {"seed": [0, 1], "method": "longer"}]
    assert {method for _, method, _ in load_grid(config={"leave_out": without}).axes.cells()} == {
        "chain"
    }


def test_a_smaller_grid_keeps_what_fitted_the_larger(two_methods: Path):
    assert load_grid(config={"fractions": [0.05]}).runs
    assert load_grid(config={"methods": ["chain"], "example_fractions": ["n40"]}).runs


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"leave_out": [{}]}, "leave_out leaves nothing of the grid"),
        ({"leave_out": [{"method": "other"}]}, "leave_out.0: selects nothing of the grid"),
        ({"leave_out": [{"seed": 7}]}, "found: seed: 7"),
        ({"leave_out": [{"seed": -1}]}, "leave_out.0.seed"),
        ({"leave_out": [{"seed": [0, 1]}]}, "leave_out leaves nothing of the grid"),
        ({"leave_out": [{"stage": "first"}]}, "leave_out.0.stage: unknown key"),
        (
            {"example_fractions": ["n41"]},
            "n41 is no fraction of the experiment (did you mean n40?)",
        ),
        ({"sweep": {"setting": "x", "values": {"chain": 1}}}, "sweep.values: "),
        (
            {"sweep": {"setting": "x", "values": {"chain": 1, "shorter": 2}}},
            "sweep.values.shorter: shorter is no method of the experiment",
        ),
        (
            {"published": {"source": "x", "others": [{"method": "A", "values": {"n9": {}}}]}},
            "published.others.0.values.n9: n9 is no fraction",
        ),
        (
            {
                "published": {
                    "source": "x",
                    "others": [{"method": "A", "values": {"n40": {"a": 1}}}],
                }
            },
            "published.others.0.values.n40.a: there is no metric a",
        ),
        (
            {
                "published": {
                    "source": "x",
                    "others": [{"method": "A", "values": {"n40": {"miou": 55}}}],
                }
            },
            "miou is a share, from 0 to 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(two_methods: Path, config: dict, expected: str):
    with pytest.raises(ConfigError) as caught:
        load_grid(config=config)
    assert expected in str(caught.value)
