"""The results of an experiment in one file, without weights and datasets.

On any machine tables and figures can be made of it again, without training. It is a ``.tar.gz``
with ``manifest.json`` first, which names the version of Fewmask and the SHA-256 of every other
file; ``experiment.json``, what `fewmask.planning.requested` makes of the grid; and below
``results/`` the metrics, example predictions, histories, settings, splits and measured times of its
runs, with the names that they have below the experiment's folder of results.
"""

import gzip
import hashlib
import io
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fewmask import __version__
from fewmask.core.cells import Run
from fewmask.core.errors import FewmaskError
from fewmask.core.files import explained, file_digest, written_whole
from fewmask.core.paths import HISTORY, PSEUDO_MASK_QUALITY, TRAINING, Layout
from fewmask.core.progress import bar
from fewmask.planning.grid import Grid
from fewmask.planning.requested import Requested, requested_by
from fewmask.planning.requested_search import RequestedSearch
from fewmask.planning.search.ranking import read_ranking
from fewmask.report.results import runs

FORMAT = 1
MANIFEST = "manifest.json"
EXPERIMENT = "experiment.json"
RESULTS = "results"
OF_STAGE = ("train", "pseudo_label")
"""The rules of a stage whose times are packed."""

LARGEST = 2**28
"""Bytes of the largest file in an archive; those of an evaluation have a few 100 kB, or, with large
images, some MB."""
MOST_FILES = 2_000_000

DAMAGES = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError)
"""What reading an archive raises that is none, or is damaged."""


class Manifest(BaseModel):
    """The file that an archive begins with."""

    model_config = ConfigDict(strict=True)

    format: int
    version: str
    """Of Fewmask, when the archive was written."""
    files: dict[str, str] = Field(max_length=MOST_FILES)
    """The SHA-256 of every other file by its name in the archive."""


def collect(grid: Grid, archive: Path, partial: bool = False, images: bool = True) -> int:
    """Write the results of an experiment to an archive; returns the number of runs in it.

    Without ``images`` it has no example predictions, most of its size, and so no figures of them.

    The same results make the same bytes.

    Raises FewmaskError: runs are not finished (with ``partial``: none is), a file is damaged, or
    the archive cannot be written.
    """
    requested = requested_by(grid).model_copy(update={"has_images": images})
    collected = runs.collect(requested)
    finished = [run for run in grid.runs if _metrics(grid, run) not in collected.missing]
    if collected.missing and not (partial and finished):
        first = collected.missing[0]
        is_outdated = first in collected.outdated
        found = f"{first}, made with other settings" if is_outdated else f"no {first}"
        raise FewmaskError(
            f"{len(collected.missing)} of {len(grid.runs)} runs are not finished\n"
            f"  found: {found}\n"
            f"  mend: run the workflow, or collect the finished runs with --partial"
        )
    results = Path(grid.experiment.results)
    of_runs = {path for run in finished for path in _files(grid, run, images)}
    of_searches = {
        path for search in requested.searches for path in _files_of_search(grid.layout, search)
    }
    files = sorted(path for path in of_runs | of_searches if path.exists())
    contents = {EXPERIMENT: requested.model_dump_json(indent=1).encode()}
    with written_whole(archive) as temporary, bar("collect", len(files)) as shown:
        named = {f"{RESULTS}/{path.relative_to(results).as_posix()}": path for path in files}
        digests = {name: _digest(data) for name, data in contents.items()}
        digests |= {name: file_digest(path) for name, path in named.items()}
        manifest = Manifest(format=FORMAT, version=__version__, files=digests)
        with temporary.open("wb") as file, _packed(file) as tar:
            _add(tar, MANIFEST, manifest.model_dump_json(indent=1).encode())
            for name, data in contents.items():
                _add(tar, name, data)
            for name, path in named.items():
                _add(tar, name, path.read_bytes())
                shown.more(1)
    return len(finished)


def _metrics(grid: Grid, run: Run) -> Path:
    return runs.run_file(grid.layout.metrics, run)


def _files(grid: Grid, run: Run, images: bool) -> Iterator[Path]:
    """What tables and figures read of a run, and what says how it was made."""
    layout, cell = grid.layout, vars(run)
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


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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


@contextmanager
def unpacked(archive: Path) -> Iterator[Requested]:
    """The experiment in an archive, whose results lie in a temporary folder as long as the block
    lasts.

    Raises FewmaskError: there is no such file, it is no archive, or it is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="fewmask-") as folder:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                manifest = _manifest(tar)
                _unpack(tar, manifest, Path(folder))
            text = (Path(folder) / EXPERIMENT).read_text(encoding="utf-8")
            requested = Requested.model_validate_json(text)
        except ValidationError as error:
            first: Any = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise _damaged(archive, f"{where}: {first['msg']}") from None
        except DAMAGES as error:
            raise _damaged(archive, str(error)) from None
        yield requested.model_copy(update={"results": f"{folder}/{RESULTS}"})


def _damaged(archive: Path, found: str) -> FewmaskError:
    return FewmaskError(
        f"{archive}: not an archive of results, or a damaged one: {found}\n"
        f"  mend: copy it again, or write it again with fewmask collect"
    )


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST:
        raise ValueError(f"it does not begin with {MANIFEST}")
    manifest = Manifest.model_validate_json(_read(tar, first))
    if manifest.format != FORMAT:
        raise ValueError(f"format {manifest.format}; this version reads format {FORMAT}")
    return manifest


def _unpack(tar: tarfile.TarFile, manifest: Manifest, folder: Path) -> None:
    """Write the files that the manifest names to a folder. Raises ValueError: others are there, one
    is missing, or one has changed."""
    lacking = dict(manifest.files)
    with bar("unpack", len(lacking)) as shown:
        while (entry := tar.next()) is not None:
            expected = lacking.pop(entry.name, None)
            parts = PurePosixPath(entry.name).parts
            if expected is None or ".." in parts or entry.name.startswith("/"):
                raise ValueError(f"it holds {entry.name!r}, which its manifest does not name")
            data = _read(tar, entry)
            if _digest(data) != expected:
                raise ValueError(f"{entry.name} does not match its digest")
            target = folder.joinpath(*parts)
            with explained(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            shown.more(1)
    if lacking:
        raise ValueError(f"it lacks {len(lacking)} files, the first {min(lacking)}")


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    # Neither a link, a device nor a folder.
    if not entry.isreg() or entry.size > LARGEST:
        raise ValueError(f"{entry.name!r} is no file of at most {LARGEST} bytes")
    file = tar.extractfile(entry)
    data = b"" if file is None else file.read()
    if len(data) != entry.size:
        raise ValueError(f"{entry.name} is cut short")
    return data
