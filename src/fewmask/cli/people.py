"""The commands that people call."""

import signal
import sys
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
from fewmask.core.errors import FewmaskError


@commands.command()
@experiment_options
@click.option("--failed", is_flag=True, help="List only the runs that failed.")
@click.option("--targets", is_flag=True, help="Print only what to pass to snakemake.")
@click.option("--outdated", is_flag=True, help="Print only what to pass to snakemake --forcerun.")
@click.option("--watch", is_flag=True, help="Keep the list on the screen until the grid has ended.")
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch updates the list.",
)
def status(
    configfiles: tuple[Path, ...],
    config: tuple[str, ...],
    failed: bool,
    targets: bool,
    outdated: bool,
    watch: bool,
    every: float,
) -> None:
    """List every run as done, running, waiting, failed (and why), outdated or missing.

    A run is outdated if its weights or metrics were made with other settings than requested.
    """
    from fewmask.monitor.status import print_status

    if not watch:
        print_status(open_grid(configfiles, config), failed, targets, outdated)
        return
    from fewmask.monitor.watch import watch as show

    if failed or targets or outdated:
        raise FewmaskError("--watch shows all runs: leave out --failed, --targets and --outdated")
    try:
        show(open_grid(configfiles, config), every)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


@commands.command()
@experiment_options
@click.option(
    "--jobs",
    "at_once",
    type=click.IntRange(min=1),
    help="Also estimate how long it takes with this many jobs (or GPUs) at a time.",
)
def plan(configfiles: tuple[Path, ...], config: tuple[str, ...], at_once: int | None) -> None:
    """List the jobs of an experiment, those that are to be done, and the hours that they may take.

    Starts nothing, and does not check whether settings have changed since a job was done: snakemake
    --dry-run does.
    """
    from fewmask.monitor.plan import print_plan

    print_plan(open_grid(configfiles, config), at_once)


@commands.command()
@click.argument("weights", type=file)
@click.option(
    "--images",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="An image, or a folder of images.",
)
@click.option("--out", type=folder, required=True, help="The folder to write to.")
@threads_option(default=2)
def predict(weights: Path, images: Path, out: Path, threads: int) -> None:
    """Predict your own images, at their own size: masks, or what else the network has learnt.

    WEIGHTS is the weights.safetensors of a trained stage.
    """
    from fewmask.inference.predict import predict

    predict(weights, images, out, threads)


@commands.command()
def datasets() -> None:
    """List the configured datasets and whether their files are there."""
    from fewmask.data.inspection.dataset import list_datasets

    click.echo(list_datasets())


@commands.command()
@click.argument("dataset")
@click.argument("folder", type=path)
def new(dataset: str, folder: Path) -> None:
    """Write the settings of DATASET and of an experiment for the images in FOLDER.

    FOLDER lies in data/, or in the folder that FEWMASK_DATA names. Nothing is overwritten.
    """
    from fewmask.data.fingerprint.new import new

    click.echo(new(dataset, folder))


@commands.command()
@click.argument("word", default="")
def encoders(word: str) -> None:
    """List the encoders whose names contain WORD; all of them without it."""
    from fewmask.config.encoders import names

    for name in names():
        if word in name:
            click.echo(name)


@commands.command()
@click.argument("FILE", type=file)
@click.option("--image", type=path, help="The PNG to write; by default beside FILE.")
@click.option("--dataset", type=file, help="Of pseudo-masks: their dataset, if it was moved.")
def inspect(file: Path, image: Path | None, dataset: Path | None) -> None:
    """Describe FILE, a prepared dataset or pseudo-masks, and write an image of some samples."""
    from fewmask.data.inspection import dataset as inspect
    from fewmask.data.inspection import pseudo_masks as inspect_pseudo_masks
    from fewmask.data.pseudo_masks import holds_pseudo_masks

    image = image or file.with_suffix(".png")
    if holds_pseudo_masks(file):
        click.echo(inspect_pseudo_masks.inspect(file, image, dataset))
    else:
        click.echo(inspect.describe(file))
        inspect.contact_sheet(file, image)
    click.echo(f"samples: {image}")


@commands.group()
def methods() -> None:
    """List methods, or show the settings of one."""


@methods.command("list")
def list_methods() -> None:
    """List the configured methods."""
    from fewmask.config.layers import validate
    from fewmask.config.method import Method
    from fewmask.config.named import load_method, names_in
    from fewmask.core.columns import aligned
    from fewmask.planning.stages import stage_order

    methods = {name: validate(Method, load_method(name)) for name in names_in("methods")}
    rows = [
        (name, " -> ".join(stage_order(method.stages)), method.description)
        for name, method in methods.items()
    ]
    for line in aligned(rows):
        click.echo(line)


@methods.command("show")
@click.argument("method")
@experiment_options
@click.option("--dataset", help="For this dataset; by default the experiment's first.")
@click.option("--fraction", help="For this fraction; by default the experiment's first.")
def show_method(
    method: str,
    configfiles: tuple[Path, ...],
    config: tuple[str, ...],
    dataset: str | None,
    fraction: str | None,
) -> None:
    """Print the settings of a method's stages, as an experiment resolves them."""
    import yaml

    grid = open_grid(configfiles, config)
    wanted = {"methods": method, "datasets": dataset, "fractions": fraction}
    others = {
        axis: [*getattr(grid.experiment, axis), name]
        for axis, name in wanted.items()
        if name and name not in getattr(grid.experiment, axis)
    }
    if others:
        changes = [f"{axis}=[{', '.join(names)}]" for axis, names in others.items()]
        grid = open_grid(configfiles, (*config, *changes))
    run, *_ = grid.runs_of({"method": method, "dataset": dataset, "fraction": fraction})
    for key in grid.stages(run):
        click.echo(f"# {grid.layout.stage_folder(key, '{seed}')}")
        settings = {key.stage: grid.stage(key).model_dump(mode="json")}
        click.echo(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))


@commands.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if they are out of date.")
def schemas(check: bool) -> None:
    """Generate the JSON schemas in config/schemas."""
    from fewmask.config.schemas import write_schemas

    stale = write_schemas(check)
    if stale and check:
        raise FewmaskError(f"out of date: {', '.join(stale)}; run fewmask schemas")
    click.echo("\n".join(f"wrote {name}" for name in stale) or "all schemas are up to date")
