"""Pages and text of a PDF as Chromium writes it: enough to test our own, without a library."""

from __future__ import annotations

import re
import zlib


def texts(pdf: bytes) -> list[str]:
    """Return the text of each page, in the order in which it was drawn."""
    objects = {int(number): body for number, body in re.findall(rb"(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}
    tree = next(body for body in objects.values() if b"/Type /Pages" in body and b"/Parent" not in body)
    return [_text(objects[number], objects) for number in _leaves(tree, objects)]


def _leaves(tree: bytes, objects: dict[int, bytes]) -> list[int]:
    kids = [int(number) for number in re.findall(rb"(\d+) 0 R", re.search(rb"/Kids \[(.*?)\]", tree, re.DOTALL)[1])]
    return [
        leaf for kid in kids for leaf in (_leaves(objects[kid], objects) if b"/Type /Pages" in objects[kid] else [kid])
    ]


def _text(page: bytes, objects: dict[int, bytes]) -> str:
    fonts = {name: _letters(objects[int(number)], objects) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", page)}
    content = b"\n".join(
        _stream(objects[int(number)])
        for number in re.findall(rb"(\d+) 0 R", re.search(rb"/Contents \[?([\d R]+)", page)[1])
    )
    found, letters = [], {}
    for name, shown, starts in re.findall(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>|\b(BT)\b", content):
        if name:
            letters = fonts[name]
        elif starts:
            found.append(" ")
        else:
            glyphs = re.findall(rb"....", shown)
            found.append("".join(letters.get(int(glyph, 16), "\ufffd") for glyph in glyphs))
    return re.sub(r"\s+", " ", "".join(found)).strip()


def _letters(font: bytes, objects: dict[int, bytes]) -> dict[int, str]:
    """Return the letters of a font's glyphs, by its map to Unicode."""
    table = _stream(objects[int(re.search(rb"/ToUnicode (\d+) 0 R", font)[1])])
    found: dict[int, str] = {}
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for glyph, letter in re.findall(rb"<(\w+)> <(\w+)>", part):
            found[int(glyph, 16)] = bytes.fromhex(letter.decode()).decode("utf-16-be")
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, letter in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", part):
            for step, glyph in enumerate(range(int(first, 16), int(last, 16) + 1)):
                found[glyph] = chr(int(letter, 16) + step)
    return found


def _stream(body: bytes) -> bytes:
    data = re.search(rb"stream\n(.*?)\n?endstream", body, re.DOTALL)[1]
    return zlib.decompress(data) if b"/FlateDecode" in body else data
