"""A run, and its evaluation."""

from fewmask.core.cells import Run
from fewmask.inference import evaluate as job
from fewmask.inference.inputs import EvaluationInputs

RUN = Run("rooms", "supervised", "n12", 0)


def evaluate(
    run,
    dataset,
    split,
    weights,
    trainings,
    output,
    size="network",
    pseudo_masks=(),
    restored_by=None,
):
    inputs = EvaluationInputs(
        dataset, split, weights, tuple(trainings), tuple(pseudo_masks), restored_by
    )
    job.evaluate(run, inputs, output, size)


def changed_role(text: str, before: str, after: str) -> str:
    """A split in which the first image of a role has another one."""
    return text.replace(f",{before},", f",{after},", 1)
