"""Masks as LabelMe's polygons: one JSON file for each image."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.core.files import written_whole
from fewmask.data.readers.areas import Areas
from fewmask.data.readers.labelme.polygons import polygons
from fewmask.data.readers.writer import Annotated

VERSION = "5.5.0"
"""Of LabelMe, whose format it is."""


class Writer:
    """Writes masks/NAME.json; an area with a hole becomes several polygons."""

    def __init__(self, settings: Dataset, root: Path, folder: Path) -> None:
        self._folder, self._areas = folder / "masks", Areas(settings)

    def add(self, annotated: Annotated) -> None:
        """Write the mask of an image."""
        path = self._folder / f"{annotated.name}.json"
        shapes = [
            _shape(area.label, (points + np.array([area.left, area.top])).tolist())
            for area in self._areas.of(annotated.mask, diagonal=False)
            for points in polygons(area.inside)
        ]
        height, width = annotated.mask.shape
        content = {"version": VERSION, "flags": {}, "shapes": shapes, "imageData": None}
        content |= {"imagePath": _path(annotated, path)}
        content |= {"imageHeight": height, "imageWidth": width}
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(content, indent=2), "utf-8")

    def close(self) -> None:
        """Nothing is left to write."""


def _shape(label: str, points: list[list[float]]) -> dict[str, Any]:
    rest = {"group_id": None, "description": "", "flags": {}, "mask": None}
    return {"label": label, "points": points, "shape_type": "polygon", **rest}


def _path(annotated: Annotated, path: Path) -> str:
    """The path of the image, from the folder of the JSON file."""
    if annotated.file is None:
        return annotated.file_name
    return os.path.relpath(annotated.file, path.parent)
