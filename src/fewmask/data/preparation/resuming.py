"""Downloads that resume where an earlier attempt was interrupted."""

from pathlib import Path
from typing import Any

import requests

from fewmask.core.progress import bar

MEGABYTE = 2**20
CHUNK = 2**14  # bytes; an incomplete chunk is lost when the connection breaks
TIMEOUT = 30  # seconds without a byte


class Resuming:
    """Fetches a file for pooch, which then compares its checksum.

    The bytes received so far are in ``part``. They stay there after an error, and the next attempt
    requests only the rest; a server that cannot send a part sends the whole file again. If the file
    on the server has changed, the checksum is wrong, and the part is removed.
    """

    def __init__(self, part: Path) -> None:
        self._part = part

    @property
    def size(self) -> int:
        """The number of bytes received so far."""
        return self._part.stat().st_size if self._part.exists() else 0

    def __call__(self, url: str, output: str, _: Any) -> None:
        """Fetch ``url`` to ``output``; reconnects as long as every attempt brings more bytes.

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
        """Receive the missing bytes over one connection."""
        # Without compression: some servers would compress an archive again, or claim to.
        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                return  # everything is here
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
