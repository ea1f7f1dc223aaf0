"""Opens readers of shapes on files that are written for them."""

from pathlib import Path
from typing import Any

import numpy as np

from fewmask.data.readers.reader import Reader, open_reader
from tests.data.making import settings
from tests.data.readers.shape_files import (
    CLASSES,
    CVAT,
    coco,
    labelme,
    write_json,
)


def reader(root: Path, name: str, content: Any = None, **options: Any) -> Reader:
    """A reader, after its file was written."""
    if name == "labelme":
        options = {"images": "images/*.png", "masks": "notes/*.json"} | options
        write_json(root / "notes/leaf_01.json", labelme() if content is None else content)
    elif name == "cvat":
        options = {"annotations": "all.xml", "images": "images"} | options
        (root / "all.xml").write_text(CVAT if content is None else content)
    else:
        options = {"annotations": "all.json", "images": "images"} | options
        write_json(root / "all.json", coco() if content is None else content)
    classes = options.pop("classes", CLASSES)
    return open_reader(settings(reader={"name": name, **options}, classes=classes), root.parent)


def mask(opened: Reader) -> np.ndarray:
    return opened.load(opened.items()[0]).truth["mask"]
