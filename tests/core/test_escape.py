"""Text made literal: read back by the real readers of every format."""

import html
import json
import re

import pytest
from docutils.core import publish_parts
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fewmask.core import escape
from fewmask.report.tables.page import Table, TableCell

PAYLOAD = "</script><img src=x onerror=alert(1)>"
HOSTILE = [
    PAYLOAD,
    *(
        "# title",
        "> quote",
        "- a",
        "+ a",
        "1. a",
        "12) a",
        "===",
        "---",
        "~~~",
        "```",
        "***",
        "_a_",
    ),
    *("*a* __b__ ~~c~~ `d` | e", "[a](javascript:alert(1))", "<a@b.c>", "&lt; &#60; &amp", "a\\"),
    *(".. raw:: html", "|a| a_ `b`_ [1]_", ":raw:`x`", "::", "A. x", "$5 and $6", "a\nb", "\\|"),
]
LETTERS = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
TEXTS = st.one_of(
    st.text(st.one_of(st.sampled_from("<>&|*_`[]()\\~#=-+.!:1a $"), LETTERS), max_size=12),
    st.sampled_from(HOSTILE),
)


def letters(text: str) -> str:
    """Text without its white space, which only divides words."""
    return "".join(text.split())


def seen(page: str, *tags: str) -> str:
    """What a page of HTML shows, which has no other tags than these."""
    assert set(re.findall(r"</?([a-z0-9]+)", page)) <= {*tags, "p", "h1"}
    return letters(html.unescape(re.sub(r"</?[a-z][^<>]*>", "", page)))


def examples(test):
    for text in HOSTILE:
        test = example(text)(test)
    return test


@examples
@given(TEXTS)
def test_markdown_shows_titles_notes_headers_and_cells_as_they_are(text):
    table = Table(text, [text, text], [text, "b"], "lr", [[text, TableCell(text, "", text)]])
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    page = renderer.render(table.markdown())
    tags = "table", "thead", "tbody", "tr", "th", "td"
    assert seen(page, *tags) == letters(3 * text + text + "b" + 3 * text)


@examples
@given(TEXTS)
def test_json_in_html_has_the_same_value_and_no_tag(text):
    written = escape.json_in_html(json.dumps({text: [text]}))
    assert json.loads(written) == {text: [text]}
    assert not set("<>&") & set(written)


@examples
@given(TEXTS)
def test_restructured_text_shows_titles_and_paragraphs_as_they_are(text):
    literal = escape.restructured_text(text)
    source = f"Title\n=====\n\n- **b**: {literal}\n\n{literal}c"
    page = publish_parts(source, writer="html5")["fragment"]
    assert "system-message" not in page
    assert seen(page, "ul", "li", "strong") == letters(f"b:{text}{text}c")


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("a_b & 5 %", r"a\_b \& 5 \%"),
        ("61.2 ± 1.3", r"61.2 $\pm$ 1.3"),
        ("\\", r"\textbackslash{}"),
        ("a\n\nb", "a  b"),
    ],
)
def test_latex(text, literal):
    assert escape.latex(text) == literal


@pytest.mark.parametrize(
    "text", ["label_savings.md has 4 & 8 < 10", "+1.2 to -0.3", "Normals < 11.25°", "×2.4 (n = 3)"]
)
def test_markdown_leaves_what_is_no_markup_as_it_is(text):
    assert escape.markdown(text) == text
