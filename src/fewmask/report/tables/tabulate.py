"""The tables of an experiment, in full and for people."""

from dataclasses import dataclass, replace

import pandas as pd

from fewmask.planning.requested import Requested
from fewmask.report.figures.method_looks import shown_methods
from fewmask.report.results.bootstrap import Scores, bootstrap
from fewmask.report.results.histories import History, histories
from fewmask.report.results.runs import Runs
from fewmask.report.tables.comparison import comparison, comparison_table, with_marks
from fewmask.report.tables.cost import cost_summary, cost_table
from fewmask.report.tables.label_savings import label_savings, label_savings_table, with_savings
from fewmask.report.tables.last_weights import last_weights_summary, last_weights_table
from fewmask.report.tables.page import Table
from fewmask.report.tables.pseudo_masks import pseudo_masks_summary, pseudo_masks_table
from fewmask.report.tables.published import published, published_table
from fewmask.report.tables.search import search_summary, search_table
from fewmask.report.tables.search_effect import effect_sentences, search_effect
from fewmask.report.tables.statistics import summary
from fewmask.report.tables.suggestions import (
    suggestion_sentences,
    suggestions,
    suggestions_table,
)
from fewmask.report.tables.summary import summary_table
from fewmask.report.tables.task_losses import task_losses_summary, task_losses_table
from fewmask.report.tables.verdicts import verdicts


@dataclass(frozen=True)
class Results:
    """The tables of an experiment, in full."""

    summary: pd.DataFrame
    comparison: pd.DataFrame
    label_savings: pd.DataFrame
    suggestions: pd.DataFrame
    published: pd.DataFrame
    search: pd.DataFrame
    search_effect: pd.DataFrame
    cost: pd.DataFrame
    pseudo_masks: pd.DataFrame
    last_weights: pd.DataFrame
    task_losses: pd.DataFrame
    scores: Scores
    histories: dict[str, list[History]]
    """By dataset, those of the trainings that a table or a figure shows."""

    @property
    def shown(self) -> pd.DataFrame:
        """The summary with what the comparisons say."""
        return with_marks(with_savings(self.summary, self.label_savings), self.comparison)

    def pages(self, requested: Requested) -> dict[str, tuple[pd.DataFrame, Table]]:
        """Every table in full, and for people."""
        compared, savings, scores = self.comparison, self.label_savings, self.scores
        findings = [
            *effect_sentences(requested, self.search_effect),
            *suggestion_sentences(requested, self.suggestions),
            *verdicts(requested, self.summary, compared, savings),
        ]
        shown = replace(summary_table(requested, self.shown), findings=findings)
        return {
            "summary": (self.summary, shown),
            "comparison": (compared, comparison_table(requested, compared, scores)),
            "label_savings": (savings, label_savings_table(requested, savings, scores)),
            "suggestions": (
                self.suggestions,
                suggestions_table(requested, self.suggestions, scores),
            ),
            "published": (self.published, published_table(requested, self.published)),
            "search": (self.search, search_table(requested, self.search, self.search_effect)),
            "cost": (self.cost, cost_table(requested, self.cost)),
            "pseudo_masks": (self.pseudo_masks, pseudo_masks_table(requested, self.pseudo_masks)),
            "last_weights": (self.last_weights, last_weights_table(requested, self.last_weights)),
            "task_losses": (self.task_losses, task_losses_table(requested, self.task_losses)),
        }


def tabulate(requested: Requested, collected: Runs, threads: int = 1) -> Results:
    """The tables of the runs that are there; so many threads compute their scores on samples of
    test images. Raises FewmaskError: a file is damaged."""
    table, runs = summary(requested, collected.table), collected.table
    metric = requested.metrics[0]
    trainings = collected.trainings
    if len(requested.tasks) == 1:  # else the table of losses shows all
        trainings = collected.trainings_by(shown_methods(requested, table))
    read = {
        dataset: histories(requested.results, trainings, dataset) for dataset in requested.datasets
    }
    is_compared = len(requested.methods) > 1 or requested.suggestions
    scores = bootstrap(requested, runs, metric, threads) if is_compared else Scores(metric)
    return Results(
        summary=table,
        comparison=comparison(requested, table, scores),
        label_savings=label_savings(requested, table, scores),
        suggestions=suggestions(requested, table, scores),
        published=published(requested, table, runs),
        search=search_summary(requested),
        search_effect=search_effect(requested, scores),
        cost=cost_summary(requested, collected),
        pseudo_masks=pseudo_masks_summary(requested, collected.pseudo_masks),
        last_weights=last_weights_summary(requested, collected.last_weights),
        task_losses=task_losses_summary(requested, read),
        scores=scores,
        histories=read,
    )
