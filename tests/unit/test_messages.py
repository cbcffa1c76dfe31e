"""Every text for people stands in both languages, with the same places."""

from __future__ import annotations

import ast
import io
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from riskmodel.messages import LOCALE_FOLDER, Words, message, plural
from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.results import RESULTS

PACKAGE = LOCALE_FOLDER.parent
KEYWORDS = {"message": None, "plural": (1, 2)}
IN_TEMPLATES = {"t": None, "n": (1, 2)}
HANDS_ON = {"views/pages.py": "t and n of the templates, whose texts are found there"}
KEYWORDS_OF_TEMPLATES = {"t": None, "n": (1, 2)}
WINGS_OF_MODULES = {
    "__main__": "main",
    "settings": "house",
    "errors": "house",
    "messages": "house",
    "disclosure": "house",
}
PLURAL_FORMS = (
    "nplurals=3; plural=(n % 10 == 0 || (n % 100 >= 11 && n % 100 <= 19) ? 0 : n % 10 == 1 && n % 100 != 11 ? 1 : 2)"
)


def _wing(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return WINGS_OF_MODULES.get(first, first)


WINGS = sorted({_wing(path) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"})


@cache
def _said() -> dict[str, Catalog]:
    """The English texts in modules and templates, by wing."""
    said = {wing: Catalog() for wing in WINGS}
    for pattern, method, keywords in (("*.py", "python", KEYWORDS), ("*.j2", "jinja2.ext:babel_extract", IN_TEMPLATES)):
        for path in sorted(PACKAGE.rglob(pattern)):
            if path.name != "__init__.py":
                for line, text, _, _ in extract_from_file(method, path, keywords=keywords):
                    said[_wing(path)].add(text, locations=[(str(path.relative_to(PACKAGE)), line)])
    return said


@cache
def _translated(wing: str) -> Catalog:
    path = LOCALE_FOLDER / "lv" / f"{wing}.po"
    if not path.exists():
        return Catalog(locale="lv")
    with path.open("rb") as file:
        return read_po(file, locale="lv")


def _entries(catalogue: Catalog) -> list[Entry]:
    return [entry for entry in catalogue if entry.id]


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _as_po(entries: list[Entry]) -> str:
    catalogue = Catalog(locale="lv")
    for entry in entries:
        catalogue.add(entry.id, locations=entry.locations)
    text = io.BytesIO()
    write_po(text, catalogue, omit_header=True, width=110)
    return text.getvalue().decode("utf-8")


def _is_whole(entry: Entry) -> bool:
    forms = _texts(entry.string)
    return not entry.fuzzy and len(forms) == (3 if entry.pluralizable else 1) and all(forms)


@pytest.mark.parametrize("wing", WINGS)
def test_no_text_of_a_wing_lacks_its_latvian(wing):
    translated = {entry.id: entry for entry in _entries(_translated(wing))}
    missing = [
        entry for entry in _entries(_said()[wing]) if entry.id not in translated or not _is_whole(translated[entry.id])
    ]
    assert not missing, f"add to locale/lv/{wing}.po:\n\n{_as_po(missing)}"


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
            yield node


@pytest.mark.parametrize("wing", WINGS)
def test_every_text_stands_in_full_where_its_message_is_made(wing):
    """A text that is put together, or handed on by a name, is not found by the search for untranslated ones."""
    hidden = [
        f"{path.relative_to(PACKAGE)}:{call.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__init__.py" and _wing(path) == wing and str(path.relative_to(PACKAGE)) not in HANDS_ON
        for call in _calls(path)
        for text in call.args[: len(KEYWORDS[call.func.id] or (1,))]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str))
    ]
    assert hidden == []


@pytest.mark.parametrize("wing", WINGS)
def test_no_translation_of_a_wing_is_left_over(wing):
    said = {entry.id for entry in _entries(_said()[wing])}
    left_over = [entry for entry in _entries(_translated(wing)) if entry.id not in said]
    assert not left_over, f"remove from locale/lv/{wing}.po:\n\n{_as_po(left_over)}"


@pytest.mark.parametrize("wing", WINGS)
def test_both_languages_name_the_same_places(wing):
    different = [
        entry.id
        for entry in _entries(_translated(wing))
        # A plural may leave out the number in one of its forms ("one row"), so all forms are taken together.
        if set.union(*map(_places, _texts(entry.id))) != set.union(*map(_places, _texts(entry.string)))
    ]
    assert different == []


@pytest.mark.parametrize("path", sorted((LOCALE_FOLDER / "lv").glob("*.po")), ids=lambda path: path.stem)
def test_a_catalogue_belongs_to_a_wing_and_declares_letters_and_plurals(path):
    assert path.stem in WINGS
    head = path.read_text("utf-8").split("\n\n")[0]
    assert "charset=UTF-8" in head
    joined = re.sub(r'"\n"', "", head)
    assert PLURAL_FORMS in joined


@pytest.mark.parametrize("path", sorted((LOCALE_FOLDER / "lv").glob("*.po")), ids=lambda path: path.stem)
def test_latvian_texts_have_latvian_quotation_marks(path):
    wrong = [
        text
        for entry in _entries(_translated(path.stem))
        for text in _texts(entry.string)
        if re.search("[\"“‘’']|„[^”]*$", text)
    ]
    assert wrong == []


def test_one_text_has_one_translation_in_all_wings():
    meanings: dict[object, set[object]] = {}
    for wing in WINGS:
        for entry in _entries(_translated(wing)):
            meanings.setdefault(entry.id, set()).add(_texts(entry.string))
    assert [text for text, translations in meanings.items() if len(translations) > 1] == []


def test_a_plural_agrees_with_its_count_in_latvian():
    text = {
        count: plural(
            "Invisible characters were removed from the field '{what}' in {count} row.",
            "Invisible characters were removed from the field '{what}' in {count} rows.",
            count,
            what="x",
        ).in_language("lv")
        for count in (0, 1, 2, 11, 21)
    }
    assert text[1].endswith("1 rindā.")
    assert text[21].endswith("21 rindā.")
    assert text[2].endswith("2 rindās.")
    assert text[11].endswith("11 rindās.")
    assert text[0].endswith("0 rindās.")


def test_a_value_with_words_of_its_own_is_put_into_the_language_of_the_text():
    text = message(
        "The field '{what}' must be {low} or more. Correct it in the register and deliver the file again.",
        what=Words("Day", "Diena"),
        low=1,
    )
    assert "Diena" in text.in_language("lv")
    assert "Day" in text.in_language("en")


def _declared_words() -> list[tuple[str, Words]]:
    found = []
    for table in (*CANONICAL, IDENTITY, *RESULTS):
        found.append((table.name, table.row))
        if table.known_words:
            found.append((f"{table.name} known", table.known_words))
        for column in table.columns:
            found.append((f"{table.name}.{column.name}", column.words))
            found += [(f"{table.name}.{column.name} {code}", words) for code, words in column.codes.items()]
        found += [(f"{table.name} {rule.code}", rule.words) for rule in table.rules]
    return found


def test_every_declared_table_column_code_and_rule_has_words_in_both_languages():
    empty = [where for where, words in _declared_words() if not words.en.strip() or not words.lv.strip()]
    assert empty == []


def test_declared_latvian_words_have_latvian_quotation_marks():
    assert [where for where, words in _declared_words() if re.search("[\"“‘’']|„[^”]*$", words.lv)] == []
