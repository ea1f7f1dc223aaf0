"""Settings of channels: what they are called, which are shown, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from fewmask.config.dataset import Dataset
from fewmask.config.network import Network

FOLDER = {"name": "folder", "images": "images/*", "masks": "masks/*"}


def dataset(**settings: Any) -> Dataset:
    given = {"reader": FOLDER, "root": "mine", "classes": ["ground", "tree"]}
    return Dataset.model_validate(given | settings)


@pytest.mark.parametrize(
    ("settings", "names", "shown", "scales_by"),
    [
        ({}, ("red", "green", "blue"), [0, 1, 2], "encoder"),
        ({"channels": "grey"}, ("grey",), [0, 0, 0], "percentiles"),
        ({"channels": 2}, ("1", "2"), [0, 0, 0], "percentiles"),
        ({"channels": 5, "show": [5, 1, "2"]}, ("1", "2", "3", "4", "5"), [4, 0, 1], "percentiles"),
        ({"channels": ["a", "b", "c"], "show": ["b"]}, ("a", "b", "c"), [1, 1, 1], "percentiles"),
        ({"channels": "grey", "normalisation": "mean_std"}, ("grey",), [0, 0, 0], "mean_std"),
    ],
)
def test_names_and_what_is_shown(settings: dict, names: tuple, shown: list, scales_by: str):
    one = dataset(**settings)
    assert one.channel_names == names
    assert one.channel_count == len(names)
    assert one.shown_channels == shown
    assert one.scales_by == scales_by
    assert one.stored_channels == (len(names) if settings else None)
    written = one.model_dump(mode="json")
    assert Dataset.model_validate(written) == one
    assert {"channels", "normalisation", "show"} & written.keys() == settings.keys()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"channels": "cmyk"}, "'rgb' or 'grey'"),
        ({"channels": 0}, "greater than or equal to 1"),
        ({"channels": []}, "at least 1 item"),
        ({"channels": ["nir", "nir"]}, "channels: two have the name nir"),
        ({"channels": 6, "show": ["nir"]}, "show names nir, which is no channel\n  expected: 1, 2"),
        ({"channels": 6, "show": [1, 2]}, "show: found 2 channels\n  expected: three"),
        ({"channels": 6, "reader": {"name": "voc"}}, "the reader voc gives red, green and blue"),
    ],
)
def test_what_is_refused(settings: dict, expected: str):
    with pytest.raises(ValidationError, match=expected):
        dataset(**settings)


def test_a_network_takes_the_channels_of_its_images():
    network = Network(padding_channel=True)
    six = network.for_images(6)
    assert (network.in_channels, six.in_channels, six.image_channels) == (4, 7, 6)
    assert six.model_dump() == network.model_dump(), "its settings are those of any dataset"
