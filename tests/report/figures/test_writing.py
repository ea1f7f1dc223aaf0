"""Figures that are drawn side by side."""

import os
import signal
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from fewmask.core.errors import FewmaskError
from fewmask.report.figures.writing import written


def killed() -> Figure:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives")


def test_all_are_there_when_the_block_ends_and_none_before(tmp_path: Path):
    figures = {f"{name}/figure": Figure for name in ("a", "b", "c")}
    with written(figures, tmp_path, processes=2):
        assert not [*tmp_path.glob("*/figure.*")]
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*"))
    assert files == [f"{name}.{kind}" for name in figures for kind in ("png", "svg")]


def test_where_a_process_is_killed_it_is_one_message_and_nothing_is_written(tmp_path: Path):
    figures = {"whole": Figure, "killed": killed}
    with pytest.raises(FewmaskError, match=r"was killed.*\n  mend: .*--processes 1"):  # noqa: SIM117
        with written(figures, tmp_path, processes=2):
            raise AssertionError("the block is not reached")
    assert not list(tmp_path.iterdir())
