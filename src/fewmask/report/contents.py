"""The tables and figures of an experiment, and how the report lists them.

Snakemake imports this to plan, so nothing here imports numpy, pandas or matplotlib.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from fewmask.config.task import Task, tasks
from fewmask.core import escape
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested

RESULTS, IMAGES, TRAINING, DATA = "1 Results", "2 Images", "3 Training", "4 Data"
"""The categories of the report, numbered because it sorts them by name; so are their entries."""

KINDS_OF_TABLE = ("csv", "html", "md")


class File(NamedTuple):
    """A file that `fewmask.report.summarise` writes."""

    name: str
    """What the rule calls it."""
    path: str
    category: str = ""
    """Its category in the report; empty: it is not in the report."""
    shows: str = ""
    """Its title in the report."""
    caption: str = ""
    """The name of its caption in workflow/report."""


class Entry(NamedTuple):
    """A table, a figure, or a figure for every dataset."""

    kind: Literal["table", "figure", "figures"]
    name: str
    category: str
    shows: str


def examples_of(task: Task) -> str:
    """The name of the figure of a task's examples."""
    return f"{task.name}_examples"


def _examples(task: Task) -> Entry:
    shows = f"{task.title.capitalize()} of the same test images"
    return Entry("figure", examples_of(task), IMAGES, shows)


CONTENTS = (
    Entry("table", "summary", RESULTS, "Scores of all methods"),
    Entry("figure", "label_curve", RESULTS, "Figure: score against masks"),
    Entry("table", "comparison", RESULTS, "Is it better? Every method compared with the reference"),
    Entry("figure", "comparison", RESULTS, "Figure: difference from the reference"),
    Entry("table", "label_savings", RESULTS, "Label savings, with intervals"),
    Entry("figure", "ranks", RESULTS, "Figure: ranks of methods over datasets"),
    Entry("figure", "sweep", RESULTS, "Figure: score against a setting"),
    Entry("figure", "label_savings", RESULTS, "Figure: label savings"),
    Entry("table", "suggestions", RESULTS, "Suggested and random images"),
    Entry("table", "published", RESULTS, "Published beside measured"),
    Entry("figures", "class_iou", RESULTS, "Figure: IoU of every class"),
    Entry("table", "search", RESULTS, "Search of settings"),
    Entry("figures", "search", RESULTS, "Figure: score of trials against settings"),
    Entry("table", "cost", RESULTS, "Cost of all methods"),
    Entry("figure", "cost", RESULTS, "Figure: cost against score"),
    *map(_examples, tasks()),
    Entry("figure", "restored_images", IMAGES, "Test images, perturbed and restored"),
    Entry("figures", "cases", IMAGES, "Worst and median test images"),
    Entry("table", "last_weights", TRAINING, "Selected and last weights"),
    Entry("figures", "training_curves", TRAINING, "Figure: training curves"),
    Entry("table", "task_losses", TRAINING, "Losses of tasks"),
    Entry("figures", "task_losses", TRAINING, "Figure: losses of tasks"),
    Entry("table", "pseudo_masks", TRAINING, "Quality of pseudo-masks"),
    Entry("figure", "pseudo_masks", TRAINING, "Figure: quality of pseudo-masks by stage"),
)
"""In the order of the report."""


def files(requested: Requested) -> list[File]:
    """Every table and figure of an experiment; tables without content are not in the report."""
    folder = Layout(requested.results).tables
    listed = [
        File("runs", f"{folder}/runs.csv", DATA, "runs.csv: every run", "runs"),
        File("summary_tex", f"{folder}/summary.tex"),
    ]
    numbers: Counter[str] = Counter()
    absent = _without_content(requested)
    totals = Counter(entry.category for entry in CONTENTS if entry.name not in absent)
    for entry in CONTENTS:
        is_shown = entry.name not in absent
        numbers[entry.category] += is_shown
        # Of one width, for "10" comes before "2".
        number = str(numbers[entry.category]).zfill(len(str(totals[entry.category])))
        shows = f"{number} {entry.shows}"
        if entry.kind == "table":
            listed += (
                _table(requested, entry, shows) if is_shown else _table_files(requested, entry.name)
            )
        elif is_shown:
            listed += _figures(requested, entry, shows)
    return listed


def figures(requested: Requested) -> list[str]:
    """The figures that an experiment has, below their folder and without their ending."""
    absent = _without_content(requested)
    drawn = [one for one in CONTENTS if one.kind != "table" and one.name not in absent]
    return [stem for entry in drawn for stem in _stems(requested, entry)]


def _without_content(requested: Requested) -> set[str]:
    """The tables and figures that have nothing to say of an experiment."""
    has_content = {
        "comparison": len(requested.methods) > 1,
        "label_savings": bool(
            {*requested.methods} - {requested.compared_with, *requested.all_masks}
        ),
        "suggestions": bool(requested.suggestions),
        "published": requested.published is not None,
        "search": bool(requested.searches),
        "sweep": requested.sweep is not None,
        "pseudo_masks": requested.learns_pseudo_masks,
        "ranks": requested.has_ranks,
        "restored_images": any(requested.restored_by),
        "last_weights": requested.keeps_last_weights,
        "task_losses": len(requested.tasks) > 1,
        **{examples_of(task): task.name in requested.tasks for task in tasks()},
    }
    if not requested.has_images:
        has_content |= {entry.name: False for entry in CONTENTS if entry.category == IMAGES}
    return {name for name, is_shown in has_content.items() if not is_shown}


def _table_files(requested: Requested, name: str) -> list[File]:
    """The files of a table, none of them in the report."""
    folder = Layout(requested.results).tables
    return [File(f"{name}_{kind}", f"{folder}/{name}.{kind}") for kind in KINDS_OF_TABLE]


def _table(requested: Requested, entry: Entry, shows: str) -> list[File]:
    csv, html, md = _table_files(requested, entry.name)
    about = f"{entry.name}.csv: {entry.shows.lower()}"
    return [
        csv._replace(category=DATA, shows=about, caption=entry.name),
        html._replace(category=entry.category, shows=shows, caption=f"{entry.name}_table"),
        md,
    ]


def _stems(requested: Requested, entry: Entry) -> list[str]:
    names = [f"{entry.name}/{dataset}" for dataset in requested.datasets]
    return names if entry.kind == "figures" else [entry.name]


def _figures(requested: Requested, entry: Entry, shows: str) -> Iterator[File]:
    folder = Layout(requested.results).figures
    for stem in _stems(requested, entry):
        dataset = stem.partition("/")[2]
        about = f"{shows}, {dataset}" if dataset and len(requested.datasets) > 1 else shows
        key = stem.replace("/", "_").replace("-", "_")
        svg = f"{folder}/{stem}.svg"
        caption = "examples" if entry.name in map(examples_of, tasks()) else entry.name
        yield File(f"figure_{key}_svg", svg, entry.category, about, f"{caption}_figure")
        yield File(f"figure_{key}_png", f"{folder}/{stem}.png")


def facts(requested: Requested) -> dict[str, object]:
    """The facts of an experiment that captions state, escaped for reStructuredText."""
    literal = escape.restructured_text
    return {
        "title": literal(requested.title),
        "datasets": [literal(name) for name in requested.datasets],
        "methods": {
            literal(requested.title_of(name)): literal(text)
            for name, text in requested.descriptions.items()
        },
        "fractions": [literal(name) for name in requested.fractions],
        "seeds": requested.seeds_of_cells,
        "runs": len(requested.runs()),
        "reference": literal(requested.reference_title),
        "spread": (
            f"mean and sample standard deviation over {requested.seeds_of_cells} seeds"
            if len(requested.seeds) > 1
            else "one seed, so the spread is unknown"
        ),
        "contents": sorted({entry.name for entry in CONTENTS} - _without_content(requested)),
        "published": literal(requested.published.source) if requested.published else "",
    }
