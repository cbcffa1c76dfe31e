"""What the benchmark on OULAD lets a model know, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskmodel.bench import oulad
from riskmodel.bench.oulad_features import (
    STAY,
    Published,
    background,
    click_features,
    early_click_features,
    enrolled,
    work_features,
)

FIRST = ("AAA", "2013J", 1)


def published(works=(), due=((1, 20), (2, 50), (3, 100)), clicks=(), early=None):
    """One module; ``works`` are (student, work, day handed in, score), ``due`` are (work, day)."""
    days = dict(due)
    return Published(
        students=pd.DataFrame(),
        works=pd.DataFrame(
            [(*FIRST[:2], student, work, days[work], 10.0, day, score) for student, work, day, score in works],
            columns=[*STAY, "id_assessment", "date", "weight", "date_submitted", "score"],
        ).astype({"score": float}),
        due=pd.DataFrame([(*FIRST[:2], *pair) for pair in due], columns=[*STAY[:2], "id_assessment", "date"]),
        click_days=pd.DataFrame([(*FIRST, *pair) for pair in clicks], columns=[*STAY, "date", "sum_click"]),
        early_clicks=early,
    )


ONE_STUDENT = pd.DataFrame([FIRST], columns=STAY)


def features(works, day=60, *, is_clean=True):
    return work_features(ONE_STUDENT, published(works), day, is_clean=is_clean).iloc[0]


def test_a_score_is_known_fourteen_days_after_the_work_was_due_or_handed_in():
    work = [(1, 1, 18, 80)]
    assert np.isnan(features(work, day=33)["score_mean"])
    assert features(work, day=34)["score_mean"] == 80
    late = [(1, 1, 40, 80)]
    assert np.isnan(features(late, day=53)["score_mean"])
    assert features(late, day=54)["score_mean"] == 80


def test_by_the_reference_protocol_a_score_is_known_at_once():
    assert features([(1, 1, 18, 80)], day=20, is_clean=False)["score_mean"] == 80


def test_work_handed_in_early_hides_missed_work_in_the_reference_protocol_alone():
    early = [(1, 3, 30, 70)]  # due on day 100; works 1 and 2 were due and not handed in
    assert features(early)["missed"] == 2
    assert features(early, is_clean=False)["missed"] == 1


def test_nothing_handed_in_is_missed_work_with_the_score_0():
    found = features([])
    assert (found["missed"], found["handed_in"], found["handed_in_share"]) == (2, 0, 0)
    assert (found["score_mean"], found["score_min"]) == (0, 0)


def test_before_any_work_is_due_a_score_is_unknown():
    found = features([], day=19)
    assert np.isnan(found["score_mean"])
    assert np.isnan(found["handed_in_share"])


def test_work_handed_in_after_the_day_does_not_count():
    assert features([(1, 1, 61, 80)])["missed"] == features([])["missed"]


def test_days_late_and_days_since_the_last_work_are_counted_from_their_days():
    found = features([(1, 1, 18, 80), (1, 2, 54, 60)])
    assert found["late_days_mean"] == (0 + 4) / 2
    assert found["days_since_last"] == 6


def test_who_withdrew_by_the_day_is_not_in_the_cohort_and_who_registers_later_only_in_the_reference():
    students = pd.DataFrame(
        {"date_unregistration": [np.nan, 60, 61, np.nan], "date_registration": [-10, -10, -10, 70], "id": [1, 2, 3, 4]}
    )
    assert list(enrolled(students, 60, is_clean=True)["id"]) == [1, 3]
    assert list(enrolled(students, 60, is_clean=False)["id"]) == [1, 3, 4]


def test_a_code_means_the_same_in_every_part_of_the_data():
    students = pd.DataFrame(
        {
            "code_module": ["BBB", "AAA", "CCC"],
            **{name: ["x", "y", None] for name in ("gender", "region", "highest_education", "imd_band")},
            **{name: ["x", "x", "x"] for name in ("age_band", "disability")},
            **{name: [1, 2, 3] for name in ("num_of_prev_attempts", "studied_credits", "date_registration")},
        }
    )
    assert background(students.iloc[[2]], students)["code_module"].tolist() == [2]
    assert background(students, students)["gender"].tolist() == [0, 1, -1]


def test_clicks_are_missing_and_not_zero_where_the_file_is_cut():
    rows = pd.DataFrame([FIRST, ("AAA", "2014B", 2)], columns=STAY)
    found = click_features(rows, published(clicks=[(0, 3), (60, 2), (61, 9)]), 60)
    assert found["clicks_share_of_days"][0] == pytest.approx(2 / 61)
    assert found["days_since_click"][0] == 0
    assert found.loc[1].isna().all()


def test_no_click_before_the_start_is_zero():
    early = pd.DataFrame([(*FIRST, 98)], columns=[*STAY, "pre_course_clicks"])
    rows = pd.DataFrame([FIRST, (*FIRST[:2], 2)], columns=STAY)
    found = early_click_features(rows, published(early=early))["early_clicks_log"]
    assert found.tolist() == [pytest.approx(np.log(99)), 0]


def test_the_rule_counts_missed_work_and_a_low_mean_with_nothing_as_zero():
    table = pd.DataFrame({"missed": [0, 2, 1], "score_mean": [39.9, np.nan, 40.0]})
    assert oulad.missed_work(table).tolist() == [1, 3, 1]


def _world(students=800):
    """Invented registrations in all four presentations of two modules; who misses work withdraws more often."""
    random = np.random.default_rng(1)
    rows, results = [], []
    due = pd.DataFrame(
        [
            (m, p, f"{m}{p}{n}", 20 * n, 10.0)
            for m in ("AAA", "BBB")
            for p in oulad.CLEAN.train + oulad.CLEAN.test
            for n in range(1, 7)
        ],
        columns=[*STAY[:2], "id_assessment", "date", "weight"],
    )
    for (module, presentation), works in due.groupby(STAY[:2]):
        for number in range(students // 8):
            diligence = random.uniform()
            withdraws = random.uniform() > 0.1 + 0.85 * diligence
            last = random.integers(125, 200) if withdraws else np.nan
            rows.append(
                (module, presentation, len(rows), random.integers(-90, 0), last, number % 3, diligence > 0.5, withdraws)
            )
            results += [
                (module, presentation, len(rows) - 1, work.id_assessment, work.date, 10.0, work.date, 100 * diligence)
                for work in works.itertuples()
                if random.uniform() < diligence
            ]
    table = pd.DataFrame(
        rows,
        columns=[*STAY, "date_registration", "date_unregistration", "num_of_prev_attempts", "odd", "withdraws"],
    )
    codes = {name: np.where(table["odd"], "a", "b") for name in ("gender", "region", "highest_education", "imd_band")}
    table = table.assign(**codes, age_band="a", disability="N", studied_credits=60)
    table["final_result"] = np.where(table["withdraws"], "Withdrawn", "Pass")
    clicks = table[STAY].assign(date=30, sum_click=2)
    early = table[STAY].assign(pre_course_clicks=5)
    works = pd.DataFrame(results, columns=[*STAY, "id_assessment", "date", "weight", "date_submitted", "score"])
    return Published(table, works, due, clicks, early)


@pytest.fixture(scope="module")
def report():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oulad, "QUICK_SEEDS", 1)
        patch.setattr(oulad, "QUICK_REPLICATES", 50)
        patch.setattr(oulad, "FOLDS", 2)
        patch.setattr(oulad, "read", lambda _: _world())
        patch.setattr(oulad, "verified", lambda *_: None)
        yield oulad.measure(None, lambda _: None, quick=True)


def test_the_report_has_the_keys_that_scripts_read(report):
    for figures in (report, report["strict"], report["clean"], report["clicks"]):
        for day in ("day_60", "day_120"):
            assert figures[day]["low"] <= figures[day]["auc"] <= figures[day]["high"]
    assert set(report["rules"]["day_60"]["strict"]) == {oulad.OURS, *oulad.RULES}
    assert set(report["references"]["day_120"]) == {"reference", "strict"}


def test_the_strict_test_is_2014j_alone_and_the_reference_has_both(report):
    assert report["day_60"]["pupils_test"] == 2 * report["strict"]["day_60"]["pupils_test"]
    assert report["day_60"]["pupils_train"] == report["strict"]["day_60"]["pupils_train"]


def test_ours_beats_a_rule_that_knows_only_the_module(report):
    row = report["rules"]["day_60"]["reference"]["module_rate"]
    assert row["ours_minus_this_low"] > 0


def test_settings_are_chosen_without_a_look_at_2014():
    table = oulad.Table.at(_world(), 60, is_clean=True)
    spoilt = table.rows.assign(
        final_result=table.rows["final_result"].where(table.rows["code_presentation"].str[:4] == "2013", "Pass")
    )
    assert oulad.choose_inside_training([table], 1) == oulad.choose_inside_training(
        [oulad.Table(spoilt, table.features)], 1
    )
