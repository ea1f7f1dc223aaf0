"""COCO's JSON: runs and panoptic masks, and what is wrong with damaged ones."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_error import ImageError
from fewmask.data.readers.shapes import Canvas, Labels
from tests.data.making import settings
from tests.data.readers.reading_shapes import mask, reader
from tests.data.readers.shape_files import (
    CLASSES,
    SIZE,
    SPOT,
    coco,
    expected,
    panoptic,
)

COCO = {"name": "coco", "annotations": "all.json"}


class TestCoco:
    def test_compressed_runs(self, root):
        from pycocotools import mask as official

        whole = np.zeros(SIZE, np.uint8)
        whole[SPOT] = 1
        runs = official.encode(np.asfortranarray(whole))
        spot = {"size": [*SIZE], "counts": runs["counts"].decode()}
        np.testing.assert_array_equal(mask(reader(root, "coco", coco(spot=spot))), expected())

    @given(st.lists(st.booleans(), min_size=12, max_size=12), st.integers(1, 300))
    def test_runs_are_decompressed_as_pycocotools_compresses_them(self, pixels, wide):
        from pycocotools import mask as official

        from fewmask.data.readers.coco.segments import _uncompressed

        whole = np.repeat(np.array(pixels, np.uint8), wide)[:, None]
        counts = _uncompressed(official.encode(np.asfortranarray(whole))["counts"].decode())
        decoded = np.repeat(np.arange(len(counts)) % 2, counts)
        np.testing.assert_array_equal(decoded, whole[:, 0])

    def test_panoptic_masks(self, root):
        content = panoptic(root / "panoptic")
        labels = {"soil": "background"}
        found = mask(reader(root, "coco", content, masks="panoptic", labels=labels))
        painted = expected()
        painted[0] = 255
        np.testing.assert_array_equal(found, painted)
        with pytest.raises(FewmaskError, match=r"name their folder: reader: \{masks:"):
            reader(root, "coco", content).items()
        content["annotations"][0]["segments_info"].pop()
        with pytest.raises(ImageError, match="the segment 3226956"):
            mask(reader(root, "coco", content, masks="panoptic"))

    @pytest.mark.parametrize(
        ("leaf", "message"),
        [
            ([[1, 1, 2, 2]], "2 points\n  expected: 3 points or more"),
            ([[1, 1, 2, 2, 3]], "no list of pairs"),
            ([[1, 1, 2, 2, 3, "x"]], "no pairs of numbers"),
            ([[1, 1, 2, 2, 1e9, 3]], "far outside"),
            ([[1, 1, 2, 2, 10**400, 3]], "no pairs of numbers"),
            ({"size": [*SIZE], "counts": "o" * 5000 + "0"}, "neither numbers nor"),
            ({"size": [*SIZE], "counts": [5, 6]}, "11 pixels"),
            ({"size": [*SIZE], "counts": [-5, 389]}, "neither numbers nor"),
            ({"size": [3, 3], "counts": [9]}, "in an image of"),
            ({"size": [*SIZE], "counts": "\x00o"}, "neither numbers nor"),
            ({"size": [*SIZE], "counts": "0o0"}, "damaged runs"),
            ({"size": [*SIZE], "counts": "1"}, "damaged runs .1 pixels"),
            ("text", "damaged runs"),
        ],
    )
    def test_segmentations_that_make_no_sense(self, root, leaf, message):
        with pytest.raises(ImageError, match=message):
            mask(reader(root, "coco", coco(leaf=leaf)))

    @given(st.text("0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmno", max_size=12))
    def test_any_text_as_runs_is_decoded_or_refused(self, text):
        from fewmask.data.readers.coco.segments import inside

        canvas = Canvas(SIZE, Labels(settings(reader=COCO, classes=CLASSES)), Path("all.json"))
        with suppress(ImageError):
            assert inside(canvas, "leaf", {"size": [*SIZE], "counts": text}).shape == SIZE

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda one: one["images"].append(one["images"][0]),
                r"leaf_01.png \(11\) occurs twice",
            ),
            (lambda one: one["annotations"][0].update(image_id=99), "an image 99, which is not"),
            (lambda one: one["annotations"][0].update(category_id=99), "category_id 99, which is"),
            (lambda one: one.pop("images"), "no 'images'"),
            (lambda one: one["images"][0].update(file_name=3), "all.json"),
            (lambda one: one["images"][0].update(file_name="/"), "no name of a file"),
        ],
    )
    def test_files_that_make_no_sense(self, root, change, message):
        content = json.loads(json.dumps(coco()))
        change(content)
        with pytest.raises(FewmaskError, match=message):
            reader(root, "coco", content).items()
