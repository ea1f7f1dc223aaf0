"""A server of our own, and archives for it to serve."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

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


def assert_nothing_is_there(data, receipt):
    assert not (data / "mine").exists()
    assert not receipt.exists()
