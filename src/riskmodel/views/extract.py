"""What a run publishes for the pages: one plain JSON object per school, one list of schools, one of findings.

Three forms, each a ``dict`` of plain values (dates as ISO text, ``None`` for "no data", never zero for it):

``extracts/school/<school_id>.json`` — :func:`common_head`, :func:`school_head` and the columns of the pupils
    ``form, run, school, capacity, bands, counts, figures, features, usual_of, previous_run, trend_weeks, trend_months,
    has_support_data, pupils, reasons, change_reasons, trend, what_if, support``
``extracts/index.json`` — :func:`index_extract`
    ``form, run, schools``: which school's extract is which file; the portal opens no other file
``extracts/findings.json`` — :func:`findings_extract`
    ``form, run`` and the result tables of the whole run as lists of rows: what the page about the model, the
    semester report and the model card say

``run`` is the same object in all three: ``run_id, cut_off_on, horizon_on, published_on, origin, model_code,
code_version, seed``; ``origin`` is ``synthetic``, ``public`` or ``real``.

In a school's file ``pupils`` (in order of need) and ``reasons`` are columns: a list of values per name, a seventh of the
size of a list of objects. ``reasons`` holds the same number per pupil, one pupil after the other, with places in
``features`` and ``usual_of`` instead of codes; so does ``trend``, with a value per week or month. ``change_reasons``,
``what_if`` and ``support`` are columns too, of the pupils that have any: ``pupil`` is the place among ``pupils``, from 0.

Pages read it through :func:`unfolded`; who may see it is decided by :func:`membership`. The head then holds besides::

    previous_run   {run_id, cut_off_on}: the run that ``change`` compares with, the newest published one of an earlier
                   cut-off date; None when there is none
    trend_weeks    Mondays of the last 24 complete weeks; trend_months: first days of the last 10 months, the one of
                   the cut-off date included and not complete; oldest first

and a pupil::

    pupil_id  code  class_code  stage_kind  stage_number  band_code  state_code
    probability  probability_low  probability_high  place  is_within_capacity
    no_data_on   groups of features without data, e.g. ["learning"]
    reasons      the largest, largest first, each
                 {feature_code, group_code, is_malleable, own_value, usual_value, usual_of, contribution}
    rest         sum of all other contributions: base_score + reasons + rest = raw_score
    base_score  raw_score
    change       None when nothing can be compared (no previous run; too little data now or then), else
                 {kind, previous_band_code, previous_place, reasons}. kind: new (not in that run), up (more support
                 needed), down, same. previous_place is None for a new pupil and in another school. reasons, at most 3,
                 largest first, only of up and down: {feature_code, group_code, is_malleable, before_value, now_value,
                 contribution_change}: features whose value changed and that moved the score that way
    trend        {unexcused_lessons, excused_lessons: one per week, None without planned lessons (no data, not 0);
                 mark_mean_points, marks: one per month, None and 0 without marks}
    what_if      what the model would say if features that a school can change had the usual value, each
                 {feature_codes, own_values, assumed_values, probability, band_code}: one by one (at most 4), then all
                 together where there are several; empty where nothing is assumed. No promise, and no effect of a measure
    support      measures given, newest first, each {measure_code, from_on, to_on}, to_on None while it lasts; no row:
                 none known; None: the school delivered no measures at all (no data)

No name and no register id stands in an extract: ``code`` is the short form of the pseudonym that a page shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

Row = Mapping[str, Any]

SCHOOL_FORM = "riskmodel/school/3"
INDEX_FORM = "riskmodel/index/1"
FINDINGS_FORM = "riskmodel/findings/1"

ORIGINS = ("synthetic", "public", "real")
GROUPS_WITH_DATA_FLAG = ("attendance", "learning", "economic")
SHORTEST_CODE = 6

RUN_FIELDS = (
    "run_id",
    "cut_off_on",
    "horizon_on",
    "published_on",
    "origin",
    "model_code",
    "code_version",
    "seed",
)
PUPIL_FIELDS = (
    "pupil_id",
    "class_code",
    "stage_kind",
    "stage_number",
    "band_code",
    "state_code",
    "probability",
    "probability_low",
    "probability_high",
    "place",
    "is_within_capacity",
    "base_score",
    "raw_score",
)
DATA_FLAGS = tuple(f"has_{group}_data" for group in GROUPS_WITH_DATA_FLAG)
CHANGE_FIELDS = ("change_code", "previous_band_code", "previous_place")
"""Columns of ``pupils`` that :func:`unfolded` puts into ``change``."""
REASON_COLUMNS = ("feature", "own_value", "usual_value", "usual_of", "contribution")
CHANGE_COLUMNS = ("feature", "before_value", "now_value", "contribution_change")
WHAT_IF_COLUMNS = ("feature", "own_value", "assumed_value", "probability", "band_code")
SUPPORT_COLUMNS = ("measure_code", "from_on", "to_on")
TREND_OF_WEEKS = ("unexcused_lessons", "excused_lessons")
TREND_OF_MONTHS = ("mark_mean_points", "marks")
FINDINGS_TABLES = (
    "evaluation",
    "subgroup",
    "fairness_cause",
    "calibration",
    "coverage",
    "band",
    "drift",
    "table_account",
    "cohorts",
    "capacity_curve",
    "missingness",
    "importance",
    "assumptions",
    "notices",
    "gates",
)


def school_head(school: Row, counts: Row) -> dict[str, Any]:
    """Return what an extract says of one school but for its pupils.

    Parameters
    ----------
    school
        The school's row of the result table ``school_summary``.
    counts
        Pupils of the school: ``pupils, band_high, band_medium, band_low, unsure, too_little_data, within_capacity``.
    """
    return {
        "school": {name: school.get(name) for name in ("school_id", "school_name", "school_kind", "municipality_code")},
        "capacity": {"places": plain(school["places"]), "is_assumed": bool(school["is_capacity_assumed"])},
        "counts": dict(counts),
        "has_support_data": bool(school["has_support_data"]),
    }


@dataclass(frozen=True)
class Span:
    """The days of the weeks and months that ``trend`` tells of, oldest first, and the run that ``change`` compares with.

    ``previous_run`` holds ``run_id`` and ``cut_off_on``, or is None.
    """

    weeks: Sequence[date]
    months: Sequence[date]
    previous_run: Row | None = None


def common_head(
    run: Row, features: Iterable[Row], bands: Iterable[Row], figures: Iterable[Row], span: Span
) -> dict[str, Any]:
    """Return what the extracts of all schools of a run say alike.

    Parameters
    ----------
    run
        The fields named in the module's text; ``run_id``, ``cut_off_on``, ``horizon_on`` and ``origin`` must be there.
    features
        ``feature_code, group_code, is_malleable`` of the features of the model, in its order.
    bands
        All rows of ``band``.
    figures
        Rows of ``evaluation`` for the default model on the newest matured cohort (``split_code`` mature, ``subset_code``
        all): auc, precision_at_capacity, recall_at_capacity.
    span
        What the changes and trends of the pupils are counted by.

    Raises
    ------
    ValueError
        For an origin that is none of ``ORIGINS``.
    """
    return {
        "form": SCHOOL_FORM,
        "run": run_fields(run),
        "features": rows(features),
        "bands": rows(bands),
        "figures": rows(figures),
        "trend_weeks": plain(list(span.weeks)),
        "trend_months": plain(list(span.months)),
        "previous_run": plain(span.previous_run),
    }


def membership(stored: Row) -> list[tuple[str, str, str | None]]:
    """Return who belongs to a school, from its file: ``pupil_id``, ``code`` and ``class_code`` of each, and nothing more.

    Raises
    ------
    ValueError
        For a file of another form.
    """
    columns = _columns(stored)
    return list(zip(columns["pupil_id"], columns["code"], columns["class_code"], strict=True))


def unfolded(stored: Row) -> dict[str, Any]:
    """Return a school's extract as pages read it, from its file: an object per pupil, with all that is told of it.

    Raises
    ------
    ValueError
        For a file of another form.
    """
    columns, features = _columns(stored), stored["features"]
    pupils = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    changes = _by_pupil(stored["change_reasons"], CHANGE_COLUMNS, len(pupils))
    what_if = _by_pupil(stored["what_if"], WHAT_IF_COLUMNS, len(pupils))
    support = _by_pupil(stored["support"], SUPPORT_COLUMNS, len(pupils))
    for number, pupil in enumerate(pupils):
        has_data = {group: pupil.pop(f"has_{group}_data") for group in GROUPS_WITH_DATA_FLAG}
        pupil["no_data_on"] = [group for group, has in has_data.items() if not has]
        pupil["reasons"] = _reasons_of(stored, number, len(pupils))
        pupil["change"] = _change(pupil, changes[number], features)
        pupil["trend"] = {
            name: values[number * each : (number + 1) * each]
            for name, values in stored["trend"].items()
            for each in [len(values) // len(pupils)]
        }
        pupil["what_if"] = _what_if(what_if[number], features)
        has_support_data = stored["has_support_data"] or bool(support[number])
        newest_first = sorted(support[number], key=lambda row: str(row["from_on"]), reverse=True)
        pupil["support"] = newest_first if has_support_data else None
    unneeded = {"features", "usual_of", "reasons", "change_reasons", "trend", "what_if", "support", "has_support_data"}
    return {**{name: part for name, part in stored.items() if name not in unneeded}, "pupils": pupils}


def without_pupils(stored: Row, pupil_ids: Collection[str]) -> Row:
    """Return a school's file without some pupils; itself where it holds none of them.

    Codes and places of the others, and the counts that were published, stay as they are.

    Raises
    ------
    ValueError
        For a file of another form.
    """
    columns = _columns(stored)
    count = len(columns["pupil_id"])
    kept = [at for at, pupil_id in enumerate(columns["pupil_id"]) if pupil_id not in pupil_ids]
    if len(kept) == count:
        return stored
    place = {at: number for number, at in enumerate(kept)}

    def of_each(values: Sequence[Any]) -> list[Any]:
        each = len(values) // count
        return [value for at in kept for value in values[at * each : (at + 1) * each]]

    def of_some(part: Row) -> dict[str, list[Any]]:
        rows = [row for row, at in enumerate(part["pupil"]) if at in place]
        found = {name: [values[row] for row in rows] for name, values in part.items()}
        return {**found, "pupil": [place[at] for at in found["pupil"]]}

    several = {name: {key: of_each(values) for key, values in stored[name].items()} for name in ("reasons", "trend")}
    some = {name: of_some(stored[name]) for name in ("change_reasons", "what_if", "support")}
    return {**stored, "pupils": {name: of_each(values) for name, values in columns.items()}, **several, **some}


def _columns(stored: Row) -> Mapping[str, list[Any]]:
    """Return the columns of the pupils of a school's file."""
    if stored["form"] != SCHOOL_FORM:
        raise ValueError(f"an extract of the form {SCHOOL_FORM} is needed")
    found: Mapping[str, list[Any]] = stored["pupils"]
    return found


def _by_pupil(stored: Row, names: Sequence[str], pupils: int) -> list[list[dict[str, Any]]]:
    """Return the rows of each pupil, from the columns of those that have any."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(pupils)]
    for number, *values in zip(stored["pupil"], *(stored[name] for name in names), strict=True):
        found[number].append(dict(zip(names, values, strict=True)))
    return found


def _reasons_of(stored: Row, number: int, pupils: int) -> list[dict[str, Any]]:
    reasons = stored["reasons"]
    each = len(reasons["feature"]) // pupils
    own = slice(number * each, (number + 1) * each)
    parts = zip(*(reasons[name][own] for name in REASON_COLUMNS), strict=True)
    return [
        {
            **stored["features"][feature],
            "own_value": own_value,
            "usual_value": usual_value,
            "usual_of": None if usual_of is None else stored["usual_of"][usual_of],
            "contribution": contribution,
        }
        for feature, own_value, usual_value, usual_of, contribution in parts
    ]


def _change(pupil: dict[str, Any], reasons: Sequence[Row], features: Sequence[Row]) -> dict[str, Any] | None:
    """Take the columns of the change out of ``pupil``, and return them with its reasons."""
    kind, band_code, place = (pupil.pop(name) for name in CHANGE_FIELDS)
    if kind is None:
        return None
    told = [
        {**features[reason["feature"]], **{name: reason[name] for name in CHANGE_COLUMNS[1:]}} for reason in reasons
    ]
    return {"kind": kind, "previous_band_code": band_code, "previous_place": place, "reasons": told}


def _what_if(found: Sequence[Row], features: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what is assumed one by one; a row without a feature stands for all of the others together."""
    single = [row for row in found if row["feature"] is not None]
    return [
        {
            "feature_codes": [features[one["feature"]]["feature_code"] for one in assumed],
            "own_values": [one["own_value"] for one in assumed],
            "assumed_values": [one["assumed_value"] for one in assumed],
            "probability": row["probability"],
            "band_code": row["band_code"],
        }
        for row in found
        for assumed in [single if row["feature"] is None else [row]]
    ]


def index_extract(run: Row, schools: Iterable[Row]) -> dict[str, Any]:
    """Return the list of the schools of a run: rows of ``school_summary``, each with the name of its ``file``."""
    listed = [
        {
            **{name: plain(value) for name, value in school.items()},
            "is_capacity_assumed": bool(school["is_capacity_assumed"]),
            "file": f"school/{school['school_id']}.json",
        }
        for school in schools
    ]
    return {
        "form": INDEX_FORM,
        "run": run_fields(run),
        "schools": sorted(listed, key=lambda row: str(row["school_id"])),
    }


def findings_extract(run: Row, **tables: Iterable[Row]) -> dict[str, Any]:
    """Return the findings of a whole run, from rows of the result tables and small lists besides.

    ``evaluation, subgroup, fairness_cause, calibration, coverage, band, drift, table_account`` are the result tables of these names;
    ``coverage`` is of all pupils together. Besides:

    ``cohorts``
        ``cohort_on, horizon_on, label_known_on, pupils, left, stayed, censored, open, use_code`` with ``use_code``
        one of ``train, calibrate, test, current``
    ``capacity_curve``
        ``model_code, places_share, recall, low, high``: of those who left, the share reached with so many places
    ``missingness``
        ``group_code, no_data_share``: share of the pupils without data, of the current cohort
    ``importance``
        ``feature_code, group_code, mean_absolute_contribution``
    ``assumptions``
        ``code, value, count``: what was assumed where nothing was delivered, e.g. ``capacity_share, 0.1, 12`` (schools)
    ``notices``
        ``table_name, lv, en``: what the deliveries say of themselves, and by which rules dates were set
    ``gates``
        ``code, found, limit, is_passed, subjects, count``; empty when the report is made before the gates

    A table that is not given is an empty list: the report then says that there are no data.

    Raises
    ------
    ValueError
        For a table of another name.
    """
    unknown = sorted(set(tables) - set(FINDINGS_TABLES))
    if unknown:
        raise ValueError(f"no such table in the findings: {', '.join(unknown)}")
    return {
        "form": FINDINGS_FORM,
        "run": run_fields(run),
        **{name: rows(tables.get(name, ())) for name in FINDINGS_TABLES},
    }


def run_fields(run: Row) -> dict[str, Any]:
    """Return what every extract says of its run; ValueError for an unknown origin."""
    if run["origin"] not in ORIGINS:
        raise ValueError(f"the origin of a run is one of {', '.join(ORIGINS)}")
    return {name: plain(run.get(name)) for name in RUN_FIELDS}


def rows(table: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain dictionaries, ready for JSON."""
    return [{name: plain(value) for name, value in row.items()} for row in table]


def plain(value: Any) -> Any:
    """Return a value as JSON has it: dates as ISO text, NaN and other "not a value" marks as None.

    >>> plain(date(2026, 11, 22)), plain(float("nan")), plain(0)
    ('2026-11-22', None, 0)
    """
    if value is None or value != value:  # noqa: PLR0124  (NaN and NaT are unequal to themselves)
        return None
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time.min:
        return value.date().isoformat()  # how the array libraries hand over a date
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.item() if hasattr(value, "item") else value


def short_codes(pupil_ids: Sequence[str]) -> list[str]:
    """Return a short code for each pseudonym: its beginning, as long as it must be to be its own within the school.

    >>> short_codes(["4f2a1b77c0", "4f2a1b88d1", "90ab12cd34"])
    ['4F2A1B7', '4F2A1B8', '90AB12C']
    """
    distinct, length = len(set(pupil_ids)), SHORTEST_CODE
    longest = max(map(len, pupil_ids), default=length)
    codes = [pupil_id[:length] for pupil_id in pupil_ids]
    while length < longest and len(set(codes)) < distinct:
        length += 1
        codes = [pupil_id[:length] for pupil_id in pupil_ids]
    return [code.upper() for code in codes]
