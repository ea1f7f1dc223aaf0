"""What all commands share: their group, the types of options, and the options of an experiment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fewmask import __version__

file = click.Path(exists=True, dir_okay=False, path_type=Path)
folder = click.Path(file_okay=False, path_type=Path)
path = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def commands() -> None:
    """Compare segmentation methods that learn from few masks.

    The workflow calls most of these for you: snakemake --profile profiles/local
    """


def threads_option(default: int) -> Callable:
    """The option that says how many threads compute."""
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        default=default,
        show_default=True,
        help="How many threads compute.",
    )


def experiment_options(command: Callable) -> Callable:
    """The options that name an experiment, the same as Snakemake's."""
    configfile = click.option(
        "--configfile",
        "configfiles",
        type=file,
        multiple=True,
        help="The experiment; by default config/config.yaml.",
    )
    config = click.option(
        "--config", "config", multiple=True, metavar="KEY=VALUE", help="Change one of its settings."
    )
    return configfile(config(command))


def open_grid(configfiles: tuple[Path, ...], config: tuple[str, ...]) -> Any:
    """The grid of the experiment that these options name."""
    from fewmask.config.layers import parse_changes
    from fewmask.planning.grid import load_grid

    return load_grid(list(configfiles), parse_changes(config))
