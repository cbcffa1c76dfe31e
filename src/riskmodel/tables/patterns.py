"""Texts of a declared form: an example for people, and invented codes for tests.

Understands what the declarations use: letters and figures, classes such as ``[0-9a-f]``, groups, ``|``, ``?``, ``{m}``
and ``{m,n}``.
"""

from __future__ import annotations

import random
import re

TOKEN = re.compile(r"\\.|\[[^\]]+\]|[()|]|\{[0-9]+(?:,[0-9]+)?\}|\?|.")


def example_of(pattern: str) -> str:
    """Return one text of the form, always the same.

    >>> example_of("LV[0-9]{7}")
    'LV8624016'
    """
    return text_of(pattern, random.Random(len(pattern)))  # noqa: S311  (an example, not a secret)


def text_of(pattern: str, chance: random.Random) -> str:
    """Return a text that the regular expression ``pattern`` matches in full, drawn with ``chance``."""
    tokens = TOKEN.findall(pattern)
    text, rest = _either(tokens, chance)
    if rest:
        raise ValueError(f"the form {pattern} is not understood from {''.join(rest)} on")
    return text


def _either(tokens: list[str], chance: random.Random) -> tuple[str, list[str]]:
    ways = []
    way, rest = _sequence(tokens, chance)
    ways.append(way)
    while rest and rest[0] == "|":
        way, rest = _sequence(rest[1:], chance)
        ways.append(way)
    return chance.choice(ways), rest


def _sequence(tokens: list[str], chance: random.Random) -> tuple[str, list[str]]:
    text = ""
    while tokens and tokens[0] not in {"|", ")"}:
        size = _group_end(tokens) if tokens[0] == "(" else 1
        unit, tokens = tokens[:size], tokens[size:]
        low, high, tokens = _times(tokens)
        text += "".join(_one(unit, chance) for _ in range(chance.randint(low, high)))
    return text, tokens


def _group_end(tokens: list[str]) -> int:
    depth = 0
    for place, token in enumerate(tokens, start=1):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            return place
    raise ValueError("a group of the form has no end")


def _times(tokens: list[str]) -> tuple[int, int, list[str]]:
    if tokens and tokens[0] == "?":
        return 0, 1, tokens[1:]
    if tokens and tokens[0].startswith("{"):
        low, _, high = tokens[0].strip("{}").partition(",")
        return int(low), int(high or low), tokens[1:]
    return 1, 1, tokens


def _one(unit: list[str], chance: random.Random) -> str:
    if unit[0] == "(":
        return _either(unit[1:-1], chance)[0]
    atom = unit[0]
    if atom.startswith("["):
        return chance.choice(_class(atom[1:-1]))
    return atom[-1]


def _class(inside: str) -> str:
    return re.sub("(.)-(.)", lambda span: "".join(map(chr, range(ord(span[1]), ord(span[2]) + 1))), inside)
