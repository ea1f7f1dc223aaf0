"""Downloads that go on where an earlier attempt was cut."""

from pathlib import Path
from typing import Any

import requests

from fewmask.core.progress import bar

MEGABYTE = 2**20
CHUNK = 2**14  # bytes; what has come of a chunk when the connection is cut is lost
TIMEOUT = 30  # seconds without a byte


class Resuming:
    """Fetches a file for pooch, which then looks at its checksum.

    What has come lies in ``part``. After an error it stays there, and the next attempt asks for the
    rest only; a server that cannot do that sends the whole file anew. A part that the server's file
    does not continue (it may have changed) ends with a wrong checksum, and then it is gone.
    """

    def __init__(self, part: Path) -> None:
        self._part = part

    @property
    def size(self) -> int:
        """How many bytes are here."""
        return self._part.stat().st_size if self._part.exists() else 0

    def __call__(self, url: str, output: str, _: Any) -> None:
        """Fetch ``url`` to ``output``; a cut connection is opened again while it brings more.

        Raises requests.RequestException.
        """
        while True:
            before = self.size
            try:
                self._receive(url)
                break
            except requests.RequestException:
                if self.size <= before:
                    raise
        self._part.replace(output)

    def _receive(self, url: str) -> None:
        """Receive what is not here yet, over one connection."""
        # As the file is: some servers would pack (or call packed) what is an archive already.
        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                return  # nothing comes after what is here
            answer.raise_for_status()
            goes_on = answer.status_code == requests.codes.partial_content
            done = self.size if goes_on else 0
            total = done + int(answer.headers.get("Content-Length", 0))
            title = f"download {self._part.stem} (MB)"
            with (
                bar(title, total // MEGABYTE, done // MEGABYTE) as progress,
                self._part.open("ab" if goes_on else "wb") as file,
            ):
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    progress.at(file.tell() // MEGABYTE)
