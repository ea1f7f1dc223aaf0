"""Preparing: any number of workers writes the same store, whole or not at all."""

import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import psutil
import pytest

from fewmask.config.named import load_dataset
from fewmask.core.errors import FewmaskError
from fewmask.data.preparation import rows
from fewmask.data.preparation.fit import fit_values, place
from fewmask.data.preparation.prepare import prepare
from fewmask.data.rendered.scenes import CATEGORIES, CLASSES
from fewmask.data.store.store import Store
from tests.conftest import ROOT
from tests.data.making import PALETTE, make_folder, noise, reading, save, save_palette
from tests.processes import end_within


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a small dataset, mine."""
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    make_folder(tmp_path / "data/mine")
    return tmp_path / "data"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "results/mine.h5"


def scenes(count, size=16):
    """The JSON of rendered rooms."""
    names = [name for name, _ in CLASSES]
    reader = {"name": "scenes", "images": count}
    return json.dumps({"dataset": "rooms", "reader": reader, "classes": names, "size": size})


def test_what_is_prepared(data, output, capsys):
    prepare(reading(), output)
    with Store(output) as store:
        assert store.names == ["0", "1", "2", "3", "4"]
        assert store.labelled.tolist() == [True] * 4 + [False]
        assert store.extents.tolist() == [[11, 16]] * 5
        assert store.sizes.tolist() == [[20, 30]] * 5
        assert store.categories == ()
        mask = fit_values(noise(20, 30, below=3, seed=101), place((20, 30), (16, 16), "pad"))
        assert np.array_equal(store.read("mask", [1])[0], mask)
        assert store.class_pixels[1].tolist() == [(mask == k).sum() for k in range(3)]
        assert (store.read("mask", [4]) == 255).all()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{output}: 5 images, 4 with masks, in ")
    assert len(captured.err.splitlines()) == 1


def test_two_workers_write_what_one_writes(output, tmp_path):
    prepare(scenes(20), output, workers=1)
    prepare(scenes(20), tmp_path / "b.h5", workers=2)
    with Store(output) as one, Store(tmp_path / "b.h5") as two:
        assert one.digest == two.digest
        assert one.names == two.names == [f"scene_{i:05d}" for i in range(20)]
        assert one.categories == CATEGORIES
        for field in ("image", "mask", "depth", "normal", "category"):
            assert np.array_equal(one.read(field), two.read(field))


def test_the_kind_of_mask_makes_no_difference(data, output):
    classes = noise(20, 30, below=3, seed=7)
    masks = {
        "palette": lambda path: save_palette(path, classes),
        "rgb": lambda path: save(path, PALETTE[classes]),
        "grey": lambda path: save(path, classes),
    }
    digests = set()
    for name, write in masks.items():
        for i in range(4):
            write(data / f"mine/masks/{i}.png")
        prepare(reading(), output.with_stem(name))
        with Store(output.with_stem(name)) as store:
            digests.add(store.digest)
    assert len(digests) == 1


def test_memory_does_not_grow_with_the_dataset(data, tmp_path):
    for i in range(4):
        save(data / f"mine/images/{i}.png", noise(375, 500, 3, seed=i))
        save(data / f"mine/masks/{i}.png", noise(375, 500, below=3, seed=i))
    for i in range(300):  # the same four under many names
        for kind in ("images", "masks"):
            (data / f"mine/{kind}/many_{i}.png").hardlink_to(data / f"mine/{kind}/{i % 4}.png")
    code = """if True:
    import sys
    from pathlib import Path
    import psutil
    from fewmask.data.preparation.prepare import prepare
    from fewmask.data.store.writer import StoreWriter
    used, append = [], StoreWriter.append

    def measured(writer, row):
        append(writer, row)
        used.append(psutil.Process().memory_info().rss)

    StoreWriter.append = measured
    prepare(sys.argv[1], Path(sys.argv[2]))
    print((used[-1] - used[99]) / len(used[100:]))
    """
    command = [sys.executable, "-c", code, reading(size=256), tmp_path / "many.h5"]
    assert float(subprocess.check_output(command)) < 30_000  # bytes for each further image


def test_a_class_that_no_mask_holds_is_named(data, output, capsys):
    for i in range(4):
        save(data / f"mine/masks/{i}.png", noise(20, 30, below=2))
    prepare(reading(), output)
    note = capsys.readouterr().err.splitlines()[1]
    assert note.startswith("note: no mask holds border; mask_values says what the values in masks")


# --- What goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_image_is_one_message_and_no_file(data, output, workers):
    path = data / "mine/images/2.png"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FewmaskError) as error:
        prepare(reading(), output, workers)
    assert str(error.value).startswith(f"{path}: found damaged data")
    assert not list(output.parent.iterdir())


def test_the_command_says_it_in_one_message_without_a_traceback(data, output):
    (data / "mine/images/2.png").write_bytes(b"")
    command = ["prepare", "--settings", reading(), "--output", output, "--workers", "2"]
    code = "from fewmask.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {data}/mine/images/2.png: found an empty file")
    assert "Traceback" not in done.stderr


def test_missing_files_of_a_dataset(data, output):
    with pytest.raises(FewmaskError) as error:
        prepare(reading(root="yours"), output)
    assert str(error.value) == (
        f"{data}/yours: no files of the dataset mine here\n"
        f"  looked in: {data}\n"
        "  mend: put the folder yours there, or set FEWMASK_DATA to the folder that holds it;\n"
        "  if config/datasets/mine.yaml names a download, the workflow fetches it, and so does\n"
        "  fewmask download --dataset mine --output results/downloads/mine.txt"
    )


def test_without_the_variable_the_message_says_so(output, monkeypatch, tmp_path):
    monkeypatch.delenv("FEWMASK_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FewmaskError, match=r"looked in: data \(FEWMASK_DATA is not set\)"):
        prepare(reading(), output)


def test_two_items_of_one_name(data, output):
    save(data / "mine/images/extra/1.png", noise(4, 4, 3))
    patterns = {"name": "folder", "images": "images/**/*.png", "unlabelled": "extra/*.png"}
    save(data / "mine/extra/1.png", noise(4, 4, 3))
    with pytest.raises(FewmaskError, match=r"1\.png: a second image with the name extra/1"):
        prepare(reading(reader=patterns), output)


# --- Kills -----------------------------------------------------------------------------------


@pytest.fixture
def long(output):
    """A preparation with two workers that would take minutes, once it has begun to write."""
    code = "import sys; from pathlib import Path;"
    code += "from fewmask.data.preparation.prepare import prepare;"
    code += "prepare(sys.argv[1], Path(sys.argv[2]), 2)"
    output.parent.mkdir(parents=True)
    command = [sys.executable, "-c", code, scenes(5000, 64), output]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not any(file.stat().st_size > 100_000 for file in output.parent.iterdir()):
            assert process.poll() is None
            time.sleep(0.05)
        process.workers = psutil.Process(process.pid).children(recursive=True)
        yield process
        process.kill()


def assert_all_end(workers):
    assert len(workers) >= 2
    assert end_within(60, workers)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)]
)
def test_asked_to_end_it_leaves_nothing(long, output, number, code):
    long.send_signal(number)
    assert long.wait(timeout=60) == code
    assert not list(output.parent.iterdir())
    assert_all_end(long.workers)


def test_killed_it_leaves_no_final_file_and_no_workers(long, output):
    long.kill()
    long.wait(timeout=60)
    assert not output.exists()
    assert_all_end(long.workers)
    prepare(scenes(4, 16), output)
    assert list(output.parent.iterdir()) == [output]


def test_workers_import_little():
    """Every worker pays for what its module imports."""
    code = "import sys, fewmask.data.preparation.rows, fewmask.data.preparation.workers;"
    code += "print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"torch", "h5py", "matplotlib", "rich"} & set(loaded)
    assert rows.__name__ in loaded


# --- Real images ---------------------------------------------------------------------------


def test_real_images(real_data, tmp_path, monkeypatch):
    """The trimaps' shares of classes, and three times the same: 64 pixels, two and one worker."""
    root = real_data / "oxford-iiit-pet"
    if not root.is_dir():
        pytest.skip("no oxford-iiit-pet below FEWMASK_DATA")
    monkeypatch.setenv("FEWMASK_DATA", str(real_data))
    monkeypatch.chdir(ROOT)
    kept = {"exclude": {"split", "download", "description"}}
    values = load_dataset("oxford_pet_64").model_dump(mode="json", **kept)
    settings = json.dumps({"dataset": "oxford_pet_64", **values})
    digests = set()
    for workers in (1, 2):
        prepare(settings, tmp_path / f"{workers}.h5", workers)
        with Store(tmp_path / f"{workers}.h5") as store:
            digests.add(store.digest)
            shares = store.class_pixels.sum(axis=0) / store.class_pixels.sum()
            assert store.labelled.all()
            assert {"trainval", "test"} <= set(store.subsets)
            assert store.categories == ("cat", "dog")
            assert dict(zip(store.classes, shares.round(1).tolist(), strict=True)) == {
                "pet": 0.3,
                "background": 0.6,
                "border": 0.1,
            }
            # Padding is where the image is not, and it counts nowhere.
            pixels = store.extents.prod(axis=1)
            assert (store.class_pixels.sum(axis=1) == pixels).all()
    assert len(digests) == 1
    with h5py.File(tmp_path / "1.h5") as file:
        assert file["image"].shape[1:] == (64, 64, 3)
