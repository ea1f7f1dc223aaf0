"""Mutations that know nothing of a file's format, or only that it is made of lines."""

import re
from random import Random

NASTY = [
    *("", " ", "null", "true", "-1", "0", "1", "2.5", "1e400", "-1e308", "NaN", "nan", "inf"),
    *("-Infinity", "9" * 30, "9" * 6000, "0x10", "1_000", "\x00", "\x1b[31m", "\ufeff", "\u202e"),
    *(
        "é",
        "🐈",
        "../../etc/passwd",
        "/",
        "a" * 5000,
        "{}",
        "[]",
        "[[[[",
        "{{{{",
        "*a",
        "&a",
        "!!int",
    ),
    *("<<: *a", "? ", "- ", ": ", ",", '"', "'", "\t", "\r", "\n", "---\n", "%", "{dataset}"),
]
"""Text that formats give a meaning to, or that programs stumble over."""

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def change_bytes(data: bytes, random: Random) -> bytes:
    """A file that a disk, a network or an editor has damaged."""
    changed = bytearray(data)
    kind = random.choice(
        ["bit", "byte", "insert", "remove", "cut", "double", "swap", "zero", "add"]
    )
    at = random.randrange(len(data))
    length = random.choice([1, 2, 4, 16, 512, len(data) // 2 + 1])
    if kind == "bit":
        changed[at] ^= 1 << random.randrange(8)
    elif kind == "byte":
        changed[at] = random.randrange(256)
    elif kind == "insert":
        changed[at:at] = random.randbytes(length)
    elif kind == "remove":
        del changed[at : at + length]
    elif kind == "cut":
        del changed[at:]
    elif kind == "double":
        changed[at:at] = data[at : at + length]
    elif kind == "swap":
        other = random.randrange(len(data))
        changed[at], changed[other] = changed[other], changed[at]
    elif kind == "zero":
        changed[at : at + length] = bytes(len(data[at : at + length]))
    else:
        changed += random.randbytes(length)
    return bytes(changed)


def change_lines(data: bytes, random: Random) -> bytes:
    """A text file that a person has edited, not with luck."""
    lines = data.decode().splitlines(keepends=True)
    kind = random.choice(["drop", "double", "swap", "number", "insert", "word", "indent", "case"])
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    if kind == "drop":
        del lines[at]
    elif kind == "double":
        lines.insert(other, lines[at])
    elif kind == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "number":
        return _replaced(data.decode(), NUMBER, random)
    elif kind == "word":
        return _replaced(data.decode(), re.compile(r"[\w./-]+"), random)
    elif kind == "indent":
        lines[at] = random.choice(["  ", "\t", " "]) + lines[at]
    elif kind == "case":
        lines[at] = lines[at].swapcase()
    else:
        place = random.randrange(len(lines[at]))
        lines[at] = lines[at][:place] + random.choice(NASTY) + lines[at][place:]
    return "".join(lines).encode()


def change_cells(data: bytes, random: Random) -> bytes:
    """A table of which a cell, a column or the order of columns was changed."""
    rows = [line.split(",") for line in data.decode().splitlines()]
    kind = random.choice(["cell", "copy", "drop", "swap", "digit"])
    row, column = random.choice(rows), random.randrange(len(rows[0]))
    other = random.randrange(len(rows[0]))
    if kind == "cell":
        row[column] = random.choice(NASTY)
    elif kind == "copy":
        row[column] = random.choice(rows)[column]
    elif kind == "digit":
        row[column] = NUMBER.sub(lambda found: str(random.randrange(1000)), row[column])
    elif kind == "drop":
        rows = [[*cells[:column], *cells[column + 1 :]] for cells in rows]
    else:
        for cells in rows:
            cells[column], cells[other] = cells[other], cells[column]
    return "".join(f"{','.join(cells)}\n" for cells in rows).encode()


def _replaced(text: str, pattern: re.Pattern[str], random: Random) -> bytes:
    """One match of the pattern replaced by a nasty text, or by another match."""
    matches = list(pattern.finditer(text))
    if not matches:
        return text.encode()
    one = random.choice(matches)
    new = random.choice([random.choice(NASTY), random.choice(matches).group()])
    return f"{text[: one.start()]}{new}{text[one.end() :]}".encode()
