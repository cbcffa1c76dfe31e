"""What was known of a student of OULAD on day c of a presentation, straight from the published files.

These features belong to the benchmark's protocol, whose columns were fixed before ours were thought of. They do not
pass through the canonical tables, so that a figure here can be compared with figures of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from riskmodel.sources.oulad import CLICKS_COMPLETE_TO_DAY, MARKING_DAYS

STAY = ["code_module", "code_presentation", "id_student"]
"""The key of a student in a module in a presentation."""

CODES = ("code_module", "gender", "region", "highest_education", "imd_band", "age_band", "disability")
BACKGROUND = ("num_of_prev_attempts", "studied_credits", "date_registration", *CODES)

DIRECTIONS = {
    "num_of_prev_attempts": 1,
    "late_days_mean": 1,
    "missed": 1,
    "score_mean": -1,
    "score_min": -1,
    "handed_in_share": -1,
    "clicks_share_of_days": -1,
    "days_since_click": 1,
    "recent_clicks_log": -1,
    "early_clicks_log": -1,
}
"""Whether more of a feature means more risk (+1) or less (-1); a feature that is not named is free."""

RECENT_DAYS = 28
NOTHING_HANDED_IN_SCORE = 0.0
"""What the publisher gives for work that was due and never handed in. Work not yet marked, or not yet due, is unknown."""


@dataclass(frozen=True)
class Published:
    """The published tables, joined.

    ``students``: one row per student, module and presentation, with registration and withdrawal days. ``works``: one
    row per result handed in that was not carried over from an earlier attempt, with its due day. ``due``: the works
    of each presentation. ``click_days``: one row per student and day with clicks. ``early_clicks``: clicks before
    the first day, of all presentations; None where that derived file is not at hand.
    """

    students: pd.DataFrame
    works: pd.DataFrame
    due: pd.DataFrame
    click_days: pd.DataFrame
    early_clicks: pd.DataFrame | None


def read(folder: Path) -> Published:
    """Return the published tables of the verified ``folder``."""

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / name, na_values=["?"])

    students = table("studentInfo.csv").merge(table("studentRegistration.csv"), on=STAY, validate="one_to_one")
    due = table("assessments.csv")
    results = table("studentAssessment.csv").merge(due, on="id_assessment", validate="many_to_one")
    clicks = table("studentVle_first1048575.csv.gz")
    early = folder / "vle_pre_course_features.csv"
    return Published(
        students=students,
        works=results[results["is_banked"] == 0],
        due=due,
        click_days=clicks.groupby([*STAY, "date"])[["sum_click"]].sum().reset_index(),
        early_clicks=table(early.name) if early.exists() else None,
    )


def enrolled(students: pd.DataFrame, day: int, *, is_clean: bool) -> pd.DataFrame:
    """Return the students who had not withdrawn by ``day``; ``is_clean``: and who had registered by then."""
    withdrawn = students["date_unregistration"]
    rows = withdrawn.isna() | (withdrawn > day)
    if is_clean:
        rows &= ~(students["date_registration"] > day)
    return students[rows].reset_index(drop=True)


def background(rows: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return what is known before the first day: numbers as they are, codes by their place in sorted order, -1 missing.

    ``students`` are all students of the data set: a code must mean the same in training and test.
    """
    features = rows[list(BACKGROUND)].copy()
    for name in CODES:
        codes = sorted(students[name].dropna().unique())
        features[name] = pd.Categorical(rows[name], categories=codes).codes
    return features.astype(np.float64)


def work_features(rows: pd.DataFrame, published: Published, day: int, *, is_clean: bool) -> pd.DataFrame:
    """Return the nine features of the work handed in by ``day``, one row per row of ``rows``.

    By the reference protocol, a score is known when the work is handed in, and work handed in before it was due
    counts against ``missed`` (which can so be negative). ``is_clean``: a score is known 14 days after the work was
    due or handed in, whichever was later, and ``missed`` and ``handed_in_share`` count work due by ``day`` alone. In
    both, a student who handed in nothing though work was due has the scores 0; a score not known yet is missing.
    """
    handed = published.works[published.works["date_submitted"] <= day].copy()
    handed["late_days"] = (handed["date_submitted"] - handed["date"]).clip(lower=0)
    marked_on = handed[["date", "date_submitted"]].max(axis=1) + MARKING_DAYS
    handed["known_score"] = handed["score"].where(marked_on <= day) if is_clean else handed["score"]
    handed["is_due"] = (handed["date"] <= day) if is_clean else True
    work = handed.groupby(STAY).agg(
        handed_in=("id_assessment", "size"),
        score_mean=("known_score", "mean"),
        score_min=("known_score", "min"),
        late_days_mean=("late_days", "mean"),
        weight_sum=("weight", "sum"),
        last_day=("date_submitted", "max"),
        handed_in_of_due=("is_due", "sum"),
    )
    work["days_since_last"] = day - work.pop("last_day")
    features = rows[STAY].merge(work, how="left", left_on=STAY, right_index=True).drop(columns=STAY)
    by_presentation = published.due[published.due["date"] <= day].groupby(STAY[:2]).size().rename("due")
    features["due"] = (
        rows[STAY[:2]].merge(by_presentation, how="left", left_on=STAY[:2], right_index=True)["due"].fillna(0)
    )
    for name in ("handed_in", "weight_sum", "handed_in_of_due"):
        features[name] = features[name].fillna(0)
    nothing = (features["handed_in"] == 0) & (features["due"] > 0)
    for name in ("score_mean", "score_min"):
        features[name] = features[name].mask(nothing, NOTHING_HANDED_IN_SCORE)
    features["missed"] = features["due"] - features["handed_in_of_due"]
    features["handed_in_share"] = features["handed_in_of_due"] / features["due"].where(features["due"] > 0)
    return features.drop(columns="handed_in_of_due").astype(np.float64)


def click_features(rows: pd.DataFrame, published: Published, day: int) -> pd.DataFrame:
    """Return the share of days with clicks, the days since the last one, and the clicks of the last four weeks (log).

    NaN for every student of a presentation whose clicks are not complete to ``day``: no data, not no clicks.
    """
    days = published.click_days[published.click_days["date"].between(0, day)]
    by_student = days.groupby(STAY).agg(active_days=("date", "size"), last_click_day=("date", "max"))
    features = rows[STAY].merge(by_student, how="left", left_on=STAY, right_index=True)
    features["clicks_share_of_days"] = features.pop("active_days").fillna(0) / (day + 1)
    features["days_since_click"] = day - features.pop("last_click_day").fillna(-1)
    recent = days[days["date"] > day - RECENT_DAYS].groupby(STAY)["sum_click"].sum()
    found = rows[STAY].merge(recent, how="left", left_on=STAY, right_index=True)["sum_click"]
    features["recent_clicks_log"] = np.log1p(found.fillna(0))
    complete = [
        CLICKS_COMPLETE_TO_DAY.get(key, -1) >= day for key in zip(*(rows[name] for name in STAY[:2]), strict=True)
    ]
    features.loc[~np.array(complete, dtype=bool), features.columns.difference(STAY)] = np.nan
    return features.drop(columns=STAY).astype(np.float64)


def early_click_features(rows: pd.DataFrame, published: Published) -> pd.DataFrame:
    """Return the logarithm of one plus the clicks before the first day; no click is 0, all presentations are complete."""
    assert published.early_clicks is not None, "asked for only where the file is at hand"
    clicks = published.early_clicks.set_index(STAY)["pre_course_clicks"]
    found = rows[STAY].merge(clicks, how="left", left_on=STAY, right_index=True)["pre_course_clicks"]
    return pd.DataFrame({"early_clicks_log": np.log1p(found.fillna(0))})
