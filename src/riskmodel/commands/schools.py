"""The schools of a store's current run, entered in the register as institutions, so that plans can be made in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.register.actors import OPERATOR, printable
from riskmodel.register.people import Grant, Person
from riskmodel.register.store import Register
from riskmodel.register.units import OPEN
from riskmodel.runs.publish import Store, current_run
from riskmodel.support.office import Office
from riskmodel.support.places import RecordInstitution, RecordStaff
from riskmodel.support.schema.places import INSTITUTION
from riskmodel.support.semesters import Semester, semester_of

KINDS = {"general": "general", "vocational": "state_vet"}
"""A vocational school is taken for one of the state, as nearly all are; the steward enters the others as they are."""


def operator(by: str) -> Person:
    """Return whoever acts at the command line as a steward of the register."""
    return Person(0, OPERATOR + printable(by), by, "lv", (Grant("steward"),))


def enter_schools(register: Register, store: Path, by: str) -> int:
    """Enter the schools of the current run that the register does not know as they are; return how many.

    A school that is new to the register is entered from the school year of the run on, one that has changed from now on.

    Raises
    ------
    UsageError
        When nothing is published in the store.
    """
    place = Store(store.absolute())
    run_id = current_run(place)
    if run_id is None:
        raise UsageError(
            message("Schools are entered from a published run."),
            found=message("Nothing has been published in this store yet."),
            remedy=message("Publish a run with: riskmodel run --help"),
            where=str(store),
        )
    index = json.loads((place.run(run_id) / "extracts" / "index.json").read_bytes())
    cut_off_on = date.fromisoformat(index["run"]["cut_off_on"])
    today = register.database.clock().date()
    first_on = Semester(semester_of(cut_off_on).year, 1).first_on
    commands = _missing(_known(register), index["schools"], first_on, today)
    office, who = Office(register.database), operator(by)
    office.do_all([(command, _key(command)) for command in commands], who)
    return len(commands)


def _known(register: Register) -> dict[str, Any]:
    own = INSTITUTION.c
    with register.database.reading(OPEN) as connection:
        rows = connection.execute(select(INSTITUTION).order_by(own.valid_from)).all()
    return {row.school_id: row for row in rows}


def _missing(
    known: dict[str, Any], schools: Sequence[dict[str, Any]], first_on: date, today: date
) -> list[RecordInstitution]:
    commands = []
    for school in schools:
        school_id, code = str(school["school_id"]), school.get("municipality_code")
        kind = KINDS.get(str(school.get("school_kind")), "general")
        row = known.get(school_id)
        if not code or (row is not None and (row.institution_kind, row.municipality_code) == (kind, code)):
            continue
        name = str(school["school_name"] or school_id)
        commands.append(RecordInstitution(school_id, name, kind, str(code), today if row is not None else first_on))
    return commands


def _key(command: RecordInstitution) -> str:
    return f"school-{command.school_id}-{command.valid_from.isoformat()}-{command.municipality_code}"


def enter_demo_staff(register: Register, login: str, school_id: str, by: str) -> None:
    """Enter the demonstration account of support staff as the psychologist of its school, for ten hours a week."""
    first_on = Semester(semester_of(register.database.clock().date()).year, 1).first_on
    command = RecordStaff(login, school_id, "psychologist", first_on, None, 10)
    Office(register.database).do(command, operator(by), f"demo-staff-{login}-{first_on.isoformat()}")
