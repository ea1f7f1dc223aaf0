"""Tables as Markdown and as pages of their own."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from fewmask.report.tables.page import Table, TableCell

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)


class Reader(HTMLParser):
    """What a browser would make of a page: the texts of its cells, and what lies inside which."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.groups, self.open = [], 0, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.groups += tag == "tbody"
        if tag in ("td", "th"):
            self.cells.append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_every_text_reaches_the_page_as_it_is(rows):
    table = Table("<title> & more", ["a < b"], ["one", "two"], "lr", [list(row) for row in rows])
    read = Reader(table.html())
    assert read.cells == ["one", "two", *(text for row in rows for text in row)]
    assert read.open == []


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_markdown_has_as_many_cells_in_every_row(rows):
    table = Table("title", [], ["one", "two"], "lr", [list(row) for row in rows])
    lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
    unescaped = [line.replace(r"\|", "") for line in lines]
    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in unescaped} == {3}


def test_markdown_columns_are_aligned_as_a_terminal_shows_them():
    table = Table("title", [], ["one", "two"], "lr", [["a", "10.5"], ["猫 and dog", "–"]])
    lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
    assert lines == [
        "| one        |  two |",
        "| ---------- | ---: |",
        "| a          | 10.5 |",
        "| 猫 and dog |    – |",
    ]


def test_ranks_and_what_stands_behind():
    row = [
        "x",
        TableCell("60.0", "best", " (61 & 2)"),
        TableCell("55.0", "second"),
        TableCell("50.0"),
    ]
    table = Table("t", ["n"], ["a", "b", "c", "d"], "lrrr", [row])
    assert "| x | **60.0** (61 & 2) | 55.0 | 50.0 |" in table.markdown()
    html = table.html()
    assert '<td class="r"><b>60.0</b> (61 &amp; 2)</td>' in html
    assert '<td class="r"><u>55.0</u></td><td class="r">50.0</td>' in html


def test_rows_that_are_compared_are_one_group():
    rows = [["d", "n10", "a"], ["d", "n10", "b"], ["d", "n20", "a"], ["e", "n20", "a"]]
    assert Reader(Table("t", [], ["", "", ""], "lll", rows).html()).groups == 3
    assert Reader(Table("t", [], ["", "", ""], "lll", rows, grouped_by=1).html()).groups == 2


def test_without_rows_there_are_the_notes_alone():
    table = Table("t", ["Nothing to tell."])
    assert table.markdown() == "# t\n\nNothing to tell.\n"
    assert "<table" not in table.html()
    assert "Nothing to tell." in table.html()


def test_each_note_is_a_paragraph_of_its_own():
    """Else viewers of Markdown run them together."""
    page = Table("t", ["One.", "Two."], ["x"], "l", [["1"]], findings=["First."]).markdown()
    assert page.startswith("# t\n\n- First.\n\nOne.\n\nTwo.\n\n| x")
