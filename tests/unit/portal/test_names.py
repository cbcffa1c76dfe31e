"""Names in place of codes: those that were asked for, as text, and the newest that is known."""

from __future__ import annotations

import pyarrow as pa
import pytest
from markupsafe import Markup

from riskmodel.portal.names import Names, named
from riskmodel.portal.published import Member
from riskmodel.sources.identity_table import write_identities
from riskmodel.tables.canonical import IDENTITY

ONE, TWO = Member("p1", "4F2A1B", "9.a"), Member("p2", "0C1D2E", "9.a")


def _write(store, rows):
    write_identities(store, pa.Table.from_pylist(rows, schema=IDENTITY.arrow_schema()))


def _row(pupil_id, register_id, first, last, earlier=None):
    return {
        "pupil_id": pupil_id,
        "register_id": register_id,
        "first_name": first,
        "last_name": last,
        "earlier_register_id": earlier,
        "key_id": "0" * 8,
    }


def _span(code: str, text: str = "") -> str:
    return f'<span class="name" data-code="{code}">{text or code}</span>'


def test_a_name_stands_where_the_code_stood_and_markup_in_it_is_text():
    found = named(Markup(f"<p>{_span('4F2A1B')}, {_span('0C1D2E')}</p>"), {"4F2A1B": 'Ž. <img onerror="x">'})
    assert str(found) == f"<p>{_span('4F2A1B', 'Ž. &lt;img onerror=&#34;x&#34;&gt;')}, {_span('0C1D2E')}</p>"


@pytest.mark.parametrize(
    "fragment",
    [
        '<span class="name" data-code="4F2A1B"><b>4F2A1B</b></span>',
        '<span class="name other" data-code="4F2A1B">4F2A1B</span>',
        '<span data-code="4F2A1B">4F2A1B</span>',
        "4F2A1B",
    ],
)
def test_only_the_place_of_a_name_is_filled(fragment):
    assert str(named(Markup(fragment), {"4F2A1B": "Anna"})) == fragment


def test_a_store_without_identities_shows_codes(tmp_path):
    assert Names(tmp_path).of([ONE, TWO]) == {}


def test_only_the_names_that_were_asked_for_are_given(tmp_path):
    _write(tmp_path, [_row("p1", "r1", "Anna", "Bērza"), _row("p2", "r2", "Juris", "Kalns")])
    assert Names(tmp_path).of([ONE]) == {"4F2A1B": "Anna Bērza"}


def test_a_pupil_without_a_name_keeps_the_code(tmp_path):
    _write(tmp_path, [_row("p1", "r1", None, None), _row("p2", "r2", "Juris", None)])
    assert Names(tmp_path).of([ONE, TWO]) == {"0C1D2E": "Juris"}


def test_of_a_pupil_whose_code_was_changed_the_newest_row_tells_the_name(tmp_path):
    _write(tmp_path, [_row("p1", "r1", "Anna", "Bērza"), _row("p1", "r2", "Anna", "Kalna", "r1")])
    assert Names(tmp_path).of([ONE]) == {"4F2A1B": "Anna Kalna"}


def test_a_table_that_was_replaced_is_read_anew(tmp_path):
    names = Names(tmp_path)
    _write(tmp_path, [_row("p1", "r1", "Anna", "Bērza")])
    assert names.of([ONE]) == {"4F2A1B": "Anna Bērza"}
    _write(tmp_path, [_row("p1", "r1", "Anna", "Kalna")])
    assert names.of([ONE]) == {"4F2A1B": "Anna Kalna"}
