"""Predictions that are kept until it is known which of them are shown."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from fewmask.inference.kept import Kept


@given(batches=st.lists(st.integers(1, 4), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_every_task_gets_its_own_predictions_back(batches: list[int], seed: int):
    random = torch.Generator().manual_seed(seed)
    kept, masks, depths = Kept(), [], []
    for count in batches:
        logits = torch.randn(count, 5, 6, 7, generator=random)
        depth = torch.rand(count, 6, 7, generator=random)
        kept.add({"segmentation": logits, "depth": depth})
        masks += [one.argmax(dim=0) for one in logits]
        depths += list(depth)
    places = np.random.default_rng(seed).permutation(len(masks))
    predicted = kept.predictions("segmentation", places)
    assert predicted.dtype == np.uint8
    assert np.array_equal(predicted, torch.stack(masks)[places])
    assert np.array_equal(kept.predictions("depth", places), torch.stack(depths)[places])
