"""Masks as COCO's instances: a JSON file for all images, with compressed runs."""

import json
from pathlib import Path
from typing import Any

from fewmask.config.dataset import Dataset
from fewmask.core.files import written_whole
from fewmask.data.readers.areas import Area, Areas
from fewmask.data.readers.coco.segments import runs_of
from fewmask.data.readers.one_file import needs_package
from fewmask.data.readers.writer import Annotated


class Writer:
    """Writes annotations.json, whose categories have the ids of the dataset's own file."""

    def __init__(self, settings: Dataset, root: Path, folder: Path) -> None:
        needs_package("pycocotools.mask", "coco")
        self._path, self._areas = folder / "annotations.json", Areas(settings)
        self._categories = _categories(root / settings.reader.annotations, self._areas.labels)
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, annotated: Annotated) -> None:
        """Keep the mask of an image."""
        height, width = annotated.mask.shape
        number = len(self._images) + 1
        name = {"id": number, "file_name": annotated.file_name}
        self._images.append(name | {"height": height, "width": width})
        for area in self._areas.of(annotated.mask):
            self._annotations.append(
                {"id": len(self._annotations) + 1, "image_id": number, "iscrowd": 0}
                | {"category_id": self._categories[area.label], **_segment(area, (height, width))}
            )

    def close(self) -> None:
        """Write the file."""
        categories = [{"id": number, "name": name} for name, number in self._categories.items()]
        content = {"images": self._images, "annotations": self._annotations}
        with written_whole(self._path) as temporary:
            temporary.write_text(json.dumps(content | {"categories": categories}), "utf-8")


def _segment(area: Area, size: tuple[int, int]) -> dict[str, Any]:
    height, width = area.inside.shape
    runs = runs_of(area.inside, area.top, area.left, size)
    box = [area.left, area.top, width, height]
    return {"segmentation": runs, "bbox": box, "area": int(area.inside.sum())}


def _categories(path: Path, labels: dict[int, str]) -> dict[str, int]:
    """The ids of categories by their names: those of a file if it has all of them."""
    try:
        listed = json.loads(path.read_text("utf-8"))["categories"]
        ids = {one["name"]: one["id"] for one in listed}
        return {label: ids[label] for label in labels.values()}
    except (OSError, ValueError, KeyError, TypeError):
        return {label: number for number, label in enumerate(labels.values(), start=1)}
