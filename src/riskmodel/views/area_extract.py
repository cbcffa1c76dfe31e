"""What a run publishes of areas: one plain JSON object per municipality and one for the state, small numbers hidden.

``extracts/municipality/<code>.json`` — :func:`municipality_extract`
    ``form, run, rule, municipality, own, schools, neighbours, region, state, outcomes, trend, held``
``extracts/state.json`` — :func:`state_extract`
    ``form, run, rule, state, regions, municipalities, outcomes, trend, silent, held``

``run`` is as in :mod:`riskmodel.views.extract`. Nothing in these files is about a single pupil.

A **figure** is ``{"count": 12, "state": "shown"}``; ``count`` is None unless ``state`` is ``shown``. The other states are
``suppressed`` (too few to show, or needed so that another such number stays hidden: both look alike) and ``no_data``
(nothing was sent, or nobody records it). Neither is zero.

``figures`` hold, by code:

``pupils``
    enrolled on the cut-off date
``identified``, ``high``, ``medium``
    pupils whose risk band is high or medium, and each by itself (the last two not of a school)
``places``, ``gap``
    places for support, and how many more were identified than there are places: of the whole unit, from the two figures shown
``supported``
    pupils to whom a measure of support was given in the two years before the cut-off
``no_data_attendance``, ``no_data_learning``, ``no_data_economic``
    pupils about whom there are no such data

An **area** is ``{code, name, kind, region, schools, silent_schools, schools_with_assumed_places, figures}``; a school is
``{school_id, school_name, school_kind, is_places_assumed, silent_on, figures}`` with the domains on which it sent nothing.

``outcomes`` are the newest past cohorts, oldest first: ``{school_year_on, held_because, areas, schools}``, where ``areas`` hold by
code the figures ``known`` (pupils with a known outcome) and ``left`` (of them left early), and ``schools`` the same by id.

``trend`` holds the earlier published runs of the store and this one, oldest first: ``{run_id, cut_off_on, areas}``, by code
the figures ``pupils, identified, places, gap, supported``.

``held`` are tables that are not shown as newest: ``{cut_code, subject_on, reason_code, shown_from_run_id}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from riskmodel.views.extract import plain, rows, run_fields

Row = Mapping[str, Any]

MUNICIPALITY_FORM = "riskmodel/municipality/1"
STATE_FORM = "riskmodel/state/1"

SHOWN, SUPPRESSED, NO_DATA = "shown", "suppressed", "no_data"
PRESENT_FIGURES = (
    "pupils",
    "identified",
    "high",
    "medium",
    "places",
    "gap",
    "supported",
    "no_data_attendance",
    "no_data_learning",
    "no_data_economic",
)
TREND_FIGURES = ("pupils", "identified", "places", "gap", "supported")
STATE_CODE = "LV"


def figure(count: int | None, state: str = SHOWN) -> dict[str, Any]:
    """Return a figure; without a count it must be said why.

    >>> figure(12), figure(None, "suppressed")
    ({'count': 12, 'state': 'shown'}, {'count': None, 'state': 'suppressed'})

    Raises
    ------
    ValueError
        For a shown figure without a count, or a count that is not to be shown.
    """
    if (count is None) == (state == SHOWN):
        raise ValueError("a figure has a count if and only if it is shown")
    return {"count": None if count is None else int(count), "state": state}


def municipality_extract(run: Row, rule: Row, municipality: Row, parts: Row) -> dict[str, Any]:
    """Return the extract of one municipality.

    Parameters
    ----------
    run
        As for a school's extract.
    rule
        ``n_min``, ``is_zero_small``, ``decision``: the rule on small numbers that was used.
    municipality
        The area itself, with its figures.
    parts
        ``schools, neighbours, region, state, outcomes, trend, held`` as the module's text says.
    """
    named = {name: municipality[name] for name in ("code", "name", "kind", "region")}
    return {
        "form": MUNICIPALITY_FORM,
        "run": run_fields(run),
        "rule": plain(dict(rule)),
        "municipality": named,
        "own": plain(dict(municipality)),
        "schools": rows(parts["schools"]),
        "neighbours": rows(parts["neighbours"]),
        "region": plain(parts["region"]),
        "state": plain(parts["state"]),
        "outcomes": rows(parts["outcomes"]),
        "trend": rows(parts["trend"]),
        "held": rows(parts["held"]),
    }


def state_extract(run: Row, rule: Row, **parts: Any) -> dict[str, Any]:
    """Return the extract of the state.

    ``parts`` are ``state, regions, municipalities, outcomes, trend, silent, held``; ``silent`` are the schools that sent nothing
    on a domain: ``{school_id, school_name, municipality_code, silent_on}``.
    """
    listed: Iterable[str] = ("regions", "municipalities", "outcomes", "trend", "silent", "held")
    return {
        "form": STATE_FORM,
        "run": run_fields(run),
        "rule": plain(dict(rule)),
        "state": plain(parts["state"]),
        **{name: rows(parts[name]) for name in listed},
    }
