"""Everything a person reads of an experiment: written in one go."""

import sys
from pathlib import Path

from fewmask.config.asked import Asked
from fewmask.errors import FewmaskError
from fewmask.files import written_whole
from fewmask.report.bootstrap import bootstrap
from fewmask.report.comparison import comparison, comparison_markdown, with_marks
from fewmask.report.cost import cost_markdown, cost_summary
from fewmask.report.examples import examples
from fewmask.report.figures import label_curve
from fewmask.report.label_savings import label_savings, label_savings_markdown, with_savings
from fewmask.report.markup import latex, markdown
from fewmask.report.pseudo_masks import pseudo_masks_markdown, pseudo_masks_summary
from fewmask.report.runs import Runs, collect
from fewmask.report.savings_figure import savings_figure
from fewmask.report.style import save
from fewmask.report.tables import summary, write_csv

NAMED = 5
"""How many files a message names."""


METRIC_OF_TASK = {"depth": "depth_absolute_error", "normal": "normal_mean_angle"}
"""Known of every run that tells depths or normals."""


def summarise(asked_json: str, tables: Path, figures: Path, partial: bool = False) -> None:
    """Write the tables and figures of an experiment.

    Args:
        asked_json: what ``Grid.asked`` returns.
        tables: the folder for runs.csv, summary.csv, .md and .tex; and .csv and .md of
            comparison, label_savings, cost and pseudo_masks, which say so where there is nothing
            to tell.
        figures: the folder for label_curve, label_savings and examples, each as .svg and .png;
            where depths or normals are learnt also depth_examples and normal_examples.
        partial: make do with the runs that are there; every row says how many they are.

    Raises:
        FewmaskError: a run is missing, or with ``partial`` all are; or a file is damaged.
    """
    asked = Asked.model_validate_json(asked_json)
    found = collect(asked)
    _check_runs(found, partial)
    runs, table = found.table, summary(asked, found.table)
    pseudo_masks = pseudo_masks_summary(asked, found.pseudo_masks)
    cost = cost_summary(asked, runs, found.jobs)
    scores = bootstrap(asked, runs)
    compared = comparison(asked, table, scores)
    savings = label_savings(asked, table, scores)
    # Drawn before anything is written: a damaged file leaves all the results of before as they are.
    drawn = {
        "label_curve": label_curve(asked, runs, table),
        "label_savings": savings_figure(asked, table, savings),
        "examples": examples(asked, runs),
    }
    for task, metric in METRIC_OF_TASK.items():
        if metric in runs:
            told = runs[runs[metric].notna()]
            drawn[f"{task}_examples"] = examples(asked, told, task)
    write_csv(runs, tables / "runs.csv")
    write_csv(table, tables / "summary.csv")
    write_csv(compared, tables / "comparison.csv")
    write_csv(savings, tables / "label_savings.csv")
    write_csv(pseudo_masks, tables / "pseudo_masks.csv")
    write_csv(cost, tables / "cost.csv")
    shown = with_marks(with_savings(table, savings), compared)
    for name, text in {
        "summary.md": markdown(asked, shown),
        "summary.tex": latex(asked, shown),
        "comparison.md": comparison_markdown(asked, compared, scores),
        "label_savings.md": label_savings_markdown(asked, savings, scores),
        "pseudo_masks.md": pseudo_masks_markdown(asked, pseudo_masks),
        "cost.md": cost_markdown(asked, cost),
    }.items():
        with written_whole(tables / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for name, figure in drawn.items():
        save(figure, figures / name)


def _check_runs(found: Runs, partial: bool) -> None:
    wanted = len(found.table) + len(found.missing)
    if found.outdated:
        print(
            f"{len(found.outdated)} metrics files are of earlier settings and count as missing:"
            f"{_named(found.outdated)}",
            file=sys.stderr,
        )
    if found.table.empty:
        raise FewmaskError(
            f"{found.missing[0]}: not there, and none of the {wanted} runs is\n"
            f"  run the workflow first: snakemake"
        )
    if found.missing and not partial:
        raise FewmaskError(
            f"{len(found.missing)} of {wanted} runs are missing:{_named(found.missing)}\n"
            f"  run the workflow again, or ask for what is there: snakemake partial"
        )


def _named(paths: list[Path]) -> str:
    named = "".join(f"\n  {path}" for path in paths[:NAMED])
    return named + (f"\n  and {len(paths) - NAMED} more" if len(paths) > NAMED else "")
