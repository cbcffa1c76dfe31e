"""A sheet to draw on: an SVG picture that says what it shows, built as a tree and therefore always escaped.

Colours are presentation attributes and not styles, so that a picture looks the same in a notebook, in a saved report and
on a page whose security policy forbids inline styles. Widths come from ``viewBox``: a picture shrinks with its column.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from markupsafe import Markup

INK = "#1c2833"
QUIET = "#55636f"
GRID = "#dde3e8"
MAIN = "#17557f"
OTHER = "#6b7985"
RAISES = "#a3431a"
LOWERS = "#2b6e60"
PAPER = "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif"
TEXT_SIZE = 13
SMALL_SIZE = 12
MEAN_LETTER_WIDTH = 0.54  # of the text size, measured on Latvian texts in common sans-serif types


@dataclass
class Sheet:
    """A picture of ``width`` × ``height`` units with a title, and a description that gives its numbers in words."""

    width: float
    height: float
    title: str
    description: str
    kind: str
    root: ET.Element = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(f"{self.kind}{self.title}{self.description}".encode()).hexdigest()[:10]
        self.digest = digest
        self.root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "role": "img",
                "class": f"figure figure-{self.kind}",
                "viewBox": f"0 0 {_short(self.width)} {_short(self.height)}",
                "aria-labelledby": f"t{digest} d{digest}",
                "font-family": FONT,
                "font-size": str(TEXT_SIZE),
                "fill": INK,
            },
        )
        ET.SubElement(self.root, "title", {"id": f"t{digest}"}).text = self.title
        ET.SubElement(self.root, "desc", {"id": f"d{digest}"}).text = self.description

    def rectangle(self, x: float, y: float, width: float, height: float, fill: str, **more: str) -> None:
        """Draw a filled rectangle; a width below zero is drawn as nothing."""
        size = {"width": _short(max(width, 0)), "height": _short(max(height, 0))}
        ET.SubElement(self.root, "rect", {"x": _short(x), "y": _short(y), **size, "fill": fill} | _names(more))

    def hatched(self, x: float, y: float, width: float, height: float) -> None:
        """Fill a rectangle with slanting lines: here nothing is known, which is not the same as zero."""
        name = f"h{self.digest}"
        if self.root.find("defs") is None:
            pattern = ET.SubElement(
                ET.SubElement(self.root, "defs"),
                "pattern",
                {"id": name, "width": "6", "height": "6", "patternUnits": "userSpaceOnUse"}
                | {"patternTransform": "rotate(45)"},
            )
            ET.SubElement(pattern, "rect", {"width": "6", "height": "6", "fill": "#f4f6f8"})
            ET.SubElement(pattern, "line", {"x1": "0", "y1": "0", "x2": "0", "y2": "6", "stroke": "#a7b2bc"})
        self.rectangle(x, y, width, height, f"url(#{name})")

    def line(self, start: tuple[float, float], end: tuple[float, float], stroke: str, **more: str) -> None:
        """Draw a straight line."""
        places = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
        ET.SubElement(
            self.root, "line", {name: _short(at) for name, at in places.items()} | {"stroke": stroke} | _names(more)
        )

    def path(self, points: list[tuple[float, float]], stroke: str, **more: str) -> None:
        """Draw a line through points."""
        text = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        ET.SubElement(self.root, "polyline", {"points": text, "fill": "none", "stroke": stroke} | _names(more))

    def area(self, points: list[tuple[float, float]], fill: str, **more: str) -> None:
        """Fill the area between points."""
        text = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        ET.SubElement(self.root, "polygon", {"points": text, "fill": fill} | _names(more))

    def dot(self, x: float, y: float, fill: str, radius: float = 4.5, **more: str) -> None:
        """Draw a dot."""
        ET.SubElement(
            self.root, "circle", {"cx": _short(x), "cy": _short(y), "r": _short(radius), "fill": fill} | _names(more)
        )

    def text(self, x: float, y: float, content: str, **more: str) -> None:
        """Write one line of text; ``anchor`` is start, middle or end."""
        if "anchor" in more:
            more["text-anchor"] = more.pop("anchor")
        ET.SubElement(self.root, "text", {"x": _short(x), "y": _short(y)} | _names(more)).text = content

    def lines(self, x: float, y: float, content: list[str], **more: str) -> None:
        """Write several lines of text, one under the other."""
        for number, part in enumerate(content):
            self.text(x, y + number * (TEXT_SIZE + 3), part, **more)

    def markup(self) -> Markup:
        """Return the picture as text that a page takes as it is."""
        return Markup(ET.tostring(self.root, encoding="unicode", short_empty_elements=True))  # noqa: S704  (a tree: escaped)


def wrapped(content: str, width: float, size: float = TEXT_SIZE) -> list[str]:
    """Return ``content`` in lines that fit into ``width`` units, broken at spaces.

    >>> wrapped("Neattaisnoti kavētas stundas", 120)
    ['Neattaisnoti', 'kavētas stundas']
    """
    most = max(int(width / (size * MEAN_LETTER_WIDTH)), 1)
    found: list[str] = []
    for word in content.split(" "):
        if found and len(found[-1]) + 1 + len(word) <= most:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return the linear scale that takes ``low`` to ``start`` and ``high`` to ``end``."""
    return Scale(low, high if high > low else low + 1, start, end)


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to places on the sheet; values outside are drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def round_top(value: float) -> float:
    """Return a round number at or above ``value``, for the end of an axis.

    >>> round_top(0.137), round_top(43), round_top(0)
    (0.15, 50, 1)
    """
    if value <= 0:
        return 1
    power = 1.0
    while value / power >= 10:
        power *= 10
    while value / power < 1:
        power /= 10
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    found = next(step for step in steps if value / power <= step + 1e-9) * power
    return int(found) if found >= 1 and found == int(found) else round(found, 10)


def _short(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _names(more: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in more.items()}
