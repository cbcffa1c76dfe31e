"""The pupils of the synthetic cohort, and what each school year does to them: enter, go on, move, leave, come back."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskmodel.latvia import SchoolYear
from riskmodel.sources.synthetic.names import new_personal_codes, old_personal_codes, pupil_names
from riskmodel.sources.synthetic.schools import Schools
from riskmodel.sources.synthetic.truth import FIRST_GRADE, FIRST_VET_INDEX, STAGE_COUNT, Flags, Floats, Integers

NEVER = np.iinfo(np.int64).max
MOST_PUPILS_OF_A_DISTRICT = 1_000_000_000
"""More than a district ever has: numbers of pupils of two districts differ."""
EPOCH = date(1970, 1, 1)

GRADE_9, GRADE_10, GRADE_12 = 4, 5, 7
VET_YEAR_1, VET_YEAR_4 = FIRST_VET_INDEX, STAGE_COUNT - 1

STAGE_WEIGHTS = np.array([1.0] * 5 + [0.70, 0.67, 0.65] + [1.0, 0.8, 0.68, 0.6])
"""Relative sizes of the stages within general and within vocational education: grade 12 to grade 9 as in 2019/20."""

CLASS_SIZE = 24
AFTER_GRADE_9 = {"vet": 0.26, "grade_10": 0.71}
"""With those who fail, a third goes on to vocational schools; a few go on where the cohort does not hold them."""
VET_SHARE_WHEN_FAILING = 0.25
"""Added for those with an insufficient subject."""
ARRIVALS_SHARE = 0.008
"""New pupils in grades 6 to 11, of the size of the stage [assumed]: families who come or come back to the country."""
RETURN_SHARES = {"left": 0.06, "unknown": 0.25, "abroad": 0.06}
"""Of those gone for at least a year, the share that is back in any autumn until :data:`OLDEST_TO_RETURN` [assumed]."""
OLDEST_TO_RETURN = 21
DAYS_AWAY = 330
RURAL_DETACHMENT, LATGALE_DETACHMENT = 0.15, 0.15
RURAL_POVERTY = 0.05
RURAL_WAY = 1.6
"""Of the way to school in a city."""
TRANSFER_SHARE = 0.03
REPEAT_SHARE = 0.008
REPEAT_SHARE_WHEN_FAILING = 0.12
"""For pupils with three or more insufficient subjects."""
NEW_CODE_SHARE = 0.08
LOW_INCOME_SHARE = 0.14
"""At a registered unemployment of 6 percent; it goes up and down with the municipality's."""

FIRST_LANGUAGES = ("lv", "ru", "uk", "pl")
FIRST_LANGUAGE_SHARES = {"lv": (0.93, 0.05, 0.01, 0.01), "ru": (0.12, 0.82, 0.04, 0.02)}


def day_number(day: date) -> int:
    """Return the days from 1 January 1970 to ``day``."""
    return (day - EPOCH).days


@dataclass
class Pupils:
    """All pupils that were ever in the cohort: one value per pupil in each array."""

    is_male: Flags
    born: npt.NDArray[np.datetime64]
    language: Integers
    has_special_needs: Flags
    ability: Floats
    detachment: Floats
    """The lasting part of how far a pupil is from school life; the yearly part is drawn anew."""
    frailty: Floats
    distance_km: Floats
    has_low_income: Flags
    has_free_meals: Flags
    in_dormitory: Flags
    prior_points: Floats
    school: Integers
    stage: Integers
    letter: Integers
    attempts: Integers
    is_enrolled: Flags
    entered_on: Integers
    gone_on: Integers
    """The last day in the cohort, for those who are not in it."""
    gone_as: Integers
    """How that stay ended (a place in ``rows.EXITS``), or -1."""

    def __len__(self) -> int:
        return len(self.stage)

    def joined(self, others: Self) -> Self:
        """Return these pupils followed by ``others``."""
        return type(self)(
            *(np.concatenate([getattr(self, each.name), getattr(others, each.name)]) for each in fields(self))
        )


def make_pupils(
    rng: np.random.Generator, schools: Schools, stage: Integers, school: Integers, year: SchoolYear
) -> Pupils:
    """Return new pupils who enter these stages and schools at the start of a school year."""
    count = len(stage)
    is_vet = stage >= FIRST_VET_INDEX
    is_male = rng.random(count) < np.where(is_vet, 0.56, 0.5)
    # In the year of their first school year's autumn pupils turn 7; grade 5 is the year in which they turn 11.
    years_of_age = np.where(is_vet, stage - FIRST_VET_INDEX + 16, stage + FIRST_GRADE + 6)
    years_older = rng.choice(4, count, p=(0.93, 0.05, 0.015, 0.005)) + is_vet * rng.choice(
        3, count, p=(0.8, 0.14, 0.06)
    )
    born_year = year.first_year - years_of_age - years_older
    born = (born_year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + rng.integers(0, 365, count)
    is_russian = np.array([language == "ru" for language in schools.language])[school]
    shares = np.where(is_russian[:, None], FIRST_LANGUAGE_SHARES["ru"], FIRST_LANGUAGE_SHARES["lv"])
    is_rural = schools.is_rural[school]
    detachment = rng.normal(0.0, 1.0, count) + 0.26 * np.where(is_male, 1, -1) + _place_detachment(schools)[school]
    poverty = LOW_INCOME_SHARE + 0.015 * (schools.unemployment_percent[school] - 6.0) + 0.05 * is_vet
    has_low_income = rng.random(count) < np.clip(poverty + RURAL_POVERTY * (is_rural - 0.5), 0.04, 0.5)
    travelled_km = rng.lognormal(1.05, 0.9, count) * np.where(is_vet, 2.5, np.where(is_rural, RURAL_WAY, 1.0))
    distance_km: Floats = np.minimum(travelled_km, 180.0).astype(np.float64).round(1)
    ability = rng.normal(0.0, 1.0, count) - 0.3 * detachment - 0.15 * has_low_income - 0.25 * is_vet
    class_count = np.maximum(1, np.round(np.bincount(school * STAGE_COUNT + stage) / CLASS_SIZE)).astype(np.int64)
    return Pupils(
        is_male=is_male,
        born=born,
        language=(rng.random(count)[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1),
        has_special_needs=rng.random(count) < 0.06,
        ability=ability,
        detachment=detachment,
        frailty=rng.gamma(2.0, 0.5, count),
        distance_km=distance_km,
        has_low_income=has_low_income,
        has_free_meals=has_low_income & (rng.random(count) < 0.85) | (rng.random(count) < 0.03),
        in_dormitory=is_vet & (distance_km > 20) & (rng.random(count) < 0.7),
        prior_points=np.clip(np.round(6.6 + 1.1 * ability + rng.normal(0.0, 0.5, count), 1), 3.0, 10.0),
        school=school,
        stage=stage,
        letter=rng.integers(0, class_count[school * STAGE_COUNT + stage]),
        attempts=np.zeros(count, dtype=np.int64),
        is_enrolled=np.ones(count, dtype=bool),
        entered_on=np.full(count, day_number(year.starts_on)),
        gone_on=np.full(count, NEVER),
        gone_as=np.full(count, -1),
    )


def _place_detachment(schools: Schools) -> Floats:
    """Return by how much the pupils of each school are further from school life than in the country on average."""
    is_latgale = np.array([place.planning_region == "Latgale" for place in schools.municipality])
    shift: Floats = RURAL_DETACHMENT * (schools.is_rural - 0.5) + LATGALE_DETACHMENT * (is_latgale - 0.13)
    return shift


CODES_OF_A_DAY = 1000


@dataclass
class Codes:
    """The personal codes given out so far in the whole country: each is given once."""

    shift: int
    given: int
    _born_count: dict[int, int]

    @classmethod
    def none_yet(cls, seed: int) -> Self:
        """Return the empty register."""
        return cls(int(np.random.default_rng([seed, 1]).integers(0, 1_000_000_000)), 0, {})

    def next(self, born: npt.NDArray[np.datetime64], has_new: Flags) -> tuple[list[str], list[str | None]]:
        """Return a code for each pupil, and the earlier code of those who had one.

        Those with ``has_new`` had an old code and have a new one. So do all, and without an earlier one, whose day of
        birth has no old code left.
        """
        serial = np.empty(len(born), dtype=np.int64)
        for place, day in enumerate(born.astype(np.int64).tolist()):
            serial[place] = self._born_count.get(day, 0)
            self._born_count[day] = int(serial[place]) + 1
        is_full = serial >= CODES_OF_A_DAY
        old = old_personal_codes(born, np.minimum(serial, CODES_OF_A_DAY - 1))
        new = new_personal_codes(np.arange(self.given, self.given + len(born)), self.shift)
        self.given += len(born)
        choice = list(zip(old, new, has_new.tolist(), is_full.tolist(), strict=True))
        codes = [after if changed or full else before for before, after, changed, full in choice]
        return codes, [before if changed and not full else None for before, _, changed, full in choice]


@dataclass
class Identities:
    """Invented names and personal codes, in the order of the pupils of a district."""

    codes: Codes
    first_name: list[str]
    last_name: list[str]
    code: list[str]
    earlier_code: list[str | None]
    code_column: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    """``code`` as a column: made once a year, not at each of the thousands of times when rows are written."""

    @classmethod
    def none_yet(cls, codes: Codes) -> Self:
        """Return those of a district without pupils, whose codes come from the country's register."""
        return cls(codes, [], [], [], [])

    def add(self, rng: np.random.Generator, pupils: Pupils, first: int) -> None:
        """Give the pupils from ``first`` on a name and a code; some had an old code and have a new one."""
        first_names, last_names = pupil_names(rng, pupils.is_male[first:])
        code, earlier = self.codes.next(pupils.born[first:], rng.random(len(pupils) - first) < NEW_CODE_SHARE)
        self.first_name += first_names
        self.last_name += last_names
        self.code += code
        self.earlier_code += earlier
        self.code_column = pa.array(self.code, pa.string())


@dataclass(frozen=True)
class Sizes:
    """How many pupils each stage takes in."""

    stage: Integers

    @classmethod
    def of(cls, pupils: int, vet_share: float) -> Self:
        """Return the sizes of the stages of a cohort with so many pupils at once."""
        is_vet = np.arange(STAGE_COUNT) >= FIRST_VET_INDEX
        total = np.where(is_vet, pupils * vet_share, pupils * (1 - vet_share))
        weight = STAGE_WEIGHTS / np.where(is_vet, STAGE_WEIGHTS[is_vet].sum(), STAGE_WEIGHTS[~is_vet].sum())
        return cls(np.round(total * weight).astype(np.int64))


def first_pupils(rng: np.random.Generator, schools: Schools, sizes: Sizes, year: SchoolYear) -> Pupils:
    """Return the pupils of all stages with whom the first school year starts."""
    stage = np.repeat(np.arange(STAGE_COUNT), sizes.stage)
    return make_pupils(rng, schools, stage, school_for(rng, schools, stage), year)


def entrants(rng: np.random.Generator, schools: Schools, sizes: Sizes, pupils: Pupils, year: SchoolYear) -> Pupils:
    """Return those who come from outside: a new grade 5, a few others, and VET year 1 filled up to its size."""
    in_vet_year_1 = int(np.count_nonzero(pupils.is_enrolled & (pupils.stage == VET_YEAR_1)))
    new = np.zeros(STAGE_COUNT, dtype=np.int64)
    new[0] = sizes.stage[0]
    new[1:GRADE_12] = rng.binomial(sizes.stage[1:GRADE_12], ARRIVALS_SHARE)
    new[VET_YEAR_1] = max(0, int(sizes.stage[VET_YEAR_1]) - in_vet_year_1)
    stage = np.repeat(np.arange(STAGE_COUNT), new)
    return make_pupils(rng, schools, stage, school_for(rng, schools, stage), year)


def let_return(rng: np.random.Generator, schools: Schools, pupils: Pupils, shares: Floats, year: SchoolYear) -> None:
    """Let some who were gone for a year enter the stage that they had left, as a rule in another school.

    ``shares`` has one value per way in which a stay ends; ``pupils`` are changed.
    """
    start = day_number(year.starts_on)
    age = year.first_year - (pupils.born.astype("datetime64[Y]").astype(np.int64) + 1970)
    is_away = ~pupils.is_enrolled & (start - np.minimum(pupils.gone_on, start) >= DAYS_AWAY)
    may = is_away & (pupils.gone_as >= 0) & (age <= OLDEST_TO_RETURN)
    back = np.flatnonzero(may & (rng.random(len(pupils)) < shares[np.maximum(pupils.gone_as, 0)]))
    pupils.school[back] = school_for(rng, schools, pupils.stage[back])
    pupils.attempts[back] += 1
    pupils.is_enrolled[back] = True
    pupils.gone_on[back], pupils.gone_as[back] = NEVER, -1


def school_for(rng: np.random.Generator, schools: Schools, stage: Integers) -> Integers:
    """Return a school that has the stage, for each pupil, the larger the rather."""
    chosen = np.empty(len(stage), dtype=np.int64)
    is_vet, is_upper = stage >= FIRST_VET_INDEX, (stage >= GRADE_10) & (stage < FIRST_VET_INDEX)
    for asked, type_codes in (
        (is_vet, ("vocational",)),
        (is_upper, ("secondary",)),
        (~is_vet & ~is_upper, ("basic", "secondary")),
    ):
        open_schools = schools.of_type(*type_codes)
        weights = schools.grade_size[open_schools]
        chosen[asked] = rng.choice(open_schools, int(asked.sum()), p=weights / weights.sum())
    return chosen


@dataclass(frozen=True)
class Moves:
    """What the summer does to the pupils of a year (aligned with its members)."""

    is_completed: Flags
    """Finished a stage of education: grade 9, grade 12, VET year 4."""
    is_transferred: Flags
    is_gone: Flags
    """Finished and not in the cohort any more."""
    school: Integers
    stage: Integers
    attempts: Integers


def summer_moves(
    rng: np.random.Generator, schools: Schools, pupils: Pupils, members: Integers, school: Integers, failed: Integers
) -> Moves:
    """Return where the pupils ``members``, now in ``school``, go on after a year (read for those who stay)."""
    stage, attempts = pupils.stage[members], pupils.attempts[members]
    count = len(members)
    may_repeat = rng.random(count) < np.where(failed >= 3, REPEAT_SHARE_WHEN_FAILING, REPEAT_SHARE)
    repeats = may_repeat & (stage != GRADE_12) & (stage != VET_YEAR_4)
    is_completed = ~repeats & np.isin(stage, (GRADE_9, GRADE_12, VET_YEAR_4))
    way = rng.random(count)
    vet_share = AFTER_GRADE_9["vet"] + VET_SHARE_WHEN_FAILING * (failed > 0)
    to_vet = is_completed & (stage == GRADE_9) & (way < vet_share)
    to_grade_10 = is_completed & (stage == GRADE_9) & ~to_vet & (way < sum(AFTER_GRADE_9.values()))
    next_stage = np.where(repeats, stage, stage + 1)
    next_stage = np.where(to_vet, VET_YEAR_1, next_stage)
    is_gone = is_completed & ~to_vet & ~to_grade_10
    next_stage = np.where(is_gone, stage, next_stage)
    is_transferred = ~is_completed & (rng.random(count) < TRANSFER_SHARE)
    is_basic = np.isin(school, schools.of_type("basic"))
    needs_school = to_vet | (to_grade_10 & is_basic) | is_transferred
    elsewhere = school_for(rng, schools, next_stage)
    next_school = np.where(needs_school, elsewhere, school)
    is_transferred &= next_school != school
    return Moves(
        is_completed,
        is_transferred,
        is_gone,
        next_school,
        next_stage,
        np.where(repeats, attempts + 1, 0).astype(np.int64),
    )
