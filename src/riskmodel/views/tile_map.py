"""Latvia as equal squares: one tile per municipality, with its short name, its figure, and a shade that repeats the figure.

Sizes and borders say nothing here, and that is the point: Rīga does not outshine Ludza, and no map of anybody else is needed.
What is hidden is hatched aslant, what is not known is dotted, and both say so in words.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from riskmodel.messages import Language
from riskmodel.settings import resource
from riskmodel.views import svg
from riskmodel.views.numbers import no_data
from riskmodel.views.svg import GRID, INK, PAPER, QUIET, Sheet

SIDE, GAP = 46.0, 2.0
SHADES = ("#eef4f8", "#c4dbe9", "#7fb0cf", "#17557f")
TEXT_ON = (INK, INK, INK, PAPER)
KEY_LINE = 22.0


@dataclass(frozen=True)
class Tile:
    """The place of a municipality on the map, and its short name."""

    code: str
    label: str
    column: int
    row: int


@dataclass(frozen=True)
class Cell:
    """What one tile shows: a text, its place among the ``SHADES`` (None: no shade), and how the name and figure are said."""

    text: str
    shade: int | None
    said: str
    look: str = "shown"


@cache
def tiles() -> tuple[Tile, ...]:
    """Return the tiles of all municipalities since July 2021, row by row.

    >>> [tile.label for tile in tiles() if tile.code == "LV0001000"]
    ['RĪGA']
    """
    with resource("latvia", "tiles.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Tile(row["atvk"], row["label"], int(row["column"]), int(row["row"])) for row in csv.DictReader(file)
        )


def tile_map(cells: Mapping[str, Cell], title: str, key: Sequence[tuple[int | str, str]], language: Language) -> Markup:
    """Return the map.

    Parameters
    ----------
    cells
        By code of the municipality; a tile without one is not drawn.
    title
        What the figures are.
    key
        What the shades (places among ``SHADES``) and looks (``suppressed``, ``no_data``) mean, in words.
    """
    drawn = [tile for tile in tiles() if tile.code in cells]
    columns, rows = max(tile.column for tile in tiles()) + 1, max(tile.row for tile in tiles()) + 1
    width, height = columns * SIDE, rows * SIDE
    described = "; ".join(cells[tile.code].said for tile in drawn) or no_data(language)
    sheet = Sheet(width, height + 10 + KEY_LINE * len(key), title, described, "tiles")
    for tile in drawn:
        _draw(sheet, tile, cells[tile.code])
    for place, (look, words) in enumerate(key):
        y = height + 8 + KEY_LINE * place
        _ground(sheet, (0, y), (26, KEY_LINE - 6), look)
        sheet.text(34, y + 12, words, fill=INK)
    return sheet.markup()


def _draw(sheet: Sheet, tile: Tile, cell: Cell) -> None:
    x, y, side = tile.column * SIDE, tile.row * SIDE, SIDE - GAP
    _ground(sheet, (x, y), (side, side), cell.look if cell.shade is None else cell.shade)
    ink = INK if cell.shade is None else TEXT_ON[cell.shade]
    if cell.shade is None:
        sheet.rectangle(x + 3, y + 6, side - 6, 31, PAPER)
    sheet.text(x + side / 2, y + 17, tile.label, anchor="middle", fill=ink, font_size="11")
    sheet.text(x + side / 2, y + 33, cell.text, anchor="middle", fill=ink, font_size="13", font_weight="600")


def _ground(sheet: Sheet, at: tuple[float, float], size: tuple[float, float], look: int | str) -> None:
    """Draw the ground of a tile: a shade, slanting lines for what is hidden, dots for what is not known."""
    (x, y), (width, height) = at, size
    sheet.rectangle(x, y, width, height, SHADES[look] if isinstance(look, int) else PAPER, stroke=GRID)
    if look == "suppressed":
        step = 8.0
        for place in range(1, int((width + height) / step)):
            reach = place * step
            start = (x + min(reach, width), y + max(reach - width, 0))
            end = (x + max(reach - height, 0), y + min(reach, height))
            sheet.line(start, end, svg.OTHER, stroke_width="1")
    elif look == "no_data":
        for column in range(int(width // 8)):
            for row in range(int(height // 8)):
                sheet.dot(x + 4 + 8 * column, y + 4 + 8 * row, QUIET, radius=1)
