"""Draws figures and writes them, several at a time."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.core.progress import bar
from fewmask.report.figures.style import DPI, STYLED


class _Page(NamedTuple):
    """What is drawn, and the files that it is written to."""

    draw: Callable[[], Figure]
    svg: Path
    png: Path


_pages: list[_Page] = []
"""Those that a fork has from the process that started it, for what draws a figure holds all results
and cannot be sent. Nowhere else are there any."""


@contextmanager
def written(
    figures: Mapping[str, Callable[[], Figure]], folder: Path, processes: int
) -> Iterator[None]:
    """Draw figures and write them under temporary names, which become NAME.svg and NAME.png in a
    folder when the block ends without an error. The same figure always gives the same bytes.

    Raises:
        FewmaskError: what a figure shows is damaged, or one of several processes was killed.
    """
    with ExitStack() as drawn:
        pages = [
            _Page(draw, *(drawn.enter_context(written_whole(folder / f"{name}.{kind}"))
                          for kind in ("svg", "png")))
            for name, draw in figures.items()
        ]  # fmt: skip
        with bar("draw figures", len(pages)) as shown:
            for _ in _draw_all(pages, processes):
                shown.more(1)
        yield


def _draw_all(pages: list[_Page], processes: int) -> Iterator[None]:
    """Draw pages one after the other, or in processes; one item for each, once it is written."""
    if processes == 1:
        yield from map(_draw, pages)
        return
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, fork, _pages.extend, (pages,)) as pool:
        try:
            yield from pool.map(_draw_inherited, range(len(pages)))
        except BrokenProcessPool:
            raise FewmaskError(
                "a process that drew figures was killed, maybe for want of memory\n"
                "  mend: draw them one after the other, with --processes 1 (snakemake --cores 1)"
            ) from None


def _draw(page: _Page) -> None:
    write(page.draw(), page.svg, page.png)


def _draw_inherited(number: int) -> None:
    _draw(_pages[number])


@STYLED
def write(figure: Figure, svg: Path, png: Path) -> None:
    """Write a figure as two files."""
    figure.savefig(svg, format="svg", dpi=DPI, metadata={"Date": None})
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # Without transparency, which no page has and which takes a quarter of the time to be written;
    # level 3 takes three fifths of that of the default, for a few more bytes.
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    pixels.save(png, format="png", dpi=(DPI, DPI), compress_level=3)
