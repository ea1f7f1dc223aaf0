"""How many masks were drawn for a run whose settings a search has chosen.

A mask that trains or ranks a trial is a mask that somebody has drawn. So such a run counts every
image whose mask it or its search has seen, once: its own, and the labelled and validation images of
the seeds of the search, which are mostly other images.
"""

from functools import cache

from fewmask.core.cells import Run
from fewmask.core.paths import Layout
from fewmask.data.splits.file import read_names
from fewmask.data.store.images import image_of_tile
from fewmask.planning.requested import Requested
from fewmask.planning.requested_search import RequestedSearch

SEEN = ("labelled", "validation")


class SearchedMasks:
    """The images whose masks runs and their searches have seen."""

    def __init__(self, requested: Requested) -> None:
        self._requested, self._layout = requested, Layout(requested.results)
        self._read = cache(read_names)

    def of_run(self, run: Run) -> int | None:
        """How many masks count for a run with searched settings. None: it is no such run.

        Where the fractions of a dataset count labelled images alone, the run's validation images
        come on top.

        Raises FewmaskError: a split is missing or damaged.
        """
        search = self._requested.search_of(run.dataset, run.method, run.fraction)
        if search is None:
            return None
        own = self._read(self._layout.split.format(**vars(run)))
        counted = own["labelled"] | own["validation"] | self._seen_by(search)
        on_top = frozenset() if run.dataset in self._requested.budgets else own["validation"]
        return _images(search, counted - on_top)

    def of_search(self, search: RequestedSearch) -> int:
        """How many masks trials of a search were trained and ranked with.

        Raises FewmaskError likewise.
        """
        return _images(search, self._seen_by(search))

    def _seen_by(self, search: RequestedSearch) -> frozenset[str]:
        splits = [self._read(search.split(self._layout, seed)) for seed in search.seeds]
        return frozenset(name for split in splits for role in SEEN for name in split[role])


def _images(search: RequestedSearch, names: frozenset[str]) -> int:
    return len({image_of_tile(name) for name in names} if search.is_tiled else names)
