"""What tables and figures are given of a search of settings, as JSON."""

from typing import Literal

from fewmask.config.ranges import Choice, Linear, Log, LogToOne, Range, Value, Whole
from fewmask.config.settings import Settings
from fewmask.core.cells import StageKey
from fewmask.core.paths import Layout
from fewmask.planning.grid import Grid
from fewmask.planning.search.names import SEED, TRAINED_AS, trial
from fewmask.planning.search.searches import Search

KINDS: dict[str, type[Range]] = {
    "linear": Linear,
    "log": Log,
    "log_to_one": LogToOne,
    "whole": Whole,
}


class RequestedRange(Settings):
    """What a search tries of a setting."""

    kind: Literal["linear", "log", "log_to_one", "whole", "choice"]
    values: list[Value]
    """The two ends, or all values of a choice."""
    as_written: Value
    """The value that the method is written with, which may lie outside."""

    @property
    def range(self) -> Range:
        """The range itself."""
        if self.kind == "choice":
            return Choice(tuple(self.values))
        return KINDS[self.kind](*self.values)


class RequestedSearch(Settings):
    """A search, and where its rankings and trainings are."""

    dataset: str
    method: str
    """The method as it is written."""
    fraction: str
    """That it is done at."""
    is_tiled: bool = False
    """Whether the images of the dataset are cut into tiles."""
    seeds: list[int] = []
    """Those of its trials."""
    rankings: list[str]
    """The ranking of every rung."""
    stages: list[str] = []
    """The stages of a trial on the first rung, as DATASET/{trained_as}/FRACTION/{seed}/STAGE. On
    later rungs the last one goes on."""
    labellers: list[str] = []
    """Those of them whose pseudo-masks others of them learn."""
    ranges: dict[str, RequestedRange]
    """By the setting that is searched."""

    @property
    def names(self) -> tuple[str, str, str]:
        """Dataset, method and fraction."""
        return self.dataset, self.method, self.fraction

    def split(self, layout: Layout, seed: int) -> str:
        """Who is labelled in the trials of a seed."""
        return layout.split.format(dataset=self.dataset, fraction=self.fraction, seed=seed)


def requested_search(search: Search, grid: Grid) -> RequestedSearch:
    """What tables and figures need to know of a search of a grid."""
    stages = search.rungs[0].trainings[trial(search.method, 0)]
    learnt = {one.pseudo_masks.key for one in stages if one.pseudo_masks}

    def cell(key: StageKey) -> str:
        return grid.layout.stage_cell.format(**vars(key) | {"method": TRAINED_AS}, seed=SEED)

    return RequestedSearch(
        **search.at._asdict(),
        method=search.method,
        is_tiled=grid.datasets[search.at.dataset].tiles is not None,
        seeds=search.settings.seeds,
        rankings=[rung.ranking for rung in search.rungs],
        stages=[cell(one.key) for one in stages],
        labellers=[cell(one.key) for one in stages if one.key in learnt],
        ranges={name: _range(one, search.as_written(name)) for name, one in search.ranges.items()},
    )


def _range(one: Range, as_written: Value) -> RequestedRange:
    if isinstance(one, Choice):
        return RequestedRange(kind="choice", values=list(one.values), as_written=as_written)
    kind = next(name for name, known in KINDS.items() if type(one) is known)
    return RequestedRange(kind=kind, values=[one.low, one.high], as_written=as_written)
