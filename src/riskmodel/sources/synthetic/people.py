"""The schools and pupils of the synthetic cohort, and what each school year does to them: enter, go on, move, leave."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt

from riskmodel.sources.latvia import Municipality, SchoolYear, area_indicators, municipalities
from riskmodel.sources.synthetic.names import new_personal_codes, old_personal_codes, pupil_names, school_name
from riskmodel.sources.synthetic.truth import (
    FIRST_GRADE,
    FIRST_VET_INDEX,
    SCHOOL_EFFECT_SD,
    STAGE_COUNT,
    Flags,
    Floats,
    Integers,
)

NEVER = np.iinfo(np.int64).max
EPOCH = date(1970, 1, 1)

GRADE_9, GRADE_10, GRADE_12 = 4, 5, 7
VET_YEAR_1, VET_YEAR_4 = FIRST_VET_INDEX, STAGE_COUNT - 1

VET_PUPIL_SHARE = 0.30
"""Share of the pupils in vocational schools. Of all pupils of these stages about a sixth are [derived]; more of them
are invented here because most leaving happens there, so that a small cohort has enough of it."""

VET_SCHOOL_SHARE = 0.25
SECONDARY_SCHOOL_SHARE = 0.65
"""Of the general schools, those with grades 5 to 12; the others end with grade 9."""

STAGE_WEIGHTS = np.array([1.0] * 5 + [0.52, 0.5, 0.48] + [1.0, 0.8, 0.68, 0.6])
"""Relative sizes of the stages within general and within vocational education."""

CLASS_SIZE = 24
AFTER_GRADE_9 = {"vet": 0.40, "grade_10": 0.52}
"""The others go on somewhere that the cohort does not hold."""
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


@dataclass(frozen=True)
class Schools:
    """The schools: one value per school in each array."""

    school_id: list[str]
    name: list[str]
    type_code: list[str]
    municipality: list[Municipality]
    language: list[str]
    unemployment_percent: Floats
    effect: Floats
    """The hidden school effect (log-odds)."""

    def of_type(self, *type_codes: str) -> Integers:
        """Return the places of the schools of these types."""
        return np.array([place for place, code in enumerate(self.type_code) if code in type_codes], dtype=np.int64)


def make_schools(rng: np.random.Generator, count: int, on: date) -> Schools:
    """Return ``count`` invented schools in real municipalities, larger municipalities getting more of them."""
    places = municipalities(on)
    population = np.array([place.population for place in places], dtype=np.float64)
    # The square root keeps Rīga large without emptying the countryside of a small cohort.
    weights = np.sqrt(population) / np.sqrt(population).sum()
    chosen = [places[place] for place in rng.choice(len(places), count, replace=count > len(places), p=weights)]
    vocational = max(1, round(count * VET_SCHOOL_SHARE))
    secondary = max(1, round((count - vocational) * SECONDARY_SCHOOL_SHARE))
    type_code = ["vocational"] * vocational + ["secondary"] * secondary
    type_code += ["basic"] * (count - len(type_code))
    shift = {place.name: int(rng.integers(0, 1000)) for place in places}
    taken: dict[tuple[str, str], int] = {}
    names = []
    for place, code in zip(chosen, type_code, strict=True):
        number = taken.get((place.name, code), 0)
        taken[(place.name, code)] = number + 1
        names.append(school_name(place, code, number, shift[place.name]))
    newest = {
        each.municipality_code: each.value
        for each in area_indicators(on)
        if each.indicator_code == "unemployment_percent"
    }
    language = [
        "ru" if rng.random() < (0.3 if place.name in {"Rīga", "Daugavpils", "Rēzekne"} else 0.03) else "lv"
        for place in chosen
    ]
    return Schools(
        [f"99{number:08d}" for number in range(1, count + 1)],
        names,
        type_code,
        chosen,
        language,
        np.array([newest[place.atvk_code] for place in chosen]),
        rng.normal(0.0, SCHOOL_EFFECT_SD, count),
    )


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
    detachment = rng.normal(0.0, 1.0, count) + 0.22 * np.where(is_male, 1, -1)
    poverty = LOW_INCOME_SHARE + 0.015 * (schools.unemployment_percent[school] - 6.0) + 0.05 * is_vet
    has_low_income = rng.random(count) < np.clip(poverty, 0.04, 0.5)
    travelled_km = rng.lognormal(1.2, 0.9, count) * np.where(is_vet, 2.5, 1.0)
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
    )


@dataclass
class Identities:
    """Invented names and personal codes, in the order of the pupils; codes are given out once."""

    shift: int
    first_name: list[str]
    last_name: list[str]
    code: list[str]
    earlier_code: list[str | None]
    _born_count: dict[int, int]

    @classmethod
    def none_yet(cls, rng: np.random.Generator) -> Self:
        """Return the empty register."""
        return cls(int(rng.integers(0, 1_000_000_000)), [], [], [], [], {})

    def add(self, rng: np.random.Generator, pupils: Pupils, first: int) -> None:
        """Give the pupils from ``first`` on a name and a code; some had an old code and have a new one."""
        born = pupils.born[first:]
        first_names, last_names = pupil_names(rng, pupils.is_male[first:])
        serial = np.empty(len(born), dtype=np.int64)
        for place, day in enumerate(born.astype(np.int64).tolist()):
            serial[place] = self._born_count.get(day, 0)
            self._born_count[day] = int(serial[place]) + 1
        old = old_personal_codes(born, serial)
        new = new_personal_codes(np.arange(first, first + len(born)), self.shift)
        has_new = (rng.random(len(born)) < NEW_CODE_SHARE).tolist()
        self.first_name += first_names
        self.last_name += last_names
        self.code += [after if changed else before for before, after, changed in zip(old, new, has_new, strict=True)]
        self.earlier_code += [before if changed else None for before, changed in zip(old, has_new, strict=True)]


@dataclass(frozen=True)
class Sizes:
    """How many pupils each stage takes in."""

    stage: Integers

    @classmethod
    def of(cls, pupils: int) -> Self:
        """Return the sizes of the stages of a cohort with so many pupils at once."""
        is_vet = np.arange(STAGE_COUNT) >= FIRST_VET_INDEX
        total = np.where(is_vet, pupils * VET_PUPIL_SHARE, pupils * (1 - VET_PUPIL_SHARE))
        weight = STAGE_WEIGHTS / np.where(is_vet, STAGE_WEIGHTS[is_vet].sum(), STAGE_WEIGHTS[~is_vet].sum())
        return cls(np.round(total * weight).astype(np.int64))


def first_pupils(rng: np.random.Generator, schools: Schools, sizes: Sizes, year: SchoolYear) -> Pupils:
    """Return the pupils of all stages with whom the first school year starts."""
    stage = np.repeat(np.arange(STAGE_COUNT), sizes.stage)
    return make_pupils(rng, schools, stage, school_for(rng, schools, stage), year)


def entrants(rng: np.random.Generator, schools: Schools, sizes: Sizes, pupils: Pupils, year: SchoolYear) -> Pupils:
    """Return those who come from outside: a new grade 5, and VET year 1 filled up to its size."""
    in_vet_year_1 = int(np.count_nonzero(pupils.is_enrolled & (pupils.stage == VET_YEAR_1)))
    missing = max(0, int(sizes.stage[VET_YEAR_1]) - in_vet_year_1)
    stage = np.repeat(np.array([0, VET_YEAR_1]), [int(sizes.stage[0]), missing])
    return make_pupils(rng, schools, stage, school_for(rng, schools, stage), year)


def school_for(rng: np.random.Generator, schools: Schools, stage: Integers) -> Integers:
    """Return a school that has the stage, for each pupil; schools of a type are of unequal size."""
    chosen = np.empty(len(stage), dtype=np.int64)
    is_vet, is_upper = stage >= FIRST_VET_INDEX, (stage >= GRADE_10) & (stage < FIRST_VET_INDEX)
    for asked, type_codes in (
        (is_vet, ("vocational",)),
        (is_upper, ("secondary",)),
        (~is_vet & ~is_upper, ("basic", "secondary")),
    ):
        open_schools = schools.of_type(*type_codes)
        weights = 1.0 + (open_schools * 7 % 5) / 2.0
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
    to_vet = is_completed & (stage == GRADE_9) & (way < AFTER_GRADE_9["vet"] + 0.1 * (failed > 0))
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
