"""How many images a second trainings make that share a GPU, against one after the other.

    uv run python -m benchmarks.sharing 1 2 4 8

starts so many trainings of a U-Net with a ResNet-18 on Oxford Pet at 64 px at the same time, each a
command of its own with one thread. Without a GPU they share the processors, which shows only that
this command works.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import click
import torch

from benchmarks.project import NO_EVALUATIONS, project
from fewmask.core.cells import Run

PET = Run("oxford_pet_64", "supervised", "n200", 0)


def images_per_second(arguments: list[str], folder: Path, trainings: int) -> float:
    """Of so many trainings side by side together, from the start of the first command to the end of
    the last one."""
    folder.mkdir()
    started = time.perf_counter()
    processes = [_start(arguments, folder / str(seed), seed) for seed in range(trainings)]
    codes = [process.wait() for process in processes]
    seconds = time.perf_counter() - started
    if any(codes):
        failed = next(seed for seed, code in enumerate(codes) if code)
        raise click.ClickException((folder / f"{failed}.log").read_text()[-2000:])
    return sum(_images(folder / str(seed)) for seed in range(trainings)) / seconds


def _start(arguments: list[str], output: Path, seed: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "fewmask.cli", "train", *arguments, "--threads", "1"]
    own = ["--seed", str(seed), "--output", str(output)]
    with output.with_name(f"{seed}.log").open("w") as log:
        return subprocess.Popen([*command, *own], stdout=log, stderr=log)


def _images(output: Path) -> int:
    return json.loads((output / "training.json").read_text())["images_seen"]


@click.command(help=__doc__.split("\n")[0])
@click.argument("trainings", nargs=-1, type=click.IntRange(min=1), required=True)
@click.option("--steps", default=5000, show_default=True, help="The length of each training.")
def main(trainings: tuple[int, ...], steps: int) -> None:
    """Print a row for each number of trainings."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    click.echo(f"{device}, {steps} steps\nside by side   images/s   against one after the other")
    with project("pet_supervised", PET) as made:
        key = made.key("supervised")
        stage = made.stage(key, steps=steps, schedule={}, evaluation=NO_EVALUATIONS)
        inputs = made.inputs(key)
        arguments = ["--dataset", str(inputs.dataset), "--split", str(inputs.split)]
        arguments += ["--settings", stage.shaping()]
        folder = inputs.dataset.parent
        alone = images_per_second(arguments, folder / "alone", 1)
        for number in trainings:
            together = images_per_second(arguments, folder / f"together_{number}", number)
            click.echo(f"{number:12} {together:10.0f} {together / alone:10.2f} x")


if __name__ == "__main__":
    main()
