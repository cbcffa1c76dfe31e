"""What teaches (30_model): the rows of a cohort, which of them are drawn, and the fits of a run, each made once.

Cohorts come oldest first, one in memory at a time; of each only the rows that are drawn by a fit are kept. A fit begins in
a thread when the last of its cohorts has come. Neither the number of threads nor who waits for whom changes a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskmodel.risk import model, rules
from riskmodel.risk.draw import Draw, content_of, draw_for, lots
from riskmodel.risk.features import FEATURES
from riskmodel.risk.model import RiskModel
from riskmodel.risk.recipe import BOOSTING, Recipe
from riskmodel.risk.support_weights import weights_without_support
from riskmodel.runs.cohorts import SUPPORTED
from riskmodel.runs.parquet import read_numbers
from riskmodel.runs.semester import SemesterRun

SLOW_CHALLENGER_ROWS = {"ebm": 10_000, "forest": 10_000}
"""So many rows teach those challengers that take minutes otherwise; they are there to compare with."""

WEIGHT = "weight"
"""The training column of the weights."""

SUPPORT_ROWS = 10_000
"""So many pupils of a cohort, about, tell who gets support."""

DIRECTIONS = {feature.code: feature.direction for feature in FEATURES}
NEEDED_BY_RULES = {code for rule in rules.COUNTED.values() for alternatives in rule.needs for code in alternatives}

Taught = tuple[date, ...]
"""The cohorts that teach, oldest first."""


@dataclass(frozen=True)
class Learning:
    """How models are learnt: seed, threads per fit, what they may see, which there are, and rows per fit (0: all)."""

    seed: int
    threads: int
    score_with_protected: bool
    support_aware: bool
    full: bool = False
    most_rows: int = 0
    support_method: str = "reweight"

    @property
    def codes(self) -> list[str]:
        """The features that a model may read: protected traits only if somebody said so."""
        return [feature.code for feature in FEATURES if self.score_with_protected or not feature.is_protected]


@dataclass(frozen=True)
class Pupils:
    """A cohort by ``pupil_id``: features (columns that lie together in memory), label (NaN: censored or open), school.

    ``was_supported``: new support began inside the label window.
    """

    features: pd.DataFrame
    label: NDArray[np.float64]
    school_id: pd.Series
    pupil_id: pd.Series
    was_supported: NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Pupils who may teach: features, label, support, school, and the lot by which they are drawn.

    ``weight``: for how many pupils each stands where those with support teach nothing (see
    :mod:`riskmodel.risk.support_weights`).
    """

    features: pd.DataFrame
    label: NDArray[np.float64]
    was_supported: NDArray[np.bool_]
    school_id: pd.Series
    lot: NDArray[np.float64]
    weight: NDArray[np.float64]

    def only(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return the chosen rows, in memory of their own even if they are all."""
        places = np.flatnonzero(chosen)
        values = self.features.to_numpy().T.take(places, axis=1).T
        return Rows(
            pd.DataFrame(values, columns=self.features.columns, copy=False),
            self.label[places],
            self.was_supported[places],
            self.school_id.take(places).reset_index(drop=True),
            self.lot[places],
            self.weight[places],
        )


class Cohorts:
    """Reads the cohorts of a run, one in memory at a time: the features of the next take the place of the last one's."""

    def __init__(self, run: SemesterRun, learning: Learning) -> None:
        self._run, self._learning = run, learning
        label = run.read("cohort", columns=["cohort_on", "label"]).groupby("cohort_on")["label"]
        self._counted = label.agg(["sum", "count", "size"])
        self._room = np.empty(len(learning.codes) * int(self._counted["size"].max()))

    def outcomes(self) -> dict[date, tuple[int, int]]:
        """Return how many left and how many stayed of each cohort."""
        return {
            pd.Timestamp(str(day)).date(): (int(row["sum"]), int(row["count"] - row["sum"]))
            for day, row in self._counted.iterrows()
        }

    def pupils(self, cut_off: date) -> Pupils:
        """Return one cohort, as its models read it, until another one is asked for."""
        members = self._run.read("cohort", cut_off, ["pupil_id", "school_id", "label"])
        members = members.sort_values("pupil_id", ignore_index=True)
        label = members["label"].to_numpy(dtype=np.float64, na_value=np.nan)
        trait = beside(members[["pupil_id"]], self._run.read("trait", cut_off, ["pupil_id", SUPPORTED]))
        supported = trait[SUPPORTED].to_numpy(dtype=bool)
        return Pupils(self._features(cut_off, members), label, members["school_id"], members["pupil_id"], supported)

    def rows(self, cut_off: date) -> Rows:
        """Return one cohort, as it teaches, until another one is asked for."""
        pupils = self.pupils(cut_off)
        content = content_of(pupils.features.to_numpy(), pupils.label)
        lot = lots(content, cut_off.toordinal(), self._learning.seed)
        one = np.ones(len(lot))
        return Rows(pupils.features, pupils.label, pupils.was_supported, pupils.school_id, lot, one)

    def _features(self, cut_off: date, members: pd.DataFrame) -> pd.DataFrame:
        codes = self._learning.codes
        if self._run.read("feature", cut_off, ["pupil_id"])["pupil_id"].equals(members["pupil_id"]):
            matrix = read_numbers(self._run.tables, "feature", cut_off, codes, self._room)
            return pd.DataFrame(matrix, columns=codes, copy=False)
        return beside(members, self._run.read("feature", cut_off, ["pupil_id", *codes])).drop(columns="pupil_id")


def beside(members: pd.DataFrame, rows: pd.DataFrame, keys: Sequence[str] = ("pupil_id",)) -> pd.DataFrame:
    """Return ``rows`` in the order of the members, as they are mostly written."""
    if all(rows[key].equals(members[key]) for key in keys):
        return rows
    return members[list(keys)].merge(rows, on=list(keys), how="left", validate="1:1")


def together(cohorts: Iterable[Rows]) -> Rows:
    """Return the rows of several cohorts as one."""
    several = list(cohorts)
    return Rows(
        pd.concat([part.features for part in several], ignore_index=True),
        np.concatenate([part.label for part in several]),
        np.concatenate([part.was_supported for part in several]),
        pd.concat([part.school_id for part in several], ignore_index=True),
        np.concatenate([part.lot for part in several]),
        np.concatenate([part.weight for part in several]),
    )


class Fits:
    """The fits of a run by what teaches and kind of model.

    Parameters
    ----------
    learning
        How models are learnt.
    outcomes
        How many left and how many stayed, by cohort.
    wanted
        Every fit that the run needs, once.
    pool
        The threads that make them.
    """

    def __init__(
        self,
        learning: Learning,
        outcomes: Mapping[date, tuple[int, int]],
        wanted: Sequence[tuple[Taught, str]],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.learning, self._pool = learning, pool
        self._outcomes, self._wanted = outcomes, wanted
        self._kept: dict[date, Rows] = {}
        self._tallies: dict[date, dict[str, pd.DataFrame]] = {}
        self._fits: dict[tuple[Taught, str], Future[RiskModel]] = {}

    @property
    def taken(self) -> Taught:
        """The cohorts that were taken, oldest first."""
        return tuple(self._kept)

    def take(self, cut_off: date, rows: Rows) -> None:
        """Keep what may teach of a cohort, and begin the fits that have waited for it."""
        known = ~np.isnan(rows.label)
        draws = [self.draw(taught, kind) for taught, kind in self._wanted if cut_off in taught]
        widest = Draw(max(draw.left for draw in draws), max(draw.stayed for draw in draws))
        self._kept[cut_off] = self._weighed(rows, rows.only(known & widest.chosen(rows.lot, rows.label)))
        school_id, label = rows.school_id[known], rows.label[known]
        needed = rows.features.loc[known, [code for code in rows.features if code in NEEDED_BY_RULES]]
        self._tallies[cut_off] = {code: rules.tally(code, needed, school_id, label) for code in rules.RULES}
        for taught, kind in self._wanted:
            # The slow ones alone do not start in a thread: their libraries set the filters of warnings, which threads share.
            if taught[-1] == cut_off and kind not in SLOW_CHALLENGER_ROWS:
                self._fits[taught, kind] = self._pool.submit(self.fit, taught, kind)

    def _weighed(self, rows: Rows, kept: Rows) -> Rows:
        """Return what is kept of a cohort with its weights, learnt from an even share of all its ``rows``."""
        if not (self.learning.support_aware and self.learning.support_method == "reweight"):
            return kept
        even = rows.only(rows.lot < SUPPORT_ROWS / max(len(rows.lot), 1))
        known, seed = (even.features, even.was_supported), self.learning.seed
        weight = weights_without_support(known, kept.features, kept.was_supported, seed, self.learning.threads)
        return replace(kept, weight=weight)

    def draw(self, taught: Taught, kind: str) -> Draw:
        """Return the shares of all pupils of these cohorts that teach a model of this kind."""
        left, stayed = (sum(self._outcomes[day][place] for day in taught) for place in (0, 1))
        most = min(self.learning.most_rows or left + stayed, SLOW_CHALLENGER_ROWS.get(kind, left + stayed))
        return draw_for(left, stayed, most)

    def drawn(self, taught: Taught, kind: str) -> Rows:
        """Return the rows that teach."""
        draw = self.draw(taught, kind)
        kept = [self._kept[day] for day in taught]
        return together(rows.only(draw.chosen(rows.lot, rows.label)) for rows in kept)

    def fit(self, taught: Taught, kind: str, rows: Rows | None = None) -> RiskModel:
        """Return a model taught by cohorts, or by these ``rows`` of what is drawn of them."""
        rows = self.drawn(taught, kind) if rows is None else rows
        draw = self.draw(taught, kind)
        features = rows.features
        recipe = Recipe(kind, left_share=draw.left, stayed_share=draw.stayed)
        if self.learning.support_aware and rows.was_supported.any():
            alone = rows.only(~rows.was_supported)
            if (
                self.learning.support_method == "reweight"
                and kind in BOOSTING
                and 0 < alone.label.sum() < len(alone.label)
            ):
                rows, features = alone, alone.features.assign(**{WEIGHT: alone.weight})
                recipe = replace(recipe, weight=WEIGHT)
            else:
                features = features.assign(**{SUPPORTED: rows.was_supported.astype(np.float64)})
                recipe = replace(recipe, treatment=SUPPORTED)
        directions = {code: DIRECTIONS[code] for code in rows.features.columns}
        return model.fit(recipe, features, rows.label, directions, self.learning.seed, self.learning.threads)

    def begin(self, taught: Taught, kind: str, rows: Rows) -> Future[RiskModel]:
        """Begin one more fit, by these ``rows`` of what is drawn."""
        return self._pool.submit(self.fit, taught, kind, rows)

    def model(self, taught: Taught, kind: str) -> RiskModel:
        """Return a model that was wanted, when it is ready."""
        begun = self._fits.get((taught, kind))
        return self.fit(taught, kind) if begun is None else begun.result()

    def rule(self, taught: Taught, code: str) -> rules.FittedRule:
        """Return a rule with the shares of these cohorts."""
        return rules.learn_from(code, [self._tallies[day][code] for day in taught])
