"""What the tests of the store share."""

import pytest

from tests.data.store.rows import COUNT, make_row, write


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "mine.h5", map(make_row, range(COUNT)))
