"""The commands that make tables of results, or pack them."""

from pathlib import Path
from typing import Any, TextIO

import click

from fewmask.cli.group import commands, experiment_options, file, folder, open_grid, path
from fewmask.cli.rules import job


@commands.command()
@click.option(
    "--experiment",
    type=click.File(encoding="utf-8"),
    help="JSON of the experiment's title and axes, in a file; - is standard input.",
)
@click.option("--archive", type=file, help="Instead, results that fewmask collect has packed.")
@click.option("--tables", type=folder, required=True, help="The folder to write tables to.")
@click.option("--figures", type=folder, required=True, help="The folder to write figures to.")
@click.option(
    "--partial", is_flag=True, help="Summarise the runs that are done; others may be missing."
)
@click.option("--page", type=path, help="Also write one HTML file that shows all of them.")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many processes draw figures, and threads resample test images.",
)
@job
def summarise(experiment: TextIO | None, archive: Path | None, **written: Any) -> None:
    """Make tables and figures from the metrics of all runs."""
    from fewmask.config.layers import from_json
    from fewmask.core.errors import FewmaskError
    from fewmask.planning.requested import Requested
    from fewmask.report.archive.unpack import unpacked
    from fewmask.report.summarise import summarise

    if experiment is not None and archive is None:
        summarise(from_json(Requested, experiment.read(), "--experiment"), **written)
    elif archive is not None and experiment is None:
        with unpacked(archive) as requested:
            summarise(requested, **written)
    else:
        raise FewmaskError("name either --experiment or --archive")


@commands.command()
@experiment_options
@click.option("--output", type=path, required=True, metavar="FILE.tar.gz", help="What to write.")
@click.option("--partial", is_flag=True, help="Pack the finished runs; others may be missing.")
@click.option("--without-images", is_flag=True, help="Leave out the example predictions.")
@click.option(
    "--with",
    "earlier",
    type=file,
    multiple=True,
    metavar="FILE.tar.gz",
    help="Also pack the finished runs of another archive, such as those of another machine. "
    "May be repeated.",
)
def collect(
    configfiles: tuple[Path, ...],
    config: tuple[str, ...],
    output: Path,
    partial: bool,
    without_images: bool,
    earlier: tuple[Path, ...],
) -> None:
    """Pack the results of an experiment into one file, without weights and datasets.

    On any machine, fewmask summarise --archive makes its tables and figures again.
    """
    from fewmask.report.archive.pack import collect

    grid = open_grid(configfiles, config)
    runs = collect(grid, output, partial, not without_images, earlier)
    print(f"{output}: {runs} runs")
