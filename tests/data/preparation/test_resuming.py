"""A download whose connection is cut goes on where it was cut."""

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.download import download
from fewmask.data.preparation.resuming import CHUNK
from tests.data.making import noise, settings
from tests.data.preparation.serving import assert_nothing_is_there, contents, tar, zipped

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
    with pytest.raises(FewmaskError, match="the file does not match its checksum"):
        download(settings(download=[archive]), receipt)
    assert not part.exists()
    download(settings(download=[archive]), receipt)
    assert contents(data / "mine") == LARGE
