"""The embedded dataset as a reader, and the YAML that describes it."""

import numpy as np
import pytest
import yaml

from fewmask.core.errors import FewmaskError
from fewmask.data.readers.reader import open_reader
from fewmask.data.rendered.scenes import CATEGORIES, CLASSES, render
from tests.conftest import ROOT
from tests.data.making import settings

NAMES = [name for name, _ in CLASSES]


def reader_of(tmp_path, **changes):
    values = {"reader": {"name": "scenes", "images": 3, "seed": 5}, "classes": NAMES}
    return open_reader(settings(**{"size": (24, 32)} | values | changes), tmp_path)


def test_rooms_are_rendered_at_the_size_of_the_store(tmp_path):
    reader = reader_of(tmp_path)
    items = reader.items()
    assert [item.name for item in items] == ["scene_00000", "scene_00001", "scene_00002"]
    sample, scene = reader.load(items[2]), render(5, 2, 24, 32)
    assert np.array_equal(sample.image, scene.image)
    for field in ("mask", "depth", "normal", "height"):
        assert np.array_equal(sample.truth[field], getattr(scene, field))
    assert reader.categories[sample.category] == CATEGORIES[scene.category]


def test_mask_values_may_join_classes(tmp_path):
    values = {0: "room", 1: "room"} | dict.fromkeys(range(2, len(NAMES)), "solid")
    reader = reader_of(tmp_path, classes=["room", "solid"], mask_values=values)
    mask = reader.load(reader.items()[0]).truth["mask"]
    assert np.array_equal(mask, render(5, 0, 24, 32).mask >= 2)


def test_other_classes_need_mask_values(tmp_path):
    with pytest.raises(FewmaskError) as error:
        reader_of(tmp_path, classes=["wall", "floor"])
    assert str(error.value).startswith(
        "classes: found wall, floor\n  expected: the classes of the scenes: wall, floor, box"
    )


def test_the_yaml_names_the_classes_with_their_colours():
    written = yaml.safe_load((ROOT / "config/datasets/scenes.yaml").read_text())
    assert [(one["name"], tuple(one["colour"])) for one in written["classes"]] == list(CLASSES)
