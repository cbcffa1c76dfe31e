"""A small world of support: two schools and a state vocational school, people of every role, pupils; and the way of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

from riskmodel.register.people import Grant, Person
from riskmodel.register.store import Register
from riskmodel.register.units import Whole
from riskmodel.settings import HERE
from riskmodel.support.consents import RecordConsent
from riskmodel.support.consultations import RecordConsultation
from riskmodel.support.life import ClosePlan, MovePlan
from riskmodel.support.office import Office
from riskmodel.support.places import Join, RecordInstitution, RecordStaff
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import AssessPlan

SCHOOL, OTHER_SCHOOL, VET_SCHOOL = "101", "102", "201"
PLACE, OTHER_PLACE = "LV0001000", "LV0011000"
PROGRAMME = "pumpurs"


class Calendar:
    """A clock that stands on a day until it is moved; noon by the clock of the schools."""

    def __init__(self, day: date = date(2019, 9, 16)) -> None:
        self.day = day

    def __call__(self) -> datetime:
        return datetime.combine(self.day, time(12), HERE).astimezone(UTC)


def pupil_id(number: int) -> str:
    """Return the pseudonym of an invented pupil."""
    return f"{number:032x}"


@dataclass
class World:
    """An office with people; ``world.do`` acts as somebody with a new key each time."""

    register: Register
    calendar: Calendar
    people: dict[str, Person] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.office = Office(self.register.database)

    def person(self, login: str, *grants: Grant) -> Person:
        """Add an account and return who has it."""
        self.people[login] = self.register.accounts.add(login, login, None, "lv", grants, "tests")
        return self.people[login]

    def do(self, who: str, command: Any, key: str | None = None) -> Any:
        """Carry a command out as the person of a login; return the answer."""
        return self.office.do(command, self.people[who], key or f"test-key-{next(self.numbers):08d}")

    def do_all(self, who: str, commands: Sequence[Any]) -> list[Any]:
        """Carry commands out in one transaction."""
        keyed = [(command, f"test-key-{next(self.numbers):08d}") for command in commands]
        return self.office.do_all(keyed, self.people[who])

    # --- the way of a plan

    def enrol(self, number: int = 1, school_id: str = SCHOOL, **more: Any) -> str:
        """Let a pupil of grade 9 learn in a school since 2016; return the pseudonym."""
        given = {"stage_kind": "grade", "stage_number": 9, "class_code": "9.a", "born_on": date(2004, 5, 31), **more}
        given.setdefault("valid_from", date(2016, 9, 1))
        self.do("steward", RecordStay(pupil_id=pupil_id(number), school_id=school_id, **given))
        return pupil_id(number)

    def consent(self, pupil: str, year: int = 2019, half: int = 1, **more: Any) -> int:
        """Record a parent's consent on paper of today."""
        given = {"giver": "parent", "channel": "paper_delivered", "form_version": "2020-03-26"} | more
        given.setdefault("signed_on", self.calendar.day)
        given.setdefault("received_on", given["signed_on"])
        school_id = given.pop("school_id", SCHOOL)
        who = given.pop("who", "teacher")
        command = RecordConsent(pupil_id=pupil, school_id=school_id, school_year=year, semester=half, **given)
        return int(self.do(who, command)["consent_id"])

    def begin(self, pupil: str, consent_id: int, year: int = 2019, half: int = 1, **more: Any) -> str:
        """Begin a plan today; return its code."""
        given = {"school_id": SCHOOL, "programme": PROGRAMME, "started_on": self.calendar.day, **more}
        who = given.pop("who", "teacher")
        command = BeginPlan(pupil_id=pupil, school_year=year, semester=half, consent_id=consent_id, **given)
        return str(self.do(who, command)["plan_code"])

    def fill(
        self,
        code: str,
        risks: Sequence[RiskLine] = (RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes."),),
        measures: Sequence[MeasureLine] = (MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16),),
        who: str = "teacher",
    ) -> None:
        """Write risks and measures."""
        self.do(who, ChangePlan(code, self.version(code), risks, measures))

    def move(self, who: str, code: str, action: Any, **more: Any) -> Any:
        """Take one step with a plan as it is now."""
        return self.do(who, MovePlan(code, self.version(code), action, **more))

    def approve(self, code: str, approvers: Sequence[str] = ("director", "municipality", "state")) -> None:
        """Take a plan through its whole chain."""
        for who in approvers:
            self.move(who, code, "approve")

    def approved_plan(self, number: int = 1, **more: Any) -> str:
        """Return the code of a plan that went the whole way to approval."""
        pupil = self.enrol(number, **{name: more.pop(name) for name in ("stage_number", "born_on") if name in more})
        code = self.begin(pupil, self.consent(pupil), **more)
        self.fill(code)
        self.move("teacher", code, "submit")
        self.approve(code)
        return code

    def consult(self, code: str, who: str = "teacher", **more: Any) -> int:
        """Record a consultation of today."""
        given = {
            "measure_code": "KA-PED",
            "subject_code": "matematika",
            "happened_on": self.calendar.day,
            "begins_minute": 900,
            "minutes": 40,
            "is_signed": True,
            **more,
        }
        return int(self.do(who, RecordConsultation(plan_code=code, **given))["consultation_id"])

    def close(self, code: str, decision: str = "continue", who: str = "teacher") -> None:
        """Assess a plan and close it."""
        self.do(who, AssessPlan(code, "teacher", self.calendar.day, marks="better"))
        self.do(who, ClosePlan(code, self.version(code), decision))

    def version(self, code: str) -> int:
        """Return the version of a plan."""
        return int(self.plan(code).version)

    def plan(self, code: str) -> Any:
        """Return the row of a plan."""
        from sqlalchemy import select

        from riskmodel.support.schema.plans import PLAN

        with self.register.database.reading(Whole("plan_viewed")) as connection:
            return connection.execute(select(PLAN).where(PLAN.c.plan_code == code)).one()


def people_of(world: World) -> World:
    """Give a world its institutions and one person of every role."""
    school = {"school_id": SCHOOL}
    world.person("steward", Grant("steward"))
    world.person("state", Grant("state"))
    world.person("municipality", Grant("municipality", municipality_code=PLACE))
    world.person("neighbour", Grant("municipality", municipality_code=OTHER_PLACE))
    world.person("director", Grant("director", **school))
    world.person("teacher", Grant("class_teacher", class_code="9.a", **school))
    world.person("colleague", Grant("subject_teacher", **school))
    world.person("psychologist", Grant("support_staff", **school))
    world.person("assistant", Grant("support_staff", **school))
    world.person("other.director", Grant("director", school_id=OTHER_SCHOOL))
    world.person("other.teacher", Grant("class_teacher", school_id=OTHER_SCHOOL, class_code="9.a"))
    world.person("vet.director", Grant("director", school_id=VET_SCHOOL))
    world.person("vet.teacher", Grant("class_teacher", school_id=VET_SCHOOL, class_code="1-1"))
    world.person("researcher", Grant("researcher"))
    since = date(2010, 9, 1)
    places = [(SCHOOL, "general", PLACE), (OTHER_SCHOOL, "general", OTHER_PLACE), (VET_SCHOOL, "state_vet", PLACE)]
    world.do_all(
        "steward",
        [
            *(RecordInstitution(number, f"Skola {number}", kind, place, since) for number, kind, place in places),
            *(Join(PROGRAMME, "institution", number, date(2017, 9, 11)) for number, _, _ in places),
            *(Join(PROGRAMME, "municipality", place, date(2017, 9, 11)) for place in (PLACE, OTHER_PLACE)),
            RecordStaff("psychologist", SCHOOL, "psychologist", since),
            RecordStaff("assistant", SCHOOL, "teacher_assistant", since),
        ],
    )
    return world
