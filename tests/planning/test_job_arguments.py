"""What jobs are passed, so that they run again when, and only when, their result would change."""

from pathlib import Path

import yaml

from fewmask.planning.grid import load_grid
from fewmask.planning.job_arguments import JobArguments
from tests.planning.chain import write


def test_a_corrected_table_of_groups_is_another_argument(small: Path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", "data")
    table = Path("data/rooms/groups.csv")
    rooms = {
        "root": "rooms", "reader": {"name": "folder", "images": "*.jpg", "masks": "*.png"},
        "size": 64, "classes": ["a", "b"],
        "split": {"groups": {"file": table.name, "column": "patient"}},
    }  # fmt: skip

    def passed() -> str:
        write("datasets/rooms", yaml.safe_dump(rooms))
        return JobArguments(load_grid()).group_table("rooms")

    assert passed() == "", "it is not there"
    table.parent.mkdir(parents=True)
    table.write_text("name,patient\na,1\nb,1\n")
    before = passed()
    assert before == passed() != ""
    table.write_text("name,patient\na,1\nb,2\n")
    assert passed() != before
    rooms["split"] = {"groups": "(.*)_"}
    assert passed() == ""
