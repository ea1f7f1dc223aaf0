"""A dataset without classes: no masks from its files to the batches of a training."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from fewmask.config.dataset import Split
from fewmask.core.errors import FewmaskError
from fewmask.data import batches
from fewmask.data.batches import Draws, Images
from fewmask.data.inspection.dataset import contact_sheet, describe
from fewmask.data.preparation.prepare import prepare
from fewmask.data.splits import draw as splits
from fewmask.data.splits import file as split_files
from fewmask.data.splits.job import split
from fewmask.data.store.store import Store
from tests.data.making import noise, save, settings

READER = {"name": "class_folders"}
READING = json.dumps({"dataset": "pets", "reader": READER, "root": "pets", "size": [16, 24]})


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A store of six images of cats and dogs."""
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    for i in range(6):
        save(tmp_path / f"pets/{('cat', 'dog')[i % 2]}/{i}.png", noise(16, 20, 3, seed=i))
    prepare(READING, tmp_path / "pets.h5")
    return tmp_path / "pets.h5"


def test_the_store_holds_no_masks(path, capsys):
    with Store(path) as store:
        assert store.fields == ("image", "extent", "size", "class_pixels", "category")
        assert store.classes == ()
        assert store.palette.shape == (0, 3)
        assert store.class_pixels.shape == (6, 0)
        assert not store.labelled.any()
        store.verify()
        with pytest.raises(FewmaskError, match="no field mask"):
            store.read("mask")


def test_it_is_described_and_shown(path, tmp_path):
    text = describe(path)
    assert "6 images, 0 with masks" in text
    assert "cat 3, dog 3" in text
    assert text.endswith("no classes: images without masks, for pretraining")
    contact_sheet(path, tmp_path / "sheet.png", count=3)
    assert Image.open(tmp_path / "sheet.png").width > 200


@pytest.mark.parametrize("fraction", ["0.1", "all", "n3"])
def test_all_images_are_unlabelled(path, tmp_path, fraction, capsys):
    split(path, Split().model_dump_json(), fraction, 0, tmp_path / "split.csv")
    with Store(path) as store:
        roles = split_files.read(tmp_path / "split.csv", store.names)
    assert roles["unlabelled"].tolist() == list(range(6))
    assert "0 labelled, 6 unlabelled, 0 validation, 0 test" in capsys.readouterr().err


def test_a_subset_to_train_on():
    images = splits.Images(["a", "b", "c"], ["train", "test", "train"], np.zeros((3, 0)))
    roles = splits.draw(images, Split(train=["train"]), "all", 0)
    assert roles == ["unlabelled", "", "unlabelled"]
    with pytest.raises(FewmaskError, match="no official subset is called val"):
        splits.draw(images, Split(train=["val"]), "all", 0)


@pytest.mark.parametrize("residence", ["memory", "file"])
def test_batches_have_images_alone(path, monkeypatch, residence):
    monkeypatch.setattr(batches, "_residence", lambda size, device: residence)
    with Store(path) as store:
        images = Images(store, np.arange(6), torch.device("cpu"))
        drawn = Draws(images, {"all": np.arange(6)}, {"all": 4}, seed=0).at(0)["all"]
        assert drawn.image.shape == (4, 3, 16, 24)
        assert drawn.mask is None
        assert [batch.mask for batch in images.in_order(4)] == [None, None]


@pytest.mark.parametrize("changes", [{}, {"reader": {"name": "oxford_pet"}}])
def test_masks_need_classes(changes):
    with pytest.raises(FewmaskError, match="found 0; name at least two for the masks"):
        settings(classes=[], **changes)
    with pytest.raises(FewmaskError, match="found 1; name at least two"):
        settings(classes=["pet"], reader=READER)
    assert settings(classes=[], reader={"name": "folder", "images": "*"}).classes == []
