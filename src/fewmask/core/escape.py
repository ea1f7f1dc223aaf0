"""Text that a person wrote, escaped for the format that it is inserted into.

Titles, descriptions, names of classes and files may contain anything. Each function returns text
that its format shows letter by letter, so that nothing in it is a tag, a command or markup.
"""

import re
from html import escape

LATEX = {c: rf"\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "±": r"$\pm$", "×": r"$\times$",
    "Δ": r"$\Delta$", "°": r"$^{\circ}$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--",
}  # fmt: skip


def html(text: str) -> str:
    """Text for the content of an HTML element, or for an attribute in quotes."""
    return escape(text)


def json_in_html(json: str) -> str:
    """JSON with the same value, which does not end the ``<script>`` that it is put into.

    Only strings can hold these characters, and in strings JSON allows them to be written as codes.
    """
    return re.sub("[<>&]", lambda sign: f"\\u{ord(sign[0]):04x}", json)


def latex(text: str) -> str:
    """Text for a paragraph or a cell of a LaTeX table."""
    return "".join(LATEX.get(c, c) for c in _on_one_line(text))


def markdown(text: str) -> str:
    """Text for a heading, a cell of a table, or the middle of a line of Markdown (CommonMark,
    GitHub's). What is no markup stays as it is, so that it can be read in its source too."""
    text = re.sub(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", _on_one_line(text))
    # Not every renderer knows a backslash before these.
    text = re.sub(r"&(?=[#\w]|$)", "&amp;", text)
    return re.sub(r"<(?=[a-zA-Z/!?]|$)", "&lt;", text)


def markdown_line(text: str) -> str:
    """Text for a line of a Markdown paragraph, of which it may be the beginning."""
    text = markdown(text).strip()
    return re.sub(r"^(\d*)([#>=+-]|(?<=\d)[.)])", r"\1\\\2", text)


def restructured_text(text: str) -> str:
    """Text for a title or a paragraph of reStructuredText."""
    return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", " ".join(text.split()))


def _on_one_line(text: str) -> str:
    return " ".join(text.splitlines())
