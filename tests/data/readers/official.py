"""The settings in config/datasets/, for files that tests write in the official formats."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.config.layers import Layer, load_chain, merge_all
from fewmask.config.named import dataset_from_json
from fewmask.data.preparation.prepare import prepare
from fewmask.data.splits import draw as splits
from fewmask.data.store.store import Store
from tests.conftest import ROOT


def reading(name: str, **changes: Any) -> str:
    """The JSON that `fewmask prepare` gets of a dataset with some settings changed."""
    chain = load_chain(ROOT / f"config/datasets/{name}.yaml")
    values = merge_all([*chain, Layer("the test", changes)])
    return json.dumps({"dataset": name} | values)


def settings(name: str, **changes: Any) -> Dataset:
    """The settings in `reading`."""
    return dataset_from_json(reading(name, **changes))[1]


def prepared(folder: Path, name: str, **changes: Any) -> Store:
    """The store of a dataset, small, made by two processes below ``folder``, the data folder."""
    output = folder / f"{name}.h5"
    prepare(reading(name, **{"size": 32} | changes), output, workers=2)
    return Store(output)


def roles(store: Store, wanted: Dataset, fraction: str = "all") -> dict[str, list[str]]:
    """Who gets which role by the dataset's own split."""
    images = splits.Images(store.names, store.subsets, store.class_pixels)
    given = np.array(splits.draw(images, wanted.split, fraction, seed=0))
    names = np.array(store.names)
    return {role: names[given == role].tolist() for role in splits.ROLES}
