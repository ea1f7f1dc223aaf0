"""Folders of categories: names, what is passed over, and the real Cats vs Dogs."""

import json
from collections import Counter

import pytest

from fewmask.config.named import dataset_from_json
from fewmask.core.errors import FewmaskError
from fewmask.data.readers.reader import open_reader
from tests.data.making import noise, save


def reader_of(data, root="pets", **changes):
    reader = {"name": "class_folders", "folder": "PetImages", **changes}
    values = {"dataset": "pets", "reader": reader, "root": root, "size": 32}
    return open_reader(dataset_from_json(json.dumps(values))[1], data)


@pytest.fixture
def folder(tmp_path):
    """Two cats, one of them deeper, a dog, and files that are no images."""
    root = tmp_path / "pets/PetImages"
    for i, name in enumerate(("Dog/0.jpg", "Cat/1.jpg", "Cat/more/2.PNG")):
        save(root / name, noise(6, 4, 3, seed=i))
    for name in ("Cat/Thumbs.db", "Cat/._1.jpg", "readme.txt"):
        (root / name).touch()
    return tmp_path


def test_folders_are_categories(folder):
    reader = reader_of(folder)
    items = reader.items()
    assert reader.categories == ("Cat", "Dog")
    assert [(item.name, item.category) for item in items] == [
        ("Cat/1", 0), ("Cat/more/2", 0), ("Dog/0", 1)
    ]  # fmt: skip
    sample = reader.load(items[1])
    assert (sample.image == noise(6, 4, 3, seed=2)).all()
    assert sample.category == 0
    assert "mask" not in sample.truth


def test_images_are_left_out_by_name(folder):
    (folder / "pets/PetImages/Cat/666.jpg").touch()
    assert "Cat/666" in [item.name for item in reader_of(folder).items()]
    reader = reader_of(folder, leave_out=["Cat/666"])
    assert [item.name for item in reader.items()] == ["Cat/1", "Cat/more/2", "Dog/0"]


def test_a_damaged_image_is_named(folder):
    (folder / "pets/PetImages/Dog/0.jpg").write_bytes(b"")
    reader = reader_of(folder)
    with pytest.raises(FewmaskError, match=r"Dog/0\.jpg: found an empty file"):
        reader.load(reader.items()[2])


def test_a_folder_that_is_missing_or_empty(folder):
    with pytest.raises(FewmaskError, match=r"pets/Images: No such file.*\n  expected: a folder"):
        reader_of(folder, folder="Images").items()
    with pytest.raises(FewmaskError, match=r"PetImages/Dog: no folder in it"):
        reader_of(folder, folder="PetImages/Dog").items()
    (folder / "pets/PetImages/Fish").mkdir()
    with pytest.raises(FewmaskError, match="PetImages/Fish: no images in it"):
        reader_of(folder).items()


def test_real_cats_and_dogs(real_data):
    if not (real_data / "cats-vs-dogs").is_dir():
        pytest.skip("no cats-vs-dogs below FEWMASK_DATA")
    reader = reader_of(real_data, "cats-vs-dogs", leave_out=["Cat/666", "Dog/11702"])
    items = reader.items()
    assert reader.categories == ("Cat", "Dog")
    assert set(Counter(item.category for item in items)) == {0, 1}
    for item in items[:: len(items) // 20]:
        assert reader.load(item).image.std() > 5
