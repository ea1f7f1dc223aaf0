"""Seeds that are derived from others."""

import numpy as np
import pytest

from fewmask.core.seeds import derive


class TestDerive:
    def test_is_stable(self):
        assert derive("labelled", 3) == 5168771985421786490
        assert 0 <= derive() < 2**63

    def test_tells_its_parts_apart(self):
        parts = [(), (1,), ("1",), (1, 1), (11,), ("a", "b"), ("ab",), ("b", "a"), ("a,b",)]
        assert len({derive(*part) for part in parts}) == len(parts)

    def test_takes_numbers_of_numpy_but_no_fractions(self):
        assert derive(np.int64(7)) == derive(7)
        with pytest.raises(TypeError):
            derive(0.5)
