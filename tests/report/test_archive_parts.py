"""Parts of an experiment that were run on several machines become one archive."""

import json
import shutil
from pathlib import Path

import pytest

from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.metrics.records import write_record
from fewmask.planning.grid import load_grid
from fewmask.planning.requested import Requested
from fewmask.report.archive.pack import collect
from fewmask.report.archive.parts import gather, read_part
from tests.mutations.project import Project
from tests.report.synthetic_runs import write_run
from tests.report.synthetic_search import METHODS, search, write_split

METRICS = Path("results/metrics/rooms")
BOTH = ("supervised", "refined")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def project(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A finished project, of which a test may remove results."""
    shutil.copytree(finished.folder, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return finished


@pytest.fixture
def parts(project: Project, tmp_path: Path) -> dict[str, Path]:
    """By method, an archive that has its run only."""
    archives = {}
    for method in BOTH:
        archives[method] = tmp_path / f"{method}.tar.gz"
        grid = load_grid([], {"methods": [method], "reference": None})
        assert collect(grid, archives[method]) == 1
    return archives


@pytest.mark.parametrize("here", [*BOTH, None])
def test_the_archive_of_parts_is_that_of_the_whole(
    project: Project, parts: dict[str, Path], tmp_path: Path, here: str | None
):
    collect(project.grid, tmp_path / "whole.tar.gz")
    keep = [METRICS / here] if here else []
    removed = [path for path in METRICS.iterdir() if path not in keep]
    for folder in removed:
        shutil.rmtree(folder)
    earlier = [parts[folder.name] for folder in removed]
    assert collect(project.grid, tmp_path / "parts.tar.gz", earlier=earlier) == 2
    assert (tmp_path / "parts.tar.gz").read_bytes() == (tmp_path / "whole.tar.gz").read_bytes()


def test_an_archive_may_be_replaced_by_itself_with_more(project: Project, parts: dict[str, Path]):
    shutil.rmtree(METRICS / "supervised")
    archive = parts["supervised"]
    assert collect(project.grid, archive, earlier=[archive]) == 2


def test_runs_that_no_part_has_are_missing(project: Project, parts: dict[str, Path]):
    shutil.rmtree(METRICS)
    archive = parts["supervised"]
    with pytest.raises(FewmaskError, match=f"(?s)1 of 2 runs are not finished.*{METRICS}/refined"):
        collect(project.grid, archive, earlier=[archive])
    assert collect(project.grid, archive, partial=True, earlier=[archive]) == 1


def test_runs_of_other_settings_are_not_taken(project: Project, parts: dict[str, Path]):
    shutil.rmtree(METRICS)
    grid = load_grid([], {"evaluation_size": "original"})
    with pytest.raises(FewmaskError, match="2 of 2 runs are not finished"):
        collect(grid, Path("a.tar.gz"), partial=True, earlier=[*parts.values()])


def test_an_archive_without_images_leaves_them_out_of_all(
    project: Project, parts: dict[str, Path], tmp_path: Path
):
    collect(project.grid, tmp_path / "whole.tar.gz", images=False)
    alone = load_grid([], {"methods": ["refined"], "reference": None})
    collect(alone, parts["refined"], images=False)
    shutil.rmtree(METRICS / "refined")
    collect(project.grid, tmp_path / "parts.tar.gz", earlier=[parts["refined"]])
    assert (tmp_path / "parts.tar.gz").read_bytes() == (tmp_path / "whole.tar.gz").read_bytes()


def test_runs_of_other_data_are_refused(project: Project, parts: dict[str, Path], tmp_path: Path):
    shutil.rmtree(METRICS / "refined")
    path = METRICS / "supervised/n4/0.json"
    record = json.loads(path.read_text())
    record["provenance"]["digests"]["dataset"] = "0" * 64
    write_record(path, record)
    expected = f"(?s)^{parts['refined']}: its runs of rooms .* in results\n.*leave the archive out"
    with pytest.raises(FewmaskError, match=expected):
        collect(project.grid, tmp_path / "a.tar.gz", earlier=[parts["refined"]])
    assert not (tmp_path / "a.tar.gz").exists()


def test_searched_runs_come_from_the_folder_of_their_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another machine may have chosen other settings, so its runs are not mixed with those here."""
    seeds = {"here": [0], "there": [0, 1, 2]}
    for name, own in seeds.items():
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        searches = [search(method) for method in ("fixmatch", "supervised")]
        for seed in own:
            write_run(method="fixmatch_searched", seed=seed)
            write_split("n10", seed, range(8), (8, 9))
        write_run(method="supervised", seed=0)
    monkeypatch.chdir(tmp_path / "there")
    write_run(method="supervised", seed=1)
    requested = Requested(
        title="Parts",
        datasets=["scenes"],
        methods=METHODS,
        fractions=["n10"],
        seeds=[0, 1, 2],
        reference="supervised",
        searches=searches,
    )
    folders = [str(tmp_path / name / "results") for name in seeds]
    parts = [read_part(requested, Path(folder), folder) for folder in folders]
    found = gather(requested, parts)
    assert {run: layout.results for run, layout in found.runs.items()} == {
        **{Run("scenes", "fixmatch_searched", "n10", seed): folders[1] for seed in (0, 1, 2)},
        Run("scenes", "supervised", "n10", 0): folders[0],
        Run("scenes", "supervised", "n10", 1): folders[1],
    }
    assert [layout.results for _, layout in found.searches] == [folders[1], folders[0]]
