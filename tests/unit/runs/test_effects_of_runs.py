"""Who is compared with whom: measures given by judgement after a cut-off date, and places given by an earlier run's list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from duckdb import DuckDBPyConnection as Connection
from laid_out import laid_out

from riskmodel.digests import digest_of_file
from riskmodel.errors import RunFailedError
from riskmodel.risk.effects.effect_table import estimate_effects
from riskmodel.risk.effects.verdict import Rule
from riskmodel.runs import effects
from riskmodel.runs.durable import Digests
from riskmodel.runs.effects import COVARIATES, OTHER_SUPPORT, SCORE, Asked
from riskmodel.runs.lotteries import drawn_lots, lotteries_before
from riskmodel.runs.publish import Store
from riskmodel.runs.semester import SemesterRun

ASKED = Asked(seed=1, full=False, rule=Rule())
CUT_OFF = date(2023, 12, 20)


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


@pytest.mark.parametrize(("given", "rest"), [(30, 5_000), (2_500, 30_000), (10, 12)])
def test_a_comparison_is_drawn_to_a_quarter_with_the_measure_and_never_beyond_its_size(given, rest):
    is_given = np.zeros(given + rest, bool)
    is_given[::2][:given] = True
    chosen = effects._drawn(is_given, ASKED, 3)
    drawn = int(is_given[chosen].sum())
    assert len(set(chosen)) == len(chosen) <= ASKED.most_pupils
    assert drawn == min(given, ASKED.most_pupils // 4)
    assert len(chosen) - drawn == min(rest, 3 * drawn)
    assert (effects._drawn(is_given, ASKED, 3) == chosen).all()


def earlier_run(folder: Path, schools: int, assumed: int) -> SemesterRun:
    """Write what is read of an earlier run: ten pupils a school, three places; the first ``assumed`` schools were told none."""
    tables = folder / "tables"
    tables.mkdir(parents=True)
    pupils = [
        (f"p{school}-{place}", f"s{school}", -float(place), place < 3)
        for school in range(schools)
        for place in range(10)
    ]
    score = pd.DataFrame(pupils, columns=["pupil_id", "school_id", "raw_score", "is_within_capacity"])
    score["band_code"] = np.where(score["is_within_capacity"], "high", "low")
    summary = pd.DataFrame(
        {"school_id": [f"s{n}" for n in range(schools)], "is_capacity_assumed": [n < assumed for n in range(schools)]}
    )
    feature = pd.DataFrame({"pupil_id": score["pupil_id"], "cohort_on": CUT_OFF, "age_years": 15.0})
    for name, rows in (("score", score), ("school_summary", summary), ("feature", feature)):
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), tables / f"{name}.parquet")
    (folder / "manifest.json").write_text(json.dumps({"parameters": {"label_delay_days": 30}}))
    return SemesterRun(folder, CUT_OFF, {})


def registers(gone: Sequence[str] = (), left: Sequence[str] = (), pupils: Sequence[str] = ()) -> Connection:
    """Return a data base with the terms of a school year, and stays of ``pupils`` since the year before: some went in spring."""
    first_days = {1: (date(2023, 9, 1), date(2023, 12, 22)), 2: (date(2024, 1, 8), date(2024, 5, 31))}
    terms = [
        {
            "school_year": "2023/24",
            "term_number": number,
            "happened_on": on,
            "ends_on": to,
            "known_on": date(2023, 8, 1),
        }
        for number, (on, to) in first_days.items()
    ]
    stays = []
    for code in pupils:
        stay = {"pupil_id": code, "school_id": f"s{code[1]}", "stage_kind": "grade", "stage_number": 10}
        began = date(2022, 9, 1)
        stays.append({**stay, "happened_on": began, "known_on": began})
        if code in (*gone, *left):
            ended = date(2024, 3, 1)
            how = {"ends_on": ended, "exit_class": "left" if code in left else "abroad", "known_on": ended}
            stays.append({**stay, "happened_on": began, **how})
    return laid_out(term=terms, enrolment=stays)


@pytest.fixture
def at_cut(tmp_path: Path) -> Any:
    def of(schools: int, assumed: int = 0, on: date = date(2024, 12, 20)) -> pd.DataFrame | None:
        earlier = earlier_run(tmp_path / "earlier", schools, assumed)
        connection = registers(gone=["p0-0"], pupils=earlier.read("score")["pupil_id"].tolist())
        given = pd.DataFrame({"pupil_id": ["p1-0", "p1-9"], "happened_on": [day("2024-01-10"), day("2024-10-01")]})
        return effects._at_cut(SemesterRun(tmp_path / "now", on, {}), earlier, connection, given)

    return of


def test_the_cut_of_a_school_lies_between_the_last_with_a_place_and_the_first_without(at_cut):
    rows = at_cut(schools=2)
    assert len(rows) == 20
    one = rows[rows["school_id"] == "s1"].sort_values("score", ascending=False)
    assert one["score"].tolist() == [2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5, -4.5, -5.5, -6.5]
    assert one["given"].tolist() == [1.0] + [0.0] * 9  # what began after the window is not of it
    assert set(rows["school_year"]) == {"2023"}
    assert rows["left"].isna().sum() == 1
    assert {SCORE, OTHER_SUPPORT, *COVARIATES, "before", "after"} <= set(rows.columns)


def test_places_that_were_only_assumed_are_no_cut(at_cut):
    assert set(at_cut(schools=3, assumed=1)["school_id"]) == {"s1", "s2"}


def test_where_all_places_were_assumed_there_is_nothing_to_compare(at_cut):
    assert at_cut(schools=2, assumed=2) is None


@pytest.mark.parametrize(("on", "is_read"), [(date(2024, 10, 29), False), (date(2024, 10, 30), True)])
def test_outcomes_are_not_read_before_the_day_on_which_they_are_known(at_cut, on, is_read):
    assert (at_cut(schools=2, on=on) is not None) == is_read


def test_a_school_whose_places_did_not_go_by_score_is_left_out():
    scores = pd.DataFrame(
        {
            "school_id": ["a", "a", "b", "b", "c"],
            "raw_score": [2.0, 1.0, 2.0, 1.0, 5.0],
            "is_within_capacity": [True, False, False, True, True],
        }
    )
    assert effects._by_score(scores)["school_id"].tolist() == ["a", "a", "c"]


def frame_at_cuts(effect: float, uptake: float, pupils: int = 24_000) -> pd.DataFrame:
    """Return pupils of 200 schools near a cut of which a share follows the list, and what became of them."""
    generator = np.random.default_rng(5)
    score = generator.normal(0, 1, pupils)
    follows = generator.random(pupils) < uptake
    given = np.where(follows, score >= 0, generator.random(pupils) < 0.3).astype(float)
    left = (generator.random(pupils) < np.clip(0.15 + 0.05 * score + effect * given, 0, 1)).astype(float)
    school = np.array([f"s{number}" for number in generator.integers(0, 200, pupils)])
    plain = {"measure_code": "XX-ANY", "group_code": "high", "school_year": "2023", "tie": None, "is_drawn": np.nan}
    return pd.DataFrame({"school_id": school, "score": score, "cut": 0.0, "given": given, "left": left, **plain})


def verdict_of(frame: pd.DataFrame) -> tuple[str, str | None]:
    table = estimate_effects(frame, (), 1)
    row = table[table["kind_code"] == "discontinuity"].iloc[0]
    return str(row["verdict_code"]), row["failed_checks"]


def test_a_list_that_was_followed_shows_its_effect_and_one_that_was_not_makes_no_claim():
    assert verdict_of(frame_at_cuts(-0.12, uptake=1.0)) == ("helps", None)
    assert verdict_of(frame_at_cuts(-0.12, uptake=0.1)) == ("inconclusive", "uptake")


RUN_ID = "2023-12-20-0123456789ab"


def drawn_lottery(store: Store, run_id: str = RUN_ID, measure: str = "KA-PED") -> Path:
    """Write a lottery as it is kept once it was drawn: two of four in a band got a place, one was certain, one had no chance."""
    folder = store.allocations / run_id / measure / "drawn"
    folder.mkdir(parents=True)
    rows = pd.DataFrame(
        [
            ("p0-0", 1.0, True),
            ("p0-1", 0.5, True),
            ("p0-2", 0.5, False),
            ("p1-1", 0.5, True),
            ("p1-2", 0.5, False),
            ("p1-9", 0.0, False),
        ],
        columns=["pupil_id", "chance", "has_place"],
    )
    rows["school_id"] = ["s" + code[1] for code in rows["pupil_id"]]
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), folder / "allocation.parquet")
    (folder / "log.json").write_text(json.dumps({"measure_code": measure}))
    return folder / "allocation.parquet"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    for name in (RUN_ID, "2025-05-30-0123456789ab"):
        made.run(name).mkdir(parents=True)
    return made


def test_lotteries_of_earlier_runs_are_sources_of_a_run_and_later_or_unknown_ones_are_not(store: Store):
    table = drawn_lottery(store)
    drawn_lottery(store, "2025-05-30-0123456789ab")
    drawn_lottery(store, "2022-12-20-0123456789ab")  # of a run that is not there any more
    (store.allocations / RUN_ID / "KA-PSI" / "registration").mkdir(parents=True)  # laid down, not drawn
    found = lotteries_before(store, date(2024, 12, 20), Digests())
    told = {"run_id": RUN_ID, "cut_off_on": "2023-12-20", "measure_code": "KA-PED"}
    assert found == [{**told, "sha256": digest_of_file(table)}]


def test_a_store_without_allocations_has_no_lottery(tmp_path: Path):
    assert lotteries_before(Store(tmp_path), date(2024, 12, 20), Digests()) == []


def test_a_lottery_that_was_changed_under_a_run_is_refused(store: Store):
    table = drawn_lottery(store)
    (lottery,) = lotteries_before(store, date(2024, 12, 20), Digests())
    assert len(drawn_lots(store.folder, lottery)) == 6
    table.write_bytes(table.read_bytes() + b"x")
    with pytest.raises(RunFailedError, match="must stay as it was drawn"):
        drawn_lots(store.folder, lottery)


def test_only_those_among_whom_lots_decided_are_compared_within_their_school(store: Store, tmp_path: Path):
    earlier_run(tmp_path / "written", schools=2, assumed=0)
    store.run(RUN_ID).rmdir()
    (tmp_path / "written").rename(store.run(RUN_ID))
    drawn_lottery(store)
    given = pd.DataFrame(
        {"pupil_id": ["p0-1", "p1-2"], "measure_code": ["KA-PED", "KA-PSI"], "happened_on": [day("2024-01-10")] * 2}
    )
    lotteries = lotteries_before(store, date(2024, 12, 20), Digests())
    run = SemesterRun(store.run("2024-12-20-now"), date(2024, 12, 20), {"lotteries": lotteries})
    connection = registers(left=["p0-2", "p1-2"], pupils=["p0-1", "p0-2", "p1-1", "p1-2"])
    (rows,) = effects._by_lots(run, connection, given)
    assert rows["is_drawn"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert rows["left"].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert rows["given"].tolist() == [1.0, 0.0, 0.0, 0.0]  # another measure is another question
    assert rows["tie"].nunique() == 2
    assert set(rows["measure_code"]) == {"KA-PED"}
    assert rows["cut"].isna().all()
