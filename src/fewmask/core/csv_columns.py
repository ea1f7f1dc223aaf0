"""Small CSV files of jobs, of which there are thousands: read far quicker than pandas does."""

import csv
from pathlib import Path


def read_columns(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file in UTF-8, as text, by their names in its first line.

    Raises OSError, or ValueError: it is no table.
    """
    with path.open(encoding="utf-8", newline="") as file:
        try:
            header, *rows = csv.reader(file, strict=True)
        except csv.Error as error:
            raise ValueError(f"it is no CSV file: {error}") from None
        except ValueError:
            raise ValueError("it is empty, or no text in UTF-8") from None
    if len(set(header)) < len(header):
        raise ValueError("two of its columns have the same name")
    lengths = list(map(len, rows))
    if lengths.count(len(header)) < len(rows):
        line, wrong = next(one for one in enumerate(lengths, start=2) if one[1] != len(header))
        raise ValueError(f"line {line} has {wrong} fields, and its header {len(header)}")
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return dict(zip(header, map(list, columns), strict=True))
