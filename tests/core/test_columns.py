"""Columns are aligned as a terminal shows them."""

from rich.cells import cell_len

from fewmask.core.columns import aligned, padded


def test_columns_are_aligned_to_their_sides():
    rows = [("Job", "Minutes"), ("train", "1.5"), ("prepare", "–")]
    assert aligned(rows, "lr") == ["Job      Minutes", "train        1.5", "prepare        –"]


def test_lines_end_with_their_last_character():
    assert aligned([("a", ""), ("bc", "d")]) == ["a", "bc  d"]


def test_wide_characters_take_two_columns():
    lines = aligned([("猫", "1"), ("dog", "2")])
    assert [cell_len(line) for line in lines] == [6, 6]


def test_without_rows_there_are_no_lines():
    assert padded([]) == []
