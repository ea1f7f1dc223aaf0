"""The command line: one command per rule of the workflow, and those that a person calls.

Commands import what they need when they run, so that --help and planning stay fast.
"""

import functools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fewmask import __version__
from fewmask.errors import FewmaskError
from fewmask.jobs import DONE, ERROR, hold_log

EXIT_INTERRUPTED = 75
"""Of a training that was asked to stop and saved a checkpoint (EX_TEMPFAIL: try again)."""

file = click.Path(exists=True, dir_okay=False, path_type=Path)
folder = click.Path(file_okay=False, path_type=Path)
path = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def commands() -> None:
    """Compare segmentation methods that learn from few masks.

    The workflow calls most of these for you: snakemake --profile profiles/local
    """


def main() -> None:
    """Run a command; what the user can mend is one message and exit code 1."""
    try:
        commands(prog_name="fewmask")
    except FewmaskError as error:
        print(f"{ERROR}{error}", file=sys.stderr)
        sys.exit(1)


def job(command: Callable) -> Callable:
    """Mark a command that the workflow runs: its log tells how it fares (see fewmask.jobs)."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        hold_log()
        command(**options)
        print(DONE, file=sys.stderr)

    return run


def experiment_options(command: Callable) -> Callable:
    """The options that say which experiment is meant, as Snakemake has them."""
    configfile = click.option(
        "--configfile",
        "configfiles",
        type=file,
        multiple=True,
        help="The experiment; config/config.yaml if not given.",
    )
    config = click.option(
        "--config", "config", multiple=True, metavar="KEY=VALUE", help="Change one of its settings."
    )
    return configfile(config(command))


def open_grid(configfiles: tuple[Path, ...], config: tuple[str, ...]) -> Any:
    """The grid of the experiment that the options name."""
    import yaml

    from fewmask.grid import load_grid

    changes = {}
    for pair in config:
        key, equals, value = pair.partition("=")
        if not equals:
            raise FewmaskError(f"--config {pair}: expected KEY=VALUE")
        try:
            changes[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise FewmaskError(f"--config {pair}: not valid YAML: {error}") from None
    return load_grid(list(configfiles), changes)


# What the rules call.


@commands.command()
@click.option("--dataset", required=True, help="Name of a file in config/datasets.")
@click.option("--output", type=path, required=True, help="The receipt to write.")
@job
def download(dataset: str, output: Path) -> None:
    """Fetch a dataset that is free to download, unless its files are there."""
    from fewmask.data.download import download
    from fewmask.grid import load_dataset

    download(load_dataset(dataset, "--dataset"), output)


@commands.command()
@click.option("--encoder", required=True)
@click.option("--output", type=path, required=True)
@job
def fetch_encoder(encoder: str, output: Path) -> None:
    """Fetch the ImageNet weights of an encoder."""
    from fewmask.networks.pretrained import fetch_encoder

    fetch_encoder(encoder, output)


@commands.command()
@click.option("--settings", required=True, help="JSON of the dataset's settings.")
@click.option("--output", type=path, required=True)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--skip-damaged", is_flag=True, help="Leave damaged pictures out, and list them.")
@job
def prepare(settings: str, output: Path, workers: int, skip_damaged: bool) -> None:
    """Decode a dataset's pictures and masks into one HDF5 file."""
    from fewmask.data.prepare import prepare

    prepare(settings, output, workers, skip_damaged)


@commands.command()
@click.option("--dataset", type=file, required=True)
@click.option("--settings", required=True, help="JSON of the split's settings.")
@click.option("--fraction", required=True)
@click.option("--seed", type=int, required=True)
@click.option("--output", type=path, required=True)
@job
def split(dataset: Path, settings: str, fraction: str, seed: int, output: Path) -> None:
    """Draw who is labelled, unlabelled, validation and test."""
    from fewmask.data.split_job import split

    split(dataset, settings, fraction, seed, output)


@commands.command()
@click.option("--dataset", type=file, required=True)
@click.option("--split", type=file, required=True)
@click.option("--settings", required=True, help="JSON of the stage's settings.")
@click.option("--seed", type=int, required=True)
@click.option("--output", type=folder, required=True)
@click.option("--start-from", type=file, help="Weights of an earlier stage.")
@click.option("--encoder", type=file, help="Weights of the encoder.")
@click.option("--pseudo-masks", type=file, help="Pseudo-masks of an earlier stage.")
@click.option("--checkpoint-seconds", type=click.IntRange(min=0), default=300, show_default=True)
@click.option("--tensorboard", type=folder, help="Where to write training curves, if at all.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many train together, each on a GPU of its own; they share the threads.",
)
@job
def train(
    dataset: Path,
    split: Path,
    settings: str,
    seed: int,
    output: Path,
    start_from: Path | None,
    encoder: Path | None,
    pseudo_masks: Path | None,
    checkpoint_seconds: int,
    tensorboard: Path | None,
    threads: int,
    processes: int,
) -> None:
    """Train one stage, going on from its checkpoint if there is one.

    On SIGTERM and Ctrl-C it saves a checkpoint and exits with code 75. Several processes may also
    be started by torchrun, or by srun as the tasks of a step.
    """
    from fewmask import parallel

    if processes > 1 and parallel.place() is None:
        from fewmask.training.launch import launch

        if code := launch(processes):
            sys.exit(code)
        return
    from fewmask.config.layers import from_json
    from fewmask.config.method import Stage
    from fewmask.training.job import Inputs, train

    stage = from_json(Stage, settings, "--settings")
    inputs = Inputs(dataset, split, start_from, encoder, pseudo_masks)
    minutes = checkpoint_seconds / 60
    threads = max(1, threads // processes)
    if not train(inputs, stage, seed, output, minutes, threads, tensorboard, processes):
        sys.exit(EXIT_INTERRUPTED)
    if (here := parallel.place()) and here.rank > 0:
        sys.exit()  # the first process says that all is done


@commands.command()
@click.option("--stage", required=True, metavar="METHOD/STAGE", help="Whose weights they are.")
@click.option("--dataset", type=file, required=True)
@click.option("--split", type=file, required=True)
@click.option("--weights", type=file, required=True)
@click.option("--output", type=path, required=True, help="A .h5; their quality is put beside it.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@job
def pseudo_label(
    stage: str, dataset: Path, split: Path, weights: Path, output: Path, threads: int
) -> None:
    """Predict the masks of the training pictures, for another stage to learn."""
    from fewmask.pseudo_label import pseudo_label

    pseudo_label(stage, dataset, split, weights, output, threads=threads)


@commands.command()
@click.option("--run", nargs=4, required=True, metavar="DATASET METHOD FRACTION SEED")
@click.option("--dataset", type=file, required=True)
@click.option("--split", type=file, required=True)
@click.option("--weights", type=file, required=True)
@click.option("--training", "trainings", type=file, multiple=True, required=True)
@click.option("--pseudo-masks", type=file, multiple=True, help="Quality of those that it learnt.")
@click.option("--output", type=path, required=True)
@click.option("--size", type=click.Choice(["network", "original"]), default="network")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@job
def evaluate(
    run: tuple[str, str, str, str],
    dataset: Path,
    split: Path,
    weights: Path,
    trainings: tuple[Path, ...],
    pseudo_masks: tuple[Path, ...],
    output: Path,
    size: str,
    threads: int,
) -> None:
    """Compare a trained network with the masks of the test pictures."""
    from fewmask.evaluate import evaluate
    from fewmask.grid import Run

    cell = Run(*run[:3], seed=int(run[3]))
    files = (dataset, split, weights, list(trainings), output)
    evaluate(cell, *files, size, threads=threads, pseudo_masks=pseudo_masks)


@commands.command()
@click.option("--experiment", required=True, help="JSON of the experiment's title and axes.")
@click.option("--tables", type=folder, required=True)
@click.option("--figures", type=folder, required=True)
@click.option("--partial", is_flag=True, help="Make do with the runs that are there.")
@job
def summarise(experiment: str, tables: Path, figures: Path, partial: bool) -> None:
    """Make tables and figures from the metrics of all runs."""
    from fewmask.report.summarise import summarise

    summarise(experiment, tables, figures, partial)


# What a person calls.


@commands.command()
@experiment_options
@click.option("--failed", is_flag=True, help="Only the runs that failed.")
@click.option("--targets", is_flag=True, help="Print what to pass to snakemake, nothing else.")
@click.option("--watch", is_flag=True, help="Keep it on the screen while the grid runs.")
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks of --watch.",
)
def status(
    configfiles: tuple[Path, ...],
    config: tuple[str, ...],
    failed: bool,
    targets: bool,
    watch: bool,
    every: float,
) -> None:
    """Say of every run whether it is done, running, waiting, failed (and why) or missing."""
    from fewmask.status import print_status

    if not watch:
        print_status(open_grid(configfiles, config), failed, targets)
        return
    from fewmask.watch import watch as show

    if failed or targets:
        raise FewmaskError("--watch shows all runs: leave out --failed and --targets")
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
    help="Also tell about how long it takes with so many jobs (or GPUs) at a time.",
)
def plan(configfiles: tuple[Path, ...], config: tuple[str, ...], at_once: int | None) -> None:
    """Say which jobs there are, what is to do, and what that may cost in hours.

    Starts nothing. Whether settings were changed since a job was done is not looked at: snakemake
    --dry-run does.
    """
    from fewmask.plan import print_plan

    print_plan(open_grid(configfiles, config), at_once)


@commands.command()
@click.argument("weights", type=file)
@click.option("--images", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--out", type=folder, required=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
def predict(weights: Path, images: Path, out: Path, threads: int) -> None:
    """Write masks and overlays for your own pictures, at their own size."""
    from fewmask.predict import predict

    predict(weights, images, out, threads)


@commands.command()
def datasets() -> None:
    """List the configured datasets and whether their files are there."""
    from fewmask.data.inspect import list_datasets

    click.echo(list_datasets())


@commands.command()
@click.argument("FILE", type=file)
@click.option("--picture", type=path, help="PNG to write; beside the file if not given.")
@click.option("--dataset", type=file, help="Of pseudo-masks: the dataset, if it is elsewhere now.")
def inspect(file: Path, picture: Path | None, dataset: Path | None) -> None:
    """Print what a prepared dataset or a file of pseudo-masks holds, and write a picture of some
    samples."""
    from fewmask.data import inspect, inspect_pseudo_masks
    from fewmask.data.pseudo_masks import holds_pseudo_masks

    picture = picture or file.with_suffix(".png")
    if holds_pseudo_masks(file):
        click.echo(inspect_pseudo_masks.inspect(file, picture, dataset))
    else:
        click.echo(inspect.describe(file))
        inspect.contact_sheet(file, picture)
    click.echo(f"samples: {picture}")


@commands.group()
def methods() -> None:
    """List methods, or show their settings."""


@methods.command("list")
def list_methods() -> None:
    """List the configured methods."""
    from fewmask.config.layers import validate
    from fewmask.config.method import Method
    from fewmask.grid import names_in
    from fewmask.stages import load_method, stage_order

    names = names_in("methods")
    width = max(map(len, names), default=0)
    for name in names:
        method = validate(Method, load_method(name))
        stages = " -> ".join(stage_order(method.stages))
        click.echo(f"{name:{width}} {stages:32} {method.description}")


@methods.command("show")
@click.argument("method")
@experiment_options
@click.option("--dataset", help="As resolved for this dataset; the experiment's first if absent.")
@click.option("--fraction", help="As resolved for this fraction; likewise.")
def show_method(
    method: str,
    configfiles: tuple[Path, ...],
    config: tuple[str, ...],
    dataset: str | None,
    fraction: str | None,
) -> None:
    """Print the settings of a method's stages, as an experiment resolves them."""
    import yaml

    axes = [f"methods=[{method}]"]
    axes += [f"datasets=[{dataset}]"] if dataset else []
    axes += [f"fractions=[{fraction}]"] if fraction else []
    grid = open_grid(configfiles, (*config, *axes))
    for key in grid.stages(grid.runs[0]):
        click.echo(f"# {grid.stage_folder(key, '{seed}')}")
        settings = {key.stage: grid.stage(key).model_dump(mode="json")}
        click.echo(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))


@commands.command()
@click.option("--check", is_flag=True, help="Only say whether they are up to date.")
def schemas(check: bool) -> None:
    """Write the JSON schemas of config/ anew."""
    from fewmask.config.schemas import write_schemas

    stale = write_schemas(check)
    if stale and check:
        raise FewmaskError(f"out of date: {', '.join(stale)}; run fewmask schemas")
    click.echo("\n".join(f"wrote {name}" for name in stale) or "all schemas are up to date")


if __name__ == "__main__":
    main()
