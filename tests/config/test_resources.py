"""What trainings request that share a GPU, and which cannot."""

import pytest
from pydantic import ValidationError

from fewmask.config.resources import Resources


@pytest.mark.parametrize("share", range(1, 11))
def test_so_many_trainings_fit_on_a_gpu_and_no_more(share: int):
    percent = Resources(gpu_share=share).gpu_percent
    assert share * percent <= 100 < (share + 1) * percent


def test_a_training_of_several_gpus_needs_all_of_each():
    assert Resources(gpus=2, processes=2).gpu_percent == 200
    assert Resources(gpus=0).gpu_percent == 0


@pytest.mark.parametrize(
    "changes", [{"gpus": 0}, {"gpus": 2}, {"gpus": 2, "processes": 2}, {"gpus": 0, "processes": 2}]
)
def test_only_trainings_of_one_gpu_can_share_it(changes: dict[str, int]):
    with pytest.raises(ValidationError, match=r"gpu_share is 4, gpus .* share a GPU"):
        Resources(gpu_share=4, **changes)


@pytest.mark.parametrize("share", [0, -1, 11, 1.5])
def test_a_share_is_a_small_number(share: float):
    with pytest.raises(ValidationError, match="gpu_share"):
        Resources(gpu_share=share)
