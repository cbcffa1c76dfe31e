"""The invented schools of the synthetic cohort: how many, how large, where, and which of them make a district.

A district is a group of schools of neighbouring municipalities in which pupils go on from school to school. Districts
live one after the other, so that memory holds one of them, whatever the size of the cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from riskmodel.latvia import (
    REFORM_ON,
    Municipality,
    area_indicators,
    days_of_change,
    municipalities,
    municipality_on,
    units_before_reform,
)
from riskmodel.sources.synthetic.names import school_name
from riskmodel.sources.synthetic.truth import Flags, Floats, Integers

PUBLISHED_SCHOOLS = 596 + 40
"""General and vocational schools of Latvia in 2024/25 (Central Statistical Bureau)."""
PUBLISHED_VET_PUPILS = 28_600
PUBLISHED_PUPILS = 130_000 + PUBLISHED_VET_PUPILS
"""Pupils of grades 5 to 12 [derived: a little below eight of the twelve grades] and vocational learners, 2024/25."""
VET_PUPIL_SHARE = round(PUBLISHED_VET_PUPILS / PUBLISHED_PUPILS, 2)
PUPILS_OF_A_VET_SCHOOL = 715

SIZE_QUARTILES = (9, 186, 440, 710, 1571)
"""Pupils of a general school, all grades: smallest, quartiles of a sample of schools with 15-year-olds, largest."""
SIZE_POWERS = (1.5, 2.0, 2.0, 3.0)
"""Between two quartiles sizes crowd at the lower one: else so many schools would hold more pupils than there are."""
VET_SIZE_LOG_SD = 0.45
SECONDARY_SCHOOL_SHARE = 0.55
"""Of the general schools, those with grades up to 12 [assumed]; the others end with grade 9. The larger, the rather."""
GRADES_OF_BASIC, GRADES_OF_SECONDARY = 9.0, 11.7
"""Full grades that a school's pupils fill; the upper three are smaller."""

RIGA_SHARE = 0.30
"""Of all pupils [assumed: about its share of the population]."""
RUSSIAN_SCHOOL_SHARES = {"Rīga": 0.3, "Daugavpils": 0.3, "Rēzekne": 0.3}
OTHER_RUSSIAN_SHARE = 0.03

PUPILS_OF_A_DISTRICT = 12_000
FEWEST_SCHOOLS_OF_A_DISTRICT = 6
PLACE_WEIGHT = 0.55
"""Correlation of the hidden school effect with the place: more leave in the countryside and in Latgale."""


@dataclass(frozen=True)
class Schools:
    """The schools of a district: one value per school in each array."""

    school_id: list[str]
    name: list[str]
    type_code: list[str]
    """``basic`` (to grade 9), ``secondary`` (to grade 12) or ``vocational``."""
    municipality: list[Municipality]
    """As since the reform of July 2021."""
    unit_before: list[Municipality]
    """The unit of the 119 in which the school lay before it."""
    language: list[str]
    unemployment_percent: Floats
    grade_size: Floats
    """Pupils of a full grade, relative to the other schools."""
    effect: Floats
    """The hidden school effect, in standard deviations."""

    def __len__(self) -> int:
        return len(self.school_id)

    def of_type(self, *type_codes: str) -> Integers:
        """Return the places of the schools of these types."""
        return np.array([place for place, code in enumerate(self.type_code) if code in type_codes], dtype=np.int64)

    @property
    def is_rural(self) -> Flags:
        """Whether the school lies outside the seven cities that are municipalities of their own."""
        return np.array([place.kind == "novads" for place in self.municipality])

    def municipality_codes(self, on: date) -> list[str]:
        """Return the municipality of each school on a date."""
        if on < REFORM_ON:
            return [unit.code for unit in self.unit_before]
        return [municipality_on(place.code, on).code for place in self.municipality]

    def days_of_description(self, first_day: date) -> list[tuple[date, Integers]]:
        """Return the days from which a description of schools holds, and which schools it is about."""
        before = self.municipality_codes(first_day)
        described = [(first_day, np.arange(len(self)))]
        for day in days_of_change():
            if day > first_day:
                now = self.municipality_codes(day)
                changed = [place for place, code in enumerate(now) if code != before[place]]
                described.append((day, np.array(changed, dtype=np.int64)))
                before = now
        return described

    def part(self, place: Integers) -> Schools:
        """Return the schools at these places."""
        columns = (getattr(self, name) for name in self.__dataclass_fields__)
        chosen: Iterator[Any] = (
            [column[each] for each in place.tolist()] if isinstance(column, list) else column[place]
            for column in columns
        )
        return Schools(*chosen)


@dataclass(frozen=True)
class District:
    """Schools among which pupils move, and how many pupils they have at a time."""

    number: int
    """From 1."""
    schools: Schools
    pupils: int


def usual_school_count(pupils: int) -> int:
    """Return how many schools so many pupils of grades 5 to 12 and VET have in Latvia; at least six.

    >>> usual_school_count(158_600)
    636
    """
    return max(FEWEST_SCHOOLS_OF_A_DISTRICT, round(pupils * PUBLISHED_SCHOOLS / PUBLISHED_PUPILS))


def make_districts(
    rng: np.random.Generator, pupils: int, count: int, vet_share: float, day: date
) -> tuple[District, ...]:
    """Return the districts of a country with ``count`` schools; ``day`` dates the published figures it goes by."""
    districts = max(1, min(round(pupils / PUPILS_OF_A_DISTRICT), count // FEWEST_SCHOOLS_OF_A_DISTRICT))
    vocational = _vocational_count(count, districts, round(pupils * vet_share))
    size = general_sizes(rng, count - vocational)
    secondary = _secondary(rng, size)
    places = _places(rng, size)
    district = _district_of(size, places, districts)
    share = np.bincount(district, weights=size, minlength=districts) / size.sum()
    vocational_in = _shared_out(share, vocational, at_least=1)
    pupils_in = _shared_out(share, pupils, at_least=0)
    all_places, of_district = list(places), list[int]()
    types = ["secondary" if upper else "basic" for upper in secondary.tolist()]
    for number in range(districts):
        here = np.flatnonzero(district == number)
        if not secondary[here].any():
            types[int(here[np.argmax(size[here])])] = "secondary"
        all_places += _towns(rng, [places[each] for each in here.tolist()], int(vocational_in[number]))
        types += ["vocational"] * int(vocational_in[number])
        of_district += [number] * int(vocational_in[number])
    sizes: Floats = np.concatenate([size, _vocational_sizes(rng, vocational)])
    everywhere = np.concatenate([district, np.array(of_district, dtype=np.int64)])
    order = np.argsort(everywhere, kind="stable")
    schools = _described(
        rng, [all_places[place] for place in order], [types[place] for place in order], sizes[order], day
    )
    return tuple(
        District(number + 1, schools.part(np.flatnonzero(everywhere[order] == number)), int(pupils_in[number]))
        for number in range(districts)
    )


def general_sizes(rng: np.random.Generator, count: int) -> Floats:
    """Return the relative sizes of ``count`` general schools: evenly spaced quantiles, in random order."""
    at = (np.arange(count) + 0.5) / count * 4
    quarter = np.minimum(at.astype(np.int64), 3)
    low, high = np.array(SIZE_QUARTILES[:-1])[quarter], np.array(SIZE_QUARTILES[1:])[quarter]
    size: Floats = low + (high - low) * (at - quarter) ** np.array(SIZE_POWERS)[quarter]
    return rng.permutation(size)


def _vocational_count(count: int, districts: int, vet_pupils: int) -> int:
    usual = round(vet_pupils / PUPILS_OF_A_VET_SCHOOL)
    return min(max(usual, districts, min(4, count // FEWEST_SCHOOLS_OF_A_DISTRICT), 1), max(districts, count // 3))


def _vocational_sizes(rng: np.random.Generator, count: int) -> Floats:
    return PUPILS_OF_A_VET_SCHOOL * np.exp(VET_SIZE_LOG_SD * rng.normal(0.0, 1.0, count))


def _secondary(rng: np.random.Generator, size: Floats) -> Flags:
    rank = np.argsort(np.argsort(-(np.log(size) + rng.normal(0.0, 0.8, len(size)))))
    upper: Flags = rank < max(1, round(SECONDARY_SCHOOL_SHARE * len(size)))
    return upper


def _places(rng: np.random.Generator, size: Floats) -> list[Municipality]:
    """Give each school a municipality: the largest schools first, rather where most pupils have no school yet."""
    units = municipalities(REFORM_ON)
    population = np.array([unit.population for unit in units], dtype=np.float64)
    is_riga = np.array([unit.name == "Rīga" for unit in units])
    share = np.where(is_riga, RIGA_SHARE, (1 - RIGA_SHARE) * population / population[~is_riga].sum())
    missing = share * size.sum()
    chosen = np.empty(len(size), dtype=np.int64)
    for school in np.argsort(-size, kind="stable").tolist():
        weight = np.maximum(missing, 1e-6) ** 2
        chosen[school] = rng.choice(len(units), p=weight / weight.sum())
        missing[chosen[school]] -= size[school]
    return [units[unit] for unit in chosen.tolist()]


def _district_of(size: Floats, places: list[Municipality], districts: int) -> Integers:
    """Cut the schools, laid in a row from neighbour to neighbour, into districts of about equal size."""
    order = np.array(sorted(range(len(size)), key=lambda school: (_way(places[school]), -size[school])))
    middle = np.cumsum(size[order]) - size[order] / 2
    district = np.empty(len(size), dtype=np.int64)
    district[order] = np.minimum(middle / size.sum() * districts, districts - 1).astype(np.int64)
    return district


def _way(unit: Municipality) -> tuple[int, str]:
    regions = ("Rīga", "Vidzeme", "Latgale", "Zemgale", "Kurzeme")
    return (-1 if unit.name == "Rīga" else regions.index(unit.planning_region), unit.code)


def _towns(rng: np.random.Generator, places: list[Municipality], count: int) -> list[Municipality]:
    """Return the municipalities of the vocational schools of a district: the more populous, the rather."""
    towns = sorted(set(places), key=lambda unit: unit.code)
    population = np.array([unit.population for unit in towns], dtype=np.float64)
    return [towns[town] for town in rng.choice(len(towns), count, p=population / population.sum()).tolist()]


def _shared_out(share: Floats, total: int, *, at_least: int) -> Integers:
    """Return ``total`` cut into whole numbers by share (largest remainders), each at least so much."""
    exact = share * (total - at_least * len(share))
    whole = np.floor(exact).astype(np.int64)
    missing = total - at_least * len(share) - int(whole.sum())
    whole[np.argsort(-(exact - whole), kind="stable")[:missing]] += 1
    return whole + at_least


def _described(
    rng: np.random.Generator, places: list[Municipality], types: list[str], sizes: Floats, day: date
) -> Schools:
    count = len(places)
    grades = {"basic": GRADES_OF_BASIC, "secondary": GRADES_OF_SECONDARY, "vocational": 1.0}
    newest = {
        each.municipality_code: each.value
        for each in area_indicators(day)
        if each.indicator_code == "unemployment_percent"
    }
    units_before = [
        units[int(draw * len(units))]
        for units, draw in zip((units_before_reform(place.code) for place in places), rng.random(count), strict=True)
    ]
    codes = [
        (unit if day < REFORM_ON else municipality_on(place.code, day)).code
        for unit, place in zip(units_before, places, strict=True)
    ]
    is_russian = rng.random(count) < [RUSSIAN_SCHOOL_SHARES.get(place.name, OTHER_RUSSIAN_SHARE) for place in places]
    return Schools(
        school_id=[f"99{number:08d}" for number in range(1, count + 1)],
        name=_names(rng, places, types),
        type_code=types,
        municipality=places,
        unit_before=units_before,
        language=["ru" if russian else "lv" for russian in is_russian.tolist()],
        unemployment_percent=np.array([newest[code] for code in codes]),
        grade_size=sizes / np.array([grades[code] for code in types]),
        effect=_effects(rng, places, types, sizes),
    )


def _names(rng: np.random.Generator, places: list[Municipality], types: list[str]) -> list[str]:
    shift = {unit.code: int(rng.integers(0, 1000)) for unit in municipalities(REFORM_ON)}
    taken: dict[tuple[str, str], int] = {}
    names = []
    for place, code in zip(places, types, strict=True):
        number = taken.get((place.code, code), 0)
        taken[(place.code, code)] = number + 1
        names.append(school_name(place, code, number, shift[place.code]))
    return names


def _effects(rng: np.random.Generator, places: list[Municipality], types: list[str], sizes: Floats) -> Floats:
    """Return hidden effects in standard deviations, higher on average in the countryside and in Latgale.

    Their mean over the pupils of general and of vocational schools is zero: few schools must not move a country's rate.
    """
    place = np.array([(unit.kind == "novads") + (unit.planning_region == "Latgale") for unit in places], np.float64)
    spread = place.std()
    standing = (place - place.mean()) / spread if spread > 0 else place * 0
    own = rng.normal(0.0, 1.0, len(places))
    effect: Floats = PLACE_WEIGHT * standing + np.sqrt(1 - PLACE_WEIGHT**2) * own
    is_vet = np.array(types) == "vocational"
    for kind in (is_vet, ~is_vet):
        effect[kind] -= np.average(effect[kind], weights=sizes[kind]) if kind.sum() > 1 else 0.0
    return effect
