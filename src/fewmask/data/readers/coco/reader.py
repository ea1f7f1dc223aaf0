"""COCO's JSON (Lin et al. 2014; panoptic: Kirillov et al. 2019): one file for all images.

``images`` have ``id``, ``file_name``, ``height`` and ``width``; ``categories`` have ``id`` and
``name``. Of instances and stuff, ``annotations`` have ``image_id``, ``category_id`` and
``segmentation``: polygons [[x, y, x, y, ...], ...], or runs {size, counts}, compressed or not;
crowds count as their category. Of panoptic annotations, they have ``image_id``, ``file_name`` of a
PNG and ``segments_info`` [{id, category_id}, ...]; a pixel R, G, B is of the segment
R + 256 G + 256² B, and 0 is ignored.
"""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.decode import read_image
from fewmask.data.preparation.image_error import image_error
from fewmask.data.preparation.image_files import is_inside
from fewmask.data.readers.coco.segments import inside
from fewmask.data.readers.one_file import OneFileReader, annotation_file, items_of, needs_package
from fewmask.data.readers.reader import Item, Sample
from fewmask.data.readers.shapes import Canvas, read_image_of


class Reader(OneFileReader):
    """The images of a folder, whose masks are painted from one JSON file."""

    def items(self) -> list[Item]:
        needs_package("pycocotools.mask", "coco")
        path = annotation_file(self._root, self._options)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            annotated = _by_image(content)
        except KeyError as error:
            raise _damaged(path, f"no {error}") from None
        except (TypeError, AttributeError):
            raise _damaged(path, "values of other types than these have") from None
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path, str(error)) from None
        if any(one["panoptic"] for one in annotated.values()) and not self._options.masks:
            raise FewmaskError(
                f"{path}: found panoptic annotations, whose masks are PNG files\n"
                f"  mend: name their folder: reader: {{masks: ...}}"
            )
        known = {name: one if self._is_known(one) else None for name, one in annotated.items()}
        return items_of(self._root, self._options, known)

    def load(self, item: Item) -> Sample:
        if item.mask is None:
            return Sample(read_image(item.image, channels=self._channels))
        found = item.annotation
        stated = found["height"], found["width"]
        image = read_image_of(item.image, stated, item.mask, self._channels)
        canvas = Canvas(image.shape[:2], self._labels, item.mask)
        for label, segmentation in found["shapes"]:
            if segmentation:
                canvas.paint(label, inside(canvas, label, segmentation))
            else:
                canvas.no_area()
        for panoptic, segments in found["panoptic"]:
            self._paint_segments(canvas, panoptic, segments)
        return canvas.sample(image)

    def _is_known(self, found: dict[str, Any]) -> bool:
        has_shapes = found["shapes"] or found["panoptic"]
        return bool(has_shapes) or self._options.without_shapes == "background"

    def _paint_segments(self, canvas: Canvas, name: str, segments: dict[int, str]) -> None:
        path = self._root / self._options.masks / name
        if not is_inside(path, self._root):
            raise image_error(path, "a file outside the dataset's folder", f"one in {self._root}")
        colours = read_image(path, upright=False).astype(np.int32)
        if colours.shape[:2] != canvas.size:
            raise image_error(path, "a mask of another size", "the size of its image")
        ids = colours @ [1, 256, 256**2]
        if unknown := {*np.unique(ids).tolist()} - {0, *segments}:
            raise image_error(
                path, f"the segment {unknown.pop()}", f"those of {canvas.source}, or 0 (ignored)"
            )
        for number, label in segments.items():
            canvas.paint(label, ids == number)
        canvas.ignore(ids == 0)


def _by_image(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the file says of every image, by the name of its file.

    Raises KeyError, TypeError, ValueError or AttributeError for a file of another kind.
    """
    categories = {one["id"]: str(one["name"]) for one in content.get("categories", [])}
    images: dict[Any, dict[str, Any]] = {}
    names: dict[str, dict[str, Any]] = {}
    for one in content["images"]:
        name = one["file_name"].replace("\\", "/")
        if not PurePosixPath(name).name:
            raise ValueError(f"the image {name!r} ({one['id']}), which is no name of a file")
        if one["id"] in images or name in names:
            raise ValueError(f"the image {name} ({one['id']}) occurs twice")
        size = {key: one[key] for key in ("height", "width")}
        images[one["id"]] = names[name] = {**size, "shapes": [], "panoptic": []}
    if not images:
        raise ValueError("no images")
    for one in content["annotations"]:
        if one["image_id"] not in images:
            raise ValueError(f"annotations of an image {one['image_id']}, which is not listed")
        of_image = images[one["image_id"]]
        if "segments_info" in one:
            segments = {info["id"]: _name(categories, info) for info in one["segments_info"]}
            of_image["panoptic"].append((str(one["file_name"]), segments))
        else:
            of_image["shapes"].append((_name(categories, one), one.get("segmentation")))
    return names


def _name(categories: dict[Any, str], one: dict[str, Any]) -> str:
    if one["category_id"] not in categories:
        raise ValueError(f"the category_id {one['category_id']}, which is not in categories")
    return categories[one["category_id"]]


def _damaged(path: Path, found: str) -> FewmaskError:
    return FewmaskError(
        f"{path}: cannot be read as annotations: {found[:200]}\n"
        f"  expected: JSON in COCO's format, with images, annotations and categories\n"
        f"  mend: export it again"
    )
