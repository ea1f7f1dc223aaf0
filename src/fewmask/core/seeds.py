"""The source of all randomness of a run: stable seeds made of names and numbers."""

import hashlib
import json
from operator import index


def derive(*parts: str | int) -> int:
    """A seed in [0, 2**63) that is the same for the same parts, in every process and version.

    ``derive("test")``, ``derive(seed, step)``: seeds differ if any part or their order differs;
    1 differs from "1". Anything but strings and whole numbers is a TypeError.
    """
    plain = [part if isinstance(part, str) else index(part) for part in parts]
    digest = hashlib.blake2b(json.dumps(plain).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
