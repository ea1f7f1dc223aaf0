"""The commands that the workflow's rules call."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fewmask.cli.group import commands, file, folder, path, threads_option
from fewmask.cluster.job_log import DONE, hold_log

EXIT_INTERRUPTED = 75
"""The exit code of a training that was stopped and saved a checkpoint (EX_TEMPFAIL: try again)."""


dataset_option = click.option(
    "--dataset", type=file, required=True, help="The prepared dataset, an .h5 file."
)
split_option = click.option(
    "--split", type=file, required=True, help="Which image has which role, a .csv file."
)
weights_option = click.option(
    "--weights", type=file, required=True, help="The weights of the stage, a .safetensors file."
)
seed_option = click.option("--seed", type=int, required=True, help="The seed of the run.")


def job(command: Callable) -> Callable:
    """Mark a command that the workflow runs: it reports its start and its end in its log."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        hold_log()
        command(**options)
        print(DONE, file=sys.stderr)

    return run


@commands.command()
@click.option("--dataset", required=True, help="Name of a file in config/datasets.")
@click.option("--output", type=path, required=True, help="The receipt to write.")
@job
def download(dataset: str, output: Path) -> None:
    """Fetch a dataset that is free to download, unless its files are there."""
    from fewmask.config.named import load_dataset
    from fewmask.data.preparation.download import download

    download(load_dataset(dataset, "--dataset"), output)


@commands.command()
@click.option("--encoder", required=True, help="Name of an encoder.")
@click.option("--output", type=path, required=True, help="The .safetensors file to write.")
@job
def fetch_encoder(encoder: str, output: Path) -> None:
    """Write the published weights of an encoder: installed ones, or from the internet."""
    from fewmask.networks.pretrained import fetch_encoder

    fetch_encoder(encoder, output)


@commands.command()
@click.option("--settings", required=True, help="JSON of the dataset's settings.")
@click.option("--output", type=path, required=True, help="The .h5 file to write.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many processes decode images.",
)
@click.option("--skip-damaged", is_flag=True, help="Leave out damaged images, and list them.")
@job
def prepare(settings: str, output: Path, workers: int, skip_damaged: bool) -> None:
    """Decode a dataset's images and masks into one HDF5 file."""
    from fewmask.data.preparation.prepare import prepare

    prepare(settings, output, workers, skip_damaged)


@commands.command()
@dataset_option
@click.option("--settings", required=True, help="JSON of the split's settings.")
@click.option("--fraction", required=True, help="How much is labelled: 0.05, n100, all or a list.")
@seed_option
@click.option("--output", type=path, required=True, help="The .csv file to write.")
@click.option("--extends", type=file, help="The split of a fraction whose masks are kept.")
@click.option("--suggestions", type=file, help="The images, a .csv file, whose masks are added.")
@job
def split(
    dataset: Path,
    settings: str,
    fraction: str,
    seed: int,
    output: Path,
    extends: Path | None,
    suggestions: Path | None,
) -> None:
    """Draw which images are labelled, unlabelled, validation and test images."""
    from fewmask.data.splits.job import split
    from fewmask.data.splits.suggested import Suggested

    suggested = Suggested(extends, suggestions) if extends and suggestions else None
    split(dataset, settings, fraction, seed, output, suggested)


@commands.command()
@dataset_option
@split_option
@click.option("--settings", required=True, help="JSON of the stage's settings.")
@seed_option
@click.option("--output", type=folder, required=True, help="The folder of the stage.")
@click.option("--start-from", type=path, help="Weights of an earlier stage to start from.")
@click.option("--encoder", type=file, help="Initial weights of the encoder.")
@click.option("--pseudo-masks", type=path, help="Pseudo-masks of an earlier stage.")
@click.option("--ranking", type=file, help="The ranking of trials that changes the settings.")
@click.option("--place", type=click.IntRange(min=0), default=0, help="The trial's place in it.")
@click.option(
    "--goes-on-from",
    type=path,
    help="A checkpoint of a shorter training to begin with. In this path and those of an earlier "
    "stage, {trial} and {trained_as} stand for the methods that the ranking names.",
)
@click.option("--trial", is_flag=True, help="A trial of a search, which may diverge.")
@click.option(
    "--checkpoint-seconds",
    type=click.IntRange(min=0),
    default=300,
    show_default=True,
    help="Seconds between two checkpoints.",
)
@click.option("--tensorboard", type=folder, help="Where to write training curves; absent: nowhere.")
@threads_option(default=1)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many processes train together, each on its own GPU; they share the threads.",
)
@job
def train(
    settings: str,
    seed: int,
    output: Path,
    checkpoint_seconds: int,
    tensorboard: Path | None,
    threads: int,
    processes: int,
    ranking: Path | None,
    place: int,
    trial: bool,
    **files: Path | None,
) -> None:
    """Train one stage, resuming from its checkpoint if there is one.

    On SIGTERM and Ctrl-C it saves a checkpoint and exits with code 75. Torchrun may also start the
    processes, and so may srun as the tasks of a step.
    """
    from fewmask.core.place import own_place

    here = own_place()
    if processes > 1 and here is None:
        from fewmask.training.launch import launch

        if code := launch(processes):
            sys.exit(code)
        return
    from fewmask.config.changes import with_changes
    from fewmask.config.layers import from_json
    from fewmask.config.stage import TrainingSettings
    from fewmask.core.compiler import load_compiler
    from fewmask.planning.search.ranking import read_ranking
    from fewmask.training.execution import Execution
    from fewmask.training.inputs import Inputs

    stage = from_json(TrainingSettings, settings, "--settings")
    if ranking is not None:
        ranked = read_ranking(ranking).at(place, ranking)
        stage = with_changes(stage, ranked.changes)
        files = {name: one and ranked.fill(one) for name, one in files.items()}
    if stage.compile:
        load_compiler()
    from fewmask.training.job import train

    execution = Execution(
        checkpoint_seconds / 60,
        max(1, threads // processes),
        processes,
        files.pop("goes_on_from"),
        trial,
        tensorboard,
    )
    if not train(Inputs(**files), stage, seed, output, execution):
        sys.exit(EXIT_INTERRUPTED)
    if here and here.rank > 0:
        sys.exit()  # the first process reports the end


@commands.command()
@click.option("--settings", required=True, help="JSON of the rung of a search.")
@click.option("--below", type=file, help="The ranking of the rung below.")
@click.option("--output", type=path, required=True, help="The .json file to write.")
@job
def rank(settings: str, below: Path | None, output: Path) -> None:
    """Rank the trials of a search on the validation images."""
    from fewmask.planning.search.ranking import rank

    rank(settings, below, output)


@commands.command()
@click.option(
    "--stage", required=True, metavar="METHOD/STAGE", help="The stage that the weights are of."
)
@dataset_option
@split_option
@weights_option
@click.option(
    "--output",
    type=path,
    required=True,
    help="The .h5 file to write; the quality of the pseudo-masks is written beside it.",
)
@threads_option(default=1)
@job
def pseudo_label(
    stage: str, dataset: Path, split: Path, weights: Path, output: Path, threads: int
) -> None:
    """Predict masks of the training images, which another stage learns."""
    from fewmask.inference.pseudo_label import pseudo_label

    pseudo_label(stage, dataset, split, weights, output, threads=threads)


@commands.command()
@click.option(
    "--run",
    nargs=4,
    required=True,
    metavar="DATASET METHOD FRACTION SEED",
    help="The run that is evaluated.",
)
@dataset_option
@split_option
@weights_option
@click.option(
    "--training",
    "trainings",
    type=file,
    multiple=True,
    required=True,
    help="The training.json of a stage of the run; once for each, the evaluated one last.",
)
@click.option(
    "--pseudo-masks",
    type=file,
    multiple=True,
    help="The pseudo_masks.json of pseudo-masks that a stage learnt.",
)
@click.option(
    "--restored-by",
    type=file,
    help="Weights of a stage that restores images; some test images are kept as it restores them.",
)
@click.option("--output", type=path, required=True, help="The .json file to write.")
@click.option(
    "--size",
    type=click.Choice(["network", "original"]),
    default="network",
    show_default=True,
    help="The size at which predictions and masks are compared.",
)
@threads_option(default=1)
@job
def evaluate(
    run: tuple[str, str, str, str], output: Path, size: str, threads: int, **inputs: Any
) -> None:
    """Compare the predictions of a trained network with the truth, on the test images."""
    from fewmask.core.cells import Run
    from fewmask.inference.evaluate import evaluate
    from fewmask.inference.inputs import EvaluationInputs

    evaluate(Run(*run[:3], seed=int(run[3])), EvaluationInputs(**inputs), output, size, threads)
