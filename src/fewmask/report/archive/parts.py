"""Which folder has which runs of an experiment, of which parts were run on several machines."""

from pathlib import Path
from typing import NamedTuple

from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested
from fewmask.planning.requested_search import RequestedSearch
from fewmask.report.results import runs
from fewmask.report.results.metrics_file import read_metrics

SearchNames = tuple[str, str, str]
"""Dataset, method and fraction of a search."""


class Part(NamedTuple):
    """The finished runs in one folder of results."""

    name: Path
    """The folder, or the archive that it was unpacked from."""
    layout: Layout
    finished: frozenset[Run]
    outdated: list[Path]
    """The metrics files that were made with other settings."""


def read_part(requested: Requested, name: Path, results: str) -> Part:
    """The runs of an experiment that are finished in a folder. Raises FewmaskError: a file is
    damaged."""
    own = requested.model_copy(update={"results": results})
    collected = runs.collect(own)
    layout, missing = Layout(results), {*collected.missing}
    finished = (run for run in own.runs() if runs.run_file(layout.metrics, run) not in missing)
    return Part(name, layout, frozenset(finished), collected.outdated)


class Gathered(NamedTuple):
    """Where every finished run of an experiment is, and every search."""

    runs: dict[Run, Layout]
    searches: list[tuple[RequestedSearch, Layout]]


def gather(requested: Requested, parts: list[Part]) -> Gathered:
    """Choose for every run the first part that has it, and for every search the part that has most
    of its runs; these are taken from there alone, for searches on two machines may choose other
    settings.

    Raises FewmaskError: the runs of a dataset are of different data.
    """
    search_of = {
        run: search.names
        for run in requested.runs()
        if (search := requested.search_of(run.dataset, run.method, run.fraction))
    }
    holders = {search.names: _holder(search, search_of, parts) for search in requested.searches}
    found: dict[Run, Part] = {}
    for run in requested.runs():
        candidates = [holders[search_of[run]]] if run in search_of else parts
        part = next((part for part in candidates if run in part.finished), None)
        if part is not None:
            found[run] = part
    _check_data(found)
    return Gathered(
        {run: part.layout for run, part in found.items()},
        [(search, holders[search.names].layout) for search in requested.searches],
    )


def _holder(search: RequestedSearch, search_of: dict[Run, SearchNames], parts: list[Part]) -> Part:
    """The part that has most of the runs of a search, or, where none has any, of its rankings."""

    def size(part: Part) -> tuple[int, int]:
        runs_of_search = sum(search_of.get(run) == search.names for run in part.finished)
        rankings = sum(Path(path).exists() for path in search.rankings(part.layout))
        return runs_of_search, rankings

    return max(parts, key=size)


def _check_data(found: dict[Run, Part]) -> None:
    first: dict[tuple[str, Path], Run] = {}
    for run, part in found.items():
        first.setdefault((run.dataset, part.name), run)
    known: dict[str, tuple[Path, str | None]] = {}
    for (dataset, name), run in first.items():
        record = read_metrics(run, runs.run_file(found[run].layout.metrics, run))
        digest = record.provenance.digests.get("dataset")
        other, expected = known.setdefault(dataset, (name, digest))
        if digest != expected:
            raise FewmaskError(
                f"{name}: its runs of {dataset} were made with other data than those in {other}\n"
                f"  found: prepared data with the SHA-256 {digest}, and {expected}\n"
                f"  mend: leave the archive out, and run the workflow on these data"
            )
