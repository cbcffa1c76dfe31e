"""Whole school years of support, entered through the register's own verbs: the published numbers, among what must not count.

Everybody acts as in life and on the day itself: a teacher writes, director, municipality and state agree; only the batches are
large.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from supported import PROGRAMME, Calendar, World, pupil_id

from riskmodel.latvia import REFORM_ON, municipalities, municipality_on
from riskmodel.register.people import Grant
from riskmodel.register.store import open_register
from riskmodel.support.compensations import CloseCompensation, DecideCompensation, Expense, RequestCompensation
from riskmodel.support.consents import RecordConsent
from riskmodel.support.consultations import CancelConsultation, RecordConsultation
from riskmodel.support.events import RecordEvent
from riskmodel.support.life import ClosePlan, HandOverPlan, MovePlan, PayPreparation
from riskmodel.support.orders import RecordCertificate
from riskmodel.support.places import Join, RecordInstitution, RecordStaff, SetBudget
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import AssessPlan
from riskmodel.support.semesters import Semester

SINCE = date(2010, 9, 1)
PLANS_FOR_ONE = int(os.environ.get("RISKMODEL_PLANS_FOR_ONE", "100"))
"""How many published plans of the later years one entered plan stands for; with 1 every plan is entered (ten minutes)."""
PLANS_OF_YEARS = {2017: 6_834, 2018: 15_129, 2019: 21_732, 2020: 19_757}
PLANS_TO_THE_END = 93_497
PUPILS_OF_THREE_YEARS = 23_000
AT_ONCE = 4000
"""So many acts in one transaction."""
RISKS = (RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes."),)
SPECIAL = (RiskLine("MI4", "Zemi sasniegumi."), RiskLine("MI2", "Grūti apgūt lasīšanu."))
POOR = (RiskLine("MI4", "Zemi sasniegumi."), RiskLine("EK1", "Uz skolu 14 km, autobuss divreiz dienā."))
Item = TypeVar("Item")


def teaching(provider: str | None = None, times: int = 16) -> MeasureLine:
    """Return consultations in mathematics against low marks."""
    return MeasureLine("KA-PED", ["MI4"], provider, "matematika", times)


@dataclass
class School:
    """A school with a teacher, whose ``login`` it is, and a director."""

    number: str
    place: str
    kind: str = "general"

    @property
    def login(self) -> str:
        """Return who writes and supports in the school."""
        return f"skola.{self.number}"

    @property
    def director(self) -> str:
        """Return who agrees in the school."""
        return f"direktors.{self.number}"

    @property
    def stage(self) -> tuple[str, int]:
        """Return the stage of the school's invented pupils."""
        return ("vet_year", 2) if self.kind == "state_vet" else ("grade", 9)


@dataclass(frozen=True)
class Wanted:
    """A plan to be entered, and how far it goes: ``draft``, ``waiting``, ``approved``, ``suspended`` or ``deleted``.

    ``to`` is the school to which it is handed over a month later.
    """

    pupil: int
    school: School = field(hash=False)
    term: Semester
    way: str = "approved"
    programme: str = PROGRAMME
    risks: tuple[RiskLine, ...] = field(default=RISKS, hash=False)
    measures: tuple[MeasureLine, ...] = field(default=(teaching(),), hash=False)
    to: School | None = field(default=None, hash=False)

    @property
    def started_on(self) -> date:
        """Return the first day of the plan: two weeks after the semester began."""
        return self.term.first_on + timedelta(days=14)


@dataclass
class Country(World):
    """A register that is filled in batches; ``versions`` are those of the plans by code."""

    versions: dict[str, int] = field(default_factory=dict)
    enrolled: set[tuple[int, str]] = field(default_factory=set)
    schools: dict[str, School] = field(default_factory=dict)

    def many(self, who: str, commands: Iterable[Any]) -> list[Any]:
        """Carry out as many commands as there are, some thousands in one transaction."""
        every = list(commands)
        answers = [
            answer for at in range(0, len(every), AT_ONCE) for answer in self.do_all(who, every[at : at + AT_ONCE])
        ]
        for answer in answers:
            if "version" in answer:
                self.versions[str(answer["plan_code"])] = int(answer["version"])
        return answers

    def open_schools(self, schools: Sequence[School], since: date = date(2017, 9, 11)) -> None:
        """Enter schools, their people, and their part in the programme."""
        self.many(
            "steward",
            [
                command
                for one in schools
                for command in (
                    RecordInstitution(one.number, f"Skola {one.number}", one.kind, one.place, SINCE),
                    Join(PROGRAMME, "institution", one.number, since),
                )
            ],
        )
        for one in schools:
            self.schools[one.number] = one
            self.person(one.login, Grant("class_teacher", one.number, "9.a"))
            self.person(one.director, Grant("director", one.number))

    def enter(self, wanted: Sequence[Wanted]) -> list[str]:
        """Take plans the way each of them goes, in the days of its semester; return their codes in the order given."""
        codes: dict[Wanted, str] = {}
        for term in sorted({one.term for one in wanted}):
            codes |= self._enter([one for one in wanted if one.term == term])
        return [codes[one] for one in wanted]

    def _enter(self, wanted: Sequence[Wanted]) -> dict[Wanted, str]:
        self.calendar.day = wanted[0].started_on
        self._enrol(wanted)
        consents = self._in_schools(wanted, _consent)
        begun = self._in_schools(
            wanted,
            lambda one: BeginPlan(
                pupil_id(one.pupil),
                one.school.number,
                one.programme,
                one.term.year,
                one.term.half,
                consents[one]["consent_id"],
                one.started_on,
            ),
        )
        codes = {one: str(begun[one]["plan_code"]) for one in wanted}
        going = [one for one in wanted if one.way != "draft"]
        self._in_schools(going, lambda one: ChangePlan(codes[one], self.versions[codes[one]], one.risks, one.measures))
        self._in_schools(going, lambda one: self.step(codes[one], "submit"))
        self.calendar.day += timedelta(days=7)
        self.agree([one for one in going if one.way != "waiting"], codes)
        stopped = [one for one in going if one.way == "suspended"]
        self._in_schools(stopped, lambda one: self.step(codes[one], "suspend", reason="Ilgstoša slimība."))
        deleted = [one for one in going if one.way == "deleted"]
        reason = {"reason": "Izglītojamais izstājas.", "removes_contents": True}
        self._in_schools(deleted, lambda one: self.step(codes[one], "delete", **reason))
        self.calendar.day += timedelta(days=23)
        for one in wanted:
            if one.to is not None:
                self._hand_over(codes[one], one, one.to)
        return codes

    def agree(self, wanted: Sequence[Wanted], codes: dict[Wanted, str]) -> None:
        """Let all levels agree: the state where the programme asks it, no municipality above a state school."""
        for number, own in _by(wanted, lambda one: one.school.number):
            self.many(self.schools[number].director, (self.step(codes[one], "approve") for one in own))
        general = [one for one in wanted if one.school.kind != "state_vet"]
        for place, own in _by(general, lambda one: one.school.place):
            self.many(f"pasvaldiba.{place}", (self.step(codes[one], "approve") for one in own))
        of_state = [one for one in wanted if one.programme == PROGRAMME]
        self.many("state", (self.step(codes[one], "approve") for one in of_state))

    def step(self, code: str, action: Any, **more: Any) -> MovePlan:
        """Return a step of a plan as it is now."""
        return MovePlan(code, self.versions[code], action, **more)

    def _hand_over(self, code: str, one: Wanted, to: School) -> None:
        """Let a pupil and a plan go to another school, which agrees anew."""
        on = self.calendar.day
        self.enrolled.add((one.pupil, to.number))
        self.many("steward", [_stay(one.pupil, to)])
        paper = _consent(replace(one, school=to), paper_kind="handover", signed_on=on, received_on=on)
        consent_id = self.do(to.login, paper)["consent_id"]
        self.many(one.school.login, [HandOverPlan(code, self.versions[code], to.number, consent_id, to.login)])
        self.many(to.login, [self.step(code, "submit")])
        for who in (to.director, f"pasvaldiba.{to.place}", "state"):
            self.many(who, [self.step(code, "approve")])

    def close(self, wanted: Sequence[Wanted], codes: Sequence[str], decisions: Sequence[str]) -> None:
        """Hold a consultation in each plan of a semester, and on its last day assess and close it."""
        code_of, decision_of = (dict(zip(wanted, values, strict=True)) for values in (codes, decisions))
        place_of = {one: at for _, own in _by(wanted, lambda one: one.school.number) for at, one in enumerate(own)}
        self.calendar.day = last = wanted[0].term.last_on
        self._in_schools(wanted, lambda one: consultation(code_of[one], one, place_of[one]))
        self._in_schools(wanted, lambda one: AssessPlan(code_of[one], "teacher", last, marks="better"))
        self._in_schools(
            wanted, lambda one: ClosePlan(code_of[one], self.versions[code_of[one]], decision_of[one], last)
        )

    def employ(self, logins: Iterable[str], schools: Sequence[School]) -> None:
        """Enter subject teachers among the staff of schools."""
        everybody = [(login, one.number) for login in logins for one in schools]
        self.many("steward", [RecordStaff(login, number, "subject_teacher", SINCE) for login, number in everybody])

    def _enrol(self, wanted: Sequence[Wanted]) -> None:
        new = {(one.pupil, one.school.number): one for one in wanted}
        stays = [_stay(one.pupil, one.school) for key, one in new.items() if key not in self.enrolled]
        self.enrolled |= set(new)
        self.many("steward", stays)

    def _in_schools(self, wanted: Sequence[Wanted], command: Callable[[Wanted], Any]) -> dict[Wanted, Any]:
        """Carry out a command for each plan, school by school; return the answers."""
        answers: dict[Wanted, Any] = {}
        for number, own in _by(wanted, lambda one: one.school.number):
            given = self.many(self.schools[number].login, [command(one) for one in own])
            answers |= dict(zip(own, given, strict=True))
        return answers


def _by(items: Sequence[Item], key: Callable[[Item], str]) -> Iterator[tuple[str, list[Item]]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    yield from found.items()


def _stay(number: int, school: School) -> RecordStay:
    kind, stage = school.stage
    return RecordStay(pupil_id(number), school.number, kind, stage, SINCE, class_code="9.a", born_on=date(2004, 5, 31))


def _consent(one: Wanted, **more: Any) -> RecordConsent:
    given: dict[str, Any] = {"signed_on": one.started_on, "received_on": one.started_on, **more}
    return RecordConsent(
        pupil_id(one.pupil),
        one.school.number,
        one.term.year,
        one.term.half,
        "parent",
        "paper_delivered",
        form_version="2017",
        **given,
    )


def consultation(code: str, one: Wanted, place: int, **more: Any) -> RecordConsultation:
    """Return a consultation of two minutes; ``place`` is its place among those of the school's person."""
    on = one.started_on + timedelta(days=10 + place // 600)
    given = {"measure_code": "KA-PED", "subject_code": "matematika", "minutes": 2, "is_signed": True, **more}
    return RecordConsultation(code, happened_on=on, begins_minute=2 * (place % 600), **given)


def new_country(folder: Path, today: date) -> Country:
    """Return an empty register of a country: its steward, its state's analyst, and a person of each municipality."""
    calendar = Calendar(today)
    country = Country(open_register(folder / "country.register.sqlite3", may_create=True, clock=calendar), calendar)
    country.person("steward", Grant("steward"))
    country.person("state", Grant("state"))
    units = {unit.code for day in (date(2017, 9, 1), REFORM_ON) for unit in municipalities(day)}
    for code in sorted(units):
        country.person(f"pasvaldiba.{code}", Grant("municipality", municipality_code=code))
    return country


# --- the published numbers


SKRUNDA, JURMALA, MADONA, LIEPAJA = "LV-093", "LV-JUR", "LV-059", "LV-LPX"
AUTUMN_2017, SPRING_2018 = Semester(2017, 1), Semester(2017, 2)
END_OF_YEAR = date(2018, 6, 5)


def published_country(folder: Path) -> Country:
    """Return a register that holds the published numbers from 2017 to 2021 in their full size, among what must not count."""
    country = new_country(folder, date(2022, 8, 1))
    first_year(country)
    skrunda_second_year(country)
    jurmala(country)
    madona(country)
    liepaja(country)
    return country


def first_year(country: Country) -> None:
    """6,500 plans in 247 institutions; 49 municipalities and 31 state schools; 78 supervisions and 220 seminars."""
    units = [unit.code for unit in municipalities(END_OF_YEAR)]
    late = {JURMALA, LIEPAJA}
    members = [SKRUNDA, *[code for code in units if code not in {SKRUNDA, *late}][:48]]
    lapsed, later = [code for code in units if code not in {*members, *late}][:6], sorted(late)
    join = [Join(PROGRAMME, "municipality", code, date(2017, 9, 11)) for code in members]
    join += [Join(PROGRAMME, "municipality", code, date(2017, 9, 11), date(2018, 6, 1)) for code in lapsed]
    join += [Join(PROGRAMME, "municipality", code, date(2018, 10, 28)) for code in later]
    join += [Join("own", "municipality", code, date(2017, 9, 1)) for code in units[60:80]]
    country.many("steward", join)
    vet = [School(str(9001 + at), units[at], "state_vet") for at in range(31)]
    skrunda = [School(str(1001 + at), SKRUNDA) for at in range(4)]
    others = [School(str(2001 + at), members[1 + at % 48]) for at in range(212)]
    country.open_schools([*vet, *skrunda, *others])
    without_a_plan_that_counts = [School(str(7001 + at), members[1 + at]) for at in range(12)]
    country.open_schools(without_a_plan_that_counts)
    lapsed_vet = School("9901", units[40], "state_vet")
    country.open_schools([lapsed_vet], since=date(2017, 3, 1))
    country.many("steward", [Join(PROGRAMME, "institution", lapsed_vet.number, date(2017, 3, 1), date(2018, 1, 1))])
    _skrunda_first_year(country, skrunda)
    _state_first_year(country, [*vet, *others], without_a_plan_that_counts)
    _events_first_year(country, members, skrunda)


def _skrunda_first_year(country: Country, schools: Sequence[School]) -> None:
    """27 pupils in 4 institutions by 41 plans; one of the plans went from one of them to another."""
    own = [Wanted(at, schools[at % 4], AUTUMN_2017, "suspended" if at == 5 else "approved") for at in range(1, 28)]
    own[26] = replace(own[26], to=schools[0])
    codes = country.enter([*own, Wanted(40, schools[1], AUTUMN_2017, "deleted")])
    held = country.many(schools[1].login, [consultation(codes[0], own[0], at) for at in range(3)])
    country.do(schools[1].login, CancelConsultation(held[1]["consultation_id"], "Ieraksts kļūdains."))
    country.enter([Wanted(at, schools[at % 4], SPRING_2018) for at in range(1, 15)])
    country.enter([Wanted(41, schools[2], SPRING_2018, "draft"), Wanted(42, schools[0], SPRING_2018, programme="own")])


def _state_first_year(country: Country, schools: Sequence[School], empty: Sequence[School]) -> None:
    """The other 6,459 plans, of 4,959 pupils; 40 deleted, 30 drafts, 20 waiting, 25 of another programme do not count."""
    at = lambda number: schools[number % len(schools)]  # noqa: E731
    base = 10_000
    autumn = [Wanted(base + n, at(n), AUTUMN_2017, "suspended" if n % 300 == 7 else "approved") for n in range(3500)]
    spring = [Wanted(base + n, at(n), SPRING_2018) for n in range(2000, 4959)]
    for n in [n for n in range(3500) if at(n).kind == "general"][40:50]:
        fitting = (one for one in schools if (one.place, one.kind) == (at(n).place, "general") and one != at(n))
        autumn[n] = replace(autumn[n], to=next(fitting))
    country.enter([*autumn, *spring])
    other, much = base + 20_000, {"programme": "own"}
    country.enter(
        [
            *(Wanted(other + n, at(n), SPRING_2018, "deleted") for n in range(28)),
            *(Wanted(other + 50 + n, empty[n], SPRING_2018, "deleted") for n in range(12)),
            *(Wanted(other + 100 + n, at(n), AUTUMN_2017, "draft") for n in range(30)),
            *(Wanted(other + 200 + n, at(n), SPRING_2018, "waiting") for n in range(20)),
            *(Wanted(other + 300 + n, at(n), SPRING_2018, **much) for n in range(25)),
        ]
    )


def _events_first_year(country: Country, members: Sequence[str], skrunda: Sequence[School]) -> None:
    country.calendar.day = date(2018, 9, 10)

    def event(kind: str, number: int, **more: Any) -> RecordEvent:
        on = date(2017, 9, 18) + timedelta(days=number)
        given = {"programme": PROGRAMME, "happened_on": on, "participants": 8, "minutes": 180, **more}
        return RecordEvent(kind, f"Pasākums {number}", led_by="Supervizors", is_certified=True, **given)

    own = {"municipality_code": SKRUNDA, "schools": {skrunda[0].number: 5, skrunda[1].number: 3}}
    country.many(f"pasvaldiba.{SKRUNDA}", [event("PA-SUP", n, **own) for n in range(2)])
    common = {"schools": {skrunda[2].number: 2, "2001": 6}}
    country.many("state", [event("PA-SEM", 300, happened_on=date(2018, 3, 1), **common)])
    country.many(
        "state",
        [
            *(event("PA-SUP", n, municipality_code=None, schools={"2001": 8}) for n in range(76)),
            *(event("PA-SEM", n) for n in range(219)),
            *(event("PA-SEM", n, programme="own") for n in range(9)),
            *(event("PA-SUP", n, happened_on=date(2018, 9, 10)) for n in range(4)),
            *(event("PA-KON", n) for n in range(5)),
        ],
    )


def skrunda_second_year(country: Country) -> None:
    """34 pupils in 3 institutions, one of them with a plan of a school that then handed it over."""
    schools = [country.schools[str(1001 + at)] for at in range(4)]
    autumn = [Wanted(at, schools[at % 3], Semester(2018, 1)) for at in range(11, 44)]
    country.enter([*autumn, Wanted(44, schools[3], Semester(2018, 1), to=schools[0])])
    country.enter([Wanted(at, schools[at % 3], Semester(2018, 2)) for at in range(20, 39)])
    country.enter([Wanted(60, schools[3], Semester(2018, 2), "deleted")])


def jurmala(country: Country) -> None:
    """35 pupils in 3 institutions; 20 educators stand in plans, 4 gave consultations; one entry of another is struck out."""
    schools = [School(str(3001 + at), JURMALA) for at in range(3)]
    country.open_schools(schools, since=date(2018, 11, 1))
    term = Semester(2018, 2)
    named = [f"jurmala.{at}" for at in range(20)]
    country.employ([*named, "nobody.draft", "nobody.deleted", "nobody.after"], schools)
    wanted = [Wanted(80_000 + at, schools[at % 3], term, measures=(teaching(named[at % 20]),)) for at in range(35)]
    codes = country.enter(wanted)
    for at in range(5):
        country.person(f"viesis.{at}", *(Grant("subject_teacher", one.number) for one in schools))
        held = country.do(f"viesis.{at}", consultation(codes[at], wanted[at], 10 * at))
        if at == 4:
            country.do(f"viesis.{at}", CancelConsultation(held["consultation_id"], "Nenotika."))
    country.do("viesis.0", consultation(codes[1], wanted[1], 100))
    country.enter([Wanted(80_100, schools[0], term, "draft", measures=(teaching("nobody.draft"),))])
    country.enter([Wanted(80_101, schools[0], term, "deleted", measures=(teaching("nobody.deleted"),))])
    country.enter([Wanted(80_102, schools[0], Semester(2019, 1), measures=(teaching("nobody.after"),))])


MADONA_CENTS = 7_469_528


def madona(country: Country) -> None:
    """286 plans (145 and 141) of 181 pupils, and 74,695.28 EUR of compensations and preparation."""
    schools = [School(str(4001 + at), MADONA) for at in range(7)]
    country.open_schools(schools)
    terms = (Semester(2020, 1), Semester(2020, 2))
    measures = (teaching(), MeasureLine("KO-TRA", ["EK1"]))
    plain = [Wanted(90_000 + at, schools[at % 7], terms[0]) for at in range(20, 145)]
    spring = [Wanted(90_000 + at, schools[at % 7], terms[1]) for at in range(40, 181)]
    poor = [Wanted(90_000 + at, schools[at % 7], terms[0], risks=POOR, measures=measures) for at in range(20)]
    _certificates(country, poor)
    other = Wanted(90_500, schools[0], terms[0], programme="own")
    codes = country.enter([*poor, *plain, other])
    paid = _compensations(country, poor, codes[:20])
    codes += country.enter(spring)
    plans = dict(zip(codes, [*poor, *plain, other, *spring], strict=True))
    rest, each = MADONA_CENTS - paid, (MADONA_CENTS - paid) // 286
    cents = dict.fromkeys(codes, each) | {codes[0]: rest - 285 * each, codes[145]: 99_900}
    for number, own in _by(codes, lambda code: plans[code].school.number):
        country.many(country.schools[number].director, [PayPreparation(code, cents[code]) for code in own])
    for half in (1, 2):
        country.do(f"pasvaldiba.{MADONA}", SetBudget(PROGRAMME, "municipality", MADONA, 2020, half, 4_000_000))


def _certificates(country: Country, wanted: Sequence[Wanted]) -> None:
    country.calendar.day = wanted[0].started_on
    country._enrol(wanted)
    country._in_schools(
        wanted,
        lambda one: RecordCertificate(
            pupil_id(one.pupil),
            one.school.number,
            "semester",
            one.term.first_on,
            one.term.first_on,
            one.term.next.first_on,
            [MADONA],
        ),
    )


def _compensations(country: Country, wanted: Sequence[Wanted], codes: Sequence[str]) -> int:
    """Return what is granted or closed: of 20 asked for, 2 are refused and 3 not decided."""
    code_of = dict(zip(wanted, codes, strict=True))
    country.calendar.day = date(2020, 11, 2)
    asked = country._in_schools(wanted, lambda one: RequestCompensation(code_of[one], "KO-TRA", "2020-10", 3_150))
    numbers = [asked[one]["compensation_id"] for one in wanted]
    decisions = [DecideCompensation(number, is_granted=True) for number in numbers[:15]]
    decisions += [DecideCompensation(number, is_granted=False, reason="Nav līdzekļu.") for number in numbers[15:17]]
    country.many(f"pasvaldiba.{MADONA}", decisions)
    spent = (Expense("Biļetes", date(2020, 10, 30), 3_150),)
    closed = CloseCompensation(numbers[0], spent)
    country.do(wanted[0].school.login, closed)
    return 15 * 3_150


def liepaja(country: Country) -> None:
    """572 pupils and 350 educators; support goes on for 407, and is needed no longer by 165."""
    schools = [School(str(5001 + at), "LV0005000") for at in range(12)]
    country.open_schools(schools)
    term = Semester(2021, 1)
    for at, school in enumerate(schools):
        country.employ((f"liepaja.{number}" for number in {n % 338 for n in range(at, 572, 12)}), [school])
    wanted = [
        Wanted(100_000 + at, schools[at % 12], term, measures=(teaching(f"liepaja.{at % 338}"),)) for at in range(572)
    ]
    codes = country.enter(wanted)
    country.close(wanted, codes, ["continue"] * 407 + ["no_longer_needed"] * 165)


def scaled_country(folder: Path) -> Country:
    """Return a register of the whole programme in which one plan stands for ``PLANS_FOR_ONE``; members are in their full number.

    Plans of school years 6,834, 15,129, 21,732 and 19,757, and 93,497 to the end of 2022; more than 23,000 pupils in the first
    three years; 599 institutions, 41 of 43 municipalities.
    """
    country = new_country(folder, date(2023, 8, 1))
    now = municipalities(date(2022, 12, 31))
    before = [unit.code for unit in municipalities(END_OF_YEAR)]
    gone = {"Varakļānu novads", "Saulkrastu novads"}
    stay_out = {unit.code for unit in now if unit.name in gone}
    old = [code for code in before if municipality_on(code, date(2022, 12, 31)).code not in stay_out]
    country.many("steward", [Join(PROGRAMME, "municipality", code, date(2017, 9, 11)) for code in old])
    schools = [School(str(10_000 + at), old[at % len(old)]) for at in range(40)]
    country.open_schools(schools)
    members = [Join(PROGRAMME, "institution", str(20_000 + at), date(2018, 9, 3)) for at in range(559)]
    members += [
        Join(PROGRAMME, "institution", str(30_000 + at), date(2018, 9, 3), date(2022, 6, 1)) for at in range(30)
    ]
    country.many("steward", members)
    for year in PLANS_OF_YEARS:
        _scaled_year(country, schools, year, entered_in(year))
    country.enter([Wanted(5000 + at, schools[at], Semester(2019, 1), "deleted") for at in range(9)])
    _move_schools(country, schools)
    _scaled_year(country, schools, 2021, entered_in(2021))
    _scaled_year(country, schools, 2022, entered_in(2022), halves=(1,))
    return country


def entered_in(year: int) -> int:
    """Return how many plans of a school year are entered; those of the last two years together lead to the published end."""
    if year in PLANS_OF_YEARS:
        return round(PLANS_OF_YEARS[year] / PLANS_FOR_ONE)
    rest = round(PLANS_TO_THE_END / PLANS_FOR_ONE) - sum(map(entered_in, PLANS_OF_YEARS))
    return rest * 2 // 3 if year == 2021 else rest - rest * 2 // 3


def _scaled_year(
    country: Country, schools: Sequence[School], year: int, plans: int, halves: Sequence[int] = (1, 2)
) -> None:
    """Enter the plans of a year, half of them in each semester; they are those of the pupils of the first three years."""
    counts = [plans] if len(halves) == 1 else [plans - plans // 2, plans // 2]
    wanted = []
    for half, of_half in zip(halves, counts, strict=True):
        for at in range(of_half):
            number = (FIRST_PUPIL.get((year, half), 0) // PLANS_FOR_ONE + at) % (PUPILS_OF_THREE_YEARS // PLANS_FOR_ONE)
            wanted.append(Wanted(1 + number, schools[number % len(schools)], Semester(year, half)))
    country.enter(wanted)


FIRST_PUPIL = {(2018, 1): 3_400, (2018, 2): 4_600, (2019, 1): 12_100, (2019, 2): 12_200}
"""At which pupil the plans of a semester begin, so that those of three years are of 23,000."""


def _move_schools(country: Country, schools: Sequence[School]) -> None:
    """Let every school belong to a municipality of the new map from the day of the reform on."""
    country.calendar.day = REFORM_ON
    for school in schools:
        school.place = municipality_on(school.place, REFORM_ON).code
    country.many(
        "steward",
        [RecordInstitution(one.number, f"Skola {one.number}", one.kind, one.place, REFORM_ON) for one in schools],
    )
