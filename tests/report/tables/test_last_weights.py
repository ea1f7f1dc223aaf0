"""The table of selected and last weights, against values worked out by hand."""

import pytest

from fewmask.report.results.runs import collect
from fewmask.report.tables.last_weights import last_weights_summary, last_weights_table
from tests.report.synthetic_runs import requested, write_run


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_mean_and_spread_of_all_weights(project):
    for seed, (selected, last, ema) in enumerate([(0.5, 0.25, 0.5), (0.75, 0.5, 1.0)]):
        others = {"last": {"miou": last}, "last_ema": {"miou": ema}}
        write_run(method="fixmatch", seed=seed, miou=selected, last_weights=others)
        write_run(method="supervised", seed=seed, miou=0.5)
    grid = requested(methods=["supervised", "fixmatch"], seeds=[0, 1], metrics=["miou"])
    table = last_weights_summary(grid, collect(grid).last_weights)
    assert table["method"].tolist() == ["fixmatch"] * 3, "supervised kept none"
    assert table["weights"].tolist() == ["selected", "last", "last_ema"]
    assert table["miou_mean"].tolist() == pytest.approx([0.625, 0.375, 0.75])
    # The deviations from the mean are ± 0.125, ± 0.125 and ± 0.25: times the root of 2.
    assert table["miou_std"].tolist() == pytest.approx([0.125 * 2**0.5] * 2 + [0.25 * 2**0.5])
    lines = last_weights_table(grid, table).markdown().splitlines()
    assert cells(lines[-2])[1:] == ["n10", "fixmatch", "last", "37.5 ± 17.7", "2"]


def test_without_any_a_sentence_says_so(project):
    write_run()
    grid = requested()
    table = last_weights_summary(grid, collect(grid).last_weights)
    assert "kept the weights after its last step" in last_weights_table(grid, table).markdown()
