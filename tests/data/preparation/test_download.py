"""Downloads against a server of our own: whole, checked, or one clear message."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.download import download
from tests.data.making import settings
from tests.data.preparation.serving import (
    IMAGES,
    LISTS,
    assert_nothing_is_there,
    contents,
    tar,
    zipped,
)


def test_archives_are_unpacked_below_the_root(server, data, receipt):
    archives = [server.offer("i.tar.gz", tar(IMAGES)), server.offer("l.zip", zipped(LISTS))]
    archives.append(server.offer("classes.mat", b"just a file"))
    download(settings(download=archives), receipt)
    assert contents(data / "mine") == IMAGES | LISTS | {"classes.mat": b"just a file"}
    assert [path.name for path in data.iterdir() if path.is_dir()] == ["mine"]
    lines = receipt.read_text().splitlines()
    assert lines[0] == f"folder: {data / 'mine'}"
    assert lines[1:4] == [f"downloaded: {one['url']} {one['checksum']}" for one in archives]
    assert lines[4].startswith("date: 20")


def test_archives_of_one_name_from_two_places(server, data, receipt):
    archives = [
        server.offer(f"{i}/all.zip", zipped(files)) for i, files in enumerate((IMAGES, LISTS))
    ]
    download(settings(download=archives), receipt)
    assert contents(data / "mine") == IMAGES | LISTS


def test_files_that_are_there_are_found(server, data, receipt):
    (data / "mine").mkdir(parents=True)
    (data / "mine/a.jpg").touch()
    download(settings(download=[server.offer("i.zip", zipped(IMAGES))]), receipt)
    assert contents(data / "mine") == {"a.jpg": b""}
    assert receipt.read_text().splitlines()[1] == "found: nothing was downloaded"
    assert not server.requested


def test_an_empty_folder_is_filled(server, data, receipt):
    (data / "mine").mkdir(parents=True)
    download(settings(download=[server.offer("i.zip", zipped(IMAGES))]), receipt)
    assert contents(data / "mine") == IMAGES


def test_datasets_that_share_a_folder_download_it_once(server, data, tmp_path):
    one = settings(download=[server.offer("i.zip", zipped(IMAGES))])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda i: download(one, tmp_path / f"{i}.txt"), range(4)))
    assert server.requested == {"/i.zip": 1}
    kinds = Counter((tmp_path / f"{i}.txt").read_text().splitlines()[1][:5] for i in range(4))
    assert kinds == {"downl": 1, "found": 3}


def test_a_wrong_checksum(server, data, receipt):
    archive = server.offer("i.zip", zipped(IMAGES)) | {"checksum": f"md5:{'0' * 32}"}
    with pytest.raises(FewmaskError) as error:
        download(settings(download=[archive]), receipt)
    assert str(error.value) == (
        f"{archive['url']}: the file does not match its checksum\n"
        f"  expected: {archive['checksum']}\n"
        f"  mend: try again later; or fetch it elsewhere and put it at "
        f"{data}/.mine.download/1/i.zip;\n"
        f"  or put the unpacked files into {data}/mine"
    )
    assert_nothing_is_there(data, receipt)


def test_what_was_fetched_before_an_error_is_kept(server, data, receipt):
    archives = [server.offer("i.zip", zipped(IMAGES)), server.offer("l.zip", zipped(LISTS))]
    (server.folder / "l.zip").unlink()
    with pytest.raises(FewmaskError, match=r"l\.zip: cannot be fetched: 404"):
        download(settings(download=archives), receipt)
    assert_nothing_is_there(data, receipt)
    server.offer("l.zip", zipped(LISTS))
    download(settings(download=archives), receipt)
    assert contents(data / "mine") == IMAGES | LISTS
    assert server.requested == {"/i.zip": 1, "/l.zip": 2}


def test_an_archive_put_there_by_hand_is_taken(server, data, receipt):
    archive = server.offer("i.zip", zipped(IMAGES))
    (data / ".mine.download/1").mkdir(parents=True)
    (server.folder / "i.zip").rename(data / ".mine.download/1/i.zip")
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == IMAGES


def test_a_server_that_is_gone(server, data, receipt):
    archive = server.offer("i.zip", zipped(IMAGES))
    server.close()
    with pytest.raises(FewmaskError) as error:
        download(settings(download=[archive]), receipt)
    assert str(error.value).startswith(f"{archive['url']}: cannot be fetched: ")
    assert f"or put the unpacked files into {data}/mine" in str(error.value)
    assert_nothing_is_there(data, receipt)


@pytest.mark.parametrize(
    ("name", "pack"), [("../a.jpg", tar), ("../a.jpg", zipped), ("/tmp/a.jpg", zipped)]
)
def test_archives_that_reach_outside_are_refused(server, data, receipt, name, pack):
    archive = server.offer("i.zip" if pack is zipped else "i.tar.gz", pack({name: b"bad"}))
    with pytest.raises(FewmaskError, match=r"i\.(zip|tar\.gz): .*outside"):
        download(settings(download=[archive]), receipt)
    assert_nothing_is_there(data, receipt)


def test_an_archive_that_is_none(server, data, receipt):
    archive = server.offer("i.zip", b"no archive")
    with pytest.raises(FewmaskError, match=r"i\.zip: cannot be unpacked: File is not a zip file"):
        download(settings(download=[archive]), receipt)
    assert_nothing_is_there(data, receipt)


def test_a_file_in_the_place_of_the_data_folder(server, data, receipt):
    data.touch()
    archive = server.offer("i.zip", zipped(IMAGES))
    with pytest.raises(FewmaskError, match="a file, and no folder for a dataset"):
        download(settings(download=[archive]), receipt)


def test_nothing_to_download_from(data, receipt):
    with pytest.raises(FewmaskError, match="mine: no such folder, and the dataset names no downl"):
        download(settings(), receipt)
    scenes = {"reader": {"name": "scenes", "images": 1}, "root": None}
    with pytest.raises(FewmaskError, match="the reader scenes has no files to download"):
        download(settings(**scenes), receipt)
