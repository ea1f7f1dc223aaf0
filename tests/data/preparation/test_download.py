"""Downloads against a server of our own: whole, checked, or one clear message."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.download import download
from fewmask.data.preparation.resuming import CHUNK
from tests.data.making import noise, settings

IMAGES = {"images/a.jpg": b"an image", "images/b.jpg": b"another"}
LISTS = {"annotations/list.txt": b"a 1 1 1"}


class Server:
    """Serves a folder on 127.0.0.1 and counts what it was requested.

    ``cut_after``: a connection ends after that many bytes. ``ranges``: what it was asked to go on
    from; a server that ``can_resume`` does.
    """

    def __init__(self, folder):
        self.folder, self.requested, self.ranges = folder, Counter(), []
        self.cut_after, self.can_resume = None, True
        folder.mkdir()
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self):
                server.requested[self.path] += 1
                wanted = self.headers.get("Range", "bytes=0-")
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start:
                    server.ranges.append(start)
                if not (server.folder / self.path[1:]).is_file():
                    self.send_error(404)
                    return
                self.send(start if server.can_resume else 0)

            def send(self, start):
                content = (server.folder / self.path[1:]).read_bytes()
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start:][: server.cut_after])

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        threading.Thread(target=self.http.serve_forever, args=(0.01,)).start()

    def offer(self, name, content):
        """Put a file there; returns the setting that asks for it."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_bytes(content)
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        return {"url": f"http://127.0.0.1:{self.http.server_port}/{name}", "checksum": checksum}

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "served")
    yield server
    server.close()


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FEWMASK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def receipt(tmp_path):
    return tmp_path / "results/downloads/mine.txt"


def tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


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


# --- Cut connections -------------------------------------------------------------------------

LARGE = {"images/a.jpg": noise(100_000).tobytes()}


def test_a_cut_connection_is_opened_again_where_it_was_cut(server, data, receipt):
    archive = server.offer("i.tar.gz", tar(LARGE))
    server.cut_after = 40_000
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == LARGE
    assert server.ranges == [2 * CHUNK, 4 * CHUNK]


def test_what_has_come_is_kept_when_the_server_is_gone(server, data, receipt):
    archive = server.offer("i.zip", zipped(LARGE))
    content = (server.folder / "i.zip").read_bytes()
    part = data / ".mine.download/1/i.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content[:30_000])
    (server.folder / "i.zip").unlink()
    with pytest.raises(FewmaskError, match="kept: 30,000 bytes, from which the next"):
        download(settings(download=[archive]), receipt)
    assert_nothing_is_there(data, receipt)
    assert part.read_bytes() == content[:30_000]
    server.offer("i.zip", content)
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == LARGE
    assert server.ranges == [30_000, 30_000]


def test_a_server_that_cannot_go_on_sends_all_of_it(server, data, receipt):
    archive = server.offer("i.zip", zipped(LARGE))
    server.can_resume, server.cut_after = False, 40_000
    with pytest.raises(FewmaskError, match=r"i\.zip: cannot be fetched: .*\n  kept: 32,768 bytes"):
        download(settings(download=[archive]), receipt)
    assert_nothing_is_there(data, receipt)
    assert server.requested == {"/i.zip": 2}
    server.cut_after = None
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == LARGE


def test_a_part_that_is_the_whole_is_taken(server, data, receipt):
    archive = server.offer("i.zip", zipped(LARGE))
    (data / ".mine.download/1").mkdir(parents=True)
    (server.folder / "i.zip").rename(data / ".mine.download/1/i.zip.part")
    server.offer("i.zip", zipped(LARGE))
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == LARGE


def test_a_part_of_another_file_is_dropped(server, data, receipt):
    archive = server.offer("i.zip", zipped(LARGE))
    part = data / ".mine.download/1/i.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another file")
    with pytest.raises(FewmaskError, match="the file is another one"):
        download(settings(download=[archive]), receipt)
    assert not part.exists()
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == LARGE


# --- What goes wrong -------------------------------------------------------------------------


def assert_nothing_is_there(data, receipt):
    assert not (data / "mine").exists()
    assert not receipt.exists()


def test_a_wrong_checksum(server, data, receipt):
    archive = server.offer("i.zip", zipped(IMAGES)) | {"checksum": f"md5:{'0' * 32}"}
    with pytest.raises(FewmaskError) as error:
        download(settings(download=[archive]), receipt)
    assert str(error.value) == (
        f"{archive['url']}: the file is another one, or not whole\n"
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
