"""The digest is of all content, and of nothing else."""

import h5py
import numpy as np
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.store.store import Store
from tests.data.making import noise
from tests.data.store.rows import COUNT, HEIGHT, WIDTH, make_row, write


def digest_of(path):
    with Store(path) as store:
        return store.digest


def test_equal_content_has_an_equal_digest(tmp_path, path):
    assert digest_of(write(tmp_path / "b.h5", map(make_row, range(COUNT)))) == digest_of(path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"subset": "train"},
        {"category": 1},
        {"extent": (1, 1)},
        {"size": (1, 1)},
        {"image": noise(HEIGHT, WIDTH, 3, seed=99)},
        {"truth": {"mask": np.full((HEIGHT, WIDTH), 255, np.uint8)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_content_has_another_digest(tmp_path, change):
    digests = {
        digest_of(write(tmp_path / f"{name}.h5", [make_row(0), row]))
        for name, row in (("a", make_row(2)), ("b", make_row(2, **change)))
    }
    assert len(digests) == 2


def test_the_order_of_rows_is_content(tmp_path, path):
    backwards = write(tmp_path / "b.h5", map(make_row, reversed(range(COUNT))))
    assert digest_of(backwards) != digest_of(path)


def test_verify_finds_a_changed_byte(path):
    with h5py.File(path, "r+") as file:
        file["image"][3, 0, 0, 0] ^= 1
    with Store(path) as store, pytest.raises(FewmaskError, match="does not match its digest"):
        store.verify()
