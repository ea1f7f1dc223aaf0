"""What an experiment ends in: its files, and which of them the report shows, where and as what.

Snakemake imports this to plan, so nothing here imports numpy, pandas or matplotlib.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from fewmask.config.asked import Asked
from fewmask.paths import Layout

RESULTS, PICTURES, TRAINING, DATA = "1 Results", "2 Pictures", "3 Training", "4 Data"
"""The categories of the report, numbered because it sorts them by name; so are their entries."""

KINDS_OF_TABLE = ("csv", "html", "md")


class File(NamedTuple):
    """A file that `fewmask.report.summarise` writes."""

    name: str
    """What the rule calls it."""
    path: str
    category: str = ""
    """Where it stands in the report; empty: not in it."""
    shows: str = ""
    """What it is called there."""
    caption: str = ""
    """The name of its caption in workflow/report."""


TABLES = {
    "summary": (RESULTS, "1 Scores of all methods"),
    "comparison": (RESULTS, "3 Is it better? Every method against the reference"),
    "label_savings": (RESULTS, "4 Label savings, with intervals"),
    "published": (RESULTS, "6 Published beside measured"),
    "cost": (RESULTS, "8 Cost of all methods"),
    "pseudo_masks": (TRAINING, "2 Quality of pseudo-masks"),
}
FIGURES = {
    "label_curve": (RESULTS, "2 Figure: score against labelled images"),
    "label_savings": (RESULTS, "5 Figure: label savings"),
    "cost": (RESULTS, "9 Figure: cost against score"),
    "examples": (PICTURES, "1 The same test pictures for all runs"),
    "depth_examples": (PICTURES, "3 Depths of the same test pictures"),
    "normal_examples": (PICTURES, "4 Surface normals of the same test pictures"),
    "pseudo_masks": (TRAINING, "3 Figure: quality of pseudo-masks by stage"),
}
FIGURES_OF_DATASETS = {
    "class_iou": (RESULTS, "7 Figure: IoU of every class"),
    "cases": (PICTURES, "2 Worst and median test pictures"),
    "training_curves": (TRAINING, "1 Figure: training curves"),
}


def files(asked: Asked) -> list[File]:
    """Every table and figure of an experiment; tables that say nothing are not in the report."""
    found = [*_tables(asked), *_figures(asked)]
    return [_without_gaps(file, found) for file in found]


def _without_gaps(file: File, found: list[File]) -> File:
    """With the number that it has among those that are in the report."""
    if not file.shows[:1].isdigit():
        return file
    numbers = sorted({one.shows[0] for one in found if one.category == file.category})
    return file._replace(shows=f"{numbers.index(file.shows[0]) + 1}{file.shows[1:]}")


def figures(asked: Asked) -> list[str]:
    """The figures that an experiment has, below their folder and without their ending."""
    drawn = [name for name in FIGURES if name not in _without_content(asked)]
    return [*drawn, *map("/".join, product(FIGURES_OF_DATASETS, asked.datasets))]


def _without_content(asked: Asked) -> set[str]:
    """The tables and figures that have nothing to say of an experiment."""
    is_told = {
        "comparison": len(asked.methods) > 1,
        "label_savings": bool({*asked.methods} - {asked.compared_with, *asked.all_masks}),
        "published": asked.published is not None,
        "pseudo_masks": asked.learns_pseudo_masks,
        "depth_examples": "depth" in asked.tasks,
        "normal_examples": "normal" in asked.tasks,
    }
    return {name for name, told in is_told.items() if not told}


def _tables(asked: Asked) -> Iterator[File]:
    folder = Layout(asked.results).tables
    yield File("runs", f"{folder}/runs.csv", DATA, "runs.csv: every run", "runs")
    yield File("summary_tex", f"{folder}/summary.tex")
    for name, (category, shows) in TABLES.items():
        kinds = [File(f"{name}_{kind}", f"{folder}/{name}.{kind}") for kind in KINDS_OF_TABLE]
        if name not in _without_content(asked):
            csv, html, _ = kinds
            about = f"{name}.csv: {shows[2:].lower()}"
            kinds[0] = csv._replace(category=DATA, shows=about, caption=name)
            kinds[1] = html._replace(category=category, shows=shows, caption=f"{name}_table")
        yield from kinds


def _figures(asked: Asked) -> Iterator[File]:
    folder = Layout(asked.results).figures
    for stem in figures(asked):
        name, _, dataset = stem.partition("/")
        category, shows = (FIGURES | FIGURES_OF_DATASETS)[name]
        about = f"{shows}, {dataset}" if dataset and len(asked.datasets) > 1 else shows
        key = stem.replace("/", "_").replace("-", "_")
        svg = f"{folder}/{stem}.svg"
        yield File(f"figure_{key}_svg", svg, category, about, f"{name}_figure")
        yield File(f"figure_{key}_png", f"{folder}/{stem}.png")


def facts(asked: Asked) -> dict[str, object]:
    """What captions tell of an experiment, safe to be put into reStructuredText."""
    return {
        "title": _escaped(" ".join(asked.title.split())),
        "datasets": asked.datasets,
        "methods": {name: _escaped(text) for name, text in asked.descriptions.items()},
        "fractions": asked.fractions,
        "seeds": len(asked.seeds),
        "runs": len(asked.cells()) * len(asked.seeds),
        "reference": asked.compared_with,
        "spread": (
            f"mean and sample standard deviation over {len(asked.seeds)} seeds"
            if len(asked.seeds) > 1
            else "one seed, so that no spread is known"
        ),
        "told": sorted({*TABLES, *FIGURES} - _without_content(asked)),
        "published": _escaped(asked.published.source) if asked.published else "",
    }


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_|<>:])", r"\\\1", text)
