"""An objective, a weighting and an architecture are each a folder: nothing else names them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from fewmask.config.choices import folders
from tests.conftest import ROOT

FILES = {
    "objectives/darker/settings.py": '''
        from typing import ClassVar, Literal
        from fewmask.config.objective import ObjectiveSettings

        class DarkerSettings(ObjectiveSettings):
            name: Literal["darker"]
            by: float = 0.5
            draws: ClassVar[tuple[str, ...]] = ("labelled",)
            loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "size")
    ''',
    "objectives/darker/objective.py": '''
        from fewmask.objectives.losses import cross_entropy
        from fewmask.objectives.objective import Objective

        class Darker(Objective):
            def losses(self, batches, step):
                batch = batches["labelled"]
                logits = self.network(batch.image * self.by, batch.inside)["segmentation"]
                return {
                    "cross_entropy": cross_entropy(logits, batch.mask),
                    "size": logits.square().mean(),
                }

        def build(options, blueprint):
            objective = Darker(blueprint.segmenter())
            objective.by = options.by
            return objective
    ''',
    "objectives/weighting/half/settings.py": '''
        from typing import Literal
        from fewmask.config.weighting import WeightingSettings

        class HalfSettings(WeightingSettings):
            name: Literal["half"]
    ''',
    "objectives/weighting/half/weighting.py": '''
        import torch
        from fewmask.objectives.weighting.by_losses import LossWeighting

        class Half(LossWeighting):
            def forward(self, losses, step):
                return torch.full_like(losses, 0.5)

        def build(options, loss_names):
            return Half(loss_names)
    ''',
    "networks/architectures/wide/settings.py": '''
        from typing import Literal
        from fewmask.config.architecture import ArchitectureSettings

        class WideSettings(ArchitectureSettings):
            name: Literal["wide"]
            channels: int = 256
    ''',
    "networks/architectures/wide/network.py": '''
        import segmentation_models_pytorch as smp

        def build(settings, classes):
            options = {"decoder_pyramid_channels": settings.architecture.channels}
            return smp.FPN(settings.encoder, encoder_weights=None, classes=classes, **options)
    ''',
}  # fmt: skip
PACKAGES = ("objectives", "objectives.weighting", "networks.architectures")
PROGRAM = """
import importlib, sys
from pathlib import Path
folder, store, split, output = map(Path, sys.argv[1:])
for name in {packages!r}:
    package = importlib.import_module("fewmask." + name)
    package.__path__.append(str(folder / name.replace(".", "/")))
from fewmask.config.stage import Stage
stage = Stage.model_validate_json(sys.stdin.read())
assert "torch" not in sys.modules
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
train(Inputs(store, split), stage, 0, output)
"""
STAGE = """{
    "network": {
        "architecture": {"name": "wide", "channels": 32}, "encoder": "resnet18", "weights": "none"
    },
    "objective": {"name": "darker", "by": 0.25},
    "weighting": {"name": "half"},
    "optimiser": {"name": "adamw", "learning_rate": 0.001},
    "steps": 2, "batch": {"labelled": 4}, "evaluation": {"every": 1}
}"""


def test_a_folder_is_all_that_an_objective_a_weighting_and_an_architecture_need(
    tmp_path: Path, rooms: Path, rooms_split: Path
):
    from textwrap import dedent

    for name, text in FILES.items():
        path = tmp_path / "added" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(dedent(text))
    program = PROGRAM.format(packages=PACKAGES)
    given = [tmp_path / "added", rooms, rooms_split, tmp_path / "output"]
    command = [sys.executable, "-c", program, *map(str, given)]
    done = subprocess.run(command, input=STAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with safe_open(tmp_path / "output" / "weights.safetensors", "pt") as weights:
        assert weights.get_slice("segmentation_head.0.weight").get_shape()[0] == 7
        assert weights.get_slice("decoder.p5.weight").get_shape()[0] == 32
    columns = (tmp_path / "output" / "history.csv").read_text().splitlines()[0].split(",")
    assert {"cross_entropy", "size", "weight_size", "validation_miou"} <= set(columns)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_what_is_found_by_name(package: str):
    """But those found in the same way, for one method may build on another."""
    source = ROOT / "src"
    for name in folders(f"fewmask.{package}"):
        full = f"fewmask.{package}.{name}"
        own = source / full.replace(".", "/")
        others = [path for path in source.rglob("*.py") if own.parent != path.parent.parent]
        assert others
        importing = [str(path) for path in others if re.search(rf"{full}\b", path.read_text())]
        assert not importing, name
