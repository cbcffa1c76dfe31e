"""Each requirement of the domain has a test that names it, or says why not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """Give the module that prints the table."""
    spec = importlib.util.spec_from_file_location("requirements_of_the_domain", CHECKOUT / ".ci" / "requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_requirement_has_a_test_or_a_reason_and_no_mark_names_another_number(tool):
    assert tool.faults(tool.requirements(), tool.marked_tests()) == []


def test_the_table_has_r1_to_r92_and_x1_to_x12_in_words(tool):
    wanted = tool.requirements()
    assert list(wanted) == [*(f"R{number}" for number in range(1, 93)), *(f"X{number}" for number in range(1, 13))]
    assert [number for number, entry in wanted.items() if not 10 <= len(entry["text"]) <= 160] == []
    assert {word for entry in wanted.values() for word in entry} <= {"text", "open", "people", "note"}
    printed = tool.table()
    assert all(f"{number:<4} {entry['text']}" in printed for number, entry in wanted.items())


def test_a_number_without_test_and_reason_an_unknown_one_and_a_stale_reason_are_found(tool):
    wanted = {"R1": {"text": "…"}, "R2": {"text": "…", "open": "not yet"}, "R3": {"text": "…", "people": "theirs"}}
    assert tool.faults(wanted, {"R2": ["a"], "R9": ["b"]}) == [
        "R9: no such requirement, in b",
        "R1: neither a test nor a reason",
        "R2: open, and yet there are tests; what they do not show is a note",
    ]
    assert tool.faults(wanted, {"R1": ["a"]}) == []


def test_a_mark_that_stands_over_a_test_is_found_and_one_elsewhere_is_not(tool, tmp_path, monkeypatch):
    (tmp_path / "test_some.py").write_text(
        '@pytest.mark.requirement("R1", "X2")\n@pytest.mark.slow\ndef test_a(): ...\n\n\n'
        '@pytest.mark.requirement("R3")\ndef helper(): ...\n',
        "utf-8",
    )
    monkeypatch.setattr(tool, "TESTS", tmp_path)
    assert tool.marked_tests() == {"R1": ["test_some.py::test_a"], "X2": ["test_some.py::test_a"]}
