"""CIFAR-10: the official python-2 pickles, malicious and damaged ones, and the real batches."""

import json
import os
import pickle
import struct
from collections import Counter

import numpy as np
import pytest

from fewmask.config.named import dataset_from_json
from fewmask.core.errors import FewmaskError
from fewmask.data.readers.cifar10.pickled import read_pickle
from fewmask.data.readers.cifar10.reader import BATCHES, FOLDER
from fewmask.data.readers.reader import open_reader
from tests.data.making import noise


def reader_of(folder, root="."):
    values = {"dataset": "cifar10", "reader": {"name": "cifar10"}, "root": root, "size": 32}
    return open_reader(dataset_from_json(json.dumps(values))[1], folder)


def text(value: bytes) -> bytes:
    """A text of Python 2, as its pickle protocol 2 wrote it."""
    short = len(value) < 256
    return (b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))) + value


def number(value: int) -> bytes:
    return b"M" + struct.pack("<H", value) if value > 255 else b"K" + bytes([value])


def array(pixels: np.ndarray) -> bytes:
    """An array of bytes, as numpy wrote it under Python 2."""
    shape = b"".join(map(number, pixels.shape))
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    unset = b"J\xff\xff\xff\xff"
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN" + 2 * unset + b"K\x00tb"
    return made + b"(K\x01" + shape + b"\x86" + kind + b"\x89" + text(pixels.tobytes()) + b"tb"


def dictionary(**values: bytes) -> bytes:
    pairs = b"".join(text(key.encode()) + value for key, value in values.items())
    return b"\x80\x02}(" + pairs + b"u."


def batch(pixels: np.ndarray, labels: list[int]) -> bytes:
    numbers = b"](" + b"".join(map(number, labels)) + b"e"
    return dictionary(batch_label=text(b"a batch"), labels=numbers, data=array(pixels))


@pytest.fixture
def folder(tmp_path):
    """Two images in every batch."""
    (tmp_path / FOLDER).mkdir()
    for i, name in enumerate(BATCHES):
        content = batch(noise(2, 3072, seed=i), [i, 9])
        assert np.array_equal(pickle.loads(content, encoding="bytes")[b"labels"], [i, 9])
        (tmp_path / FOLDER / name).write_bytes(content)
    return tmp_path


def test_images_and_categories_follow_the_batches(folder):
    reader = reader_of(folder)
    items = reader.items()
    assert [item.name for item in items[:3]] == [
        "data_batch_1/00000", "data_batch_1/00001", "data_batch_2/00000"
    ]  # fmt: skip
    assert Counter(item.subset for item in items) == {"train": 10, "test": 2}
    assert [item.category for item in items[::2]] == [0, 1, 2, 3, 4, 5]
    assert reader.categories[items[1].category] == "truck"


def test_pixels_are_planes_of_red_green_and_blue(folder):
    reader = reader_of(folder)
    sample = reader.load(reader.items()[3])
    row = noise(2, 3072, seed=1)[1]
    assert sample.image.shape == (32, 32, 3)
    assert sample.image.dtype == np.uint8
    assert "mask" not in sample.truth
    assert sample.category == 9
    for channel in range(3):
        assert sample.image[5, 7, channel] == row[1024 * channel + 32 * 5 + 7]


def test_what_numpy_itself_pickles_is_read(tmp_path):
    pixels = noise(3, 4)
    for protocol in (3, 4, 5):
        with (tmp_path / "a").open("wb") as file:
            pickle.dump({"data": pixels}, file, protocol)
        if protocol < 5:
            assert np.array_equal(read_pickle(tmp_path / "a")["data"].array(), pixels)
        else:  # another global: refused rather than run
            with pytest.raises(FewmaskError, match="refers to numpy"):
                read_pickle(tmp_path / "a")


class Malicious:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "named"),
    [(os.mkdir, "posix.mkdir"), (eval, "(builtins|__builtin__).eval"), (np.load, "numpy.load")],
)
def test_a_malicious_pickle_does_not_run(folder, protocol, function, named):
    victim = folder / "made_by_the_pickle"
    argument = f"open({str(victim)!r}, 'w')" if function is eval else str(victim)
    content = pickle.dumps({"data": Malicious(function, argument)}, protocol)
    (folder / FOLDER / "data_batch_3").write_bytes(content)
    with pytest.raises(FewmaskError, match=f"data_batch_3: found a pickle that refers to {named}"):
        reader_of(folder).items()
    assert not victim.exists()


@pytest.mark.parametrize(
    "content",
    [
        # With what is allowed: a huge array, its state set on the class, dotted names.
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86\x85R.",
        b"\x80\x02cnumpy\nndarray\n}U\x05shapeK\x01sb.",
        b"\x80\x02cnumpy\ndtype\n)\x81.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"\x80\x02cfewmask.data.readers.cifar10.pickled\nStoredArray\n.",
        b"\x80\x02\x82\x01.",  # an extension
        b"P0\n.",  # a persistent object
    ],
)
def test_tricks_with_what_is_allowed_come_to_nothing(folder, content):
    (folder / FOLDER / "test_batch").write_bytes(content)
    with pytest.raises(FewmaskError, match="test_batch: found"):
        reader_of(folder).items()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged data"),
        (batch(noise(2, 3072), [0, 1])[:-5000], "damaged data"),
        (b"<html>", "damaged data"),
        (batch(noise(2, 3071), [0, 1]), r"uint8 \(2, 3071\) under 'data'"),
        (batch(noise(2, 3072), [0, 1, 2]), "2 images and 3 labels"),
        (batch(noise(2, 3072), [0, 10]), "no list of classes under 'labels'"),
        (dictionary(labels=b"]"), "no array under 'data'"),
        (b"\x80\x02].", "no array under 'data'"),
    ],
    ids=["empty", "cut", "web page", "shape", "labels", "label", "no data", "list"],
)
def test_damaged_batches(folder, content, message):
    (folder / FOLDER / "data_batch_2").write_bytes(content)
    with pytest.raises(FewmaskError, match=f"data_batch_2: found {message}"):
        reader_of(folder).items()


def test_a_batch_that_is_missing(folder):
    (folder / FOLDER / "data_batch_5").unlink()
    with pytest.raises(FewmaskError, match=r"data_batch_5: no such file\n  expected: cifar-10-ba"):
        reader_of(folder).items()


def test_real_batches(real_data):
    if not (real_data / "cifar10").is_dir():
        pytest.skip("no cifar10 below FEWMASK_DATA")
    reader = reader_of(real_data, "cifar10")
    items = reader.items()
    counts = Counter(item.subset for item in items)
    assert counts["train"] == 5 * counts["test"] > 0
    assert [item.category for item in items[:5]] == [6, 9, 9, 4, 1]  # as published
    images = np.stack([reader.load(item).image for item in items[:300]])
    # Neighbouring pixels are alike: planes and rows are not mixed up.
    steps = np.abs(np.diff(images.astype(int), axis=2)).mean()
    assert steps < 0.4 * np.abs(images - images.mean()).mean()
