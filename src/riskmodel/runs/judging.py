"""Figures of models and rules on past cohorts (40_evaluation), and ``metrics.json`` for scripts.

Each cohort and split, and each handful of features, is a piece of work of its own; the pieces stand side by side in as
many threads as there are workers and are put together in one order, so that the number of threads changes no byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk import bands, rules, splits
from riskmodel.risk.capacity import Capacity
from riskmodel.risk.evaluation import (
    DEFAULT_MODEL,
    Measuring,
    Row,
    ScoredCohort,
    calibration_rows,
    evaluation_rows,
    evaluation_table,
)
from riskmodel.risk.fairness import audit, subgroup
from riskmodel.risk.fairness.subgroup import MeasuredGroup
from riskmodel.risk.predicted import Predicted
from riskmodel.runs import delivered, doubting, metrics, parts, spreads
from riskmodel.runs.cohorts import TRAITS
from riskmodel.runs.members import Members
from riskmodel.runs.metrics import HEADLINES
from riskmodel.runs.predictions import newest_predicted, predicted_parts, read_prediction
from riskmodel.runs.semester import SemesterRun
from riskmodel.settings import HEADLINE_SPLITS
from riskmodel.tables.fairness import FAIRNESS, FAIRNESS_CAUSE
from riskmodel.tables.figures import BAND, CALIBRATION, COVERAGE, DRIFT, EVALUATION, SUBGROUP

__all__ = ["HEADLINES", "Judging", "capacity_of", "judge"]

CURVE_SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
CURVE_REPLICATES = 200


@dataclass(frozen=True)
class Judging:
    """How figures are measured, from the settings of the run."""

    seed: int
    bootstrap_replicates: int
    capacity_share: float
    capacity_places: int
    unsure_share: float
    new_pupil_days: int
    support_aware: bool


def capacity_of(place: pd.DataFrame, share: float, places: int) -> Capacity:
    """Return the places: one number for all schools where ``places`` is given (not 0), else as delivered, else a share."""
    if places:
        return Capacity(share, dict.fromkeys(place["school_id"], places))
    delivered = place[place["places"].notna()]
    return Capacity(share, dict(zip(delivered["school_id"], delivered["places"].astype(int), strict=True)))


def judge(run: SemesterRun, judging: Judging) -> dict[str, Any]:
    """Return the figures as in ``metrics.json``; write it and ``evaluation``, ``calibration``, ``subgroup``, ``fairness``,
    ``fairness_cause``, ``band``, ``drift``, ``coverage``.
    """
    capacity = capacity_of(run.read("place"), judging.capacity_share, judging.capacity_places)
    tested = predicted_parts(run.tables)
    newest = newest_predicted(tested)
    with ThreadPoolExecutor(parts.workers(), thread_name_prefix="judge") as pool:
        course = _Course(
            run,
            pool.submit(Members.of, run),
            Measuring(capacity, judging.bootstrap_replicates, judging.seed),
            split=newest.split_code if newest else HEADLINE_SPLITS[0],
            newest=newest.cohort_on if newest else None,
            new_days=judging.new_pupil_days,
            support_aware=judging.support_aware,
        )
        found, needed, others = _work(course, tested, pool)
        members = course.members.result()
        asked = doubting.Doubting(judging.unsure_share, capacity, judging.bootstrap_replicates, judging.seed)
        spoken = [part.spoken for part in found if part.spoken is not None]
        # While the features that it does not ask for are looked at.
        too_little = spreads.too_little(_all(needed), len(members.label))
        doubted = doubting.doubt(asked, members, spoken, course.split, too_little)
        of_features = [*_all(needed), *_all(others)]
        evaluation = run.write(EVALUATION, evaluation_table([row for part in found for row in part.evaluation]))
        calibration = [row for part in found for row in part.calibration]
        run.write(CALIBRATION, pd.DataFrame(calibration, columns=list(CALIBRATION.column_names)))
        groups = run.write(SUBGROUP, subgroup.subgroup_table([row for part in found for row in part.subgroup]))
        run.write(FAIRNESS, audit.fairness_table([row for part in found for row in part.fairness]))
        causes = run.write(FAIRNESS_CAUSE, audit.cause_table([row for part in found for row in part.causes]))
        run.write(BAND, _bands(run, _joined([part.meaning for part in found if part.meaning is not None]), capacity))
        run.write(DRIFT, spreads.nearest_drift(of_features))
    run.write(COVERAGE, doubted.coverage)
    content = {
        **metrics.headline(evaluation, course.split),
        "subgroups": metrics.by_group([group for part in found for group in part.groups], groups),
        "fairness": metrics.flags(causes),
        "cohorts": metrics.cohorts(members, run.cut_off, {cohort_on for cohort_on, _ in tested}),
        "capacity_curve": [point for part in found for point in part.curve],
        "foretold": doubted.foretold,
        doubting.NAME: doubted.doubt,
        "missingness": spreads.missingness(of_features, members.place[run.cut_off], len(members.label)),
        "assumptions": _assumptions(run, judging),
        "notices": delivered.notices(run),
        "feature_auc": {feature.code: metrics.number(feature.auc) for feature in of_features},
        "rows": metrics.rows(run),
    }
    run.write_json("metrics.json", content)
    return content


@dataclass(frozen=True)
class _Course:
    """What every cohort is measured by: ``split`` is the headline's, ``newest`` the newest cohort that was predicted by it.

    The members are read while the first scores are put in order.
    """

    run: SemesterRun
    members: Future[Members]
    measuring: Measuring
    split: str
    newest: date | None
    new_days: int
    support_aware: bool


@dataclass
class _Found:
    """What is measured of one cohort and split; ``meaning`` holds what the default model said by the headline's split."""

    evaluation: list[Row] = field(default_factory=list)
    calibration: list[Row] = field(default_factory=list)
    subgroup: list[Row] = field(default_factory=list)
    groups: list[MeasuredGroup] = field(default_factory=list)
    fairness: list[Row] = field(default_factory=list)
    causes: list[Row] = field(default_factory=list)
    meaning: pd.DataFrame | None = None
    curve: list[dict[str, Any]] = field(default_factory=list)
    spoken: doubting.Spoken | None = None


def _work(
    course: _Course, tested: Sequence[tuple[date, str]], pool: ThreadPoolExecutor
) -> tuple[list[_Found], _Coming, _Coming]:
    """Return what is found of each cohort and split, in their order, and what is coming of the features (see :func:`spreads.pieces`)."""
    # The newest cohort is the longest piece: its subsets and groups have intervals too.
    begun = {number: pool.submit(_measure, course, number) for number in reversed(range(len(tested)))}
    reading = pool.submit(lambda: spreads.Reading.of(course.run, course.members.result(), course.new_days))
    needed, others = ([pool.submit(_spreads, reading, codes) for codes in pieces] for pieces in spreads.pieces())
    return [begun[number].result() for number in range(len(tested))], needed, others


_Coming: TypeAlias = Sequence[Future[list[spreads.Spread]]]


def _all(coming: _Coming) -> list[spreads.Spread]:
    return [spread for piece in coming for spread in piece.result()]


def _spreads(reading: Future[spreads.Reading], codes: Sequence[str]) -> list[spreads.Spread]:
    return reading.result().spreads(codes)


def _measure(course: _Course, number: int) -> _Found:
    """Measure one cohort and split: every model, and by the headline's split calibration, groups and the curve.

    Models, rules and paired gains have their intervals in every cohort; subsets, bounds and groups in the newest alone.
    """
    predicted = read_prediction(course.run.tables, number)
    pa.default_memory_pool().release_unused()
    scored = ScoredCohort(predicted, course.measuring)
    scored.ranking(DEFAULT_MODEL)
    members, day = course.members.result(), predicted.cohort_on
    rows = members.rows_of(course.run, day, pa.array(predicted.pupil_id, pa.string()))
    allowed: splits.Split = "strict" if predicted.split_code == "strict" else "mature"
    cohort = scored.with_background(
        members.were_seen(day, allowed, rows), members.were_supported(rows), members.lead_days(day, rows)
    )
    is_newest = day == course.newest
    found = _Found(evaluation=evaluation_rows(cohort, has_intervals=is_newest))
    if predicted.split_code == "strict":
        found.spoken = _spoken(course, cohort.predicted, rows)
    if predicted.split_code == course.split:
        found.calibration = calibration_rows(predicted)
        audited = cohort if is_newest else cohort.without_intervals()
        traits = members.traits(rows)
        found.spoken = _spoken(course, cohort.predicted, rows, traits)
        groups = list(subgroup.measured_groups(audited, traits[list(TRAITS)]))
        found.subgroup = [row for group in groups for row in group.rows(day)]
        probability = predicted.by_model[DEFAULT_MODEL][1]
        found.meaning = pd.DataFrame({"probability": probability, "label": predicted.label})
        if is_newest:
            found.groups, found.curve = groups, _capacity_curve(cohort)
            found.fairness, found.causes = _audited(cohort, traits)
    return found


def _audited(cohort: ScoredCohort, traits: pd.DataFrame) -> tuple[list[Row], list[Row]]:
    """Return the rows of ``fairness`` and ``fairness_cause`` of one cohort."""
    own, measuring = cohort.predicted, cohort.measuring
    found = audit.audit(audit.audited_cohort(cohort, traits))
    drawing = audit.Drawing(measuring.replicates, measuring.seed, measuring.cluster_for(own.school_id))
    return audit.fairness_rows(found, own.cohort_on, drawing), audit.cause_rows(found, own.cohort_on)


def _spoken(
    course: _Course, predicted: Predicted, rows: NDArray[np.int64], traits: pd.DataFrame | None = None
) -> doubting.Spoken:
    """Return what the default model said, as it is held against outcomes: against those without new support if it is so asked."""
    raw, probability = predicted.by_model[DEFAULT_MODEL]
    own, label = predicted, predicted.label_without_support if course.support_aware else predicted.label
    return doubting.Spoken(own.cohort_on, own.split_code, raw, probability, label, own.school_id, rows, traits)


def _joined(meaning: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(meaning) if meaning else pd.DataFrame(columns=["probability", "label"], dtype=np.float64)


def _bands(run: SemesterRun, meaning: pd.DataFrame, capacity: Capacity) -> pd.DataFrame:
    schools = run.read("cohort", run.cut_off, ["school_id"])["school_id"]
    share = min(1.0, sum(capacity.by_school(schools).values()) / len(schools))
    return bands.bands(meaning, max(share, 1 / len(schools)))


def _capacity_curve(cohort: ScoredCohort) -> list[dict[str, Any]]:
    """Return the share reached with so many places by the default model and by each rule."""
    models = [code for code in sorted(cohort.predicted.by_model) if code == DEFAULT_MODEL or code in rules.RULES]
    of_share = {share: cohort.with_capacity(Capacity(share), CURVE_REPLICATES) for share in CURVE_SHARES}
    curve = []
    for code in models:
        for share, with_places in of_share.items():
            measured = with_places.measured(code)
            value, low, high = (metrics.number(one) for one in measured.with_interval("recall_at_capacity"))
            curve.append({"model_code": code, "places_share": share, "recall": value, "low": low, "high": high})
        for ranked in (cohort, *of_share.values()):
            ranked.forget(code)
    return curve


def _assumptions(run: SemesterRun, judging: Judging) -> list[dict[str, Any]]:
    """Return what was assumed where nothing was delivered, with the number of schools or rows concerned."""
    assumed = int(run.read("place")["places"].isna().sum()) if not judging.capacity_places else 0
    return [{"code": "capacity_share", "value": judging.capacity_share, "count": assumed}] if assumed else []
