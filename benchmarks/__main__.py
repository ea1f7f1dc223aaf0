"""Run benchmarks: all of them, or those that are named.

uv run python -m benchmarks                     # all
uv run python -m benchmarks training starting   # those of some topics
uv run python -m benchmarks --list              # what there is
"""

import os
import shlex
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path

import click

from benchmarks.machine import machine, versions
from benchmarks.measurement import Measurement
from benchmarks.table import as_json, markdown, write
from fewmask.core.errors import FewmaskError

TOPICS = (
    "training",
    "objectives",
    "gpu",
    "evaluation",
    "starting",
    "planning",
    "prepare",
    "commands",
    "growth",
)
"""Modules of this folder in the order of the table; each has a list ``BENCHMARKS``."""


Benchmark = Callable[[], list[Measurement]]


def chosen(names: tuple[str, ...]) -> dict[str, Benchmark]:
    """The benchmarks that ``names`` (of topics or single benchmarks) select; all without names.

    They are returned by name, ``topic.function``, in the order of the table.
    """
    found = {
        f"{topic}.{one.__name__}": one
        for topic in TOPICS
        for one in import_module(f"benchmarks.{topic}").BENCHMARKS
    }
    if unknown := [name for name in names if name not in (*TOPICS, *found)]:
        known = ", ".join([*TOPICS, *found])
        raise click.UsageError(f"no such benchmark: {', '.join(unknown)}\n  known: {known}")
    wanted = set(names or TOPICS)
    return {name: one for name, one in found.items() if {name, name.split(".")[0]} & wanted}


@click.command(help=__doc__.split("\n")[0])
@click.argument("names", nargs=-1)
@click.option("--list", "listed", is_flag=True, help="List the benchmarks and measure nothing.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="results/speed.json",
    show_default=True,
    help="The JSON file for the measurements.",
)
def main(names: tuple[str, ...], listed: bool, output: Path) -> None:
    """Measure, print a table, and write a JSON file."""
    requested = chosen(names)
    if listed:
        for name, one in requested.items():
            click.echo(f"{name:40} {one.__doc__.split(chr(10))[0]}")
        return
    started, load = datetime.now().astimezone(), os.getloadavg()[0]
    content = {
        "date": started.isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "machine": machine() | {"load_before": round(load, 2)},
        "versions": versions(),
    }
    measurements: list[tuple[str, Measurement]] = []
    failed: list[str] = []
    for name, one in requested.items():
        click.echo(f"{name} ...", err=True)
        try:
            measurements += [(name, measurement) for measurement in one()]
        except Exception as error:  # the others are worth measuring without this one
            failed.append(name)
            told = str(error) if isinstance(error, FewmaskError) else traceback.format_exc()
            click.echo(f"{name} failed: {told}", err=True)
        # After each: what was measured is kept if the time of a borrowed machine is up.
        write(output, content | _so_far(started, measurements))
    content |= _so_far(started, measurements)
    write(output, content)
    click.echo(markdown(measurements))
    click.echo(f"\n{content['command']}  ({content['date']}, {content['seconds']} s)")
    click.echo(", ".join(f"{name} {value}" for name, value in content["machine"].items()))
    click.echo(f"written to {output}")
    if failed:
        raise click.ClickException(f"failed, and not in the table: {', '.join(failed)}")


def _so_far(started: datetime, measurements: list[tuple[str, Measurement]]) -> dict[str, object]:
    seconds = round((datetime.now().astimezone() - started).total_seconds())
    return {"seconds": seconds, "measurements": as_json(measurements)}


if __name__ == "__main__":
    main()
