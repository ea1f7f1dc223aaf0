"""Small datasets on disk, made by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fewmask.config.dataset import Dataset
from fewmask.config.named import dataset_from_json
from fewmask.data.preparation.rows import Row
from fewmask.data.pseudo_masks import Origin, write_pseudo_masks
from fewmask.data.rendered import scenes
from fewmask.data.store.labels import mask_digest
from fewmask.data.store.store import Store
from fewmask.data.store.writer import StoreWriter

CLASSES = [
    {"name": "ground", "colour": [0, 0, 0]},
    {"name": "pet", "colour": [230, 159, 0]},
    {"name": "border", "colour": [86, 180, 233]},
]
PALETTE = np.array([one["colour"] for one in CLASSES], np.uint8)


def reading(**changes: Any) -> str:
    """The JSON that `fewmask prepare` gets of a folder of images and masks."""
    settings = {
        "dataset": "mine",
        "reader": {"name": "folder", "images": "images/*.png", "masks": "masks/*.png"},
        "root": "mine",
        "classes": CLASSES,
        "size": 16,
    }
    return json.dumps(settings | changes)


def settings(**changes: Any) -> Dataset:
    """The settings in `reading`."""
    return dataset_from_json(reading(**changes))[1]


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Save pixels as an image, whose folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def save_palette(path: Path, indices: np.ndarray) -> Path:
    """Save class indices as a palette image."""
    image = Image.fromarray(indices, mode="P")
    image.putpalette(PALETTE.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def noise(*shape: int, below: int = 256, seed: int = 0) -> np.ndarray:
    """Random uint8 numbers."""
    return np.random.default_rng(seed).integers(0, below, shape, np.uint8)


def make_folder(root: Path, count: int = 5, size: tuple[int, int] = (20, 30)) -> Path:
    """``count`` images in images/, and grey masks for all but the last in masks/."""
    for i in range(count):
        save(root / f"images/{i}.png", noise(*size, 3, seed=i))
        if i < count - 1:
            save(root / f"masks/{i}.png", noise(*size, below=3, seed=100 + i))
    return root


def scenes_store(path: Path, images: int, geometry: bool = True) -> Path:
    """A prepared dataset of small rendered rooms, 32 x 32, with depths and normals or without."""
    size = (32, 32)
    classes = [{"name": name, "colour": colour} for name, colour in scenes.CLASSES]
    reader = {"name": "scenes", "images": images}
    found = {"dataset": "rooms", "reader": reader, "classes": classes, "size": size}
    with StoreWriter(path, json.dumps(found), scenes.CATEGORIES) as writer:
        for i in range(images):
            room = scenes.render(0, i, *size)
            truth = {"mask": room.mask} | (room.truth if geometry else {})
            name, digest = f"scene_{i:05d}", mask_digest(room.mask)
            row = Row(name, "", size, size, room.image, truth, room.category, digest)
            writer.append(row)
    return path


def bands(colours: np.ndarray) -> np.ndarray:
    """Six bands of 16 bits, uint16 (H, W, 6), of an image of colours, uint8 (H, W, 3)."""
    return np.concatenate([colours, 255 - colours], axis=2).astype(np.uint16) * 40 + 300


def bands_store(path: Path, images: int) -> Path:
    """The rendered rooms in six bands of 16 bits, with depths and normals."""
    size = (32, 32)
    classes = [{"name": name, "colour": colour} for name, colour in scenes.CLASSES]
    reader = {"name": "folder", "images": "images/*"}
    found = {"dataset": "rooms", "root": "rooms", "reader": reader, "classes": classes}
    settings_json = json.dumps(found | {"size": size, "channels": 6, "show": [3, 2, 1]})
    with StoreWriter(path, settings_json, scenes.CATEGORIES) as writer:
        for i in range(images):
            room = scenes.render(0, i, *size)
            truth, digest = {"mask": room.mask} | room.truth, mask_digest(room.mask)
            image, name = bands(room.image), f"scene_{i:05d}"
            writer.append(Row(name, "", size, size, image, truth, room.category, digest))
    return path


def random_pseudo_masks(store: Path) -> Path:
    """Pseudo-masks of the first 20 images of rooms, drawn at random, in a file beside the store."""
    path, rows = store.with_name(f"pseudo_masks_of_{store.name}"), np.arange(20)
    with Store(store) as opened:
        digest, classes = opened.digest, tuple(opened.classes)
        size = (opened.height, opened.width)
    labels, confidence = np.random.default_rng(0).integers(0, 7, (2, 20, *size), dtype=np.uint8)
    origin = Origin("rooms", store.name, digest, "weights.safetensors", "e" * 64, classes)
    write_pseudo_masks(path, rows, size, [(labels, confidence, rows / 20)], origin)
    return path
