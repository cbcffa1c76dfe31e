"""Cohorts, outcomes and features of the present and of every past cut-off (20_features)."""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd

from riskmodel.risk.cutoff import open_cut_off
from riskmodel.risk.features import build
from riskmodel.risk.label import OUTCOME_SCHEMA, Window, cohort, cohort_windows
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.results import COHORT, PLACE

TRAITS = ("sex", "first_language", "has_special_needs", "low_income", "stage_kind")
"""Traits of the audit, as the declared table ``subgroup`` names them."""

SUPPORTED = "was_supported"
"""New support began inside the label window: what the model learns as a treatment."""


def make_cohorts(run: SemesterRun, horizon_on: str, label_delay_days: int, threads: int = 1) -> pd.DataFrame:
    """Return the cohorts, and write ``cohort``, ``feature``, ``trait`` and ``place``.

    Outcomes are read as known on the run's own cut-off date, features as known on the cohort's.

    Parameters
    ----------
    horizon_on
        Last day of the present label window as ``YYYY-MM-DD``; empty: 30 September after the school year.
    """
    cohorts, features, traits = [], [], []
    with run.connect(threads) as connection:
        horizon = date.fromisoformat(horizon_on) if horizon_on else None
        windows = cohort_windows(connection, run.cut_off, horizon, label_delay_days)
        for window in windows:
            members = cohort(connection, window, as_of=run.cut_off)
            if members.empty:
                continue
            cohorts.append(members)
            traits.append(_traits(connection, window, members, as_of=run.cut_off))
            values = build(connection, window.cut_off, members).reset_index()
            features.append(values.assign(cohort_on=pd.Timestamp(window.cut_off)))
        open_cut_off(connection, run.cut_off)
        places = _places(connection, run)
    found = run.write(COHORT, pd.concat(cohorts, ignore_index=True))
    wide = pd.concat(features, ignore_index=True)
    run.write_wide("feature", wide[["cohort_on", "pupil_id", *wide.columns.drop(["cohort_on", "pupil_id"])]])
    run.write_wide("trait", pd.concat(traits, ignore_index=True))
    run.write(PLACE, _with_pupils(places, found, run))
    return found


def _traits(connection: duckdb.DuckDBPyConnection, window: Window, members: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return traits of the members as known on the cohort's cut-off date, and whether support began in the window."""
    open_cut_off(connection, window.cut_off)
    open_cut_off(connection, as_of, schema=OUTCOME_SCHEMA)
    connection.register("trait_member", members[["pupil_id", "stage_kind"]])
    found = connection.execute(
        f"""
        WITH described AS (
            SELECT pupil_id, sex, first_language, has_special_needs FROM known.pupil
            WHERE happened_on <= $cut_off
            QUALIFY row_number() OVER (PARTITION BY pupil_id ORDER BY happened_on DESC) = 1
        ),
        poor AS (
            SELECT pupil_id, value = 1 AS low_income FROM known.economic_pupil
            WHERE indicator_code = 'low_income' AND happened_on <= $cut_off
            QUALIFY row_number() OVER (PARTITION BY pupil_id ORDER BY happened_on DESC) = 1
        ),
        supported AS (
            SELECT DISTINCT pupil_id FROM {OUTCOME_SCHEMA}.support
            WHERE happened_on > $cut_off AND happened_on <= $horizon_on
        )
        SELECT
            $cut_off AS cohort_on, trait_member.pupil_id, sex, first_language, has_special_needs, low_income, stage_kind,
            supported.pupil_id IS NOT NULL AS {SUPPORTED}
        FROM trait_member
        LEFT JOIN described USING (pupil_id)
        LEFT JOIN poor USING (pupil_id)
        LEFT JOIN supported ON supported.pupil_id = trait_member.pupil_id
        ORDER BY trait_member.pupil_id
        """,  # noqa: S608  (constants)
        {"cut_off": window.cut_off, "horizon_on": window.horizon_on},
    ).df()
    connection.unregister("trait_member")
    return found.astype({"has_special_needs": "boolean", "low_income": "boolean", SUPPORTED: bool})


def _places(connection: duckdb.DuckDBPyConnection, run: SemesterRun) -> pd.DataFrame:
    """Return the schools as known on the cut-off date, with the places delivered for that day.

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
        SELECT described.*, provided.places FROM described LEFT JOIN provided USING (school_id) ORDER BY school_id
        """,
        {"cut_off": run.cut_off},
    ).df()


def _with_pupils(places: pd.DataFrame, cohorts: pd.DataFrame, run: SemesterRun) -> pd.DataFrame:
    present = cohorts[cohorts["cohort_on"] == pd.Timestamp(run.cut_off)]
    pupils = present.groupby("school_id").size().rename("pupils")
    rows = places.set_index("school_id").join(pupils, how="inner").reset_index()
    rows["places"] = rows["places"].astype("Int64")
    given = run.inputs["capacity"]
    if given is not None:
        rows["places"] = rows["school_id"].map(given).astype("Int64")
    return rows[list(PLACE.column_names)]
