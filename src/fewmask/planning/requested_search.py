"""What tables and figures are given of a search of settings, as JSON."""

from fewmask.config.settings import Settings
from fewmask.core.cells import StageKey
from fewmask.core.paths import Layout
from fewmask.planning.grid import Grid
from fewmask.planning.search.names import SEED, TRAINED_AS, trial
from fewmask.planning.search.searches import Search


class RequestedSearch(Settings):
    """A search, and where its rankings and trainings are. It is short, for a grid has many, and all
    of them are an argument of one command."""

    dataset: str
    method: str
    """The method as it is written."""
    fraction: str
    """That it is done at."""
    rungs: int
    """How many there are."""
    seeds: list[int]
    """Those of its trials."""
    stages: list[str]
    """The stages of a trial on the first rung, as DATASET/{trained_as}/FRACTION/{seed}/STAGE. On
    later rungs the last one goes on."""
    labellers: list[str] = []
    """Those of them whose pseudo-masks others of them learn."""
    is_tiled: bool = False
    """Whether the images of the dataset are cut into tiles."""

    @property
    def names(self) -> tuple[str, str, str]:
        """Dataset, method and fraction."""
        return self.dataset, self.method, self.fraction

    def rankings(self, layout: Layout) -> list[str]:
        """The ranking of every rung."""
        names = {"dataset": self.dataset, "method": self.method, "fraction": self.fraction}
        return [layout.ranking.format(**names, rung=rung + 1) for rung in range(self.rungs)]

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
        rungs=len(search.rungs),
        seeds=search.settings.seeds,
        stages=[cell(one.key) for one in stages],
        labellers=[cell(one.key) for one in stages if one.key in learnt],
        is_tiled=grid.datasets[search.at.dataset].tiles is not None,
    )
