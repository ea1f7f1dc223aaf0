"""How long jobs took, by Snakemake's benchmark files and by what trainings measure themselves."""

import csv
import math
import sys
from pathlib import Path
from typing import Literal, NamedTuple

Source = Literal["accounting", "benchmark", "training", "unknown"]


class Elapsed(NamedTuple):
    """How long a job ran, and where that is known from."""

    seconds: float
    source: Source


def elapsed(benchmark: Path, trained: float | None = None) -> Elapsed:
    """How long a job took; 0 seconds where nothing is known.

    Args:
        benchmark: Snakemake's file of the job (see `Layout.benchmark`), which may be missing.
        trained: of a training, the seconds that it measured itself.
    """
    measured = _benchmark_seconds(benchmark)
    if measured is None:
        return Elapsed(0.0, "unknown") if trained is None else Elapsed(trained, "training")
    # Snakemake measures a job's last try, which may have gone on from another one's checkpoint.
    return Elapsed(max(measured, trained or 0.0), "benchmark")


def _benchmark_seconds(path: Path) -> float | None:
    try:
        with path.open() as file:
            seconds = [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
    except FileNotFoundError:
        return None
    except (OSError, csv.Error, KeyError, TypeError, ValueError):
        seconds = []
    if seconds and all(math.isfinite(one) and one >= 0 for one in seconds):
        return sum(seconds)
    print(f"{path}: not Snakemake's measurement of a job; it is left out", file=sys.stderr)
    return None
