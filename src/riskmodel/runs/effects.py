"""What measures did to leaving, as far as past cohorts can tell (60_effects): ``effect``, ``measure_grade``, ``effects.json``.

Compared are pupils of past cohorts whose outcomes are known. Three kinds of comparison come out of a store by themselves:

- **by judgement**: people gave a measure within :data:`GRACE_DAYS` after the cut-off date. Compared are pupils whose
  score, made out of time, lay in the bands high and medium, since the others are hardly ever asked. Those with the measure
  stand beside a draw of those without it, so that the effect is one over pupils like these and not over the country. To
  neither side belong those whose schooling ended within these days (left, finished, abroad, not known), those who merely go
  on with a measure that was running on the cut-off date, and those in a school where no support is told of
  (:mod:`riskmodel.runs.sides`).
- **by lot**: places of an earlier run were drawn among pupils whose scores were too near to tell (``riskmodel allocate
  --lottery``). This is the best evidence that there is.
- **at a cut**: an earlier run of this store was published and gave places by score up to a school's capacity. Just above
  and just below it pupils are alike. Assumed places are no cut: nobody was told them.

The same pupils' absence in the cohort before and after stands beside them as the weakest kind, and never makes a claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskmodel.risk.bands import band_of
from riskmodel.risk.cutoff import open_cut_off
from riskmodel.risk.effects.allocation import cuts_of
from riskmodel.risk.effects.effect_table import ALL, COLUMNS, estimate_effects
from riskmodel.risk.effects.grade import grades
from riskmodel.risk.effects.verdict import Rule
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.label import Window, cohort, cohort_windows, ended_by, read_stays
from riskmodel.runs import parts, sides
from riskmodel.runs.lotteries import drawn_lots
from riskmodel.runs.predictions import predicted_parts, read_prediction
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.steps import INPUTS
from riskmodel.support.catalogue import catalogue
from riskmodel.tables.worth import ANY_MEASURE, EFFECT, MEASURE_GRADE
from riskmodel.views.extract import rows as plain_rows

TABLES_READ = ("support", "enrolment", "term", "school")
"""Of what was delivered: measures, and by the outcomes of an earlier run its terms and schools."""

EFFECTS_FILE = "effects.json"
GRACE_DAYS = 56
"""A measure that began so many days after the cut-off date counts as given; outcomes are those after them."""

ASKED_BANDS = ("high", "medium")
MOST_PUPILS, MOST_PUPILS_IN_FULL = 4_000, 40_000
"""Pupils of one comparison by judgement: with 4,000, a quarter of whom got the measure, an effect of two points is found
where three in a hundred leave; ten times as many take ten times as long."""
GIVEN_SHARE = 0.25
COVARIATES = (
    *("absent_share_8w", "absent_share_year", "unexcused_lessons_8w", "unexcused_lessons_year", "late_share_year"),
    *("mark_mean_points_year", "low_subjects_year", "term_low_subjects", "past_year_low_subjects"),
    *("age_years", "overage_years", "stage_number", "stage_is_vet", "low_income", "distance_km"),
    *("support_measures_2y", "school_left_share_past_year"),
)
"""Known before: what makes staff choose a pupil and also makes pupils leave, beside the score itself."""
SCORE, OTHER_SUPPORT = "raw_score", "other_measures"
BEFORE = "absent_share_8w"
MATURE = "mature"
EARLIEST_CHAIN = 12
"""So many earlier runs are followed back."""


@dataclass(frozen=True)
class Asked:
    """What is compared, from the settings of the run."""

    seed: int
    full: bool
    rule: Rule
    hour_eur: float = 0.0
    """Price of an hour of support; 0: not known."""

    @property
    def most_pupils(self) -> int:
        """Pupils of one comparison by judgement."""
        return MOST_PUPILS_IN_FULL if self.full else MOST_PUPILS


def estimate(run: SemesterRun, asked: Asked, told: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return the table ``effect``; write it, ``measure_grade`` and what pages show of both (``effects.json``).

    ``told`` stands in that file beside them: what the equal-budget comparison says.
    """
    with run.connect(tables=TABLES_READ) as connection:
        open_cut_off(connection, run.cut_off, tables=("support", "enrolment"))
        sides.hold_support(connection)
        given = sides.measures_given(connection)
        judged = _judged(run, connection, given, asked)
        at_cuts = [*_at_cuts(run, connection, given), *_by_lots(run, connection, given)]
    frames = [frame for frame in (*judged, *at_cuts) if len(frame)]
    whole = pd.concat(frames, ignore_index=True) if frames else _nobody()
    covariates = [name for name in (SCORE, *COVARIATES, OTHER_SUPPORT) if _tells(whole[name])]
    with ThreadPoolExecutor(parts.workers(), thread_name_prefix="effect") as pool:
        table = run.write(EFFECT, estimate_effects(whole, covariates, asked.seed, asked.rule, pool.map))
    listed = [measure.code for measure in catalogue().measures]
    costs = costs_eur(run.inputs.get("spent", ()), asked.hour_eur)
    found = run.write(MEASURE_GRADE, grades(table, [ANY_MEASURE, *listed], costs_eur=costs))
    content = {
        **(told or {}),
        "worth_having": asked.rule.worth_having,
        "effect": _plain(table),
        "measure_grade": _plain(found),
    }
    run.write_json(EFFECTS_FILE, content)
    return table


def costs_eur(spent: Iterable[Mapping[str, Any]], hour_eur: float) -> dict[str, float]:
    """Return what a plan with each measure costs: money that was paid out, and hours at their price.

    A measure that took hours has no price as long as nobody says what an hour costs: a part of it would pass for the whole.

    >>> spent = [{"measure_code": "KA-PED", "plans": 20, "minutes": 1200, "cents": 0}]
    >>> costs_eur(spent, 15.0), costs_eur(spent, 0.0)
    ({'KA-PED': 15.0}, {})
    """
    return {
        one["measure_code"]: (one["cents"] / 100 + one["minutes"] / 60 * hour_eur) / one["plans"]
        for one in spent
        if hour_eur or not one["minutes"]
    }


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return plain_rows({str(name): value for name, value in row.items()} for row in table.to_dict("records"))


def _nobody() -> pd.DataFrame:
    return pd.DataFrame(columns=[*COLUMNS, SCORE, *COVARIATES, OTHER_SUPPORT, "before", "after"], dtype=np.float64)


def _tells(column: pd.Series) -> bool:
    """Return whether a covariate has different values: columns of other sources stand empty."""
    return bool(column.nunique(dropna=True) > 1)


# By judgement


def _judged(
    run: SemesterRun, connection: duckdb.DuckDBPyConnection, given: pd.DataFrame, asked: Asked
) -> list[pd.DataFrame]:
    """Return the frame of every measure, drawn to its size: any measure at all by year and band, single ones as a whole."""
    pupils = list(_cohorts(run, connection))
    if not pupils:
        return []
    whole = pd.concat(pupils, ignore_index=True)
    whole["place"] = np.arange(len(whole))
    began, going_on = sides.began(whole, given), sides.go_on(whole, given)
    frames = []
    for number, measure in enumerate([ANY_MEASURE, *sorted(began["measure_code"].unique())]):
        is_given, goes_on = (
            sides.are_among(whole, rows if measure == ANY_MEASURE else rows[rows["measure_code"] == measure])
            for rows in (began, going_on)
        )
        has_other = sides.are_among(whole, began[began["measure_code"] != measure])
        compared = np.flatnonzero(is_given | ~goes_on)
        chosen = compared[_drawn(is_given[compared], asked, number)]
        frame = whole.iloc[chosen].assign(
            measure_code=measure,
            given=is_given[chosen].astype(np.float64),
            # Beside "any measure" there is no other.
            **{OTHER_SUPPORT: 0.0 if measure == ANY_MEASURE else has_other[chosen].astype(np.float64)},
        )
        if measure != ANY_MEASURE and not asked.full:
            frame = frame.assign(school_year=ALL, group_code=ALL)
        frames.append(frame.drop(columns=["place", "pupil_id", "landmark_on", "cohort_on"]))
    return frames


def _cohorts(run: SemesterRun, connection: duckdb.DuckDBPyConnection) -> Iterator[pd.DataFrame]:
    """Yield the pupils of each past cohort with a score out of time who are asked and can stand on one side or the other."""
    limits = run.read("band")
    windows = {window.cut_off: window for window in run.windows()}
    listed = [(number, day) for number, (day, split) in enumerate(predicted_parts(run.tables)) if split == MATURE]
    following = [*(day for _, day in listed[1:]), run.cut_off]
    every_stay, told_since = read_stays(connection), sides.telling_since(connection)
    for (number, cohort_on), next_on in zip(listed, following, strict=True):
        predicted = read_prediction(run.tables, number, DEFAULT_MODEL)
        if DEFAULT_MODEL not in predicted.by_model:
            continue
        raw, probability = predicted.by_model[DEFAULT_MODEL]
        landmark = cohort_on + timedelta(days=GRACE_DAYS)
        bands, telling = band_of(probability, limits), [school for school, day in told_since.items() if day <= landmark]
        is_asked = np.isin(bands, ASKED_BANDS) & predicted.school_id.isin(telling).to_numpy()
        ended = ended_by(every_stay, windows[cohort_on], landmark, run.cut_off)
        is_asked[is_asked] = pc.invert(pc.is_in(pa.array(predicted.pupil_id[is_asked], pa.string()), value_set=ended))
        pupils = predicted.pupil_id[is_asked]
        kept = pd.DataFrame(
            {
                "pupil_id": pupils.to_numpy(),
                SCORE: raw[is_asked],
                "group_code": bands[is_asked],
                "label": predicted.label[is_asked],
                "school_id": predicted.school_id[is_asked].astype(str).to_numpy(),
            }
        ).join(run.read_beside(pupils, "feature", cohort_on, COVARIATES))
        yield kept.assign(
            cohort_on=pd.Timestamp(cohort_on),
            landmark_on=pd.Timestamp(landmark),
            school_year=str(cohort_on.year if cohort_on.month >= 8 else cohort_on.year - 1),
            score=np.nan,
            cut=np.nan,
            tie=None,
            is_drawn=np.nan,
            left=kept["label"],
            before=kept[BEFORE],
            after=run.read_beside(pupils, "feature", next_on, [BEFORE])[BEFORE],
        ).drop(columns="label")


def _drawn(is_given: NDArray[np.bool_], asked: Asked, number: int) -> NDArray[np.intp]:
    """Return rows for a comparison: up to a quarter of its size with the measure, and a draw of three times as many without."""
    generator = np.random.default_rng([asked.seed, number])
    most_given = int(asked.most_pupils * GIVEN_SHARE)
    with_it, without = np.flatnonzero(is_given), np.flatnonzero(~is_given)
    if len(with_it) > most_given:
        with_it = generator.choice(with_it, most_given, replace=False)
    wanted = int(len(with_it) * (1 - GIVEN_SHARE) / GIVEN_SHARE)
    if len(without) > wanted:
        without = generator.choice(without, wanted, replace=False)
    return np.sort(np.concatenate([with_it, without]))


# At a cut


def _at_cuts(run: SemesterRun, connection: duckdb.DuckDBPyConnection, given: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield a frame for each earlier run of the store that gave places by score and whose outcomes are known."""
    earlier = run.previous
    for _ in range(EARLIEST_CHAIN):
        if earlier is None or not (earlier.tables / "score.parquet").exists():
            return
        found = _at_cut(run, earlier, connection, given)
        if found is not None:
            yield found
        earlier = _before(earlier)


def _before(run: SemesterRun) -> SemesterRun | None:
    if not (run.folder / INPUTS).exists():
        return None
    return SemesterRun(run.folder, run.cut_off, run.read_json(INPUTS)).previous


def _at_cut(
    run: SemesterRun, earlier: SemesterRun, connection: duckdb.DuckDBPyConnection, given: pd.DataFrame
) -> pd.DataFrame | None:
    window = _window(run, earlier, connection)
    if window is None:
        return None
    columns = ["pupil_id", "school_id", "raw_score", "band_code", "is_within_capacity"]
    scores = earlier.read("score", columns=columns)
    assumed = earlier.read("school_summary", columns=["school_id", "is_capacity_assumed"])
    told = set(assumed.loc[~assumed["is_capacity_assumed"].astype(bool), "school_id"])
    scores = scores[scores["school_id"].isin(told)]
    scores = _by_score(scores)
    listing = pd.factorize(scores["school_id"], sort=True)[0].astype(np.intp)
    found = cuts_of(scores["raw_score"].to_numpy(), scores["is_within_capacity"].to_numpy(dtype=np.bool_), listing)
    is_compared = ~np.isnan(found.cut) & ~found.is_tied
    scores = scores.assign(of_cut=found.cut)[is_compared]
    if scores.empty:
        return None
    rows = scores.drop(columns="is_within_capacity").rename(columns={"band_code": "group_code"})
    framed = _framed(rows, _Past(run, earlier, window), connection, given)
    score = framed["raw_score"] - framed["of_cut"]
    return framed.assign(measure_code=ANY_MEASURE, score=score, cut=0.0, tie=None, is_drawn=np.nan).drop(
        columns="of_cut"
    )


class _Past(NamedTuple):
    """An earlier run whose outcomes are known by now, and its label window."""

    run: SemesterRun
    earlier: SemesterRun
    window: Window


def _window(run: SemesterRun, earlier: SemesterRun, connection: duckdb.DuckDBPyConnection) -> Window | None:
    """Return the label window of an earlier run; None while its outcomes are not known."""
    window = cohort_windows(connection, earlier.cut_off, None, _delay(earlier))[-1]
    return None if window.label_known_on > run.cut_off else window


def _framed(
    rows: pd.DataFrame, past: _Past, connection: duckdb.DuckDBPyConnection, given: pd.DataFrame
) -> pd.DataFrame:
    """Return pupils of an earlier run with outcome, whether a measure of ``given`` began in the window, and what was known before."""
    outcome = cohort(connection, past.window, past.run.cut_off)[["pupil_id", "label"]]
    rows = rows.merge(outcome, on="pupil_id", how="inner", validate="1:1")
    in_window = given[
        (given["happened_on"] > pd.Timestamp(past.window.cut_off))
        & (given["happened_on"] <= pd.Timestamp(past.window.horizon_on))
    ]
    there = _there(past.earlier)
    features = past.earlier.read("feature", past.earlier.cut_off, ["pupil_id", *there]).set_index("pupil_id")
    absent = {name: np.nan for name in COVARIATES if name not in there}
    return (
        rows.join(features, on="pupil_id")
        .assign(
            school_year=str(past.window.school_year_on.year),
            given=rows["pupil_id"].isin(in_window["pupil_id"]).astype(np.float64),
            left=rows["label"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan),
            before=np.nan,
            after=np.nan,
            **{OTHER_SUPPORT: 0.0, **absent},
        )
        .drop(columns=["pupil_id", "label"])
    )


def _by_score(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the pupils of the schools whose places went to the highest scores: where people set pupils aside, nothing was cut."""
    has_place = scores["is_within_capacity"].astype(bool)
    lowest = scores["raw_score"].where(has_place).groupby(scores["school_id"]).transform("min")
    highest = scores["raw_score"].where(~has_place).groupby(scores["school_id"]).transform("max")
    return scores[~(highest > lowest)]


# By lot


def _by_lots(run: SemesterRun, connection: duckdb.DuckDBPyConnection, given: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield a frame for each lottery that was drawn for an earlier run whose outcomes are known by now."""
    for lottery in run.inputs.get("lotteries", ()):
        folder = run.store / "runs" / lottery["run_id"]
        earlier = SemesterRun(folder, date.fromisoformat(lottery["cut_off_on"]), {})
        window = _window(run, earlier, connection)
        if window is None:
            continue
        rows = drawn_lots(run.store, lottery)
        in_band = rows[(rows["chance"] > 0) & (rows["chance"] < 1)]
        scores = earlier.read("score", columns=["pupil_id", "raw_score", "band_code"])
        pupils = in_band.merge(scores, on="pupil_id", how="inner", validate="1:1")
        own = given[given["measure_code"] == lottery["measure_code"]]
        framed = _framed(
            pupils.assign(
                # Within one school's band everybody had the same chance.
                tie=pupils["school_id"].astype(str) + "/" + lottery["run_id"],
                is_drawn=pupils["has_place"].astype(np.float64),
                group_code=pupils["band_code"],
            )[["pupil_id", "school_id", "raw_score", "group_code", "tie", "is_drawn"]],
            _Past(run, earlier, window),
            connection,
            own,
        )
        yield framed.assign(measure_code=lottery["measure_code"], score=np.nan, cut=np.nan)


def _there(run: SemesterRun) -> list[str]:
    names = set(pq.read_schema(run.tables / "feature.parquet").names)
    return [name for name in COVARIATES if name in names]


def _delay(run: SemesterRun) -> int:
    """Return the days until an exit is taken to be reported, as they were in an earlier run."""
    return int(run.read_json("manifest.json")["parameters"]["label_delay_days"])
