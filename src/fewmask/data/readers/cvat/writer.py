"""Masks as CVAT's: an XML file for all images, "CVAT for images 1.1"."""

from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from fewmask.config.dataset import Dataset
from fewmask.core.files import written_whole
from fewmask.data.readers.areas import Area, Areas
from fewmask.data.readers.writer import Annotated


class Writer:
    """Writes annotations.xml, with a ``<mask>`` for every area, which CVAT's brush corrects."""

    def __init__(self, settings: Dataset, root: Path, folder: Path) -> None:
        self._path, self._areas = folder / "annotations.xml", Areas(settings)
        self._root, self._numbers = ElementTree.Element("annotations"), count()
        ElementTree.SubElement(self._root, "version").text = "1.1"

    def add(self, annotated: Annotated) -> None:
        """Keep the mask of an image."""
        height, width = annotated.mask.shape
        size = {"width": str(width), "height": str(height)}
        number = str(next(self._numbers))
        image = ElementTree.SubElement(
            self._root, "image", {"id": number, "name": annotated.file_name, **size}
        )
        for area in self._areas.of(annotated.mask):
            ElementTree.SubElement(image, "mask", _attributes(area))

    def close(self) -> None:
        """Write the file."""
        ElementTree.indent(self._root)
        text = ElementTree.tostring(self._root, "utf-8", xml_declaration=True)
        with written_whole(self._path) as temporary:
            temporary.write_bytes(text)


def _attributes(area: Area) -> dict[str, str]:
    """The runs alternate outside and inside, row by row, and begin outside."""
    height, width = area.inside.shape
    flat = np.concatenate([[False], area.inside.ravel()])
    ends = [*np.flatnonzero(flat[1:] != flat[:-1]), area.inside.size]
    runs = np.diff(ends, prepend=0).tolist()
    place = {"left": area.left, "top": area.top, "width": width, "height": height}
    common = {"label": area.label, "source": "auto", "occluded": "0", "z_order": "0"}
    return common | {"rle": ", ".join(map(str, runs))} | {k: str(v) for k, v in place.items()}
