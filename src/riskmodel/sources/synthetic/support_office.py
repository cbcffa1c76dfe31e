"""The places and plans of the schools of a district, semester by semester, and what is written of them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from riskmodel.latvia import SchoolYear, school_year
from riskmodel.sources.synthetic import draws, outcomes, support_rule
from riskmodel.sources.synthetic.files import constant, days, texts, whole_numbers
from riskmodel.sources.synthetic.lessons import Members
from riskmodel.sources.synthetic.outcomes import Decided
from riskmodel.sources.synthetic.people import MOST_PUPILS_OF_A_DISTRICT, day_number
from riskmodel.sources.synthetic.planted import Support
from riskmodel.sources.synthetic.rows import Rows
from riskmodel.sources.synthetic.schools import District
from riskmodel.sources.synthetic.support_rule import MEASURES, NONE, Candidates, Meant
from riskmodel.sources.synthetic.truth import Flags, Integers

CAPACITY_DELIVERED_SHARE = 0.8
GOES_ON_SHARE = 0.711
"""Of plans, those that go on in the next semester (one city, 2021/22)."""
MOST_DAYS_TO_AUTUMN_PLAN = 40
GOES_ON_POINTS = 100.0
"""Need score that puts those who go on before all others."""
MOST_DAYS_TO_SPRING_PLAN = 20
HOURS_A_WEEK = 1.5

Given = tuple[Flags, Meant]
"""Who of the members has a plan, and which."""


class SupportOffice:
    """Who had support and need before, where places are, and how schools give them."""

    def __init__(self, planted: Support, seed: int, district: District) -> None:
        self._planted, self._seed, self._district = planted, seed, district
        self.by_rule = support_rule.goes_by_rule(planted, seed, district.schools.school_id)
        """Which schools go by the cut."""
        self.places = np.zeros(len(district.schools), dtype=np.int64)
        """Places of each school in either semester of the year."""
        self._is_supported = np.zeros(0, dtype=bool)
        self._need = np.zeros(0)

    def take_in(self, count: int) -> None:
        """Let so many new pupils come."""
        self._is_supported = np.concatenate([self._is_supported, np.zeros(count, dtype=bool)])
        self._need = np.concatenate([self._need, np.zeros(count)])

    def key(self, pupil: Integers) -> Integers:
        """Return what names the pupils in the draws: their number in the district, and the district's."""
        return pupil + self._district.number * MOST_PUPILS_OF_A_DISTRICT

    def open(self, rng: np.random.Generator, rows: Rows, year: SchoolYear, enrolled: Integers) -> None:
        """Set the places of a year by the pupils of each school, and write those that are delivered."""
        school_id = self._district.schools.school_id
        self.places = support_rule.places(self._planted, enrolled, self._seed, year.first_year, school_id)
        given = np.flatnonzero(rng.random(len(enrolled)) < CAPACITY_DELIVERED_SHARE)
        start, end = day_number(year.starts_on), day_number(school_year(year.first_year + 1).starts_on) - 1
        rows.files.add(
            "capacity",
            {
                "school_id": texts(school_id, given),
                "provider_code": constant("all", len(given), pa.string()),
                "happened_on": days(np.full(len(given), start)),
                "ends_on": days(np.full(len(given), end)),
                "places": whole_numbers(self.places[given]),
                "known_on": days(np.full(len(given), start)),
            },
        )

    def autumn_plans(self, year: SchoolYear, life: Members, is_poor: Flags) -> Given:
        """Return who has a plan in the autumn, by the judgement of teachers, and which; most plans of spring go on."""
        key, term, members = self.key(life.pupil), outcomes.term_of(year.first_year, 1), life.pupil
        goes_on = self._is_supported[members] & (draws.uniform(self._seed, "goes_on", term, key) < GOES_ON_SHARE)
        candidates = Candidates(
            key=key,
            school=life.school,
            need=self._need[members] + is_poor + GOES_ON_POINTS * goes_on,
            hidden_trouble=outcomes.hidden_trouble(self._seed, key, year.first_year),
            is_poor=is_poor,
            teacher_share=np.full(len(life), support_rule.LEARNING_SHARES["other"]),
            may_get=life.last_day > day_number(date(year.first_year, 10, 1)) + MOST_DAYS_TO_AUTUMN_PLAN,
        )
        nowhere = np.zeros_like(self.by_rule)
        given = support_rule.allocate(self._planted, candidates, self.places, nowhere, self._seed, term).is_given
        return given, support_rule.plan_for(candidates, given, self._seed, term)

    def write(
        self, rng: np.random.Generator, rows: Rows, year: SchoolYear, life: Members, plans: dict[int, Given]
    ) -> None:
        """Write the plans of both semesters: a row of support for each measure as it begins and, later, as it ends."""
        count = len(life)
        october = day_number(date(year.first_year, 10, 1))
        starts = {
            1: october + rng.integers(0, MOST_DAYS_TO_AUTUMN_PLAN, count),
            2: day_number(year.semester_2_starts_on) + rng.integers(0, MOST_DAYS_TO_SPRING_PLAN, count),
        }
        lasts = {1: day_number(year.semester_1_ends_on), 2: day_number(year.ends_on)}
        for semester, (is_given, plan) in plans.items():
            start, end = starts[semester], np.minimum(life.last_day, lasts[semester])
            began = np.flatnonzero(is_given & (start < end))
            rows.files.add_truth(
                "plan",
                rows.who(life, began)
                | {
                    "school_year": constant(year.name, len(began), pa.string()),
                    "semester": constant(semester, len(began), pa.int64()),
                    "starts_on": days(start[began]),
                    **outcomes.plan_columns(plan, began),
                },
            )
            for measure in (plan.measure, plan.second_measure):
                chosen = began[measure[began] != NONE]
                _write_measure(rows, life, (chosen, measure[chosen]), (start[chosen], end[chosen]))

    def remember(self, pupil: Integers, decided: Decided) -> None:
        """Keep who was supported and in need on the cut-off date, for the plans of the next autumn."""
        self._is_supported[pupil], self._need[pupil] = decided.is_given, decided.need


def _write_measure(
    rows: Rows, life: Members, given: tuple[Integers, Integers], lasted: tuple[Integers, Integers]
) -> None:
    """Write a measure: who was given which, and from when to when."""
    (chosen, measure), (start, end) = given, lasted
    hours = np.round((end - start) / 7.0 * HOURS_A_WEEK)
    is_bought = measure == MEASURES.index("KO-TRA")
    for is_over in (False, True):
        missing = np.full(len(chosen), not is_over)
        rows.files.add(
            "support",
            rows.who(life, chosen)
            | {
                "measure_code": texts(MEASURES, measure),
                "happened_on": days(start),
                "ends_on": days(end, missing),
                "hours": pa.array(hours, mask=missing | is_bought),
                "known_on": days(end if is_over else start),
            },
        )
