"""Rows of a small store."""

from fewmask.data.preparation.rows import Row
from fewmask.data.store.writer import StoreWriter
from tests.data.making import noise, reading

COUNT, HEIGHT, WIDTH = 6, 16, 12


def make_row(i: int, **changes) -> Row:
    values = {
        "name": f"image {i}",
        "subset": "test" if i % 2 else "",
        "size": (100 + i, 200),
        "extent": (HEIGHT - i, WIDTH),
        "image": noise(HEIGHT, WIDTH, 3, seed=i),
        "truth": {"mask": noise(HEIGHT, WIDTH, below=3, seed=i)},
        "category": i % 2,
    }
    return Row(**values | changes)


def write(path, rows, categories=("cat", "dog")):
    with StoreWriter(path, reading(), categories) as writer:
        for row in rows:
            writer.append(row)
    return path
