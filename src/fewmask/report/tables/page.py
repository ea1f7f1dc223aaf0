"""A table to be read: a title, notes, rows. As Markdown and as HTML."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, NamedTuple

from fewmask.core import escape
from fewmask.core.columns import padded

Rank = Literal["best", "second", ""]


class TableCell(NamedTuple):
    """Text, and its rank among the cells that it is compared with."""

    text: str
    rank: Rank = ""
    after: str = ""
    """Text that follows, without the mark of the rank."""


TableRow = list[TableCell | str]

STYLE = """
body { font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif; color: #222; margin: 24px; }
h1 { font-size: 19px; margin: 0 0 12px; }
table { border-collapse: collapse; border-top: 2px solid #222; border-bottom: 2px solid #222; }
th, td { padding: 4px 10px; text-align: right; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
th { border-bottom: 1px solid #222; background: #fff; position: sticky; top: 0;
     vertical-align: bottom; }
.l { text-align: left; }
tbody + tbody tr:first-child td { border-top: 1px solid #ccc; }
tbody tr:hover td { background: #f2f6fa; }
b { font-weight: 700; }
ul { color: #555; padding-left: 18px; max-width: 70em; margin: 14px 0 0; }
ul.findings { color: #222; margin: 0 0 14px; }
""".strip()


@dataclass(frozen=True)
class Table:
    """A table with its notes; without rows, the notes alone."""

    title: str
    notes: list[str]
    header: list[str] = field(default_factory=list)
    sides: str = ""
    """``l`` or ``r`` for every column: the side that it is aligned to."""
    rows: list[TableRow] = field(default_factory=list)
    grouped_by: int = 2
    """Consecutive rows that agree in this many columns from the left form a group."""
    findings: list[str] = field(default_factory=list)
    """What the table shows, in sentences that come first."""

    def markdown(self) -> str:
        """Markdown with aligned columns; the best cells are bold."""
        title = escape.markdown_line(" ".join(self.title.split()))
        findings = "".join(f"- {escape.markdown_line(one)}\n" for one in self.findings)
        notes = "\n\n".join(map(escape.markdown_line, self.notes))
        body = [[_in_markdown(cell) for cell in row] for row in [self.header, *self.rows]]
        table = f"\n{_pipes(body, self.sides)}\n" if self.rows else ""
        return f"# {title}\n\n{findings}{findings and chr(10)}{notes}\n{table}"

    def html(self) -> str:
        """A self-contained page; the best cells are bold, the second best underlined."""
        title = " ".join(self.title.split())
        return html_page(title, self.body())

    def body(self) -> str:
        """What the page shows below its title."""
        findings = "".join(f"<li>{escape.html(one)}</li>" for one in self.findings)
        first = f'<ul class="findings">{findings}</ul>\n' if findings else ""
        notes = "".join(f"<li>{escape.html(note)}</li>" for note in self.notes)
        table = f"<table>\n{''.join(self._parts())}</table>\n" if self.rows else ""
        return f"{first}{table}<ul>{notes}</ul>\n"

    def _parts(self) -> Iterator[str]:
        yield f"<thead>{self._line('th', self.header)}</thead>\n"
        for _, group in groupby(self.rows, key=lambda row: row[: self.grouped_by]):
            yield f"<tbody>\n{''.join(self._line('td', row) for row in group)}</tbody>\n"

    def _line(self, tag: str, row: TableRow) -> str:
        cells = zip(row, self.sides, strict=True)
        written = (f'<{tag} class="{side}">{_in_html(cell)}</{tag}>' for cell, side in cells)
        return f"<tr>{''.join(written)}</tr>\n"


def html_page(title: str, body: str, style: str = "") -> str:
    """A self-contained page; ``body`` is HTML, ``title`` is text, ``style`` is CSS added to that of
    tables."""
    title = escape.html(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"\n<style>\n{STYLE}{style and chr(10)}{style}\n</style></head>\n"
        f"<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )


def marked(cell: TableCell | str, literal: Callable[[str], str], marks: dict[Rank, str]) -> str:
    """A cell as text of a format.

    Args:
        literal: makes text literal in the format, see `fewmask.core.escape`.
        marks: what is put around text of a rank, with {} for the text.
    """
    if isinstance(cell, str):
        return literal(cell)
    return marks.get(cell.rank, "{}").format(literal(cell.text)) + literal(cell.after)


def _in_markdown(cell: TableCell | str) -> str:
    return marked(cell, escape.markdown, {"best": "**{}**"})


def _in_html(cell: TableCell | str) -> str:
    return marked(cell, escape.html, {"best": "<b>{}</b>", "second": "<u>{}</u>"})


RULES = {"l": "-", "r": "-:"}


def _pipes(rows: list[list[str]], sides: str) -> str:
    """Cells, the header first, as a Markdown table."""
    header, rules, *others = padded([rows[0], [RULES[side] for side in sides], *rows[1:]], sides)
    rules = [rule.strip().rjust(len(rule), "-") for rule in rules]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rules, *others])
