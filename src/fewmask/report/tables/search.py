"""Every trial of the searches, and what they chose."""

from pathlib import Path

import pandas as pd

from fewmask.config.ranges import Interval
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested
from fewmask.planning.requested_search import RequestedSearch
from fewmask.planning.search.names import written
from fewmask.planning.search.ranking import Ranking, read_ranking
from fewmask.planning.search.tried import Tried
from fewmask.report.results.searched_masks import SearchedMasks
from fewmask.report.tables.columns import NOTHING, called, count_text, number
from fewmask.report.tables.page import Table, TableRow
from fewmask.report.tables.search_effect import change_text

EDGE = 0.05
"""A setting that lies within this share of its range of one of the ends is at the edge."""

KEY = ["dataset", "method", "fraction"]


def search_summary(requested: Requested) -> pd.DataFrame:
    """Every trial on every rung, the best of a rung first.

    Returns:
        The columns dataset, method, fraction, rung, trial, trained_as, steps, metric, score (on the
        validation images; the mean over the seeds of the search), masks (of the images that the
        trials of the search are trained and ranked with), diverged (why it has none),
        chosen (of the last rung, the first), and a column for every setting that was searched,
        empty where a trial has it as it is written. Rungs that are not ranked yet are absent.

    Raises:
        FewmaskError: a ranking is damaged.
    """
    leading = [*KEY, "rung", "trial", "trained_as", "steps", "metric", "score", "masks"]
    leading += ["diverged", "chosen"]
    masks, rows = SearchedMasks(requested), []
    settings: dict[str, None] = {}
    for search in requested.searches:
        for rung, ranking in _rankings(requested, search).items():
            rows += _rows(search, rung, ranking, masks.of_search(search))
            settings |= dict.fromkeys(ranking.tried)
    return pd.DataFrame(rows, columns=[*leading, *settings])


def _rankings(requested: Requested, search: RequestedSearch) -> dict[int, Ranking]:
    """The rankings that are there, by the number of their rung."""
    paths = enumerate(map(Path, search.rankings(Layout(requested.results))), start=1)
    return {rung: read_ranking(path) for rung, path in paths if path.exists()}


def tried_by(requested: Requested, names: tuple[str, str, str]) -> dict[str, Tried]:
    """What the search of a dataset, method and fraction tries of every setting.

    Raises FewmaskError: a ranking is damaged.
    """
    search = next(one for one in requested.searches if one.names == names)
    paths = map(Path, search.rankings(Layout(requested.results)))
    return next(read_ranking(path).tried for path in paths if path.exists())


def _rows(
    search: RequestedSearch, rung: int, ranking: Ranking, masks: int
) -> list[dict[str, object]]:
    return [
        {
            **{name: getattr(search, name) for name in KEY},
            **one.model_dump(include={"trial", "trained_as", "steps", "score", "diverged"}),
            "rung": rung,
            "metric": ranking.metric,
            "masks": masks,
            "chosen": rung == search.rungs and place == 0,
            **one.changes,
        }
        for place, one in enumerate(ranking.trials)
    ]


def search_table(requested: Requested, summary: pd.DataFrame, effects: pd.DataFrame) -> Table:
    """What was chosen and what that changed, the reference's search first; a sentence where nothing
    was searched.

    Args:
        requested: the experiment.
        summary: what ``search_summary`` returns.
        effects: what ``search_effect`` returns.
    """
    name = f"Search of settings: {requested.title}"
    if summary.empty:
        return Table(name, ["This experiment has no search of settings, or none is ranked yet."])
    notes = [
        "Validation: the score of the trial that did best on the last rung, by which it was "
        "chosen, and that of trial 0, the method as it is written, on the last rung that it "
        "reached. Both are of the seeds of the search, and no trial was tested.",
        "Masks: that trials were trained and ranked with, on the seeds of the search. Those are "
        "mostly other images than those of the runs; Masks in the other tables counts both.",
        "Change on test: of the runs with the chosen settings from those with the settings as they "
        "are written, with 95 % intervals that hold together for all methods of a dataset and "
        "fraction.",
        *_diverged(summary),
        *_edges(requested, summary),
    ]
    header = ["Dataset", "Fraction", "Method", "Masks", "Trials", "Chosen", "Validation"]
    header += ["As written", "Change on test", "Settings"]
    chosen = summary[summary["chosen"]]
    is_baseline = chosen["method"] == written(requested.compared_with)
    ordered = pd.concat([chosen[is_baseline], chosen[~is_baseline]])
    rows = [_cells(requested, summary, effects, row) for _, row in ordered.iterrows()]
    return Table(name, notes, header, "lllrrrrrrl", rows)


def _cells(
    requested: Requested, summary: pd.DataFrame, effects: pd.DataFrame, row: pd.Series
) -> TableRow:
    of_method = effects[(effects[KEY] == row[KEY]).all(axis=1)]
    own = summary[(summary[KEY] == row[KEY]).all(axis=1)]
    as_written = own[own["trial"] == 0].iloc[-1]
    metric = row["metric"]
    return [
        *(row["dataset"], row["fraction"], row["method"]),
        *(count_text(row["masks"]), str(own["trial"].nunique())),
        "as written" if row["trial"] == 0 else f"trial {row['trial']}",
        f"{called(metric)} {number(metric, row['score'])}",
        f"{number(metric, as_written['score'])} (rung {as_written['rung']})",
        change_text(of_method.iloc[0]) if len(of_method) else NOTHING,
        ", ".join(f"{name} {_text(value)}" for name, value in _changes(requested, row).items()),
    ]


def _changes(requested: Requested, row: pd.Series) -> dict[str, object]:
    tried = tried_by(requested, tuple(row[KEY]))
    return {name: row[name] for name in tried if not pd.isna(row[name])}


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _diverged(summary: pd.DataFrame) -> list[str]:
    """A sentence for every search of which trials diverged."""
    first_rung = summary[summary["rung"] == 1]
    sentences = []
    for names, own in summary.groupby(KEY, sort=False):
        dataset, method, fraction = names
        diverged = own[own["diverged"].notna()].drop_duplicates("trial")
        if len(diverged):
            count = (first_rung[KEY] == list(names)).all(axis=1).sum()
            one = diverged.iloc[0]
            sentences.append(
                f"{method} on {dataset} at {fraction}: {len(diverged)} of {count} trials diverged, "
                f"which ranks them last; trial {one['trial']}: {one['diverged']}."
            )
    return sentences


def _edges(requested: Requested, summary: pd.DataFrame) -> list[str]:
    """A sentence for every setting of a best trial that lies at the edge of its range, or, where
    that is the method as it is written, outside."""
    sentences = []
    for _, row in summary[summary["chosen"]].iterrows():
        for name, tried in tried_by(requested, tuple(row[KEY])).items():
            value, whole = tried.as_written if pd.isna(row[name]) else row[name], tried.range
            if isinstance(whole, Interval) and not EDGE <= whole.share(value) <= 1 - EDGE:
                where = "at the edge of" if whole.low <= value <= whole.high else "outside"
                sentences.append(
                    f"{row['method']} on {row['dataset']} at {row['fraction']}: {name} "
                    f"{_text(value)} lies {where} its range, {whole}; values further out were not "
                    f"tried."
                )
    return sentences
