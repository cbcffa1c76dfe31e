"""Traits of the audit that a pupil has from the school: its kind, its language of instruction, and where it lies."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel import latvia

SCHOOL_TRAITS = ("school_kind", "instruction_language", "area_kind", "municipality_code")
"""As the declared table ``fairness`` names them."""

AREA_KINDS = {"valstspilsēta": "city", "novads": "county"}
"""Kinds of municipality: state cities, and counties, which are mostly rural. Nothing finer is delivered of a school."""


def school_traits(
    connection: duckdb.DuckDBPyConnection, cut_off: date, school_id: pa.ChunkedArray
) -> dict[str, pa.ChunkedArray]:
    """Return each of SCHOOL_TRAITS, row by row, as ``known.school`` of the connection tells it on the cut-off date.

    Null where it is not known: a school that was not described, or a code that is of no municipality.
    """
    schools = connection.execute(
        """
        SELECT school_id, school_kind::VARCHAR, instruction_language::VARCHAR, municipality_code
        FROM known.school
        WHERE happened_on <= $cut_off
        QUALIFY row_number() OVER (PARTITION BY school_id ORDER BY happened_on DESC) = 1
        """,
        {"cut_off": cut_off},
    ).fetchall()
    known = pa.array([school for school, *_ in schools], pa.string())
    rows = pc.index_in(school_id, value_set=known)
    values = [(kind, language, area_kind(code, cut_off), code) for _, kind, language, code in schools]
    by_trait = zip(*values, strict=True) if values else [()] * len(SCHOOL_TRAITS)
    return {
        name: pa.array(of_schools, pa.string()).take(rows)
        for name, of_schools in zip(SCHOOL_TRAITS, by_trait, strict=True)
    }


def area_kind(municipality_code: str | None, on: date) -> str | None:
    """Return whether a municipality is a state city (``city``) or a county (``county``) on a date; None if it is not known.

    >>> area_kind("LV0001000", date(2023, 12, 20)), area_kind(None, date(2023, 12, 20))
    ('city', None)
    """
    try:
        return None if municipality_code is None else AREA_KINDS[latvia.municipality_on(municipality_code, on).kind]
    except KeyError:
        return None
