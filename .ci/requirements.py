"""Prints the requirements of the domain, each with the tests that hold it, or why there are none: make requirements.

The tests say it themselves: ``@pytest.mark.requirement("R36", "X3")``. Their files are read and not run, so that the table is there
in a second. tests/requirements.yaml has each requirement in a few words, with what its tests do not show (``note``), why it is not held yet
(``open``), and what of it is people's work and not a program's (``people``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[1]
TESTS = CHECKOUT / "tests"
MARK = "pytest.mark.requirement"


def requirements() -> dict[str, dict[str, Any]]:
    """Return each requirement by its number, in the order of the file."""
    content: dict[str, dict[str, Any]] = yaml.safe_load((TESTS / "requirements.yaml").read_text("utf-8"))
    return content


def marked_tests() -> dict[str, list[str]]:
    """Return the tests that name each number, as ``unit/support/test_plans.py::test_…``."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for number in _numbers(node):
                    found.setdefault(number, []).append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


def _numbers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == MARK:
            yield from (str(ast.literal_eval(number)) for number in mark.args)


def faults(wanted: Mapping[str, Mapping[str, Any]], tests: Mapping[str, list[str]]) -> list[str]:
    """Return what is wrong: an unknown number in a mark, a number with neither a test nor a reason, or with both."""
    unknown = [
        f"{number}: no such requirement, in {', '.join(tests[number])}" for number in tests.keys() - wanted.keys()
    ]
    bare = [
        f"{number}: neither a test nor a reason"
        for number, entry in wanted.items()
        if number not in tests and not entry.get("open") and not entry.get("people")
    ]
    stale = [
        f"{number}: open, and yet there are tests; what they do not show is a note"
        for number, entry in wanted.items()
        if number in tests and entry.get("open")
    ]
    return sorted(unknown) + bare + stale


def table() -> str:
    """Return the table as text."""
    tests, lines = marked_tests(), []
    for number, entry in requirements().items():
        lines.append(f"{number:<4} {entry['text']}")
        lines += [f"       {test}" for test in tests.get(number, ())]
        lines += [f"       {kind}: {entry[word]}" for kind, word in WORDS.items() if entry.get(word)]
    wanted = requirements()
    is_open = [number for number, entry in wanted.items() if entry.get("open")]
    lines.append(f"{len(wanted)} requirements, {len(wanted) - len(is_open)} held, open: {', '.join(is_open) or 'none'}")
    return "\n".join(lines)


WORDS = {"open": "open", "not shown": "note", "people's work": "people"}


if __name__ == "__main__":
    print(table())
