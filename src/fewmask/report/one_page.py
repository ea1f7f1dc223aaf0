"""All tables and figures of an experiment on one page, which needs nothing else to be opened.

Snakemake's own report also shows the workflow, but can only be made where the experiment was run.
"""

import base64
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from fewmask.core import escape
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested
from fewmask.report.contents import DATA, File, files
from fewmask.report.tables.page import Table, html_page

STYLE = """
nav { margin: 0 0 24px; max-width: 70em; line-height: 1.9; }
nav a { margin-right: 1.2em; white-space: nowrap; }
h2 { font-size: 22px; margin: 40px 0 8px; border-bottom: 1px solid #ccc; }
h3 { font-size: 16px; margin: 28px 0 8px; }
img { max-width: 100%; }
.wide { overflow-x: auto; }
""".strip()


def one_page(requested: Requested, tables: Mapping[str, Table], figures: Path) -> str:
    """The page, as HTML.

    ``tables`` by their names; ``figures``: the folder that holds the figures as .svg, without those
    of datasets of which no run is finished.
    """
    shown = [one for one in files(requested) if one.category not in ("", DATA)]
    shown = [
        one
        for one in shown
        if Path(one.path).suffix == ".html"
        or (Path(one.path).suffix == ".svg" and _figure(requested, one, figures).exists())
    ]
    links = "".join(f'<a href="#{one.name}">{escape.html(_title(one))}</a> ' for one in shown)
    body = [f"<nav>{links}</nav>\n"]
    for category, entries in groupby(shown, key=lambda one: one.category):
        body.append(f"<h2>{escape.html(_without_number(category))}</h2>\n")
        for one in entries:
            body += [f'<h3 id="{one.name}">{escape.html(_title(one))}</h3>\n']
            body += _shown(requested, one, tables, figures)
    return html_page(requested.title, "".join(body), STYLE)


def _shown(
    requested: Requested, file: File, tables: Mapping[str, Table], figures: Path
) -> Iterator[str]:
    path = Path(file.path)
    if path.suffix == ".html":
        yield f'<div class="wide">{tables[path.stem].body()}</div>\n'
        return
    data = base64.b64encode(_figure(requested, file, figures).read_bytes()).decode()
    yield f'<img alt="{escape.html(_title(file))}" src="data:image/svg+xml;base64,{data}">\n'


def _figure(requested: Requested, file: File, figures: Path) -> Path:
    return figures / Path(file.path).relative_to(Layout(requested.results).figures)


def _title(file: File) -> str:
    return _without_number(file.shows)


def _without_number(text: str) -> str:
    """The title of an entry or a category without the number by which Snakemake sorts them."""
    return text.partition(" ")[2]
