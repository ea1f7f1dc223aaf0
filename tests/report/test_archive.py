"""Results in one file: the same tables come of it on any machine, and nothing else does."""

import base64
import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.planning.grid import load_grid
from fewmask.report.archive import pack
from fewmask.report.archive.pack import collect
from fewmask.report.archive.unpack import unpacked
from fewmask.report.contents import DATA, files
from fewmask.report.summarise import summarise
from tests.mutations.project import Project

Entries = dict[str, bytes | tarfile.TarInfo]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def project(finished: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(finished.folder)
    return finished


@pytest.fixture
def archive(project: Project, tmp_path: Path) -> Path:
    assert collect(project.grid, tmp_path / "results.tar.gz") == 2
    return tmp_path / "results.tar.gz"


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_tables_and_figures_are_the_same_elsewhere(
    project: Project, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here, there = tmp_path / "here", tmp_path / "there"
    summarise(project.requested, here / "tables", here / "figures")
    monkeypatch.chdir(tmp_path)  # where there are no results
    with unpacked(archive) as requested:
        summarise(requested, there / "tables", there / "figures")
        unpacked_to = Path(requested.results)
    assert not unpacked_to.exists()
    assert contents(there) == contents(here)
    assert {"tables/summary.csv", "figures/label_curve.png"} <= contents(here).keys()


def test_the_page_leaves_out_figures_of_datasets_without_runs(
    project: Project, archive: Path, tmp_path: Path
):
    with unpacked(archive) as requested:
        more = requested.model_copy(
            update={
                "datasets": [*requested.datasets, "another"],
                "trainings": None,
                "restored_by": [],
            }
        )
        where = tmp_path / "tables", tmp_path / "figures"
        summarise(more, *where, partial=True, page=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "figure_class_iou_another" not in text
    assert f"figure_class_iou_{requested.datasets[0]}" in text


def test_without_images_all_but_their_figures_is_the_same(
    project: Project, archive: Path, tmp_path: Path
):
    smaller = tmp_path / "smaller.tar.gz"
    collect(project.grid, smaller, images=False)
    written = {}
    for file in (archive, smaller):
        folder = tmp_path / file.stem
        with unpacked(file) as requested:
            assert any(Path(requested.results).rglob("*.h5")) == (file is archive)
            summarise(requested, folder / "tables", folder / "figures", page=folder / "page.html")
        written[file] = contents(folder)
    of_images = {name for name in written[archive] if re.search("/(cases/|.*_examples)", name)}
    assert of_images
    whole, without = written[archive], written[smaller]
    expected = whole.keys() - of_images - {"page.html"}
    assert without.keys() - {"page.html"} == expected
    assert all(without[name] == whole[name] for name in expected)


def test_one_page_shows_every_table_and_figure(archive: Path, tmp_path: Path):
    page = tmp_path / "results.html"
    with unpacked(archive) as requested:
        summarise(requested, tmp_path / "tables", tmp_path / "figures", page=page)
        shown = [file for file in files(requested) if file.category not in ("", DATA)]
    text = page.read_text()
    for svg in (tmp_path / "figures").rglob("*.svg"):
        assert base64.b64encode(svg.read_bytes()).decode() in text, svg
    for file in shown:
        assert f'id="{file.name}"' in text
        assert f'href="#{file.name}"' in text
    rows = (tmp_path / "tables/summary.html").read_text()
    table = rows[rows.index("<table>") : rows.index("</table>")]
    assert table in text
    assert not re.search(r'(src|href)="(?!data:|#)', text), "it needs nothing else"


def test_it_holds_no_weights_and_no_datasets(archive: Path):
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert names[:2] == ["manifest.json", "experiment.json"]
    stage = "results/stages/rooms/refined/n4/0/refined"
    assert {f"{stage}/training.json", f"{stage}/history.csv"} <= {*names}
    assert "results/stages/rooms/supervised/n4/0/supervised/pseudo_masks.json" in names
    assert "results/splits/rooms/n4/0.csv" in names
    others = {Path(name).suffix for name in names if not name.endswith(".examples.h5")}
    assert others == {".json", ".csv", ".tsv"}


def test_the_same_results_are_the_same_bytes(project: Project, archive: Path, tmp_path: Path):
    collect(project.grid, tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == archive.read_bytes()


def test_runs_that_are_not_finished(project: Project, tmp_path: Path):
    path, aside = Path("results/metrics/rooms/refined/n4/0.json"), tmp_path / "aside.json"
    path.rename(aside)
    try:
        with pytest.raises(FewmaskError, match=f"(?s)1 of 2 runs are not finished.*no {path}"):
            collect(project.grid, tmp_path / "a.tar.gz")
        assert not (tmp_path / "a.tar.gz").exists()
        assert collect(project.grid, tmp_path / "a.tar.gz", partial=True) == 1
    finally:
        aside.rename(path)
    with unpacked(tmp_path / "a.tar.gz") as requested:
        summarise(requested, tmp_path / "tables", tmp_path / "figures", partial=True)
    assert "1 of 2" in (tmp_path / "tables/summary.md").read_text()


def test_runs_of_other_settings_are_not_finished(project: Project, tmp_path: Path):
    grid = load_grid([], {"evaluation_size": "original"})
    for partial in (False, True):
        with pytest.raises(FewmaskError, match=r"(?s)2 of 2 runs .*made with other settings"):
            collect(grid, tmp_path / "a.tar.gz", partial)


def test_a_file_that_could_not_be_read_is_not_packed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pack, "LARGEST", 2000)
    with pytest.raises(FewmaskError, match=r"(?s)too large for an archive.*at most 2,000"):
        collect(project.grid, tmp_path / "a.tar.gz")
    assert not (tmp_path / "a.tar.gz").exists()


def link(entries: Entries) -> None:
    entry = tarfile.TarInfo("experiment.json")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    entries["experiment.json"] = entry


def changed(entries: Entries) -> None:
    name = next(name for name in entries if name.endswith("0.json"))
    entries[name] = entries[name].replace(b"0", b"1")


def of_another_format(entries: Entries) -> None:
    manifest = json.loads(entries["manifest.json"]) | {"format": 2}
    entries["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda entries: entries.clear(), "does not begin with manifest.json"),
        (lambda entries: entries.pop("manifest.json"), "does not begin with manifest.json"),
        (lambda entries: entries.pop("experiment.json"), "lacks 1 files, the first experiment"),
        (lambda entries: entries.update({"../../evil": b"x"}), "'../../evil', which its manifest"),
        (lambda entries: entries.update({"manifest.json": b"{}"}), "format: Field required"),
        (link, "'experiment.json' is no file of at most"),
        (changed, "0.json does not match its digest"),
        (of_another_format, "format 2; this version reads format 1"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(
    archive: Path, tmp_path: Path, change: Callable[[Entries], object], found: str
):
    entries: Entries = {}
    with tarfile.open(archive) as tar:
        entries |= {entry.name: tar.extractfile(entry).read() for entry in tar}
    change(entries)
    path = tmp_path / "changed.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, data in entries.items():
            if isinstance(data, tarfile.TarInfo):
                tar.addfile(data)
                continue
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    assert_refused(path, found)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_refused(archive: Path, tmp_path: Path, share: float):
    data = archive.read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(data[: int(share * len(data))])
    assert_refused(tmp_path / "cut.tar.gz", "")


def assert_refused(path: Path, found: str) -> None:
    with pytest.raises(FewmaskError) as error, unpacked(path):
        pass
    assert str(error.value).startswith(f"{path}: not an archive of results, or a damaged one: ")
    assert found in str(error.value)
