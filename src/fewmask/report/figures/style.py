"""The one style of all figures: colours, fonts, and pages laid out in inches."""

import re
from functools import cache

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

INK, FAINT, GREY, RULE = "#222222", "#666666", "#b8b8b8", "#d9d9d9"

# Okabe and Ito's colours that are dark enough for lines on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")

DPI = 200
MARGIN = 0.15
"""White space around a page, in inches."""

TITLE, NOTE, BODY, SMALL = 12, 8.5, 9, 7
"""Sizes of text, in points."""

LEADING = 1.35 / 72
"""The height of a line, in inches for every point of its size."""

STYLED = matplotlib.style.context(
    [
        "default",  # not the settings of a user's matplotlibrc
        {
            "font.family": "DejaVu Sans",
            "font.size": BODY,
            "text.color": INK,
            "text.parse_math": False,  # dollar signs in names are literal
            "axes.edgecolor": FAINT,
            "axes.labelcolor": INK,
            "axes.linewidth": 0.8,
            "axes.titley": 1.0,  # else every drawing looks for it above the ticks
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.unicode_minus": False,
            "grid.color": RULE,
            "grid.linewidth": 0.6,
            "xtick.color": FAINT,
            "ytick.color": FAINT,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "hatch.linewidth": 0.6,
            "legend.frameon": False,
            "svg.fonttype": "path",  # the same on a machine without the font
            "svg.hashsalt": "fewmask",  # the same ids, and so the same bytes, every time
        },
    ]
)
"""Decorates a function that draws or saves."""


class Page:
    """A figure laid out in inches from its top left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose box lies there."""
        bottom = 1 - (top + height) / self.height
        box = (left / self.width, bottom, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def text(self, left: float, top: float, text: str, **looks: object) -> Text:
        """Text whose upper left corner lies there, unless ``looks`` align it differently."""
        looks = {"va": "top", "ha": "left"} | looks
        return self.figure.text(left / self.width, 1 - top / self.height, text, **looks)

    def rectangle(
        self, left: float, top: float, width: float, height: float, **looks: object
    ) -> Rectangle:
        """A rectangle whose upper left corner lies there."""
        corner = left / self.width, 1 - (top + height) / self.height
        looks = {"linewidth": 0, "transform": self.figure.transFigure} | looks
        box = Rectangle(corner, width / self.width, height / self.height, **looks)
        return self.figure.add_artist(box)

    def sample(self, left: float, middle: float, width: float, **looks: object) -> Line2D:
        """A piece of a line with its marker, for a legend."""
        x = [(left + part * width) / self.width for part in (0, 0.5, 1)]
        y = [1 - middle / self.height] * 3
        looks = {"markevery": [1], "markersize": 6} | looks
        line = Line2D(x, y, transform=self.figure.transFigure, **looks)
        return self.figure.add_artist(line)

    def heading(self, title: str, note: str) -> None:
        """Draw the title and the note of the figure; see ``heading_height`` for their height."""
        width = self.width - 2 * MARGIN
        lines = wrap(title, width, TITLE, weight="bold")
        self.text(MARGIN, MARGIN, "\n".join(lines), size=TITLE, weight="bold", linespacing=1.2)
        top = MARGIN + len(lines) * TITLE * LEADING + 0.03
        note = "\n".join(wrap(note, width, NOTE))
        self.text(MARGIN, top, note, size=NOTE, color=FAINT, linespacing=1.2)


def heading_height(title: str, note: str, width: float) -> float:
    """The lower end of the heading of a page of this width, in inches from the top."""
    width -= 2 * MARGIN
    lines = (
        len(wrap(title, width, TITLE, weight="bold")) * TITLE + len(wrap(note, width, NOTE)) * NOTE
    )
    return MARGIN + lines * LEADING + 0.1


@cache
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """The width of a line of text, in inches."""
    font = FontProperties(family="DejaVu Sans", weight=weight, size=size)
    width, _, _ = RendererAgg(1, 1, DPI).get_text_width_height_descent(text, font, ismath=False)
    return width / DPI


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Break text after spaces, hyphens and underscores into lines of at most ``width`` inches."""
    lines = [""]
    for part in re.findall(r"\S[^\s_-]*[\s_-]*", text):
        if lines[-1] and text_width((lines[-1] + part).rstrip(), size, weight) > width:
            lines.append("")
        lines[-1] += part
    return [shorten(line.rstrip(), width, size, weight) for line in lines]


def flow(widths: list[float], room: float) -> list[tuple[int, float]]:
    """Arrange items of these widths side by side in lines: the line and the left edge of each."""
    places: list[tuple[int, float]] = []
    line, left = 0, 0.0
    for width in widths:
        if left > 0 and left + width > room:
            line, left = line + 1, 0.0
        places.append((line, left))
        left += width
    return places


def shorten(text: str, width: float, size: float, weight: str = "normal") -> str:
    """Shorten text to ``width`` inches, with an ellipsis in its middle."""
    kept = len(text)
    short = text
    while kept > 2 and text_width(short, size, weight) > width:
        kept -= 1
        short = text[: (kept + 1) // 2] + "…" + text[len(text) - kept // 2 :]
    return short
