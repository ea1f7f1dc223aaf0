"""Fractions that networks suggest: their jobs, and what is refused."""

import pytest

from fewmask.core.cells import Run
from fewmask.core.errors import ConfigError
from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from fewmask.planning.jobs import jobs
from tests.small_project import change_config, write_config, write_project

FIRST = {"method": "supervised", "fraction": "n4", "count": 2}
SECOND = {"method": "supervised", "fraction": "next_6", "count": 3}


@pytest.fixture
def suggesting(project):
    write_project(project)
    split = {"masks": "budget", "folds": 2, "test": "n12"}
    change_config(project, "datasets/rooms", split=split)

    def grid(seeds=(0, 1, 2, 3), fractions=("n4", "next_6", "next_9"), **suggestions):
        known = suggestions or {"next_6": FIRST, "next_9": SECOND}
        axes = {"seeds": list(seeds), "fractions": list(fractions)}
        change_config(project, "config", suggestions=known, **axes)
        return load_grid()

    return grid


def test_networks_that_share_their_masks_suggest(suggesting):
    grid = suggesting()
    inputs = JobArguments(grid).choose_inputs("rooms", "next_6", 1)
    assert inputs == {
        "dataset": "results/datasets/rooms.h5",
        "splits": [f"results/splits/rooms/n4/{seed}.csv" for seed in (2, 3)],
        "weights": [
            f"results/stages/rooms/supervised/n4/{seed}/supervised/weights.safetensors"
            for seed in (2, 3)
        ],
    }
    assert JobArguments(grid).suggested_split_inputs("rooms", "next_9", 3) == {
        "dataset": "results/datasets/rooms.h5",
        "extends": "results/splits/rooms/next_6/3.csv",
        "suggestions": "results/suggestions/rooms/next_9/1.csv",
    }


def test_a_run_depends_on_all_networks_that_suggest_its_images(suggesting):
    of_run = [
        (job.rule, job.cell) for job in jobs(suggesting(), Run("rooms", "supervised", "next_9", 1))
    ]
    trained = [cell for rule, cell in of_run if rule == "train"]
    assert trained == [
        f"rooms/supervised/{fraction}/{seed}/supervised"
        for fraction, seed in (("n4", 0), ("n4", 1), ("next_6", 0), ("next_6", 1), ("next_9", 1))
    ]
    chosen = [cell for rule, cell in of_run if rule == "choose"]
    assert chosen == ["rooms/next_6/0", "rooms/next_9/0"]


@pytest.mark.parametrize(
    ("suggestions", "said"),
    [
        ({"n6": FIRST}, "suggestions.n6: n6 already means a fraction"),
        ({"next_6": FIRST | {"fraction": "n5"}}, "supervised is not run on rooms at n5"),
        ({"next_6": FIRST | {"method": "other"}}, "other is not run on rooms at n4"),
        ({"next_9": SECOND, "next_6": FIRST}, "next_6 is a suggestion itself"),
        ({"next_6": FIRST | {"count": 0}}, "suggestions.next_6.count"),
    ],
)
def test_what_cannot_be_done_is_said(suggesting, suggestions, said):
    fractions = ["n4", *(name for name in suggestions if name != "n6")]
    with pytest.raises(ConfigError, match=said):
        suggesting(fractions=fractions, **suggestions)


def test_a_method_that_sees_all_masks_suggests_nothing(project, suggesting):
    write_config(
        project, "methods/bound", "extends: supervised\nstages: {supervised: {labels: all}}\n"
    )
    change_config(project, "config", methods=["supervised", "bound"])
    with pytest.raises(ConfigError, match="the last stage of bound sees all masks"):
        suggesting(fractions=["n4", "next_6"], next_6=FIRST | {"method": "bound"})
