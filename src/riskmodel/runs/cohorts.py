"""Cohorts, outcomes and features of the present and of every past cut-off (20_features).

The work is cut into parts (see :mod:`riskmodel.runs.parts`): by range of pupils and for all cohorts at once, who belongs to
a cohort, with which outcome, and what each present member's own daily facts come to; those of past cohorts apart
(:mod:`riskmodel.runs.past_sums`); then, by cohort, the traits, and the features that look at other pupils too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.memory import give_back
from riskmodel.risk.cutoff import open_cut_off, with_pupil_keys
from riskmodel.risk.features import build_rows
from riskmodel.risk.fold import FOLD_COLUMNS, CohortFold, Fold, fold_together, widened
from riskmodel.risk.label import OUTCOME_SCHEMA, STAYS, Window, cohort_windows, with_municipalities
from riskmodel.risk.members import OfMembers
from riskmodel.risk.stay_fold import STAY_COLUMNS, LeftBefore
from riskmodel.risk.trend import TREND_COLUMNS, TrendFold
from riskmodel.runs import database, parts, past_sums, trends
from riskmodel.runs.cohort_writing import CohortWriting
from riskmodel.runs.parts import Part, PartFolder
from riskmodel.runs.school_traits import SCHOOL_TRAITS, school_traits
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.facts import FactReader
from riskmodel.tables.scores import PLACE

TRAITS = ("sex", "first_language", "has_special_needs", "low_income", "stage_kind")
"""Traits of the audit, as the declared table ``subgroup`` names them."""

AUDITED = (*TRAITS, *SCHOOL_TRAITS)
"""Traits that groups and pairs of groups of the table ``fairness`` are made by."""

SUPPORTED = "was_supported"
"""New support began inside the label window: what the model learns as a treatment."""

PUPILS_PER_PART = 50_000
"""Pupils of a range, about: enough that opening the deliveries costs little, few enough for many workers. It follows
from the data alone and not from the workers."""

PUPILS_PER_GROUP = 400_000
"""Of a country in which more pupils were ever enrolled a cohort is made in groups of whole schools: so memory does not grow
with the country. In groups each of them looks at all versions again, which a country of less need not pay for."""

TREND, LEFT = "trend", "left-"
"""The piece of a range of pupils that tells of the weeks and months of the present members; what those are called that tell how
many left each school before a cohort, before its day. The others are named by the day of the cohort."""


def make_cohorts(run: SemesterRun, horizon_on: str, label_delay_days: int, threads: int = 1) -> None:
    """Write days, schools, outcomes and features of the cohorts: ``cohort``, ``feature``, ``trait`` and ``place``.

    For the pages about single pupils of the present cohort also ``trend_week``, ``trend_month`` and ``support_known``.
    Outcomes are read as known on the run's own cut-off date, features as known on the cohort's.

    Parameters
    ----------
    horizon_on
        Last day of the present label window as ``YYYY-MM-DD``; empty: 30 September after the school year.
    threads
        Of the data base, for one part. How many parts are made at once is no parameter of the run
        (see :func:`riskmodel.runs.parts.workers`).

    Raises
    ------
    UsageError
        When nobody was enrolled on the cut-off date of the run.
    """
    with run.connect(threads, ("term", "enrolment", *past_sums.DAILY)) as connection:
        horizon = date.fromisoformat(horizon_on) if horizon_on else None
        windows = cohort_windows(connection, run.cut_off, horizon, label_delay_days)
        pupils = FactReader(connection, [STAYS]).pupils()
        past = past_sums.parts_of(connection, windows[:-1])
    with run.parts() as folder:
        given = {"delivery_ids": run.delivery_ids, "threads": threads}
        folds = _fold_parts(windows, run.cut_off, pupil_ranges(pupils, PUPILS_PER_PART), given)
        groups = max(-(-len(pupils) // PUPILS_PER_GROUP), 1)
        sums = [*([past] * len(windows[:-1])), folds]
        wholes = [
            _cohort_parts(folder, window, groups, (folds, of_window), run.cut_off, given)
            for window, of_window in zip(windows, sums, strict=True)
        ]
        every_group = [part for parts_of_cohort in wholes for part in parts_of_cohort]
        tell = run.progress(len(past) + len(folds) + len(every_group))
        with (
            parts.beside(partial(_known_now, run, threads)) as known_now,
            parts.beside(partial(database.find_versions, folder, given)),
        ):
            parts.make(folder, [*past, *folds], tell)
            places, measures = known_now()
        give_back()  # what folding took
        of_trends = partial(trends.write_trends, run, folder, _files_of(folder, folds, TREND), measures)
        with CohortWriting(run, folder, wholes, of_trends) as writing:
            # A cohort in groups never stands in memory whole.
            parts.make(folder, every_group, tell, writing.take, hands_over=groups == 1)
    database.close()
    run.write(PLACE, _with_pupils(places, run.read("cohort", cohort_on=run.cut_off, columns=["school_id"]), run))


def _known_now(run: SemesterRun, threads: int) -> tuple[pd.DataFrame, pa.Table]:
    """Return the places (see :func:`_places`) and measures of support as known on the cut-off date of the run."""
    told = ("school", "capacity", "support")
    with run.connect(threads, told) as connection:
        open_cut_off(connection, run.cut_off, tables=told)
        return _places(connection, run), trends.known_support(connection, run.cut_off)


def pupil_ranges(pupils: pa.StringArray, most: int) -> list[tuple[str | None, str | None]]:
    """Return ranges ``[first, after)`` of ``pupils``, in ascending order, about equal and of at most ``most``; None is open.

    Together they cover every pupil, those without any enrolment too.
    """
    count = -(-len(pupils) // most)
    cuts = [pupils[-(-number * len(pupils) // count)].as_py() for number in range(1, count)]
    return list(pairwise([None, *cuts, None]))


def _fold_parts(
    windows: Sequence[Window],
    as_of: date,
    ranges: Sequence[tuple[str | None, str | None]],
    given: Mapping[str, Any],
) -> list[Part]:
    own = {"windows": [*map(_plain, windows)], "as_of": as_of.isoformat()}
    days = [window.cut_off.isoformat() for window in windows]
    pieces = (*days, *(f"{LEFT}{day}" for day in days), TREND)
    return [
        Part(
            f"pupils-{number}",
            fold_part,
            {**given, **own, "first_pupil": first, "after_pupil": after},
            pieces=pieces,
            is_compressed=False,
        )
        for number, (first, after) in enumerate(ranges, start=1)
    ]


def fold_part(folder: PartFolder, given: Mapping[str, Any]) -> dict[str, pa.Table]:
    """Return by cohort its members of a range of pupils, and what the daily facts of the present ones come to: work of a part."""
    windows, as_of = [*map(_window, given["windows"])], date.fromisoformat(given["as_of"])
    folds: dict[str, Fold] = {}
    for window in windows:
        days = window.cut_off, window.school_year_on
        own = CohortFold(*days) if window == windows[-1] else None
        folds[window.cut_off.isoformat()] = OfMembers(window, as_of, own)
        folds[f"{LEFT}{window.cut_off}"] = LeftBefore(*days)
    folds[TREND] = OfMembers(windows[-1], as_of, TrendFold(as_of))
    connection = database.canonical(folder, given)
    tables = fold_together(connection, [*folds.values()], given["first_pupil"], given["after_pupil"])
    found = dict(zip(folds, tables, strict=True))
    found[TREND] = found[TREND].select(["pupil_id", *TREND_COLUMNS])
    return found


def _files_of(folder: PartFolder, folds: Sequence[Part], piece: str) -> list[str]:
    return [folder.file(part, piece).name for part in folds]


def _cohort_parts(
    folder: PartFolder,
    window: Window,
    groups: int,
    parts_of_cohort: tuple[Sequence[Part], Sequence[Part]],
    as_of: date,
    given: Mapping[str, Any],
) -> list[Part]:
    """Return the parts of a cohort, one for each group of whole schools.

    ``parts_of_cohort`` have a piece for it with its members, and one with what their daily facts come to.
    """
    members, sums = (_files_of(folder, some, window.cut_off.isoformat()) for some in parts_of_cohort)
    left = _files_of(folder, parts_of_cohort[0], f"{LEFT}{window.cut_off}")
    own = {"window": _plain(window), "as_of": as_of.isoformat(), "members": members, "sums": sums, "left": left}
    # The oldest first: so they are written, while the next are made.
    order = -window.cut_off.toordinal()
    return [
        Part(
            f"cohort-{window.cut_off}{f'-{group + 1}' if groups > 1 else ''}",
            cohort_part,
            {**given, **own, "group": (group, groups)},
            order,
        )
        for group in range(groups)
    ]


def cohort_part(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    """Return a cohort, or the members of a group of its schools: outcomes, traits and features side by side, by ``pupil_id``.

    Work of a part. Columns are named ``<table>.<column>`` for the tables of
    :data:`riskmodel.runs.cohort_writing.COHORT_TABLES`; the key stands there once.
    """
    of_cohort, as_of = _window(given["window"]), date.fromisoformat(given["as_of"])
    connection = database.canonical(folder, given)
    database.find_versions(folder, given)  # before anything is read of what they show
    rows = _members(folder, given["members"], *given["group"])
    are_together = given["sums"] == given["members"]
    folded = [rows] if are_together else map(folder.read, given["sums"])
    columns = ["pupil_id", *FOLD_COLUMNS]
    stays = rows.select(STAY_COLUMNS)
    members = rows.drop_columns([*STAY_COLUMNS, *(FOLD_COLUMNS if are_together else ())])
    members = with_municipalities(connection, of_cohort, members.combine_chunks())
    of_members = (some.select(columns) for some in folded)
    left = pa.concat_tables(map(folder.read, given["left"]))
    features = build_rows(connection, of_cohort.cut_off, members, of_members, stays, left)
    tables = {"cohort": members, "trait": _traits(connection, of_cohort, members, as_of), "feature": features}
    return pa.table({f"{name}.{column}": rows[column] for name, rows in tables.items() for column in rows.column_names})


def _members(folder: PartFolder, files: Sequence[str], group: int, groups: int) -> pa.Table:
    """Return the members of a cohort in a group of its schools, from the files of the ranges of pupils."""
    if groups == 1:
        return pa.concat_tables([widened(folder.read(name)) for name in files])
    school_of_member = pa.chunked_array([folder.read(name)["school_id"].combine_chunks() for name in files])
    schools = group_of_schools(school_of_member, group, groups)
    return pa.concat_tables(
        [widened((some := folder.read(name)).filter(pc.is_in(some["school_id"], schools))) for name in files]
    )


def group_of_schools(school_of_member: pa.ChunkedArray, group: int, groups: int) -> pa.Array:
    """Return the schools of one of so many groups with about as many members each; every school is in one of them."""
    counted = pa.table({"school": school_of_member}).group_by("school").aggregate([([], "count_all")]).sort_by("school")
    before = np.cumsum(counted["count_all"].to_numpy()) - counted["count_all"].to_numpy()
    own = before * groups // max(len(school_of_member), 1) == group
    return counted["school"].combine_chunks().filter(pa.array(own))


def _plain(window: Window) -> dict[str, Any]:
    """Return a window as plain values, for :func:`_window`."""
    days = {name: day.isoformat() for name, day in vars(window).items() if isinstance(day, date)}
    return {**days, "delay_days": window.delay_days, "rival_on": [day.isoformat() for day in window.rival_on]}


def _window(plain: Mapping[str, Any]) -> Window:
    return Window(
        cut_off=date.fromisoformat(plain["cut_off"]),
        school_year_on=date.fromisoformat(plain["school_year_on"]),
        horizon_on=date.fromisoformat(plain["horizon_on"]),
        delay_days=plain["delay_days"],
        term_on=date.fromisoformat(plain["term_on"]),
        rival_on=tuple(date.fromisoformat(day) for day in plain["rival_on"]),
    )


def _traits(connection: duckdb.DuckDBPyConnection, window: Window, members: pa.Table, as_of: date) -> pa.Table:
    """Return traits of the members as known on the cohort's cut-off date, and whether support began in the window."""
    open_cut_off(connection, window.cut_off, tables=("pupil", "economic_pupil", "school"))
    open_cut_off(connection, as_of, schema=OUTCOME_SCHEMA, tables=("support",))
    rows = members.select(["pupil_id", "stage_kind"]).append_column("place", pa.array(range(members.num_rows)))
    connection.register("trait_rows", rows)
    found = connection.sql(
        f"""
        WITH trait_member AS ({with_pupil_keys(connection, "trait_rows", ("pupil_id", "stage_kind", "place"))}),
        described AS (
            -- As text, also where the codes are kept as numbers.
            SELECT pupil_id, sex::VARCHAR AS sex, first_language::VARCHAR AS first_language, has_special_needs
            FROM known.pupil
            WHERE happened_on <= $cut_off
            QUALIFY row_number() OVER (PARTITION BY pupil_id ORDER BY happened_on DESC) = 1
        ),
        poor AS (
            SELECT pupil_id, arg_max(value, happened_on) = 1 AS low_income FROM known.economic_pupil
            WHERE indicator_code = 'low_income' AND happened_on <= $cut_off
            GROUP BY pupil_id
        ),
        supported AS (
            SELECT DISTINCT pupil_id FROM {OUTCOME_SCHEMA}.support
            WHERE happened_on > $cut_off AND happened_on <= $horizon_on
        )
        SELECT
            sex, first_language, has_special_needs, low_income, stage_kind,
            supported.pupil_id IS NOT NULL AS {SUPPORTED}
        FROM trait_member
        LEFT JOIN described USING (pupil_id)
        LEFT JOIN poor USING (pupil_id)
        LEFT JOIN supported ON supported.pupil_id = trait_member.pupil_id
        ORDER BY place
        """,  # noqa: S608  (constants)
        params={"cut_off": window.cut_off, "horizon_on": window.horizon_on},
    ).to_arrow_table()
    connection.unregister("trait_rows")
    for name, values in school_traits(connection, window.cut_off, members["school_id"]).items():
        found = found.append_column(name, values)
    return found


def _places(connection: duckdb.DuckDBPyConnection, run: SemesterRun) -> pd.DataFrame:
    """Return the schools as known on the cut-off date, with the places delivered for that day, and who tells of support.

    Providers of one school add up, unless a row for the whole school (``all``) is there.
    """
    return connection.execute(
        """
        WITH described AS (
            SELECT school_id, school_name, school_kind, municipality_code FROM known.school
            WHERE happened_on <= $cut_off
            QUALIFY row_number() OVER (PARTITION BY school_id ORDER BY happened_on DESC) = 1
        ),
        period AS (
            SELECT school_id, provider_code, places FROM known.capacity
            WHERE happened_on <= $cut_off AND ends_on >= $cut_off
        ),
        provided AS (
            SELECT
                school_id,
                coalesce(
                    sum(places) FILTER (provider_code = 'all'), sum(places) FILTER (provider_code <> 'all')
                )::BIGINT AS places
            FROM period GROUP BY school_id
        )
        SELECT
            described.*,
            provided.places,
            school_id IN (SELECT school_id FROM known.support WHERE happened_on <= $cut_off) AS has_support_data
        FROM described LEFT JOIN provided USING (school_id)
        ORDER BY school_id
        """,
        {"cut_off": run.cut_off},
    ).df()


def _with_pupils(places: pd.DataFrame, present: pd.DataFrame, run: SemesterRun) -> pd.DataFrame:
    pupils = present.groupby("school_id").size().rename("pupils")
    rows = places.set_index("school_id").join(pupils, how="inner").reset_index()
    rows["places"] = rows["places"].astype("Int64")
    given = run.inputs["capacity"]
    if given is not None:
        rows["places"] = rows["school_id"].map(given).astype("Int64")
    return rows[list(PLACE.column_names)]
