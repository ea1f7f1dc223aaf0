"""Where tiles lie in an image, and their weights."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from fewmask.config.dataset import Split
from fewmask.config.tiles import Tiles
from fewmask.core.errors import FewmaskError
from fewmask.data.inspection.dataset import describe
from fewmask.data.preparation.prepare import prepare
from fewmask.data.preparation.rows import Row
from fewmask.data.preparation.tiling import Tiling
from fewmask.data.splits import file as split_files
from fewmask.data.splits.job import split
from fewmask.data.store.store import Store
from fewmask.data.store.writer import StoreWriter
from tests.data.making import noise, reading, save

TILES = {"size": 16, "overlap": 4}


@st.composite
def tilings(draw):
    tile = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    image = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return Tiling(image, tile, draw(st.integers(0, min(tile) - 1)))


@given(tilings())
def test_tiles_cover_the_image_with_weights_that_add_up_to_one(tiling):
    frame = [max(pair) for pair in zip(tiling.image, tiling.tile, strict=True)]
    summed, covered = np.zeros(frame), np.zeros(frame, int)
    down, across = tiling.weights
    for i, top in enumerate(tiling.tops):
        for j, left in enumerate(tiling.lefts):
            window = tiling.window((top, left))
            assert covered[window].shape == tiling.tile
            summed[window] += np.outer(down[i], across[j])
            covered[window] += 1
    assert np.allclose(summed, 1, atol=1e-5)
    assert min(down.min(), across.min()) > 0
    assert len(tiling.offsets) == len(down) * len(across)


@given(tilings())
def test_own_parts_cover_every_pixel_once(tiling):
    covered = np.zeros([max(pair) for pair in zip(tiling.image, tiling.tile, strict=True)], int)
    for offset in tiling.offsets:
        covered[tiling.window(offset)][tiling.own_part(offset)] += 1
    assert (covered == 1).all()


@given(tilings())
def test_neighbours_share_at_least_the_overlap_and_no_tile_is_idle(tiling):
    for starts, image, tile in zip(
        (tiling.tops, tiling.lefts), tiling.image, tiling.tile, strict=True
    ):
        steps = np.diff(starts)
        assert (steps >= 1).all()
        assert (steps <= tile - tiling.overlap).all()
        assert starts[-1] == max(image - tile, 0)
        if len(starts) > 1:  # the last one shows what the one before does not
            assert starts[-2] + tile < image


def test_weights_fall_towards_the_edges_of_a_tile():
    down, _ = Tiling((10, 4), (6, 4), 2).weights  # tiles at 0 and 4 share the rows 4 and 5
    assert np.allclose(down[0], [1, 1, 1, 1, 2 / 3, 1 / 3])
    assert np.allclose(down[1], [1 / 3, 2 / 3, 1, 1, 1, 1])


@pytest.mark.parametrize("overlap", [16, 17])
def test_an_overlap_is_smaller_than_a_tile(overlap):
    with pytest.raises(ValueError, match=f"overlap: found {overlap}, which is no smaller"):
        Tiles(size=(16, 32), overlap=overlap)


@pytest.mark.parametrize("changes", [{"fit": "crop"}, {"size": 64}])
def test_tiles_alone_decide_the_size(changes):
    with pytest.raises(FewmaskError, match=r"(?s)tiles: found them together.*leave out size and"):
        prepare(reading(**{"tiles": TILES, "size": 16} | changes), "nowhere.h5")


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Images of several sizes with masks, of which the last has none; one is smaller than a tile,
    and half of another one is ignored."""
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path))
    made = {}
    for i, size in enumerate([(40, 30), (12, 50), (10, 9), (16, 16), (33, 20), (20, 20), (17, 16)]):
        image, mask = noise(*size, 3, seed=i), noise(*size, below=3, seed=100 + i)
        mask[: size[0] // 2] = 255 if i == 0 else mask[: size[0] // 2]
        made[f"big_{i}"] = image, mask
        save(tmp_path / f"mine/images/big_{i}.png", image)
        if i < 6:
            save(tmp_path / f"mine/masks/big_{i}.png", mask)
    return made


def tiled(output, workers=1, **tiles):
    prepare(reading(tiles=TILES | tiles), output, workers)
    return output


def test_a_store_of_tiles_holds_every_pixel_where_it_was(images, tmp_path):
    with Store(tiled(tmp_path / "mine.h5", workers=2)) as store:
        store.verify()
        assert store.images.names == list(images)
        assert len(store) == 27
        assert store.names[:2] == ["big_0@0-0", "big_0@0-12"]
        pixels, masks, offsets = (store.read(name) for name in ("image", "mask", "offset"))
        for place, (image, mask) in enumerate(images.values()):
            tiling = Tiling(mask.shape, (16, 16), 4)
            rows = store.images.rows(place)
            assert offsets[rows].tolist() == list(map(list, tiling.offsets))
            assert store.sizes[rows].tolist() == [list(mask.shape)] * len(rows)
            for row, offset in zip(rows, tiling.offsets, strict=True):
                height, width = store.extents[row]
                window = tiling.window(offset)
                assert np.array_equal(pixels[row, :height, :width], image[window])
                known = mask[window] if place < 6 else np.full((height, width), 255)
                assert np.array_equal(masks[row, :height, :width], known)
                assert (masks[row, height:] == 255).all()


def test_inspect_counts_images_and_tiles(images, tmp_path):
    text = describe(tiled(tmp_path / "mine.h5"))
    assert re.search(r"content +7 images \(27 tiles\), 6 with masks\n", text)
    assert re.search(r"subsets +\(none\) 7\n", text)
    assert re.search(r"size +16 x 16 \(height x width\), tiles that overlap by 4\n", text)
    assert re.search(r"original sizes +height 10 to 40 \(median 17\)", text)


def draw(store, tmp_path, fraction="n2", seed=0, **settings):
    requested = store.dataset_settings.split.model_validate({"test": "n1", "validation": "n1"})
    output = tmp_path / f"{seed}.csv"
    split(
        store.path, requested.model_copy(update=settings).model_dump_json(), fraction, seed, output
    )
    return split_files.read(output, store.names)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("masks", ["labelled", "budget"])
def test_all_tiles_of_an_image_have_one_role(images, tmp_path, seed, masks):
    with Store(tiled(tmp_path / "mine.h5")) as store:
        fraction = "n2" if masks == "labelled" else "n4"
        roles = draw(store, tmp_path, fraction, seed, masks=masks)
        owners = {role: set(store.images.among(rows).tolist()) for role, rows in roles.items()}
        assert sum(map(len, owners.values())) == len(set().union(*owners.values())) == 7
        counts = {"labelled": (2, 1, 1), "budget": (1, 3, 1)}[masks]
        assert tuple(len(owners[r]) for r in ("labelled", "validation", "test")) == counts
        assert sum(map(len, roles.values())) == len(store)  # nothing is left out


def rows_of_tiles(name, size):
    """The rows of an image with a mask."""
    tiling = Tiling(size, (16, 16), 4)
    for top, left in tiling.offsets:
        extent = min(16, size[0]), min(16, size[1])
        mask = np.full((16, 16), 255, np.uint8)
        mask[: extent[0], : extent[1]] = 1
        image, tile = np.zeros((16, 16, 3), np.uint8), f"{name}@{top}-{left}"
        yield Row(tile, "", size, extent, image, {"mask": mask}, -1, b"x" * 32, name, (top, left))


@settings(max_examples=25)
@given(st.data())
def test_no_tile_of_a_group_is_ever_in_two_roles(data):
    per_group = data.draw(st.lists(st.integers(1, 3), min_size=7, max_size=9))
    names = [f"g{group}_{i}" for group, count in enumerate(per_group) for i in range(count)]
    requested = {
        "test": data.draw(st.sampled_from(["n1", "n2"])),
        "validation": "n1",
        "masks": data.draw(st.sampled_from(["labelled", "budget"])),
        "least_validation": 1,
        "groups": data.draw(st.sampled_from([None, r"^(g\d+)_"])),
        "held_out_per_seed": data.draw(st.booleans()),
    }
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder, "mine.h5"), Path(folder, "0.csv")
        with StoreWriter(path, reading(tiles=TILES)) as writer:
            for name in names:
                size = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
                for row in rows_of_tiles(name, size):
                    writer.append(row)
        seed = data.draw(st.integers(0, 9))
        try:
            split(path, Split(**requested).model_dump_json(), "n4", seed, output)
        except FewmaskError:  # a budget that one group fills leaves none for validation
            reject()
        with Store(path) as store:
            roles = split_files.read(output, store.names)
            owners = np.array(store.images.names)[store.images.of_rows]
    if requested["groups"]:
        owners = np.array([name.split("_")[0] for name in owners])
    seen = [set(owners[rows]) for rows in roles.values()]
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_tiles_with_few_labelled_pixels_are_only_left_out_of_training(images, tmp_path, capsys):
    tiled(tmp_path / "mine.h5", least_labelled=0.5)
    with Store(tmp_path / "mine.h5") as store:
        roles = draw(store, tmp_path, "all")
        labelled = np.flatnonzero(store.images.of_rows == 0)  # the upper 20 of 40 rows are ignored
        kept = labelled[store.read("offset", labelled)[:, 0] >= 12]
        if len(set(roles["labelled"]) & set(labelled)):
            assert set(roles["labelled"]) & set(labelled) == set(kept)
        else:
            assert set(labelled) <= set(roles["test"]) | set(roles["validation"])
        others = np.setdiff1d(np.flatnonzero(store.images.of_rows < 6), labelled)
        assert set(others) <= set(np.concatenate(list(roles.values())))
    assert "images (27 tiles)" in capsys.readouterr().err


def test_a_share_that_no_tile_has_is_refused(images, tmp_path):
    with Store(tiled(tmp_path / "mine.h5")) as store:
        labelled = store.images.among(draw(store, tmp_path)["labelled"])
        names = [store.images.names[place] for place in labelled]
    for name in names:  # the masks of test and validation images stay whole
        mask = noise(*images[name][1].shape, below=2, seed=1)
        mask[:, 1:] = 255
        save(tmp_path / f"mine/masks/{name}.png", mask)
    tiled(tmp_path / "mine.h5", least_labelled=0.9)
    message = r"(?s)no tile of the labelled.*up to 0\.[0-8].*tiles\.least_lab"
    with Store(tmp_path / "mine.h5") as store, pytest.raises(FewmaskError, match=message):
        draw(store, tmp_path)
