"""The dictionary is what the declarations say, in both languages."""

from __future__ import annotations

import pytest

from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.dictionary import UNITS, dictionary, dictionary_path
from riskmodel.tables.results import RESULTS

TABLES = (*CANONICAL, IDENTITY, *RESULTS)


def _part(language: str) -> str:
    latvian, english = dictionary().split("\n## In English\n")
    return latvian if language == "lv" else english


def test_the_committed_dictionary_is_the_one_that_the_declarations_give():
    assert dictionary_path().read_text("utf-8") == dictionary(), "write it anew: python -m riskmodel.tables.dictionary"


@pytest.mark.parametrize("language", ["lv", "en"])
def test_every_table_column_code_and_rule_is_told_in_both_languages(language):
    text = _part(language)
    for table in TABLES:
        section = text.split(f"#### `{table.name}`\n")[1].split("\n#### ")[0]
        assert table.row.in_language(language) in section
        for column in table.columns:
            line = next(line for line in section.splitlines() if line.startswith(f"| `{column.name}` |"))
            assert column.words.in_language(language) in line
            assert all(header in line for header in column.headers)
            for code, words in column.codes.items():
                assert f"`{code}` {words.in_language(language)}" in section
        for rule in table.rules:
            assert rule.words.in_language(language) in section


@pytest.mark.parametrize("language", ["lv", "en"])
def test_every_line_of_a_table_has_as_many_cells_as_its_head(language):
    for line in _part(language).splitlines():
        if line.startswith("| "):
            assert line.replace("\\|", "").count("|") == 8, line


def test_every_unit_has_words():
    used = {column.unit for table in TABLES for column in table.columns if column.unit not in {"", "date"}}
    assert used == set(UNITS)


def test_the_latvian_part_has_no_english_headings():
    assert "| Column |" not in _part("lv")
    assert "| Kolonna |" not in _part("en")
