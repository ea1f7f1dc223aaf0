"""Writing the archive of an experiment."""

import gzip
import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import BinaryIO

from fewmask import __version__
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.core.files import file_digest, written_whole
from fewmask.core.paths import HISTORY, PSEUDO_MASK_QUALITY, TRAINING, Layout
from fewmask.core.progress import bar
from fewmask.planning.grid import Grid
from fewmask.planning.requested import requested_by
from fewmask.planning.requested_search import RequestedSearch
from fewmask.planning.search.ranking import read_ranking
from fewmask.report.archive.format import (
    EXPERIMENT,
    FORMAT,
    LARGEST,
    MANIFEST,
    RESULTS,
    Manifest,
    digest,
)
from fewmask.report.archive.parts import Gathered, Part, gather, read_part
from fewmask.report.archive.unpack import unpacked

OF_STAGE = ("train", "pseudo_label")
"""The rules of a stage whose times are packed."""


def collect(
    grid: Grid,
    archive: Path,
    partial: bool = False,
    images: bool = True,
    earlier: Sequence[Path] = (),
) -> int:
    """Write the results of an experiment to an archive; returns the number of runs in it.

    Without ``images`` it has no example predictions, most of its size, and so no figures of them.
    Runs that are not finished here are taken from ``earlier`` archives, the first that has them, if
    they were made with the same settings; they may be of other machines.

    The same results make the same bytes.

    Raises FewmaskError: runs are not finished (with ``partial``: none is), a file is damaged, runs
    of a dataset are of different data, or the archive cannot be written.
    """
    requested, results = requested_by(grid), grid.experiment.results
    with ExitStack() as stack:
        others = [stack.enter_context(unpacked(path)) for path in earlier]
        parts = [read_part(requested, Path(results), results)]
        parts += [
            read_part(requested, path, other.results)
            for path, other in zip(earlier, others, strict=True)
        ]
        gathered = gather(requested, parts)
        _check_finished(grid, parts[0], gathered, partial)
        has_images = images and all(other.has_images for other in others)
        described = requested.model_copy(update={"has_images": has_images})
        _write(archive, described.model_dump_json(indent=1), _files(grid, gathered, has_images))
    return len(gathered.runs)


def _check_finished(grid: Grid, here: Part, gathered: Gathered, partial: bool) -> None:
    missing = [run for run in grid.runs if run not in gathered.runs]
    if not missing or (partial and gathered.runs):
        return
    first = Path(grid.layout.metrics.format(**vars(missing[0])))
    is_outdated = first in here.outdated
    found = f"{first}, made with other settings" if is_outdated else f"no {first}"
    raise FewmaskError(
        f"{len(missing)} of {len(grid.runs)} runs are not finished\n"
        f"  found: {found}\n"
        f"  mend: run the workflow, or collect the finished runs with --partial"
    )


def _files(grid: Grid, gathered: Gathered, images: bool) -> dict[str, Path]:
    """The files to pack by their names in the archive, in the order of these."""
    files: dict[str, Path] = {}

    def add(layout: Layout, paths: Iterator[Path]) -> None:
        for path in paths:
            if path.exists():
                name = f"{RESULTS}/{path.relative_to(layout.results).as_posix()}"
                files.setdefault(name, path)

    for run, layout in gathered.runs.items():
        add(layout, _files_of_run(grid, layout, run, images))
    for search, layout in gathered.searches:
        add(layout, _files_of_search(layout, search))
    return dict(sorted(files.items()))


def _files_of_run(grid: Grid, layout: Layout, run: Run, images: bool) -> Iterator[Path]:
    """What tables and figures read of a run, and what says how it was made."""
    cell = vars(run)
    examples = [layout.examples] if images else []
    for pattern in (layout.metrics, layout.images, layout.split, *examples):
        yield Path(pattern.format(**cell))
    yield Path(layout.benchmark("evaluate", layout.run_cell.format(**cell)))
    for key in grid.stages(run):
        folder = Path(layout.stage_folder(key, run.seed))
        yield from (folder / name for name in (HISTORY, TRAINING, PSEUDO_MASK_QUALITY))
        of_stage = layout.stage_cell.format(**vars(key), seed=run.seed)
        yield from (Path(layout.benchmark(rule, of_stage)) for rule in OF_STAGE)


def _files_of_search(layout: Layout, search: RequestedSearch) -> Iterator[Path]:
    """What tables and figures read of a search: its rankings, whom it has learnt from, and how long
    its trainings took."""
    yield from (Path(search.split(layout, seed)) for seed in search.seeds)
    for path in map(Path, search.rankings(layout)):
        yield path
        for trial in read_ranking(path).trials if path.exists() else ():
            for stage, seed in product(search.stages, search.seeds):
                cell = stage.format(trained_as=trial.trained_as, seed=seed)
                yield Path(layout.stage_of(cell)) / TRAINING
                yield from (Path(layout.benchmark(rule, cell)) for rule in OF_STAGE)


def _write(archive: Path, experiment: str, files: dict[str, Path]) -> None:
    """Write an archive of ``experiment.json`` and some files by their names in it."""
    described = experiment.encode()
    with written_whole(archive) as temporary, bar("collect", len(files)) as shown:
        digests = {name: file_digest(path) for name, path in files.items()}
        digests = {EXPERIMENT: digest(described)} | digests
        manifest = Manifest(format=FORMAT, version=__version__, files=digests)
        with temporary.open("wb") as file, _packed(file) as tar:
            _add(tar, MANIFEST, manifest.model_dump_json(indent=1).encode())
            _add(tar, EXPERIMENT, described)
            for name, path in files.items():
                _add(tar, name, path.read_bytes())
                shown.more(1)


@contextmanager
def _packed(file: BinaryIO) -> Iterator[tarfile.TarFile]:
    # Without the name and the time that gzip would write.
    with (
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    if len(data) > LARGEST:
        raise FewmaskError(
            f"{name}: too large for an archive\n"
            f"  found: {len(data):,} bytes\n  expected: at most {LARGEST:,}"
        )
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
