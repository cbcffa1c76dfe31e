"""A register in which pupils have something in every table that can name them, put there by the verbs; and a large one, invented."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

from own_postgres import Server
from sqlalchemy.exc import ProgrammingError
from supported import OTHER_PLACE, OTHER_SCHOOL, PLACE, SCHOOL, Calendar, World, people_of, pupil_id

from riskmodel.register import migrating
from riskmodel.register.people import Grant
from riskmodel.register.places import ServerPlace, register_file, server_place
from riskmodel.register.store import Register, open_register
from riskmodel.settings import HERE
from riskmodel.support.compensations import (
    CloseCompensation,
    DecideCompensation,
    Expense,
    RecordContact,
    RequestCompensation,
)
from riskmodel.support.events import SendNotice
from riskmodel.support.keeping.exporting import FORM, parts_of_people, parts_of_support
from riskmodel.support.life import HandOverPlan
from riskmodel.support.orders import IssueOrder, RecordCertificate
from riskmodel.support.plans import MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import Answer, AnswerProposal, AssessPlan

OWNER = "keeper"
SECRET_WORDS = "Nakšņo pie vecmāmiņas, mājās ir grūti."
"""What support staff wrote of a sensitive risk."""


def opened_register(store: Path, calendar: Calendar | None = None) -> Register:
    """Return the register of a store, made where there is none."""
    return open_register(register_file(store), may_create=True, clock=calendar or Calendar())


def owned_place(server: Server, store: Path) -> ServerPlace:
    """Return a new data base of a server whose owner is no super-user, as in use: bound by the policies of its tables."""
    with suppress(ProgrammingError):  # there from an earlier test
        server.do(f"CREATE USER {OWNER}")
    name = server.make_database(f"OWNER {OWNER}")
    return server_place(server.address(name, OWNER), store)


def filled(register: Register, calendar: Calendar, numbers: tuple[int, ...] = (1, 2, 3)) -> World:
    """Return a world whose pupils of these numbers have something in every table."""
    world = people_of(World(register, calendar))
    for number in numbers:
        support(world, pupil_id(number))
    return world


def support(world: World, pupil: str) -> str:
    """Let a pupil go the whole way: from a proposal to a plan that is handed over; return the code of the plan."""
    day = world.calendar.day
    number = int(hashlib.sha256(pupil.encode()).hexdigest()[:6], 16)
    given = {"stage_kind": "grade", "stage_number": 9, "valid_from": date(2016, 9, 1), "born_on": date(2004, 5, 31)}
    places = {"declared_municipality": PLACE, "actual_municipality": OTHER_PLACE}
    world.do("steward", RecordStay(pupil_id=pupil, school_id=SCHOOL, class_code="9.a", **given, **places))
    word = Answer("risk", "MI4", "refused", reason="Atzīmes jau labojas.")
    world.do("teacher", AnswerProposal(pupil, SCHOOL, 2019, 1, [word], run_id="2019-09-01-0123456789ab"))
    world.do("teacher", SendNotice(pupil, SCHOOL, 2019, 1, 24, "parent", day))
    certificate = RecordCertificate(
        pupil, SCHOOL, "semester", day, date(2019, 9, 1), date(2020, 1, 1), [PLACE, OTHER_PLACE]
    )
    certificate_id = world.do("teacher", certificate)["certificate_id"]
    world.calendar.day = day + timedelta(days=1)
    code = world.begin(pupil, world.consent(pupil, file_reference="lieta 3-7/19"))
    world.fill(
        code,
        [
            RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes."),
            RiskLine("GI4", SECRET_WORDS),
            RiskLine("EK1", "Tālu."),
        ],
        [
            MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16),
            MeasureLine("KA-PSI", ["GI4"], "psychologist"),
            MeasureLine("KO-TRA", ["EK1"]),
        ],
        who="psychologist",
    )
    world.move("teacher", code, "submit")
    world.approve(code)
    order = IssueOrder(SCHOOL, f"1-9/{number}", "consent_way", day, day, plan_codes=[code], pupil_ids=[pupil])
    world.do("director", order)
    world.consult(code, happened_on=world.calendar.day, begins_minute=480 + 41 * int(code.split("-")[1]))
    asked = world.do("director", RequestCompensation(code, "KO-TRA", "2019-09", 2550))["compensation_id"]
    world.do("municipality", DecideCompensation(asked, is_granted=True))
    paid = CloseCompensation(asked, [Expense("čeks 17", world.calendar.day, 2550)], certificate_id)
    world.do("director", paid)
    world.do("teacher", RecordContact("family", SCHOOL, "CI-GIM", world.calendar.day, plan_code=code))
    world.do("teacher", AssessPlan(code, "teacher", world.calendar.day, marks="better", told="Nāk ar prieku."))
    stay = RecordStay(pupil, OTHER_SCHOOL, class_code="9.a", **{**given, "valid_from": world.calendar.day})
    world.do("steward", stay)
    handover = world.consent(pupil, paper_kind="handover")
    world.do("teacher", HandOverPlan(code, world.version(code), OTHER_SCHOOL, handover, "other.teacher"))
    subject = Grant("subject_teacher", OTHER_SCHOOL, pupil_ids=frozenset({pupil}))
    world.register.accounts.add(f"subject{number}", "Priekšmeta skolotāja", None, "lv", [subject], "tests")
    world.calendar.day = day
    return code


# --- a large register, as an export


def write_large_export(to: Path, plans: int, consultations_per_plan: int) -> None:
    """Write an export of an invented register, a plan per pupil, as ``riskmodel register export`` would."""
    made = _rows(plans, consultations_per_plan)
    told: dict[str, dict[str, object]] = {}
    parts = {**parts_of_support(), **parts_of_people()}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in parts.items():
            digest, rows = hashlib.sha256(), 0
            with archive.open(zipfile.ZipInfo(part.file), "w", force_zip64=True) as file:
                for row in made.get(name, lambda: iter(()))():
                    full = [row.get(column) for column in part.columns]
                    line = json.dumps(full, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
                    digest.update(line)
                    rows += 1
                    file.write(line)
            told[name] = {"file": part.file, "columns": list(part.columns), "rows": rows, "sha256": digest.hexdigest()}
        people = set(parts_of_people())
        manifest = {
            "form": FORM,
            "revision": migrating.revisions()[-1],
            "tables": {name: said for name, said in told.items() if name not in people},
            "people": {name: said for name, said in told.items() if name in people},
        }
        archive.writestr("manifest.json", json.dumps(manifest))


def _rows(plans: int, each: int) -> dict[str, object]:
    written = {"recorded_by": "teacher", "recorded_at": "2020-09-16T10:00:00.000000Z"}
    term = {"school_year": "2020", "semester": "1"}
    first = datetime(2020, 9, 14, tzinfo=HERE).date()

    def school(number: int) -> str:
        return str(100 + number % 600)

    def pupil(number: int) -> str:
        return hashlib.sha256(str(number).encode()).hexdigest()[:32]

    def of_plans(columns: object) -> object:
        return lambda: ({**columns(number), **written} for number in range(1, plans + 1))  # type: ignore[operator]

    def consultations() -> Iterator[dict[str, str]]:
        for number in range(1, plans * each + 1):
            plan = (number - 1) // each + 1
            day = first + timedelta(days=number % each)
            yield {
                "consultation_id": str(number),
                "plan_id": str(plan),
                "school_id": school(plan),
                "measure_code": "KA-PED",
                "subject_code": "matematika",
                "provider": f"teacher{plan % 20000}",
                "provider_role": "subject_teacher",
                "happened_on": day.isoformat(),
                "begins_minute": "840",
                "minutes": "40",
                "mode": "in_person",
                "is_signed": "1",
                "is_invited": "0",
                **written,
            }

    def counters() -> Iterator[dict[str, str]]:
        for name in ("stay", "consent", "plan", "plan_risk", "plan_measure", "plan_step"):
            yield {"name": name, "last": str(plans)}
        yield {"name": "consultation", "last": str(plans * each)}

    return {
        "support_pupil": of_plans(lambda n: {"pupil_id": pupil(n), "born_on": "2005-03-31", "is_in_care": "0"}),
        "stay": of_plans(
            lambda n: {
                "stay_id": str(n),
                "pupil_id": pupil(n),
                "school_id": school(n),
                "class_code": "9.a",
                "stage_kind": "grade",
                "stage_number": "9",
                "valid_from": "2018-09-01",
            }
        ),
        "consent": of_plans(
            lambda n: {
                "consent_id": str(n),
                "pupil_id": pupil(n),
                "school_id": school(n),
                "paper_kind": "consent",
                **term,
                "giver": "parent",
                "channel": "paper_delivered",
                "form": "parent",
                "form_version": "2020-03-26",
                "given_on": "2020-09-07",
                "signed_on": "2020-09-07",
                "received_on": "2020-09-07",
            }
        ),
        "plan": of_plans(
            lambda n: {
                "plan_id": str(n),
                "plan_code": f"IAP-2020-1-{n:06d}",
                "pupil_id": pupil(n),
                "school_id": school(n),
                "class_code": "9.a",
                "stage_kind": "grade",
                "stage_number": "9",
                "programme": "pumpurs",
                **term,
                "status": "IN_PROGRESS",
                "version": "4",
                "preparer": "teacher",
                "supervisor": "teacher",
                "consent_id": str(n),
                "started_on": "2020-09-10",
                "is_late": "0",
                "is_psychoemotional": "0",
                "is_finishing": "0",
                "preparation_cents": "0",
                "approved_on": "2020-09-14",
            }
        ),
        "plan_risk": of_plans(
            lambda n: {
                "risk_id": str(n),
                "plan_id": str(n),
                "risk_code": "MI4",
                "is_sensitive": "0",
                "origin": "person",
                "justification": "Matemātikā četras nepietiekamas atzīmes.",
            }
        ),
        "plan_measure": of_plans(
            lambda n: {
                "plan_measure_id": str(n),
                "plan_id": str(n),
                "measure_code": "KA-PED",
                "provider": f"teacher{n % 20000}",
                "subject_code": "matematika",
                "planned_times": "16",
                "is_same_day_certificate": "0",
            }
        ),
        "measure_risk": lambda: ({"plan_measure_id": str(n), "risk_id": str(n)} for n in range(1, plans + 1)),
        "plan_step": of_plans(
            lambda n: {
                "step_id": str(n),
                "plan_id": str(n),
                "action": "begin",
                "status_after": "DRAFT",
                "happened_on": "2020-09-10",
            }
        ),
        "consultation": consultations,
        "counter": lambda: iter(sorted(counters(), key=lambda row: row["name"])),
    }
