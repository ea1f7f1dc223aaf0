"""The job of one stage: from its files to its files, resuming where it was."""

import csv
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fewmask import __version__
from fewmask.cluster.job_log import ERROR
from fewmask.cluster.training_log import TrainingProgress
from fewmask.config.stage import TrainingSettings
from fewmask.config.task import load
from fewmask.core import parallel
from fewmask.core.errors import FewmaskError
from fewmask.core.files import file_digest, written_whole
from fewmask.core.paths import CHECKPOINT, HISTORY, TRAINING, TRIES, WEIGHTS
from fewmask.core.progress import bar
from fewmask.data.store.store import Store
from fewmask.metrics.records import write_record
from fewmask.networks.weights import load_weights, read_description, save_weights
from fewmask.training.building import build_training
from fewmask.training.checkpoint import Checkpoint, State
from fewmask.training.divergence import DivergedError, divergence_before, made_finite
from fewmask.training.execution import DEFAULT, Execution
from fewmask.training.inputs import Inputs
from fewmask.training.locking import locked
from fewmask.training.loop import Training
from fewmask.training.runtime import Runtime, describe, is_emulated, start
from fewmask.training.signals import interruptible
from fewmask.training.tensorboard import curves
from fewmask.training.tries import Tries

EMULATED = """\
this processor has no instructions for bf16, and takes about ten times as long for it as for fp32
  mend: precision: fp32 for the stage, in overrides of the experiment"""


def train(
    inputs: Inputs,
    stage: TrainingSettings,
    seed: int,
    output: Path,
    execution: Execution = DEFAULT,
) -> bool:
    """Train a stage and write its weights, history and training.json to the folder ``output``.

    Goes on from the folder's checkpoint if there is one of this very training, and does nothing
    if its weights are there already. The checkpoint of the last step stays until the run is
    evaluated (`remove_checkpoint`): Snakemake deletes the weights of a job that is killed between
    its end and Snakemake's taking note of it, and the next try writes them again. On SIGTERM and
    SIGINT it saves a checkpoint and returns False.
    With several processes all of them call this; the first writes.

    A trial that diverges, or goes on from a training that has diverged, ends: its training.json
    says why, and its weights are good for nothing.

    Raises FewmaskError: bad input files, images of a wrong size, a loss that is not finite (but
    in a trial), curves without TensorBoard.
    """
    with parallel.together(execution.processes), locked(output), Store(inputs.dataset) as store:
        store.check_name()
        digests, scaling = inputs.digests(store), inputs.scaling(store)
        description = {
            "version": __version__,
            "network": stage.network.model_dump(mode="json"),
            "training": json.loads(stage.shaping()),
            "dataset": json.loads(store.settings),
            "seed": seed,
            "digests": digests,
        }
        if scaling is not None:
            description["scaling"] = scaling.model_dump(mode="json")
        checkpoint = Checkpoint(output / CHECKPOINT, _fingerprint(description))
        if _is_done(output, description):
            print(f"{output}: trained already", file=sys.stderr)
            return True
        runtime = start(stage.precision, execution.threads, stage.deterministic)
        if is_emulated(runtime):
            print(EMULATED, file=sys.stderr)
        build = partial(build_training, inputs, stage, seed, store, runtime, scaling)
        training = _resumed(build, checkpoint, runtime, execution.goes_on_from)
        if execution.is_trial:
            earlier = (inputs.start_from, inputs.pseudo_masks, execution.goes_on_from)
            training.diverged = divergence_before(earlier)
        if not parallel.is_first():
            return _run(training, lambda now: None, replace(execution, tensorboard=None))
        tries = Tries(output / TRIES)
        tries.add("started", training.step)

        def save(now: Training) -> None:
            checkpoint.save(now.state_dict())
            tries.add("saved", now.step)

        ended = _run(training, save, execution)
        if ended and not training.diverged:
            save(training)
        if ended:
            _write(output, training, description)
        event = "diverged" if training.diverged else "finished"
        tries.add(event if ended else "stopped", training.step)
        return ended


def _resumed(
    build: Callable[[], Training], checkpoint: Checkpoint, runtime: Runtime, earlier: Path | None
) -> Training:
    """The training where its checkpoint left it, or that of a shorter one; or at its first step."""
    training = build()
    state = _load(checkpoint, runtime, earlier)
    if state is None:
        return training
    try:
        training.load_state_dict(state)
    except Exception as error:  # whatever it is that the state holds
        if parallel.is_first():
            checkpoint.set_aside(f"does not fit the training ({type(error).__name__})")
        return build()
    print(f"resuming from step {training.step}", file=sys.stderr)
    return training


def _load(checkpoint: Checkpoint, runtime: Runtime, earlier: Path | None) -> State | None:
    """The state to go on from; the first process looks first, for it may set the file aside."""
    state = checkpoint.load(runtime.device) if parallel.is_first() else None
    if parallel.is_first() and state is None and earlier and earlier.is_file():
        checkpoint.begin_with(earlier)
        state = checkpoint.load(runtime.device)
    parallel.wait_for_all()
    return state if parallel.is_first() else checkpoint.load(runtime.device)


def _fingerprint(description: dict[str, Any]) -> str:
    # A checkpoint is that of a training of any length.
    training = {name: one for name, one in description["training"].items() if name != "until"}
    text = json.dumps(description | {"training": training}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_done(output: Path, description: dict[str, Any]) -> bool:
    """Whether all files are there, whole, and of this very training.

    It matters when Snakemake starts a job again while the first is about to end.
    """
    if not all((output / name).exists() for name in (WEIGHTS, HISTORY, TRAINING)):
        return False
    try:
        load_weights(output / WEIGHTS)
        return read_description(output / WEIGHTS).record == description
    except FewmaskError:
        return False


def _run(training: Training, save: Callable[[Training], None], execution: Execution) -> bool:
    """Train, and save when it is time or a signal comes; returns whether the end was reached, which
    is also where a trial diverges."""
    if training.diverged:
        print(f"not trained: an earlier training diverged: {training.diverged}", file=sys.stderr)
        return True
    with (
        interruptible() as interrupted,
        curves(execution.tensorboard, training) as update_curves,
        bar("train", training.stage.last_step, training.step) as shown,
    ):

        def report(now: Training) -> None:
            shown.at(now.step)
            if now.history and now.history[-1]["step"] == now.step:
                shown.say(str(_progress(now)))
                update_curves()

        try:
            ended = training.run(save, execution.checkpoint_minutes, interrupted, report)
        except DivergedError as error:
            if not execution.is_trial:
                raise
            print(f"{error}\nthis trial ends here, and is ranked last", file=sys.stderr)
            training.diverged = error.reason
            return True
    if not ended:
        print(
            f"{ERROR}stopped at step {training.step}, checkpoint saved; start it again to resume",
            file=sys.stderr,
        )
    return ended


def _progress(training: Training) -> TrainingProgress:
    """How far a training is, and the values of its last evaluation."""
    last, metric = training.history[-1], training.stage.evaluation.metric
    if metric == "none":
        learnt = training.stage.objective.predicts
        metric = next((load(name).judged_by for name in learnt), "loss")
    value = last.get(f"validation_{metric}")
    return TrainingProgress(
        step=training.step,
        steps=training.stage.last_step,
        loss=last["loss"],
        speed=last["images_seen"] / max(last["seconds"], 1e-9),
        seconds_left=(training.stage.last_step - training.step) * last["seconds"] / training.step,
        metric=None if value is None else metric,
        value=value,
    )


def _write(output: Path, training: Training, description: dict[str, Any]) -> None:
    """Write what the training ends with; weights last, for they stand for a finished stage."""
    evaluated = training.history[-1] if training.history else {"step": 0}
    with written_whole(output / HISTORY) as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(evaluated))
        writer.writeheader()
        writer.writerows(training.history)
    measured = {
        "steps": training.step,
        "best_step": training.best["step"] or training.step,
        "best_value": training.best["value"],
        "seconds": round(training.seconds, 3),
        "peak_memory_mb": round(training.memory_mb, 1),
        "images_seen": training.images_seen,
        "history": file_digest(output / HISTORY),
        **describe(training.runtime),
        **description,
    }
    weights, others = training.result, training.other_weights
    if training.diverged:
        measured["diverged"] = training.diverged
        weights = made_finite(weights)
        others = {name: made_finite(one) for name, one in others.items()}
    write_record(output / TRAINING, measured)
    save_weights(output / WEIGHTS, weights, description, others)
