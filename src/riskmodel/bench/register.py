"""How fast the support register answers when it is full: a school year of 100,000 plans and a million consultations.

The year is invented and written into a register of SQLite; its export is then taken into a new register, which is timed, and the
questions of every page are asked there as people of each role ask them. Seconds by the clock, one process, one thread at a time.
"""

from __future__ import annotations

import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, Table

from riskmodel.latvia import municipalities
from riskmodel.messages import Message, message
from riskmodel.register.people import Grant, Person
from riskmodel.register.places import register_file
from riskmodel.register.store import Register, open_register
from riskmodel.support.keeping.exporting import export_register
from riskmodel.support.keeping.importing import import_register
from riskmodel.support.periods import Period, Scope
from riskmodel.support.plans import plan_code
from riskmodel.support.proposal import free_hours_of
from riskmodel.support.reading import consents_of, plan_of, plans_of_pupil, tasks_of
from riskmodel.support.reports import municipalities_table, report
from riskmodel.support.schema.papers import CONSENT, PUPIL, STAY
from riskmodel.support.schema.places import COUNTER, INSTITUTION, STAFF
from riskmodel.support.schema.plans import MEASURE_RISK, PLAN, PLAN_MEASURE, PLAN_RISK, PLAN_STEP
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION
from riskmodel.support.semesters import Semester
from riskmodel.support.statistics import count_plans

Say = Callable[[Message], None]
Report = dict[str, object]
Row = dict[str, Any]

PLANS, QUICK_PLANS = 100_000, 3_000
CONSULTATIONS_A_PLAN = 10
SCHOOLS = 600
YEAR = 2023
PROGRAMME = "own"
ASKED, QUICK_ASKED = 200, 20
REPEATS = 5
ROWS_AT_ONCE = 20_000
TODAY = date(YEAR + 1, 5, 10)
"""The day on which the pages are asked for: the end of the second semester, when most waits."""
STATUSES = ("IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "APPROVED", "IN_APPROVAL", "DRAFT", "SUSPENDED", "INACTIVE")
SUBJECTS = ("matematika", "latviesu_valoda", "svesvaloda", "fizika")


def measure(data: Path | None, say: Say, *, quick: bool = False) -> Report:
    """Return ``import_seconds``, ``page_p95_ms`` (of the slowest page), ``state_statistics_ms`` and what surrounds them.

    The year is invented, so that ``data`` is not read.
    """
    plans = QUICK_PLANS if quick else PLANS
    with tempfile.TemporaryDirectory(prefix="bench-register-") as folder:
        place = Path(folder)
        export = place / "year.zip"
        with open_register(register_file(place / "first"), may_create=True) as register:
            say(message("Inventing {plans} plans.", plans=plans))
            rows = _invent(register, plans)
            began = time.perf_counter()
            export_register(register, export, "bench")
            export_seconds = time.perf_counter() - began
        (place / "first.register.sqlite3").unlink()
        with open_register(register_file(place / "second"), may_create=True) as register:
            say(message("Taking the export of {rows} rows in.", rows=rows))
            began = time.perf_counter()
            import_register(register, export, "bench")
            import_seconds = time.perf_counter() - began
            say(message("Asking as people of each role do."))
            pages = _pages(register, plans, QUICK_ASKED if quick else ASKED)
            state = _state(register)
            size = (place / "second.register.sqlite3").stat().st_size
    return {
        "plans": plans,
        "consultations": plans * CONSULTATIONS_A_PLAN,
        "rows": rows,
        "import_seconds": round(import_seconds, 2),
        "export_seconds": round(export_seconds, 2),
        "page_p95_ms": max(found["p95"] for found in pages.values()),
        "pages_ms": pages,
        "state_statistics_ms": state["whole"],
        "statistics_ms": state,
        "megabytes": round(size / 1e6, 1),
        "peak_mb": round(psutil.Process().memory_info().rss / 1e6, 1),
        "threads": 1,
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class Drawn:
    """One invented plan: its pupil, school and semester."""

    plan_id: int
    pupil: int
    school: int
    term: Semester

    @property
    def teacher(self) -> str:
        """The login of who prepares and gives it: one of eight of the school."""
        return f"teacher.{self.school}.{self.plan_id % 8}"

    @property
    def pupil_id(self) -> str:
        """The pupil's pseudonym."""
        return f"{self.pupil:032x}"

    @property
    def school_id(self) -> str:
        """The school's number."""
        return str(1000 + self.school)


def _drawn(plans: int) -> Iterator[Drawn]:
    """Yield the plans of a year: four pupils of ten have one in both semesters."""
    number, pupil = 0, 0
    source = random.Random(7)  # noqa: S311  (invents, keeps nothing secret)
    while number < plans:
        pupil += 1
        school = source.randrange(SCHOOLS)
        for half in (1, 2) if source.random() < 0.4 else (source.choice((1, 2)),):
            number += 1
            if number <= plans:
                yield Drawn(number, pupil, school, Semester(YEAR, half))


def _invent(register: Register, plans: int) -> int:
    """Write the year by rows; return how many. What the verbs would refuse is not measured here."""
    at = datetime(YEAR, 9, 10, 8, tzinfo=UTC)
    sign = {"recorded_by": "bench", "recorded_at": at}
    drawn = list(_drawn(plans))
    places = [one.code for one in municipalities(TODAY)]
    rows: Mapping[Table, Iterator[Row]] = {
        INSTITUTION: (_institution(number, places, sign) for number in range(SCHOOLS)),
        STAFF: (_staff(number, sign) for number in range(SCHOOLS * 8)),
        PUPIL: ({"pupil_id": f"{n:032x}", "is_in_care": 0, **sign} for n in range(1, drawn[-1].pupil + 1)),
        STAY: (_stay(number, one, sign) for number, one in enumerate(_firsts(drawn), 1)),
        CONSENT: (_consent(one, sign) for one in drawn),
        PLAN: (_plan(one, sign) for one in drawn),
        PLAN_RISK: (row for one in drawn for row in _risks(one, sign)),
        PLAN_MEASURE: (row for one in drawn for row in _measures(one, sign)),
        MEASURE_RISK: (
            {"plan_measure_id": number, "risk_id": number}
            for one in drawn
            for number in (2 * one.plan_id - 1, 2 * one.plan_id)
        ),
        PLAN_STEP: (row for one in drawn for row in _steps(one, sign)),
        CONSULTATION: (row for one in drawn for row in _consultations(one, sign)),
        COMPENSATION: (_compensation(one, sign) for one in drawn if one.plan_id % 10 == 0),
    }
    written = 0
    for table, many in rows.items():
        count = 0
        with register.database.acting() as act:
            while part := list(islice(many, ROWS_AT_ONCE)):
                act.connection.execute(table.insert(), part)
                count += len(part)
            if table.name not in {"support_pupil", "measure_risk"}:
                act.connection.execute(COUNTER.insert().values(name=table.name, last=count))
        written += count
    return written


def _institution(number: int, places: list[str], sign: Row) -> Row:
    return {
        "institution_id": number + 1,
        "school_id": str(1000 + number),
        "shown_name": f"Skola {number}",
        "institution_kind": "state_vet" if number % 20 == 0 else "general",
        "municipality_code": places[number % len(places)],
        "valid_from": date(YEAR - 6, 9, 1),
        **sign,
    }


def _staff(number: int, sign: Row) -> Row:
    school, who = divmod(number, 8)
    return {
        "staff_id": number + 1,
        "login": f"teacher.{school}.{who}",
        "school_id": str(1000 + school),
        "profession": "psychologist" if who == 0 else "subject_teacher",
        "hours_per_week": 10,
        "valid_from": date(YEAR, 9, 1),
        **sign,
    }


def _firsts(drawn: list[Drawn]) -> Iterator[Drawn]:
    before = 0
    for one in drawn:
        if one.pupil != before:
            before = one.pupil
            yield one


def _stay(number: int, one: Drawn, sign: Row) -> Row:
    return {
        "stay_id": number,
        "pupil_id": one.pupil_id,
        "school_id": one.school_id,
        "class_code": f"{5 + one.pupil % 8}.a",
        "stage_kind": "grade",
        "stage_number": 5 + one.pupil % 8,
        "valid_from": date(YEAR, 9, 1),
        **sign,
    }


def _consent(one: Drawn, sign: Row) -> Row:
    day = one.term.first_on
    return {
        "consent_id": one.plan_id,
        "pupil_id": one.pupil_id,
        "school_id": one.school_id,
        "paper_kind": "consent",
        "school_year": one.term.year,
        "semester": one.term.half,
        "giver": "parent",
        "channel": "paper_delivered",
        "form": "parent",
        "form_version": "26.03.2020",
        "given_on": day,
        "signed_on": day,
        "received_on": day,
        **sign,
    }


def _status(one: Drawn) -> str:
    if one.term.half == 1:
        return "INACTIVE" if one.plan_id % 50 == 0 else "CLOSED"
    return STATUSES[one.plan_id % len(STATUSES)]


def _plan(one: Drawn, sign: Row) -> Row:
    status = _status(one)
    is_approved = status not in {"DRAFT", "IN_APPROVAL"}
    return {
        "plan_id": one.plan_id,
        "plan_code": plan_code(one.term, one.plan_id),
        "pupil_id": one.pupil_id,
        "school_id": one.school_id,
        "class_code": f"{5 + one.pupil % 8}.a",
        "stage_kind": "grade",
        "stage_number": 5 + one.pupil % 8,
        "programme": PROGRAMME,
        "school_year": one.term.year,
        "semester": one.term.half,
        "status": status,
        "waits_for": "director" if status == "IN_APPROVAL" else None,
        "version": 5,
        "preparer": one.teacher,
        "supervisor": one.teacher,
        "consent_id": one.plan_id,
        "started_on": one.term.first_on,
        "is_late": 0,
        "is_psychoemotional": int(one.plan_id % 12 == 0),
        "is_finishing": 0,
        "preparation_cents": 0,
        "approved_on": one.term.first_on + timedelta(days=10) if is_approved else None,
        "ended_on": one.term.last_on if status == "CLOSED" else None,
        "decision": "continue" if status == "CLOSED" else None,
        **sign,
    }


def _risks(one: Drawn, sign: Row) -> Iterator[Row]:
    for number, code in enumerate(("MI4", ("MI1", "EK1", "SV7")[one.plan_id % 3])):
        yield {
            "risk_id": 2 * one.plan_id - 1 + number,
            "plan_id": one.plan_id,
            "risk_code": code,
            "justification": "Izdomāts pamatojums.",
            "is_sensitive": int(code == "SV7"),
            "origin": "proposal",
            **sign,
        }


def _measures(one: Drawn, sign: Row) -> Iterator[Row]:
    for number, code in enumerate(("KA-PED", ("KA-SOC", "KO-TRA", "KA-PSI")[one.plan_id % 3])):
        yield {
            "plan_measure_id": 2 * one.plan_id - 1 + number,
            "plan_id": one.plan_id,
            "measure_code": code,
            "provider": one.teacher,
            "subject_code": SUBJECTS[one.plan_id % len(SUBJECTS)] if number == 0 else None,
            "planned_times": 16,
            "is_same_day_certificate": 0,
            **sign,
        }


def _steps(one: Drawn, sign: Row) -> Iterator[Row]:
    way = (("begin", None, "DRAFT"), ("submit", "DRAFT", "IN_APPROVAL"), ("approve", "IN_APPROVAL", "APPROVED"))
    for number, (action, before, after) in enumerate(way):
        yield {
            "step_id": 3 * one.plan_id - 2 + number,
            "plan_id": one.plan_id,
            "action": action,
            "status_before": before,
            "status_after": after,
            "happened_on": one.term.first_on + timedelta(days=3 * number),
            **sign,
        }


def _consultations(one: Drawn, sign: Row) -> Iterator[Row]:
    for number in range(CONSULTATIONS_A_PLAN):
        is_remote = number == CONSULTATIONS_A_PLAN - 1
        yield {
            "consultation_id": (one.plan_id - 1) * CONSULTATIONS_A_PLAN + number + 1,
            "plan_id": one.plan_id,
            "school_id": one.school_id,
            "measure_code": "KA-PED",
            "subject_code": SUBJECTS[one.plan_id % len(SUBJECTS)],
            "provider": one.teacher,
            "provider_role": "subject_teacher",
            "happened_on": one.term.first_on + timedelta(days=12 + 7 * number),
            "begins_minute": 480 + 41 * (one.plan_id // 8 % 12),
            "minutes": 40,
            "mode": "remote" if is_remote else "in_person",
            "is_signed": int(not is_remote and one.plan_id % 200 != 0),
            "acknowledgement_kind": "e_klase" if is_remote else None,
            "acknowledged_on": one.term.first_on + timedelta(days=12 + 7 * number) if is_remote else None,
            "acknowledgement_reference": "E-klase" if is_remote else None,
            "is_invited": 1,
            **sign,
        }


def _compensation(one: Drawn, sign: Row) -> Row:
    return {
        "compensation_id": one.plan_id // 10,
        "plan_id": one.plan_id,
        "school_id": one.school_id,
        "measure_code": "KO-TRA",
        "month": f"{one.term.first_on.isoformat()[:7]}",
        "cents": 2550,
        "state": "awaiting" if one.plan_id % 100 == 0 else "closed",
        **sign,
    }


# --- questions


def _pages(register: Register, plans: int, asked: int) -> dict[str, dict[str, float]]:
    """Return median and p95 in milliseconds of what each page asks the data base, in the order of the pages."""
    source = random.Random(11)  # noqa: S311  (invents, keeps nothing secret)
    chosen = source.sample(list(_drawn(plans)), min(asked, plans))
    places = [one.code for one in municipalities(TODAY)]
    term = Semester(YEAR, 2)

    def person(one: Drawn, role: str) -> Person:
        grant = {
            "class_teacher": Grant("class_teacher", one.school_id, class_code=f"{5 + one.pupil % 8}.a"),
            "support_staff": Grant("support_staff", one.school_id),
            "director": Grant("director", one.school_id),
            "municipality": Grant("municipality", municipality_code=places[one.school % len(places)]),
            "state": Grant("state"),
        }[role]
        return Person(1, one.teacher, "", "lv", (grant,))

    def tasks(role: str) -> Callable[[Connection, Drawn], object]:
        return lambda connection, one: tasks_of(connection, person(one, role), TODAY)

    def plan(role: str) -> Callable[[Connection, Drawn], object]:
        return lambda connection, one: plan_of(connection, person(one, role), plan_code(one.term, one.plan_id), TODAY)

    def planning(connection: Connection, one: Drawn) -> object:
        return (
            consents_of(connection, one.pupil_id, one.school_id, term),
            plans_of_pupil(connection, one.pupil_id, one.school_id),
            free_hours_of(connection, one.school_id, term),
        )

    roles = ("class_teacher", "support_staff", "director", "municipality", "state")
    questions = {
        **{f"tasks.{role}": tasks(role) for role in roles},
        **{f"plan.{role}": plan(role) for role in ("class_teacher", "support_staff", "director")},
        "planning": planning,
    }
    return {name: _timed(register, question, chosen) for name, question in questions.items()}


def _timed(
    register: Register, question: Callable[[Connection, Drawn], object], chosen: list[Drawn]
) -> dict[str, float]:
    milliseconds = []
    for one in chosen:
        began = time.perf_counter()
        with register.database.reading() as connection:
            question(connection, one)
        milliseconds.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(milliseconds, n=20)
    return {"median": round(statistics.median(milliseconds), 2), "p95": round(cuts[-1], 2)}


def _state(register: Register) -> dict[str, float]:
    """Return in milliseconds what the statistics of the state take, by part, and the whole page of them."""
    period = Period.year(YEAR)
    parts: Mapping[str, Callable[[Connection], object]] = {
        "whole": lambda connection: report(connection, period),
        "by_municipality": lambda connection: count_plans(connection, period, by=["municipality"]),
        "by_school": lambda connection: count_plans(connection, period, by=["school"]),
        "by_risk_and_measure": lambda connection: count_plans(connection, period, by=["risk_group", "measure"]),
        "table_of_municipalities": lambda connection: municipalities_table(connection, period),
        "one_municipality": lambda connection: report(connection, period, Scope(municipality_code="LV0001000")),
    }
    found = {}
    for name, ask in parts.items():
        seconds = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            with register.database.reading() as connection:
                ask(connection)
            seconds.append(time.perf_counter() - began)
        found[name] = round(statistics.median(seconds) * 1000, 1)
    return found
