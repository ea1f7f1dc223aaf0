"""A small grid with a method of every kind: one run of each."""

from pathlib import Path

from tests.small_project import change_config, write_config, write_project, write_refined

THREE_STAGE = """\
extends: refined
stages:
  final:
    objective: {name: self_training, auxiliary: {own_blocks: 1}}
    pseudo_masks: refined
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 4
    batch: {labelled: 2, unlabelled: 4}
    evaluation: {every: 2}
    resources: {cpus: 1, gpus: 0}
"""

MASKED_IMAGE = """\
extends: supervised
stages:
  pretrain:
    objective: {name: masked_image, patch_size: 8}
    optimiser: {name: adamw, learning_rate: 0.003}
    steps: 6
    batch: {all: 8}
    evaluation: {every: 3, metric: loss}
    resources: {cpus: 1, gpus: 0}
  supervised: {start_from: pretrain, transfer: [encoder, decoder]}
"""

MULTI_TASK = """\
extends: supervised
stages:
  supervised:
    objective: {name: multi_task}
    batch: {labelled: 2, unlabelled: 2}
"""

SINGLE_DEPTH = """\
extends: multi_task
stages:
  supervised:
    objective: {tasks: [depth]}
    batch: {labelled: 0, unlabelled: 0, all: 4}
    evaluation: {metric: loss}
"""

HEIGHTS = """\
extends: multi_task
stages:
  supervised:
    objective: {tasks: [segmentation, height]}
"""

METHODS = {
    "three_stage": THREE_STAGE,
    "masked_image": MASKED_IMAGE,
    "multi_task": MULTI_TASK,
    "single_depth": SINGLE_DEPTH,
    "heights": HEIGHTS,
}
"""Besides ``supervised`` and ``refined``."""

BASELINES = {"segmentation": "supervised", "depth": "single_depth"}

ERRORS = ["depth_absolute_error", "normal_mean_angle", "height_absolute_error"]

EXPERIMENT = {
    "methods": ["supervised", "refined", *METHODS],
    "fractions": ["n8"],
    "seeds": [0],
    "metrics": [
        "miou",
        "depth_absolute_error",
        "normal_mean_angle",
        "height_absolute_error",
        "delta_m",
    ],
    "baselines": BASELINES,
}


def write_finished(folder: Path) -> None:
    """The project before its grid is run."""
    write_project(folder)
    write_refined(folder)
    for name, text in METHODS.items():
        write_config(folder, f"methods/{name}", text)
    change_config(folder, "config", **EXPERIMENT)
