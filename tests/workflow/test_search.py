"""A small search through the real Snakemake, killed on both rungs; by night of two stages.

The tests of the class share a project and follow one another.
"""

import json
import time
from pathlib import Path

import pytest

from tests.small_project import change_config, write_project, write_refined
from tests.workflow.snakemake import (
    fewmask,
    kill_group,
    planned,
    snakemake,
    start_snakemake,
)

SEARCH = {"trials": 2, "rungs": [0.5, 1], "keep": 0.5}
RANKING = "results/search/rooms/{}/n8/rung_{}.json"
SLOT = "results/stages/rooms/{}_rung_2_slot_0/n8/100"


@pytest.fixture(
    scope="module", params=["supervised", pytest.param("refined", marks=pytest.mark.nightly)]
)
def method(request: pytest.FixtureRequest) -> str:
    """The method that is searched; its last stage has its name."""
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, method: str) -> Path:
    """The project that the tests of the class share."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    write_refined(folder)
    axes = {"methods": [method], "fractions": ["n8"], "seeds": [0]}
    change_config(folder, "config", search=SEARCH, **axes)
    return folder


def killed_when_there_is(folder: Path, pattern: str) -> None:
    """Start Snakemake, and kill it with all its jobs once a file is there."""
    process = start_snakemake(folder)
    while not list(folder.glob(pattern)):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    kill_group(process)


def content(folder: Path, path: str) -> dict:
    return json.loads((folder / path).read_text())


@pytest.mark.slow
class TestASearch:
    def test_a_kill_on_the_first_rung_and_one_on_the_second(self, folder: Path):
        killed_when_there_is(folder, "results/stages/rooms/*_trial_1/n8/100/*/tries.csv")
        killed_when_there_is(folder, f"{SLOT.format('*')}/*/tries.csv")
        answer = snakemake(folder)
        assert answer.returncode == 0, answer.stdout
        assert planned(folder) == {}

    def test_the_best_trial_goes_on_from_its_checkpoint(self, folder: Path, method: str):
        first, second = (content(folder, RANKING.format(method, rung)) for rung in (1, 2))
        scores = [one["score"] for one in first["trials"]]
        assert len(scores) == 2
        assert scores == sorted(scores, reverse=True)
        (best,) = second["trials"]
        assert best["trial"] == first["trials"][0]["trial"]
        tries = folder / SLOT.format(method) / method / "tries.csv"
        half = {"supervised": 3, "refined": 6}[method]
        assert tries.read_text().splitlines()[1].endswith(f"started,{half}")
        assert best["steps"] == 2 * half

    def test_the_searched_run_has_the_chosen_settings_in_all_stages(
        self, folder: Path, method: str
    ):
        chosen = content(folder, RANKING.format(method, 2))["trials"][0]["changes"]
        as_written, searched = (
            content(folder, f"results/metrics/rooms/{name}/n8/0.json")["provenance"]["stages"]
            for name in (method, f"{method}_searched")
        )
        for before, after in zip(as_written, searched, strict=True):
            rate = chosen.get("optimiser.learning_rate", before["optimiser"]["learning_rate"])
            assert after["optimiser"]["learning_rate"] == rate
            assert after["until"] == 1

    def test_no_trial_was_tested(self, folder: Path, method: str):
        tested = {path.name for path in (folder / "results/metrics/rooms").iterdir()}
        assert tested == {method, f"{method}_searched"}

    def test_an_archive_holds_the_search_too(self, folder: Path, tmp_path: Path):
        archive = tmp_path / "results.tar.gz"
        answer = fewmask(folder, "collect", "--output", str(archive))
        assert answer.returncode == 0, answer.stderr
        there = ["--tables", str(tmp_path / "tables"), "--figures", str(tmp_path / "figures")]
        answer = fewmask(tmp_path, "summarise", "--archive", str(archive), *there)
        assert answer.returncode == 0, answer.stderr
        for name in ("search.csv", "search.md", "summary.md"):
            before = (folder / "results/tables" / name).read_bytes()
            assert (tmp_path / "tables" / name).read_bytes() == before
        assert len((tmp_path / "tables/search.csv").read_text().splitlines()) == 1 + 2 + 1

    def test_status_knows_other_settings_without_snakemakes_records(
        self, folder: Path, method: str
    ):
        assert "2 done" in fewmask(folder, "status").stdout
        change_config(folder, "methods/supervised", stages={"supervised": {"steps": 8}})
        outdated = fewmask(folder, "status", "--outdated").stdout.split()
        assert "results/stages/rooms/supervised/n8/0/supervised/weights.safetensors" in outdated
        assert (
            f"results/stages/rooms/{method}_trial_0/n8/100/supervised/weights.safetensors"
            in outdated
        )
        assert (folder / RANKING.format(method, 2)).exists()
