"""The order of names that people expect."""

import re


def natural(name: str) -> list[str | int]:
    """A key by which ``frame_2`` comes before ``frame_10``."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]
