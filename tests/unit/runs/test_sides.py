"""Who is compared by judgement: with a measure that began in the grace, without it, and on neither side."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from laid_out import laid_out

from riskmodel.risk.cutoff import open_cut_off
from riskmodel.risk.effects.verdict import Rule
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.predicted import Predicted
from riskmodel.runs import effects, sides
from riskmodel.runs.effects import COVARIATES, GRACE_DAYS, OTHER_SUPPORT, SCORE, Asked
from riskmodel.runs.predictions import PredictionWriter
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.worth import ANY_MEASURE

COHORT_ON, NOW = date(2023, 12, 20), date(2024, 12, 20)
LANDMARK = COHORT_ON + timedelta(days=GRACE_DAYS)
BEGAN, JANUARY, MARCH, SEPTEMBER = date(2022, 9, 1), date(2024, 1, 10), date(2024, 3, 1), date(2023, 9, 4)
SILENT = "2"

Row = dict[str, object]


def stay(pupil: str, ends_on: date | None = None, exit_class: str | None = None, **more: object) -> Row:
    told: Row = {"pupil_id": pupil, "school_id": "1", "stage_kind": "grade", "stage_number": 10, "happened_on": BEGAN}
    return {**told, "ends_on": ends_on, "exit_class": exit_class, "known_on": ends_on or BEGAN, **more}


def measure(pupil: str, starts_on: date, ends_on: date | None = None, code: str = "KA-PED") -> Row:
    told: Row = {"pupil_id": pupil, "school_id": "1", "measure_code": code, "known_on": starts_on}
    return {**told, "happened_on": starts_on, "ends_on": ends_on}


STAYS = {
    "begins": [stay("begins")],
    "other": [stay("other")],
    "without": [stay("without")],
    "leaves later": [stay("leaves later", MARCH, "left")],
    "moved": [
        stay("moved", JANUARY, "transferred"),
        stay("moved", school_id="3", happened_on=MARCH, known_on=MARCH),
    ],
    "had it": [stay("had it")],
    "again": [stay("again")],
    "goes on": [stay("goes on")],
    "goes on for a while": [stay("goes on for a while")],
    "left": [stay("left", JANUARY, "left")],
    "left on the last day": [stay("left on the last day", LANDMARK, "left")],
    "finished": [stay("finished", JANUARY, "completed")],
    "finished and learns on": [
        stay("finished and learns on", JANUARY, "completed"),
        stay("finished and learns on", happened_on=SEPTEMBER.replace(year=2024), known_on=SEPTEMBER.replace(year=2024)),
    ],
    "abroad": [stay("abroad", JANUARY, "abroad")],
    "without a trace": [stay("without a trace", JANUARY, "unknown")],
    "nothing is told": [stay("nothing is told", school_id=SILENT)],
}
MEASURES = [
    measure("begins", JANUARY),
    measure("other", JANUARY, code="KA-SOC"),
    measure("had it", SEPTEMBER, COHORT_ON),  # its last day was the cut-off date
    measure("again", SEPTEMBER),
    measure("again", JANUARY),
    measure("goes on", SEPTEMBER),
    measure("goes on for a while", SEPTEMBER, JANUARY),
    measure("left", JANUARY),
    measure("nothing is told", MARCH) | {"school_id": SILENT},  # the first that is told there, after the grace
]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = laid_out(enrolment=[row for rows in STAYS.values() for row in rows], support=MEASURES)
    open_cut_off(made, NOW, tables=("enrolment", "support"))
    return made


@pytest.fixture
def run(tmp_path: Path) -> SemesterRun:
    """Write what is read of a run whose one past cohort are the pupils above, all in the medium band."""
    pupils = sorted(STAYS)
    tables = tmp_path / "tables"
    number = np.arange(len(pupils), dtype=np.float64)
    schools = pd.Series([str(STAYS[pupil][0]["school_id"]) for pupil in pupils])
    scores = {DEFAULT_MODEL: (number, np.full(len(pupils), 0.2))}
    with PredictionWriter(tables) as writer:
        writer.write(Predicted(COHORT_ON, "mature", pd.Series(pupils), schools, np.zeros(len(pupils)), scores))
    both = pd.DataFrame({"pupil_id": pupils * 2, "cohort_on": [COHORT_ON] * len(pupils) + [NOW] * len(pupils)})
    cohort = both.assign(
        school_id=[*schools, *schools],
        school_year_on=[SEPTEMBER] * len(both),
        horizon_on=date(2024, 9, 30),
        label_known_on=date(2024, 10, 30),
    )
    feature = both.assign(**dict.fromkeys(COVARIATES, 1.0))
    band = pd.DataFrame({"band_code": ["low", "medium", "high"], "lowest_probability": [0.0, 0.1, 0.3]})
    for name, rows in (("cohort", cohort), ("feature", feature), ("band", band)):
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), tables / f"{name}.parquet")
    return SemesterRun(tmp_path, NOW, {})


def compared(run: SemesterRun, connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """Return by measure the pupils compared, and whether each got it."""
    pupils = sorted(STAYS)
    given = sides.measures_given(connection)
    found = {}
    for frame in effects._judged(run, connection, given, Asked(seed=1, full=False, rule=Rule())):
        names = [pupils[int(number)] for number in frame[SCORE]]
        found[str(frame["measure_code"].iloc[0])] = dict(zip(names, frame["given"], strict=True))
    return found


def test_whose_schooling_ended_who_goes_on_with_it_and_of_whom_nothing_is_told_stand_on_neither_side(run, connection):
    found = compared(run, connection)
    given, without = dict.fromkeys(("begins", "again"), 1.0), dict.fromkeys(("without", "leaves later", "moved"), 0.0)
    assert found["KA-PED"] == {**given, **without, "other": 0.0, "had it": 0.0}
    assert found[ANY_MEASURE] == {**given, **without, "other": 1.0, "had it": 0.0}


def test_who_goes_on_with_one_measure_may_stand_among_those_without_another(run, connection):
    of_other = compared(run, connection)["KA-SOC"]
    assert of_other["other"] == 1.0
    assert not {"left", "left on the last day", "finished", "finished and learns on", "abroad"} & set(of_other)
    assert not {"without a trace", "nothing is told"} & set(of_other)
    assert len(of_other) == 4  # one with it, and a draw of three without


def test_another_measure_that_began_beside_it_is_told(run, connection):
    (frame,) = (
        frame
        for frame in effects._judged(run, connection, sides.measures_given(connection), Asked(1, False, Rule()))
        if frame["measure_code"].iloc[0] == "KA-PED"
    )
    assert frame.loc[frame[SCORE] == sorted(STAYS).index("other"), OTHER_SUPPORT].tolist() == [1.0]


def test_a_measure_counts_when_it_began_after_the_cut_off_and_within_the_grace():
    pupils = pd.DataFrame({"place": [0, 1], "pupil_id": ["a", "b"]}).assign(
        cohort_on=pd.Timestamp(COHORT_ON), landmark_on=pd.Timestamp(LANDMARK)
    )
    given = pd.DataFrame(
        [
            ("a", "KA-PED", COHORT_ON),  # on the cut-off date: before
            ("a", "KA-SOC", LANDMARK),
            ("a", "KA-SOC", JANUARY),  # twice is once
            ("b", "KA-PED", LANDMARK + timedelta(days=1)),  # too late
            ("c", "KA-PED", JANUARY),  # of no cohort
        ],
        columns=["pupil_id", "measure_code", "happened_on"],
    ).astype({"happened_on": "datetime64[us]"})
    assert sides.began(pupils, given).to_dict("records") == [{"place": 0, "measure_code": "KA-SOC"}]


def test_a_measure_given_in_two_schools_lasts_until_both_have_ended_it():
    rows = [measure("a", SEPTEMBER, COHORT_ON), measure("a", SEPTEMBER) | {"school_id": "3"}]
    made = laid_out(support=rows)
    open_cut_off(made, NOW, tables=("support",))
    assert sides.measures_given(made)["ends_on"].isna().tolist() == [True]


def test_measures_that_are_held_are_those_that_count(connection):
    open_cut_off(connection, NOW, tables=("support",))
    before = sides.measures_given(connection), sides.telling_since(connection)
    sides.hold_support(connection)
    assert sides.measures_given(connection).equals(before[0])
    assert sides.telling_since(connection) == before[1] != {}
    open_cut_off(connection, NOW, tables=("support",))  # another cut-off date may be opened after it
