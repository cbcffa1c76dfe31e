"""One school year of a district of the synthetic cohort after the other: lessons, who leaves and why, support, the summer.

Leaving is decided once a year, on the cut-off date, by the planted log-odds of what the registers show that day; those
who leave in the autumn before it leave by a rate of their stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import numpy as np
import pyarrow as pa

from riskmodel.latvia import SchoolYear, school_year
from riskmodel.sources.synthetic import lessons, outcomes, people, truth
from riskmodel.sources.synthetic.files import DeliveryFolders, constant, days, texts
from riskmodel.sources.synthetic.lessons import Members
from riskmodel.sources.synthetic.oracle import Oracle
from riskmodel.sources.synthetic.outcomes import ELSEWHERE_IN_AUTUMN, CutOff, Decided
from riskmodel.sources.synthetic.people import NEVER, day_number
from riskmodel.sources.synthetic.planted import Planted
from riskmodel.sources.synthetic.rows import (
    ABROAD,
    COMPLETED,
    CONTINUING,
    EXITS,
    LEFT,
    TRANSFERRED,
    UNKNOWN,
    Rows,
    Stays,
)
from riskmodel.sources.synthetic.schools import District
from riskmodel.sources.synthetic.semester import Half, SchoolLife
from riskmodel.sources.synthetic.support_office import SupportOffice
from riskmodel.sources.synthetic.truth import FIRST_GRADE, FIRST_VET_INDEX, STAGES, Flags, Floats, Integers

LASTING_SHARE = 0.75
"""Weight of a pupil's lasting detachment in the one of a year; the rest is drawn anew."""

LEAVE_IN = {"spring": 0.35, "summer": 0.45, "september": 0.20}
"""When those leave who leave after the cut-off; from the last stage of a school type nobody comes back in September."""
MOVES_IN_WINTER_SHARE = 0.006
SPRING_CHANGE = 0.5
"""Absence grows towards the end of the year."""
LONGEST_REPORT_DAYS = 25
"""Ends of stays become known up to so many days later."""

INCOME_CHANGE_SHARE = 0.03
LATER_NEEDS_SHARE = 0.01

RETURN_SHARES = np.array([people.RETURN_SHARES.get(name, 0.0) for name in EXITS])
NONE = -1


@dataclass(frozen=True)
class Calendar:
    """What the districts of a cohort have in common."""

    years: list[SchoolYear]
    cut_days: timedelta
    """From the start of a year to its cut-off date."""
    vet_share: float
    raw_year: int | None
    """First calendar year of the school year whose every lesson is delivered."""
    planted: Planted
    oracle: Oracle


@dataclass
class Exits:
    """The last day in school and how it came, of every pupil of a year (``NEVER`` for those who stay)."""

    day: Integers
    code: Integers

    def set(self, chosen: Flags, day: Integers, code: int) -> None:
        """Let the ``chosen`` end on these days."""
        self.day[chosen] = day[chosen]
        self.code[chosen] = code


class World:
    """A district of the cohort as it lives on: call :meth:`live` for each year in order, then :meth:`describe`.

    Its draws are its own: seeded by the cohort's seed and its number, lessons by the school as well.
    """

    def __init__(
        self,
        files: DeliveryFolders,
        district: District,
        calendar: Calendar,
        codes: people.Codes,
        seed: int,
    ) -> None:
        self.files, self.seed, self.years = files, seed, calendar.years
        self._district, self._calendar = district, calendar
        self.cohort_dates = [self._cut_on(year) for year in self.years]
        self._rng = partial(_generator, seed, district.number)
        rng = self._rng(0, 0)
        self.schools = district.schools
        self._sizes = people.Sizes.of(district.pupils, calendar.vet_share)
        timetable = lessons.timetable(rng, len(self.schools))
        self._planted = calendar.planted
        self._support = SupportOffice(self._planted.support, seed, district)
        self.pupils = people.first_pupils(rng, self.schools, self._sizes, self.years[0])
        self._identities = people.Identities.none_yet(codes)
        self._identities.add(rng, self.pupils, 0)
        self._rows = Rows(files, self.schools, self._identities)
        self._life = SchoolLife(self._rows, timetable, calendar.raw_year, self._rng)
        self._september = np.full(len(self.pupils), NEVER)
        self._september_code = np.full(len(self.pupils), NONE)
        self._support.take_in(len(self.pupils))

    def _cut_on(self, year: SchoolYear) -> date:
        return year.starts_on + self._calendar.cut_days

    def live(self, year: SchoolYear) -> int:
        """Write one school year and let the pupils go on; return how many were enrolled at its start."""
        rng = self._rng(year.first_year, 1)
        if year is not self.years[0]:
            people.let_return(rng, self.schools, self.pupils, RETURN_SHARES, year)
            self._take_in(rng, year)
        self._meet()
        self._write_economic_pupil(rng, year)
        enrolled = np.bincount(self.pupils.school[self.pupils.is_enrolled], minlength=len(self.schools))
        self._support.open(rng, self._rows, year, enrolled)
        life, exits = self._begun(rng, year)
        cut_on = day_number(self._cut_on(year))
        first = self._life.live(year, 1, life, cut_on)
        autumn = self._support.autumn_plans(year, life, self.pupils.has_low_income[life.pupil])
        decided = self._window(rng, year, life, exits, first)
        spring = self._after_winter(rng, life, exits)
        second = self._life.live(year, 2, spring, cut_on)
        self._rows.add_results(year, life, spring, (first.mean_points, second.mean_points))
        plans = {1: autumn, 2: (decided.is_given, decided.plan)}
        self._support.write(rng, self._rows, year, life, plans)
        self._support.remember(life.pupil, decided)
        self._summer(rng, year, life, spring, exits, second)
        return len(life)

    def _begun(self, rng: np.random.Generator, year: SchoolYear) -> tuple[Members, Exits]:
        """Return the pupils of a year as they are in autumn, in the order of school and code, and who ends then."""
        pupils, members = self.pupils, self._in_order(np.flatnonzero(self.pupils.is_enrolled))
        lasting = LASTING_SHARE * pupils.detachment[members]
        detachment = lasting + np.sqrt(1 - LASTING_SHARE**2) * rng.normal(0.0, 1.0, len(members))
        change = rng.normal(0.0, 1.0, len(members))
        exits = self._autumn(rng, year, members, detachment)
        life = Members(
            pupil=members,
            school=pupils.school[members].copy(),
            stage=pupils.stage[members],
            detachment=detachment,
            change=change,
            ability=pupils.ability[members],
            frailty=pupils.frailty[members],
            last_day=exits.day,
            signs_factor=self._signs(exits),
        )
        return life, exits

    def _after_winter(self, rng: np.random.Generator, life: Members, exits: Exits) -> Members:
        """Return the same pupils in spring: some in another school, all a little further from it."""
        moves = (exits.day == NEVER) & (rng.random(len(life)) < MOVES_IN_WINTER_SHARE)
        elsewhere = people.school_for(rng, self.schools, life.stage)
        return replace(
            life,
            school=np.where(moves, elsewhere, life.school),
            change=life.change + SPRING_CHANGE,
            last_day=exits.day,
            signs_factor=self._signs(exits),
        )

    def _in_order(self, pupil: Integers) -> Integers:
        """Return the pupils in the order of their schools and codes."""
        codes = np.array([self._identities.code[each] for each in pupil.tolist()])
        return pupil[np.lexsort((codes, self.pupils.school[pupil]))]

    def _meet(self) -> None:
        """Let the registers know the pupils."""
        self.files.recorder.meet(
            self._identities.code_column,
            texts(people.FIRST_LANGUAGES, self.pupils.language),
            texts(self.schools.school_id, self.pupils.school),
        )

    # Enter

    def _take_in(self, rng: np.random.Generator, year: SchoolYear) -> None:
        known = len(self.pupils)
        new = people.entrants(rng, self.schools, self._sizes, self.pupils, year)
        self.pupils = self.pupils.joined(new)
        self._identities.add(rng, self.pupils, known)
        self._september = np.concatenate([self._september, np.full(len(new), NEVER)])
        self._september_code = np.concatenate([self._september_code, np.full(len(new), NONE)])
        self._support.take_in(len(new))

    # Leave

    def _autumn(self, rng: np.random.Generator, year: SchoolYear, members: Integers, detachment: Floats) -> Exits:
        """Decide who ends before the cut-off: those due in September, and by the rate of the stage from October on."""
        count = len(members)
        exits = Exits(self._september[members].copy(), self._september_code[members].copy())
        first, last = day_number(date(year.first_year, 10, 1)), day_number(self._cut_on(year)) - 1
        day = rng.integers(first, last + 1, count)
        rate = np.array([truth.AUTUMN_LEFT_SHARE[name] for name in STAGES])[self.pupils.stage[members]]
        slope = self._planted.leaving.autumn_slope
        stays = exits.day == NEVER
        leaves = stays & (rng.random(count) < rate * np.exp(slope * detachment - slope**2 / 2))
        exits.set(leaves, day, LEFT)
        self._elsewhere(rng, exits, members, day, ELSEWHERE_IN_AUTUMN)
        return exits

    def _signs(self, exits: Exits) -> Floats:
        return np.where(exits.code == LEFT, self._planted.leaving.signs_factor, 1.0)

    def _elsewhere(
        self, rng: np.random.Generator, exits: Exits, members: Integers, day: Integers, share: float
    ) -> None:
        draw = rng.random(len(day))
        stays = exits.day == NEVER
        leaving = self._planted.leaving
        abroad = [leaving.abroad_share_of.get(name, leaving.abroad_share) for name in people.FIRST_LANGUAGES]
        limit_abroad = share * np.array(abroad)[self.pupils.language[members]]
        exits.set(stays & (draw < limit_abroad), day, ABROAD)
        limit_unknown = limit_abroad + share * leaving.unknown_share
        exits.set(stays & (draw >= limit_abroad) & (draw < limit_unknown), day, UNKNOWN)

    def _window(self, rng: np.random.Generator, year: SchoolYear, life: Members, exits: Exits, first: Half) -> Decided:
        """Decide who gets a plan and who leaves after the cut-off, and write the truth of the cohort."""
        cut_off = CutOff(
            self._planted, self.seed, year.first_year, self.years[-1].first_year - year.first_year, self._cut_on(year)
        )
        situation = self._situation(year, life, first)
        standing = outcomes.Standing(
            key=self._support.key(life.pupil),
            stage=life.stage,
            school=life.school,
            language=self.pupils.language[life.pupil],
            is_in_cohort=exits.day == NEVER,
            school_effect=self._planted.leaving.school_effect_sd * self.schools.effect[life.school],
            seats=self._support.places,
            by_rule=self._support.by_rule,
        )
        decided = outcomes.decide(cut_off, situation, standing)
        day = self._days_after_cut_off(rng, year, life.stage)
        self._elsewhere(rng, exits, life.pupil, day, 1 - ELSEWHERE_IN_AUTUMN)
        spring = np.array([day_number(day) for day in year.school_days(2)])
        day = outcomes.soon_after_a_rise(
            cut_off, decided, standing.key, self._days_after_cut_off(rng, year, life.stage), spring
        )
        exits.set((exits.day == NEVER) & decided.leaves, day, LEFT)
        outcome = np.where(exits.day == NEVER, 0.0, np.where(exits.code == LEFT, 1.0, np.nan))
        numbers = self._calendar.oracle.school_numbers(self.schools.school_id)
        self._calendar.oracle.add(
            cut_off.on.isoformat(), outcomes.seen_by_oracle(cut_off, decided, situation, standing, (outcome, numbers))
        )
        columns = {
            "cohort_on": days(np.full(len(life), day_number(cut_off.on))),
            **self._rows.who(life, np.arange(len(life))),
            "stage": texts(STAGES, life.stage),
            **outcomes.truth_columns(decided, situation),
            "outcome": texts([*EXITS, "stays"], np.where(exits.day == NEVER, len(EXITS), exits.code)),
        }
        chosen = pa.array(standing.is_in_cohort)
        self.files.add_truth("cohort", {name: column.filter(chosen) for name, column in columns.items()})
        return decided

    def _situation(self, year: SchoolYear, life: Members, first: Half) -> truth.Situation:
        pupils, members = self.pupils, life.pupil
        marked = np.count_nonzero(~np.isnan(first.mean_points), axis=1)
        total = np.nansum(first.mean_points, axis=1)
        return truth.Situation(
            recent_unexcused_lessons=first.recent_unexcused,
            earlier_unexcused_lessons=first.earlier_unexcused,
            recent_late_lessons=first.recent_late,
            failed_subjects=first.insufficient,
            mean_points=np.divide(total, marked, out=np.full(len(life), np.nan), where=marked > 0),
            is_overage=self._is_overage(members, year),
            has_low_income=pupils.has_low_income[members],
            has_free_meals=pupils.has_free_meals[members],
            distance_km=pupils.distance_km[members],
            is_male=pupils.is_male[members],
            hidden_trouble=outcomes.hidden_trouble(self.seed, self._support.key(members), year.first_year),
        )

    def _is_overage(self, members: Integers, year: SchoolYear) -> Flags:
        pupils = self.pupils
        stage = pupils.stage[members]
        age = year.first_year - (pupils.born[members].astype("datetime64[Y]").astype(np.int64) + 1970)
        usual = np.where(stage >= FIRST_VET_INDEX, stage - FIRST_VET_INDEX + 16, stage + FIRST_GRADE + 6)
        is_overage: Flags = (age > usual) | (pupils.attempts[members] > 0)
        return is_overage

    def _days_after_cut_off(self, rng: np.random.Generator, year: SchoolYear, stage: Integers) -> Integers:
        """Return a last day for each pupil, should the pupil leave: in spring, summer or September."""
        count = len(stage)
        following = school_year(year.first_year + 1)
        spring = np.array([day_number(day) for day in year.school_days(2) if day.month >= 2])
        is_last = np.isin(stage, (people.GRADE_9, people.GRADE_12, people.VET_YEAR_4))
        when = rng.random(count)
        summer = rng.integers(
            day_number(date(year.first_year + 1, 6, 3)), day_number(date(year.first_year + 1, 9, 1)), count
        )
        june = rng.integers(day_number(date(year.first_year + 1, 6, 3)), day_number(year.grade_9_ends_on), count)
        september = day_number(following.starts_on) + rng.integers(2, 26, count)
        later = np.where(when < LEAVE_IN["spring"] + LEAVE_IN["summer"], summer, september)
        return np.where(when < LEAVE_IN["spring"], rng.choice(spring, count), np.where(is_last, june, later))

    # The summer

    def _summer(
        self, rng: np.random.Generator, year: SchoolYear, life: Members, spring: Members, exits: Exits, second: Half
    ) -> None:
        """Write the stays of the year, and let the pupils go on to the next."""
        pupils, members, count = self.pupils, life.pupil, len(life)
        following = school_year(year.first_year + 1)
        next_start = day_number(following.starts_on)
        moves = people.summer_moves(rng, self.schools, pupils, members, spring.school, second.insufficient)
        due_in_september = (exits.day >= next_start) & (exits.day < NEVER)
        goes_on = (exits.day == NEVER) | due_in_september
        completed_on = np.select(
            [life.stage == people.GRADE_9, life.stage == people.GRADE_12],
            [day_number(year.grade_9_ends_on), day_number(year.grade_12_ends_on)],
            day_number(year.ends_on) + 14,
        )
        moved_on = rng.integers(day_number(year.ends_on), next_start, count)
        end = np.where(moves.is_completed, completed_on, np.where(moves.is_transferred, moved_on, next_start - 1))
        code = np.where(moves.is_completed, COMPLETED, np.where(moves.is_transferred, TRANSFERRED, CONTINUING))
        end, code = np.where(goes_on, end, exits.day), np.where(goes_on, code, exits.code)
        delay = np.where(np.isin(code, (COMPLETED, CONTINUING)), 0, rng.integers(0, LONGEST_REPORT_DAYS + 1, count))

        start, second_start = day_number(year.starts_on), day_number(year.semester_2_starts_on)
        moved = np.flatnonzero(spring.school != life.school)
        stayed = np.flatnonzero(spring.school == life.school)
        half = np.full(len(moved), second_start - 1)
        for who, member, stays in (
            (life, stayed, Stays(start, end[stayed], code[stayed], delay[stayed])),
            (life, moved, Stays(start, half, np.full(len(moved), TRANSFERRED), delay[moved])),
            (spring, moved, Stays(second_start, end[moved], code[moved], delay[moved])),
        ):
            self._rows.add_stays(who, member, pupils, stays)

        self._september[members] = np.where(due_in_september, exits.day, NEVER)
        self._september_code[members] = np.where(due_in_september, exits.code, NONE)
        pupils.is_enrolled[members] = goes_on & ~moves.is_gone
        pupils.school[members] = moves.school
        pupils.stage[members] = np.where(goes_on, moves.stage, life.stage)
        pupils.attempts[members] = moves.attempts
        pupils.gone_on[members], pupils.gone_as[members] = exits.day, exits.code

    # Circumstances

    def _write_economic_pupil(self, rng: np.random.Generator, year: SchoolYear) -> None:
        pupils, start = self.pupils, day_number(year.starts_on)
        changed = rng.random(len(pupils)) < INCOME_CHANGE_SHARE
        is_new = pupils.entered_on == start
        changed &= pupils.is_enrolled & ~is_new
        pupils.has_low_income ^= changed
        new = np.flatnonzero(is_new)
        again = np.flatnonzero(changed)
        for indicator, member, value in (
            ("low_income", new, pupils.has_low_income[new].astype(np.float64)),
            ("free_meals", new, pupils.has_free_meals[new].astype(np.float64)),
            ("dormitory", new, pupils.in_dormitory[new].astype(np.float64)),
            ("distance_km", new, pupils.distance_km[new]),
            ("low_income", again, pupils.has_low_income[again].astype(np.float64)),
        ):
            self.files.add(
                "economic_pupil",
                {
                    "pupil_code": self._identities.code_column.take(pa.array(member)),
                    "happened_on": days(np.full(len(member), start)),
                    "indicator_code": constant(indicator, len(member), pa.string()),
                    "value": pa.array(value),
                    "known_on": days(start + rng.integers(0, 15, len(member))),
                },
            )

    def describe(self) -> None:
        """Write the tables that describe schools and pupils."""
        later = self._rng(0, 1).random(len(self.pupils)) < LATER_NEEDS_SHARE
        self._rows.add_schools(self.years[0].starts_on)
        self._rows.add_pupils(self.pupils, later & ~self.pupils.has_special_needs)
        schools = self.schools
        effect = self._planted.leaving.school_effect_sd * schools.effect
        self.files.add_truth(
            "school",
            {
                "school_id": pa.array(schools.school_id),
                "log_odds": pa.array(effect),
                "goes_by_rule": pa.array(self._support.by_rule),
            },
        )


def _generator(seed: int, district: int, year: int, purpose: int, part: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, district, year, purpose, part])
