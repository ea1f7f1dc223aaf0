"""The gradients of every objective and weighting in 64 bits, by one process or by several.

Rounding plays no part, so that all must find the same.
"""

from pathlib import Path

import torch
from torch import nn

from fewmask.config.stage import Stage
from fewmask.core import parallel
from fewmask.core.place import own_place
from fewmask.data.store.store import Store
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.runtime import start
from tests.conftest import SMALL_UNET, small_stage
from tests.data.making import random_pseudo_masks

BOTH = {"labelled": 2, "unlabelled": 4}
STRONG = {"operations": 2, "boxes": 1, "box_size": 0.25}
CONFIDENT = ("augseg", "classmix", "fixmatch", "prevmatch", "unimatch", "unimatch_v2", "vat")
"""Objectives that count the pixels of which a teacher is sure."""
STAGES = {
    "supervised": {
        "objective": {"name": "supervised", "losses": ["cross_entropy", "dice"]},
        "batch": {"labelled": 4},
    },
    "supervised, batch-norms of timm": {
        "network": {
            "encoder": "tu-tf_efficientnet_lite0", "weights": "none", "architecture": SMALL_UNET
        },
        "objective": {"name": "supervised"}, "batch": {"labelled": 4},
    },
    "supervised, micro-batches": {
        "objective": {"name": "supervised"}, "batch": {"labelled": 4}, "micro_batches": 2,
    },
    "masked_image": {
        "objective": {"name": "masked_image", "patches": 4, "patch_size": 8},
        "batch": {"all": 4},
    },
    "simclr": {"objective": {"name": "simclr", "projection": 16}, "batch": {"all": 4}},
    "reconstruction": {"objective": {"name": "reconstruction"}, "batch": BOTH},
    "self_training": {
        "objective": {
            "name": "self_training", "auxiliary": None, "strong_augmentation": STRONG
        },
        "batch": BOTH,
    },
    **{
        name: {"objective": {"name": name, "confidence": {"threshold": 0.2}}, "batch": BOTH}
        for name in CONFIDENT
    },
    "corrmatch": {
        "objective": {
            "name": "corrmatch", "confidence": {"threshold": 0.2}, "correlation_dropout": 0
        },
        "batch": BOTH,
    },
    "st": {"objective": {"name": "st"}, "pseudo_masks": "supervised", "batch": BOTH},
    "dynamic_training": {
        "objective": {"name": "dynamic_training", "skip_surer": True},
        "pseudo_masks": "supervised", "most_confident": 0.5, "batch": BOTH,
    },
    "s4l": {"objective": {"name": "s4l"}, "batch": BOTH},
    "cct": {"objective": {"name": "cct"}, "batch": BOTH},
    "ps_mt": {
        "objective": {"name": "ps_mt", "warm_up": 0, "confidence": {"threshold": 0.2}},
        "batch": BOTH,
    },
    "cps": {"objective": {"name": "cps", "mixing": {}}, "batch": BOTH},
    "hung": {
        "objective": {
            "name": "hung", "discriminator": {"channels": [8, 8]}, "judged_images": "all",
            "self_taught_start": 0
        },
        "batch": BOTH,
    },
    "s4gan": {
        "objective": {
            "name": "s4gan", "discriminator": {"channels": [8, 8], "dropout": 0}, "threshold": 0,
            "image_classes": {"burn_in": 0}
        },
        "batch": BOTH,
    },
    "gct": {
        "objective": {"name": "gct", "detector": {"channels": [8, 8]}, "ramp_up": 0},
        "batch": BOTH,
    },
    "u2pl": {
        "objective": {
            "name": "u2pl",
            "contrast": {"channels": 16, "dropout": 0, "memory": 100, "certainty": 0}
        },
        "batch": BOTH,
    },
    "mean_teacher": {
        "objective": {
            "name": "mean_teacher", "perturbation": {"name": "cutmix"},
            "confidence": {"threshold": 0.2}
        },
        "batch": BOTH,
    },
    "multi_task": {
        "objective": {"name": "multi_task", "tasks": ["segmentation", "depth", "normal"]},
        "batch": BOTH,
    },
}  # fmt: skip
WEIGHTINGS = {
    "fixed": {"weights": {"depth": 0.5}},
    "uncertainty": {},
    "dynamic_weight_average": {"period": 1},
    "nash_mtl": {},
    "nash_mtl, every second step": {"update_weights_every": 2},
    "pcgrad": {},
    "cagrad": {},
}
STAGES |= {
    title: STAGES["multi_task"] | {"weighting": {"name": title.split(",")[0], **options}}
    for title, options in WEIGHTINGS.items()
}
STEPS = 3
"""Of weightings: dynamic weights are 1 in the first two."""


def inputs_of(stage: Stage, store: Path, split: Path) -> Inputs:
    """What a stage reads."""
    return Inputs(store, split, pseudo_masks=stage.pseudo_masks and random_pseudo_masks(store))


def in_64_bits(objective: nn.Module) -> None:
    """Let an objective compute in 64 bits, whatever images come in."""
    objective.double()
    for module in objective.modules():
        if encoder := getattr(module, "encoder", None):
            encoder.register_forward_pre_hook(lambda _, given: (given[0].double(),))


def gradients(store: Path, split: Path, settings: dict) -> dict[str, torch.Tensor]:
    """The gradients by parameter and the values of a few steps, all with the same weights."""
    evaluation = {"every": 5, "metric": "loss"}
    stage = small_stage(precision="fp32", evaluation=evaluation, **settings)
    with Store(store) as opened:
        inputs = inputs_of(stage, store, split)
        training = build_training(inputs, stage, 0, opened, start("fp32", 1))
        objective = training.objective.train()
        in_64_bits(objective)
        torch.manual_seed(3)
        found = {}
        for step in range(STEPS if "weighting" in settings else 1):
            drawn = {role: training.augmented(one) for role, one in training.draws.at(step).items()}
            objective.zero_grad(set_to_none=True)
            losses = objective.losses(drawn, step)
            values = training.weighting.backward(losses, objective, training.scaler, step)
            of_step = {n: p.grad for n, p in objective.named_parameters() if p.grad is not None}
            of_step |= {name: value.detach().double() for name, value in values.items()}
            found |= {f"step {step}, {name}": value for name, value in of_step.items()}
        return found


def write(store: Path, split: Path, output: Path) -> None:
    """Write the gradients of all objectives; to be called in every process."""
    here = own_place()
    with parallel.together(here.processes if here else 1):
        found = {name: gradients(store, split, one) for name, one in STAGES.items()}
        if parallel.is_first():
            torch.save(found, output)
