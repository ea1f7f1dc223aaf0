"""Files of annotations in exactly the formats that LabelMe, CVAT and COCO write.

In each, an image of 16 x 24 (height x width) has a leaf from row 2 and column 4 to row 9 and column
15, and, on top of its right half and beyond it, a spot to row 9 and column 19.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.making import noise, save

SIZE = (16, 24)
LEAF, SPOT = np.s_[2:10, 4:16], np.s_[2:10, 10:20]
CLASSES = ["background", "leaf", "spot"]


def expected() -> np.ndarray:
    """The mask of these shapes."""
    mask = np.zeros(SIZE, np.uint8)
    mask[LEAF], mask[SPOT] = 1, 2
    return mask


def make_images(folder: Path, *names: str) -> None:
    """Images with these names."""
    for i, name in enumerate(names):
        save(folder / name, noise(*SIZE, 3, seed=i))


def labelme(**changes: Any) -> dict[str, Any]:
    """What LabelMe 5.5 writes of such an image; its pixels belong to the edge of a polygon, too."""

    def shape(label: str, points: list[list[float]], kind: str) -> dict[str, Any]:
        rest = {"group_id": None, "description": "", "flags": {}, "mask": None}
        return {"label": label, "points": points, "shape_type": kind, **rest}

    leaf = [[4.2, 2.1], [15.3, 2.0], [15.4, 9.2], [4.0, 9.0]]
    shapes = [
        shape("spot", [[10.0, 2.0], [19.0, 9.0]], "rectangle"),
        shape("leaf", leaf, "polygon"),
    ]
    sizes = {"imageHeight": SIZE[0], "imageWidth": SIZE[1]}
    rest = {"imagePath": "../images/leaf_01.png", "imageData": None, **sizes}
    return {"version": "5.5.0", "flags": {}, "shapes": shapes, **rest} | changes


CVAT = """\
<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task><id>7</id><name>leaves</name><size>2</size><mode>annotation</mode>
      <labels>
        <label><name>leaf</name><color>#33ddff</color><type>any</type></label>
        <label><name>spot</name><color>#fa3253</color><type>any</type></label>
      </labels>
    </task>
    <dumped>2026-11-27 09:00:00.000000+00:00</dumped>
  </meta>
  <image id="0" name="leaf_01.png" width="24" height="16">
    <box label="spot" source="manual" occluded="0" xtl="10.00" ytl="2.00" xbr="20.00" ybr="10.00">
    </box>
    <polygon label="leaf" source="manual" points="4.0,2.0;16.0,2.0;16.0,10.0;4.0,10.0" z_order="1">
    </polygon>
    <tag label="leaf" source="manual"></tag>
  </image>
  <image id="1" name="leaf_02.png" width="24" height="16">
  </image>
</annotations>
"""


def coco(leaf: Any = None, spot: Any = None) -> dict[str, Any]:
    """Instances of such an image, a second one without any, and a third that is not there."""
    polygon = [[4.0, 2.0, 16.0, 2.0, 16.0, 10.0, 4.0, 10.0]]
    runs = np.zeros(SIZE, np.uint8)
    runs[SPOT] = 1
    flat = np.flatnonzero(np.diff(np.concatenate([[0], runs.ravel("F"), [0]])))
    counts = np.diff([0, *flat, runs.size]).tolist()
    images = [
        {"id": 10 + i, "file_name": f"leaf_0{i}.png", "height": SIZE[0], "width": SIZE[1],
         "license": 1, "date_captured": "2026-11-27 09:00:00"}
        for i in (1, 2)
    ]  # fmt: skip
    common = {"image_id": 11, "bbox": [4, 2, 12, 8], "area": 96.0}
    annotations = [
        {"id": 1, "category_id": 3, "iscrowd": 0, "segmentation": leaf or polygon, **common},
        {"id": 2, "category_id": 7, "iscrowd": 1, **common,
         "segmentation": spot or {"size": [*SIZE], "counts": counts}},
    ]  # fmt: skip
    categories = [
        {"id": 3, "name": "leaf", "supercategory": "plant"},
        {"id": 7, "name": "spot", "supercategory": "disease"},
    ]
    info = {"description": "leaves", "version": "1.0", "year": 2026}
    return {
        "info": info, "licenses": [], "images": images, "annotations": annotations,
        "categories": categories,
    }  # fmt: skip


def panoptic(folder: Path) -> dict[str, Any]:
    """The same as panoptic annotations, whose PNG is written to a folder; its first row is void."""
    ids = np.full(SIZE, 3226956, np.int64)  # ids have more than one byte
    ids[LEAF], ids[SPOT], ids[0] = 1000, 70000, 0
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 256**2], axis=-1).astype(np.uint8)
    save(folder / "leaf_01.png", colours)
    segments = [
        {"id": number, "category_id": category, "iscrowd": 0, "bbox": [0, 0, 1, 1], "area": 1}
        for number, category in ((1000, 3), (70000, 7), (3226956, 5))
    ]
    whole = coco()
    whole["annotations"] = [{"image_id": 11, "file_name": "leaf_01.png", "segments_info": segments}]
    soil = {"id": 5, "name": "soil", "supercategory": "ground", "isthing": 0}
    whole["categories"] = [*whole["categories"], soil]
    return whole


def write_json(path: Path, content: Any) -> None:
    """Write JSON, into a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
