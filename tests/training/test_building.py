"""What a training is built of, as the settings of its stage say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fewmask.core.errors import FewmaskError
from fewmask.data.pseudo_masks import PseudoMasks
from fewmask.data.store.store import Store
from fewmask.training.building import build_training
from fewmask.training.inputs import Inputs
from fewmask.training.loop import Training
from fewmask.training.runtime import start
from tests.conftest import small_stage
from tests.data.making import random_pseudo_masks

LEARNING = {
    "objective": {"name": "dynamic_training", "skip_surer": True},
    "pseudo_masks": "a",
    "batch": {"labelled": 2, "unlabelled": 4},
    "augmentation": {"flip": 1},
}
LABELLED = 12
"""How many images of the split are labelled."""
Built = Callable[..., Training]


@pytest.fixture
def built(rooms: Path, rooms_split: Path) -> Built:
    """What builds a training, without a step."""
    inputs = Inputs(rooms, rooms_split, pseudo_masks=random_pseudo_masks(rooms))

    def build(**changes: object) -> Training:
        stage = small_stage(**changes)
        with Store(rooms) as store:
            return build_training(inputs, stage, 0, store, start("fp32", 1))

    return build


def test_the_most_confident_pixels_and_their_confidence_move_with_the_images(built: Built):
    training = built(**LEARNING, most_confident=0.3)
    batch = training.draws.at(0)["unlabelled"]
    with PseudoMasks(training_file(training)) as file:
        expected = file.most_confident(np.arange(12, 20), 0.3).labels(batch.rows)
        assert (expected == 255).any()
        confidence = file.confidence(batch.rows)
    assert np.array_equal(batch.pseudo_mask, expected)
    moved = training.augmented(batch)
    assert np.array_equal(moved.pseudo_mask, expected[:, :, ::-1])
    assert np.array_equal(moved.pseudo_confidence, confidence[:, :, ::-1])
    assert torch.equal(moved.image, batch.image.flip(3))


def training_file(training: Training) -> Path:
    """The pseudo-masks that it was given."""
    return random_pseudo_masks(training.draws.images.store.path)


def test_a_split_with_other_training_images_is_named(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    changed = tmp_path / "split.csv"
    changed.write_text(rooms_split.read_text().replace(",test,", ",unlabelled,", 1))
    inputs = Inputs(rooms, changed, pseudo_masks=random_pseudo_masks(rooms))
    with Store(rooms) as store, pytest.raises(FewmaskError) as error:
        build_training(inputs, small_stage(**LEARNING), 0, store, start("fp32", 1))
    assert f"not the pseudo-masks of {changed}" in str(error.value)
    assert "expected: one for each of the 21 training images" in str(error.value)


def test_confidence_is_read_where_it_is_needed(built: Built):
    settings = LEARNING | {"objective": {"name": "dynamic_training"}}
    batch = built(**settings).draws.at(0)["unlabelled"]
    assert batch.pseudo_mask is not None
    assert batch.pseudo_confidence is None


def test_a_replica_draws_anew_for_the_same_images(built: Built):
    first, again, other = (built(replica=number) for number in (0, 0, 1))
    name = "segmentation_head.0.weight"
    weights = [one.objective.network.state_dict()[name] for one in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    orders = [one.draws.rows_at("labelled", 0).tolist() for one in (first, again, other)]
    assert orders[0] == orders[1] != orders[2]
    assert np.array_equal(first.draws.rows["labelled"], other.draws.rows["labelled"])
    assert first.seed == again.seed != other.seed


def test_replicas_leave_out_other_parts_of_the_labelled_images(built: Built):
    everyone = set(built().draws.rows["labelled"])
    assert len(everyone) == LABELLED

    def left_out(replica: int, share: float) -> set[int]:
        one = built(labelled_share=share, replica=replica)
        drawn = one.draws.rows["labelled"].tolist()
        assert len({*drawn}) == len(drawn)
        assert {*drawn} < everyone
        seen = {int(row) for step in range(8) for row in one.draws.rows_at("labelled", step)}
        assert seen == {*drawn}, "all of them are learnt, and no others"
        return everyone - seen

    quarters = [left_out(replica, 0.75) for replica in range(5)]
    assert [len(one) for one in quarters] == [LABELLED // 4] * 5
    assert set.union(*quarters[:4]) == everyone, "each image is left out by one of four"
    assert quarters[4] == quarters[0], "and then again"
    assert quarters[0] < left_out(0, 0.5), "a larger share has the images of a smaller one"
    assert len(everyone - left_out(0, 0.01)) == 1


def test_a_stage_that_draws_all_labelled_images_is_written_as_ever():
    assert "labelled_share" not in small_stage(labelled_share=1).shaping()
    assert '"labelled_share":0.8' in small_stage(labelled_share=0.8).shaping()
