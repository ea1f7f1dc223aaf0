"""All files of the report in one go, complete and partial, and what stands in the way."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.planning.requested import Requested, fingerprint
from fewmask.report.contents import files
from fewmask.report.summarise import summarise
from tests.report.synthetic_runs import TRAINED, requested, write_run


def files_of(**axes):
    """What the workflow's rule says is written."""
    return sorted(file.path.removeprefix("results/") for file in files(requested(**axes)))


def written():
    return sorted(str(path) for part in ("tables", "figures") for path in Path(part).rglob("*.*"))


def test_everything_is_written_and_the_same_again(project):
    for seed in (0, 1):
        for method in ("supervised", "b"):
            write_run(method=method, seed=seed, miou=0.5 + 0.1 * seed)
    contents = []
    for processes in (1, 2):
        grid = {"methods": ["supervised", "b"], "seeds": [0, 1]}
        summarise(requested(**grid), Path("tables"), Path("figures"), processes=processes)
        assert written() == files_of(**grid)
        contents.append([Path(name).read_bytes() for name in written()])
    assert contents[0] == contents[1]
    assert len(pd.read_csv("tables/runs.csv")) == 4
    assert pd.read_csv("tables/summary.csv")["miou_mean"].tolist() == [pytest.approx(0.55)] * 2


def test_missing_runs_are_counted_and_the_first_are_named(project):
    write_run(seed=0)
    with pytest.raises(FewmaskError) as error:
        summarise(requested(seeds=list(range(10))), Path("tables"), Path("figures"))
    lines = str(error.value).splitlines()
    assert lines[0] == "9 of 10 runs are missing:"
    assert lines[1] == "  results/metrics/scenes/supervised/n10/1.json"
    assert lines[6] == "  and 4 more"
    assert "snakemake partial" in lines[7]
    assert written() == []


def test_partial_makes_do_and_says_so_on_every_row(project):
    write_run(method="a", seed=0)
    grid = {"methods": ["a", "b"], "seeds": [0, 1]}
    summarise(requested(**grid), Path("tables"), Path("figures"), partial=True)
    assert written() == files_of(**grid)
    table = pd.read_csv("tables/summary.csv")
    assert table[["seeds", "seeds_requested"]].to_numpy().tolist() == [[1, 2], [0, 2]]
    assert "1 of 2" in Path("tables/summary.md").read_text()
    assert "0 of 2" in Path("tables/summary.tex").read_text()


def test_seeds_that_are_left_out_are_not_missing(project):
    grid = requested(
        methods=["supervised", "b"],
        fractions=["n10", "n20"],
        seeds=[0, 1, 2],
        leave_out=[{"method": "b", "fraction": "n20", "seed": 2}],
    )
    for cell in grid.cells():
        for seed in grid.seeds_of(*cell):
            write_run(*cell, seed=seed, miou=0.5 + 0.1 * seed)
    summarise(grid, Path("tables"), Path("figures"))
    summary, compared, savings, cost = (
        pd.read_csv(f"tables/{name}.csv", dtype={"fraction": str})
        for name in ("summary", "comparison", "label_savings", "cost")
    )
    seeds = ["seeds", "seeds_requested"]
    assert summary[seeds].to_numpy().tolist() == [[3, 3], [3, 3], [3, 3], [2, 2]]
    assert compared[seeds].to_numpy().tolist() == [[3, 3], [2, 2]]
    assert savings[seeds].to_numpy().tolist() == [[3, 3], [2, 2]]
    assert cost["runs_requested"].tolist() == [6, 5, 11]
    text = Path("tables/summary.md").read_text()
    assert "over 2 to 3 seeds" in text
    assert "Incomplete" not in text


def test_partial_names_the_metrics_of_earlier_settings(project, capsys):
    write_run(method="a")
    outdated = write_run(method="b", trainings=[TRAINED | {"steps": 50}])
    grid = requested(methods=["a", "b"], trainings=[fingerprint([TRAINED])] * 2)
    summarise(grid, Path("tables"), Path("figures"), partial=True)
    assert pd.read_csv("tables/summary.csv")["seeds"].tolist() == [1, 0]
    assert (
        f"were made with other settings and count as missing:\n  {outdated}"
        in capsys.readouterr().err
    )
    with pytest.raises(FewmaskError, match="1 of 2 runs are missing"):
        summarise(grid, Path("tables"), Path("figures"))


@pytest.mark.parametrize("partial", [False, True])
def test_without_any_run(project, partial):
    with pytest.raises(FewmaskError, match="none of the 1 runs is finished") as error:
        summarise(requested(), Path("tables"), Path("figures"), partial)
    assert str(error.value).startswith("results/metrics/scenes/supervised/n10/0.json")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_damaged_file_leaves_the_results_of_before(project, processes):
    path = write_run()
    summarise(requested(), Path("tables"), Path("figures"))
    before = [Path(name).read_bytes() for name in written()]
    path.with_suffix(".examples.h5").write_bytes(b"")
    with pytest.raises(FewmaskError, match=r"examples\.h5"):
        summarise(requested(), Path("tables"), Path("figures"), processes=processes)
    assert [Path(name).read_bytes() for name in written()] == before


def test_neither_torch_nor_a_window_is_needed():
    code = (
        "import sys, fewmask.report.summarise\n"
        "sys.exit(str({'torch', 'matplotlib.pyplot'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("learns_pseudo_masks", [False, True])
@pytest.mark.parametrize("tasks", [[], ["depth", "normal"]])
@pytest.mark.parametrize("methods", [["a"], ["a", "b"]])
def test_names_and_places_of_files_are_all_different(methods, tasks, learns_pseudo_masks):
    grid = requested(
        datasets=["pets", "my-scenes"],
        methods=methods,
        tasks=tasks,
        learns_pseudo_masks=learns_pseudo_masks,
    )
    found = files(grid)
    assert len({file.name for file in found}) == len({file.path for file in found}) == len(found)
    assert all(file.name.isidentifier() for file in found)
    shown = [(file.category, file.shows) for file in found if file.category]
    assert len(set(shown)) == len(shown)
    for category in ("1 Results", "2 Images", "3 Training"):
        numbers = {int(shows[0]) for where, shows in shown if where == category}
        assert numbers == set(range(1, len(numbers) + 1)), "without gaps"
    names = {file.caption for file in found if file.category}
    has = {"comparison_table", "label_savings_figure"} <= names
    assert has == (len(methods) > 1)
    assert ("examples_figure" in names) == bool(tasks)
    assert {"pseudo_masks_table", "pseudo_masks_figure"} <= names or not learns_pseudo_masks


SEARCH = {
    **{"dataset": "pets", "method": "a", "fraction": "n10"},
    **{"rungs": 2, "seeds": [100], "stages": ["pets/{trained_as}/n10/{seed}/last"]},
}
"""A search that has tried nothing yet."""


def everything() -> Requested:
    """An experiment with every table and figure."""
    return requested(
        datasets=["pets", "scenes"],
        methods=["a", "b", "c"],
        seeds=[0, 1],
        tasks=["depth", "normal"],
        learns_pseudo_masks=True,
        keeps_last_weights=True,
        restored_by=["b/pretrain"],
        searches=[SEARCH],
        published={"source": "a paper"},
        suggestions={"suggested": {"method": "a", "fraction": "n10", "count": 5}},
        sweep={"setting": "x", "values": {"a": 1, "b": 2}},
    )


def test_entries_of_the_report_are_in_their_order_when_sorted_by_name():
    shown = [file.shows for file in files(everything()) if file.category == "1 Results"]
    assert len(shown) > 9
    assert shown == sorted(shown)


def test_every_caption_is_there():
    captions = {file.caption for file in files(everything()) if file.category}
    folder = Path(__file__).parents[2] / "workflow/report"
    assert captions | {"workflow"} == {path.stem for path in folder.glob("*.rst")}
