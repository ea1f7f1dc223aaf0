"""Oxford-IIIT Pet: the official lists and trimaps, on a tiny copy and on real images."""

import json
from collections import Counter

import numpy as np
import pytest

from fewmask.config.named import dataset_from_json
from fewmask.core.errors import FewmaskError
from fewmask.data.readers.oxford_pet.reader import BREEDS
from fewmask.data.readers.reader import open_reader
from tests.data.making import noise, save

LISTED = ["Abyssinian_1 1 1 1", "Bengal_7 6 1 2", "yorkshire_terrier_3 37 2 25"]
TRIMAP = np.array([[1, 1, 2], [3, 2, 2]], np.uint8)


def reader_of(folder, **changes):
    values = {
        "dataset": "pet",
        "reader": {"name": "oxford_pet"},
        "root": "pet",
        "classes": ["pet", "background", "border"],
        "mask_values": {1: "pet", 2: "background", 3: "border"},
    }
    return open_reader(dataset_from_json(json.dumps(values | changes))[1], folder)


@pytest.fixture
def folder(tmp_path):
    """A data folder with three images, one in each subset and one in neither."""
    annotations = tmp_path / "pet/annotations"
    for i, line in enumerate(LISTED):
        name = line.split()[0]
        save(tmp_path / f"pet/images/{name}.jpg", noise(2, 3, 3, seed=i))
        save(annotations / f"trimaps/{name}.png", TRIMAP)
    (annotations / "trimaps/._Bengal_7.png").touch()  # the official archive has such files
    header = ["#Image CLASS-ID SPECIES BREED ID"]
    (annotations / "list.txt").write_text("\n".join([*header, *LISTED, ""]))
    (annotations / "trainval.txt").write_text(LISTED[0])
    (annotations / "test.txt").write_text(LISTED[1])
    return tmp_path


def test_names_subsets_and_categories_follow_the_lists(folder):
    species = reader_of(folder)
    assert species.categories == ("cat", "dog")
    assert [(item.name, item.subset, item.category) for item in species.items()] == [
        ("Abyssinian_1", "trainval", 0),
        ("Bengal_7", "test", 0),
        ("yorkshire_terrier_3", "", 1),
    ]
    breed = reader_of(folder, reader={"name": "oxford_pet", "category": "breed"})
    names = [breed.categories[item.category] for item in breed.items()]
    assert names == ["Abyssinian", "Bengal", "yorkshire_terrier"]


@pytest.mark.parametrize(
    ("classes", "mask_values", "expected"),
    [
        (["pet", "background", "border"], None, [[0, 0, 1], [2, 1, 1]]),
        (["background", "pet"], {1: "pet", 2: "background", 3: "pet"}, [[1, 1, 0], [1, 0, 0]]),
        (["background", "pet"], {1: "pet", 2: "background", 3: "ignore"}, [[1, 1, 0], [255, 0, 0]]),
    ],
    ids=["three classes", "border is pet", "border is ignored"],
)
def test_mask_values_say_what_the_border_is(folder, classes, mask_values, expected):
    changes = {"mask_values": mask_values} if mask_values else {}
    reader = reader_of(folder, classes=classes, **changes)
    sample = reader.load(reader.items()[2])
    assert sample.truth["mask"].tolist() == expected
    assert sample.category == 1


def test_without_mask_values_the_border_is_unknown(folder):
    reader = reader_of(folder, mask_values=None)
    with pytest.raises(FewmaskError, match="3 in 1 pixel\n  expected: 0 pet, 1 background, 2 bord"):
        reader.load(reader.items()[0])


def test_a_image_without_a_trimap_is_unlabelled(folder):
    (folder / "pet/annotations/trimaps/Bengal_7.png").unlink()
    reader = reader_of(folder)
    sample = reader.load(reader.items()[1])
    assert "mask" not in sample.truth
    assert sample.category == 0


def test_a_listed_image_that_is_missing(folder):
    (folder / "pet/images/Bengal_7.jpg").unlink()
    reader = reader_of(folder)
    with pytest.raises(FewmaskError, match=r"images/Bengal_7\.jpg: found no such file"):
        reader.load(reader.items()[1])


def test_a_list_that_is_missing(folder):
    (folder / "pet/annotations/list.txt").unlink()
    with pytest.raises(FewmaskError, match=r"list\.txt: no such file\n  expected: the official la"):
        reader_of(folder).items()


@pytest.mark.parametrize(
    "line", ["Bengal_7", "Bengal_7 38 1 2", "Bengal_7 6 3 2", "Bengal_7 a 1 2"]
)
def test_a_line_that_makes_no_sense(folder, line):
    (folder / "pet/annotations/test.txt").write_text(f"{LISTED[0]}\n{line}")
    with pytest.raises(FewmaskError) as error:
        reader_of(folder).items()
    assert f"annotations/test.txt:2: found {line!r}\n  expected: a name, a class" in str(
        error.value
    )


# --- Real images ---------------------------------------------------------------------------


@pytest.fixture
def real(real_data):
    if not (real_data / "oxford-iiit-pet").is_dir():
        pytest.skip("no oxford-iiit-pet below FEWMASK_DATA")
    return reader_of(
        real_data,
        root="oxford-iiit-pet",
        reader={"name": "oxford_pet", "category": "breed"},
    )


def test_real_names_agree_with_their_breeds(real):
    for item in real.items():
        assert item.name.rsplit("_", 1)[0] == BREEDS[item.category]


def test_real_images_and_trimaps(real):
    items = real.items()
    subsets = Counter(item.subset for item in items)
    assert subsets["trainval"] > 0
    assert subsets["test"] > 0
    for item in items[:: len(items) // 20]:
        sample = real.load(item)
        assert sample.image.shape == (*sample.truth["mask"].shape, 3)
        assert set(np.unique(sample.truth["mask"])) == {0, 1, 2}
        # The animal is somewhere in the middle, and the border lies around it.
        assert np.isin(sample.truth["mask"][sample.truth["mask"].shape[0] // 2], [0, 2]).any()
