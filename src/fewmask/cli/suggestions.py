"""Which images to label next: for people, and for the rules of experiments that measure it."""

from pathlib import Path

import click

from fewmask.cli.group import (
    commands,
    experiment_options,
    file,
    folder,
    open_grid,
    path,
    threads_option,
)
from fewmask.cli.rules import dataset_option, job
from fewmask.core.errors import FewmaskError


@commands.command()
@click.argument("weights", type=file, nargs=-1)
@experiment_options
@click.option("--dataset", help="Of the experiment; by default its first.")
@click.option("--method", help="Likewise.")
@click.option("--fraction", help="Likewise.")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of images; by default the unlabelled images of the dataset.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many images to suggest.",
)
@click.option("--out", type=folder, required=True, help="The folder to write to, which is new.")
@threads_option(default=2)
def suggest(
    weights: tuple[Path, ...],
    configfiles: tuple[Path, ...],
    config: tuple[str, ...],
    images: Path | None,
    count: int,
    out: Path,
    threads: int,
    **cell: str | None,
) -> None:
    """Suggest images whose masks would help most, with predicted masks to correct.

    They are those on which networks of several seeds disagree, and which do not resemble each other
    or labelled images. The networks are those of an experiment that was trained, or the WEIGHTS of
    stages.
    """
    from fewmask.inference.suggestions.networks import Networks
    from fewmask.inference.suggestions.of_experiment import networks_of
    from fewmask.inference.suggestions.suggest import suggest

    networks = Networks(weights)
    if not weights:
        networks = networks_of(open_grid(configfiles, config), cell)
    elif configfiles or config or any(cell.values()):
        raise FewmaskError("found weights and an experiment\n  expected: either of them")
    click.echo(suggest(networks, images, count, out, threads))


@commands.command()
@dataset_option
@click.option("--split", "splits", type=file, multiple=True, required=True, help="Of each network.")
@click.option("--weights", type=file, multiple=True, required=True, help="Of each network.")
@click.option("--count", type=click.IntRange(min=1), required=True, help="How many to choose.")
@click.option("--output", type=path, required=True, help="The .csv file to write.")
@threads_option(default=1)
@job
def choose(
    dataset: Path,
    splits: tuple[Path, ...],
    weights: tuple[Path, ...],
    count: int,
    output: Path,
    threads: int,
) -> None:
    """Choose the unlabelled images on which networks disagree and which resemble no others."""
    from fewmask.inference.suggestions.job import choose_images
    from fewmask.inference.suggestions.networks import Networks

    choose_images(Networks(weights, dataset, splits), count, output, threads)
