"""Test images that are kept as a stage restores them."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.core.seeds import derive
from fewmask.data.store.store import Store
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.weights import load_weights, read_description
from fewmask.objectives.masked_image.objective import rotate_patches
from fewmask.report.figures.example_images import read_restored
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.inference.evaluating import RUN, changed_role, evaluate

PATCHES, SIZE = 3, 8
PRETRAINING = {
    "objective": {"name": "masked_image", "patches": PATCHES, "patch_size": SIZE},
    "batch": {"all": 4},
    "evaluation": {"every": 10, "metric": "loss"},
    "steps": 10,
}


@pytest.fixture(scope="module")
def pretrained(rooms: Path, rooms_split: Path, tmp_path_factory) -> Path:
    """The weights of a stage that restores images, in bfloat16 where torch can."""
    folder = tmp_path_factory.mktemp("pretrain")
    assert train(Inputs(rooms, rooms_split), small_stage(**PRETRAINING), 0, folder)
    return folder / WEIGHTS


@pytest.fixture(scope="module")
def files(trained: Path, rooms: Path, rooms_split: Path, tmp_path_factory) -> tuple:
    """What an evaluation reads and writes."""
    folder = tmp_path_factory.mktemp("metrics")
    return rooms, rooms_split, trained / WEIGHTS, [trained / TRAINING], folder / "0.json"


@pytest.fixture(scope="module")
def examples(files: tuple, pretrained: Path) -> Path:
    evaluate(RUN, *files, restored_by=pretrained)
    return files[-1].with_suffix(".examples.h5")


def restored_by_hand(weights: Path, image: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
    """An image, (H, W, 3) in [0, 1], perturbed and restored, by the shortest way there is."""
    network = Segmenter(read_description(weights).network, {"colours": 3}).eval()
    network.load_state_dict(load_weights(weights))
    torch.manual_seed(derive("validation", row))
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    perturbed = rotate_patches(pixels, PATCHES, SIZE)
    with torch.no_grad():
        restored = network.scores(network.features(perturbed, torch.ones(1, 1, 32, 32)))
    return tuple(one[0].permute(1, 2, 0).numpy() for one in (perturbed, restored))


def test_they_are_what_the_network_makes_of_the_images_of_the_validation(
    examples: Path, pretrained: Path, rooms: Path
):
    with h5py.File(examples) as file, Store(rooms) as store:
        rows = file["row"][:]
        assert len(rows) == len(file["restored"]) == 10
        for i, row in enumerate(rows.tolist()):
            image = store.read("image", np.array([row]))[0] / 255
            perturbed, restored = restored_by_hand(pretrained, image, row)
            shown = file["perturbed"][i] / 255
            assert np.allclose(shown, perturbed, atol=1e-6)
            assert np.any(shown != image)
            assert np.abs(file["restored"][i] / 255 - restored.clip(0, 1)).max() < 0.5 / 255 + 1e-4
            expected = np.mean((restored - image) ** 2)
            assert file["restored_error"][i] == pytest.approx(expected, rel=1e-4)
            expected = np.mean((perturbed - image) ** 2)
            assert file["perturbed_error"][i] == pytest.approx(expected, rel=1e-4)


def test_nothing_else_changes(result: Path, examples: Path):
    """The draws of perturbations are no draws of anything else."""
    with h5py.File(examples) as file, h5py.File(result.with_suffix(".examples.h5")) as without:
        assert "restored" not in without
        for name in without:
            assert np.array_equal(file[name], without[name]), name
    of_images = result.with_suffix(".csv").read_text()
    assert examples.with_name("0.csv").read_text() == of_images


def test_fixed_images_are_read_for_the_figure(examples: Path):
    with h5py.File(examples) as file:
        fixed = file["choice"].asstr()[:] == "fixed"
        expected = file["restored"][:][fixed]
    read = read_restored(examples)
    assert np.array_equal([one.restored for one in read.values()], expected)


def test_evaluations_without_restored_images_are_told_as_such(result: Path):
    with pytest.raises(FewmaskError, match=r"0.examples.h5: not the example predictions"):
        read_restored(result.with_suffix(".examples.h5"))


def test_weights_that_do_not_belong_to_the_run_are_refused(
    files: tuple, trained: Path, pretrained: Path, rooms: Path, rooms_split: Path, tmp_path: Path
):
    output = tmp_path / "metrics/0.json"
    files = (*files[:-1], output)
    with pytest.raises(FewmaskError, match=r"supervised, which restores no images\n.*masked_image"):
        evaluate(RUN, *files, restored_by=trained / WEIGHTS)
    other = tmp_path / "other"
    assert train(Inputs(rooms, rooms_split), small_stage(**PRETRAINING), 1, other)
    with pytest.raises(FewmaskError, match=rf"{other}.*another seed\n  found: 1\n  expected: 0"):
        evaluate(RUN, *files, restored_by=other / WEIGHTS)
    shutil.rmtree(other)
    split = tmp_path / "split.csv"
    split.write_text(changed_role(rooms_split.read_text(), "test", "unlabelled"))
    assert train(Inputs(rooms, split), small_stage(**PRETRAINING), 0, other)
    with pytest.raises(FewmaskError, match=rf"{other}.*trained with another split than"):
        evaluate(RUN, *files, restored_by=other / WEIGHTS)
    assert not output.exists()
