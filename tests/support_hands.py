"""Anybody doing anything in the support register, and what must hold of its tables whatever was done.

A deed is a verb with a few whole numbers; what they mean depends on what stands in the register by then. So a list of deeds is
data: drawn by Hypothesis, and done again on another data base.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from refusals import contents_of, rows
from sqlalchemy import Table
from supported import OTHER_PLACE, OTHER_SCHOOL, PLACE, SCHOOL, VET_SCHOOL, World, pupil_id

from riskmodel.errors import UsageError
from riskmodel.register.database import ACTIONS
from riskmodel.register.schema import AUDIT_ENTRY, METADATA
from riskmodel.support.changes import PublishRule
from riskmodel.support.compensations import (
    CloseCompensation,
    DecideCompensation,
    Expense,
    RecordContact,
    RequestCompensation,
)
from riskmodel.support.consents import RecordConsent, WithdrawConsent
from riskmodel.support.consultations import AcknowledgeConsultation, CancelConsultation, RecordConsultation
from riskmodel.support.life import FROM, ClosePlan, HandOverPlan, MovePlan, PayPreparation
from riskmodel.support.orders import EndOrder, IssueOrder, RecordCertificate
from riskmodel.support.places import RecordStaff
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.results import Answer, AnswerProposal, AssessPlan
from riskmodel.support.schema.papers import CONSENT, DIRECTOR_ORDER, STAY
from riskmodel.support.schema.places import REQUEST
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION
from riskmodel.support.semesters import semester_of

FIRST_DAY = date(2020, 9, 10)
DAY = timedelta(days=1)
SCHOOLS = (SCHOOL, SCHOOL, OTHER_SCHOOL, VET_SCHOOL)
PUPILS = 4
TEACHERS = {SCHOOL: "teacher", OTHER_SCHOOL: "other.teacher", VET_SCHOOL: "vet.teacher"}
DIRECTORS = {SCHOOL: "director", OTHER_SCHOOL: "other.director", VET_SCHOOL: "vet.director"}
PLACES = {SCHOOL: "municipality", OTHER_SCHOOL: "neighbour", VET_SCHOOL: "municipality"}
PEOPLE = (
    *TEACHERS.values(),
    *DIRECTORS.values(),
    "colleague",
    "psychologist",
    "assistant",
    "municipality",
    "neighbour",
    "state",
    "steward",
    "researcher",
)
STEPS = ("submit", "approve", "return", "suspend", "resume", "revise", "delete")
CONTENTS = (
    ([RiskLine("MI4", "Zemas atzīmes.")], [("KA-PED", ["MI4"], "matematika")]),
    (
        [RiskLine("MI4", "Zemas atzīmes."), RiskLine("EK1", "23 km")],
        [("KA-PED", ["MI4"], "matematika"), ("KO-TRA", ["EK1"], None)],
    ),
    ([RiskLine("MI4", "Zemas atzīmes.")], [("KA-PED", ["MI4"], "matematika"), ("KA-PSI", ["MI4"], None)]),
    ([RiskLine("MI4", "Zemas atzīmes."), RiskLine("GI4", None)], [("KA-PED", ["MI4", "GI4"], "matematika")]),
    ([RiskLine("MI4", None)], []),
    ([RiskLine("EK1", "23 km"), RiskLine("MI4", "Zemas.")], [("KO-TRA", ["EK1", "MI4"], None)]),
)


@dataclass(frozen=True)
class Deed:
    """A verb, who does it (None: whose task it is), and numbers that choose the rest."""

    verb: str
    who: int | None
    of: int
    how: int
    day: int


@dataclass
class Hands:
    """What is done in one world; ``done`` and ``refused`` count, ``told`` holds each answer or refusal in words."""

    world: World
    told: list[str] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        for number, school_id in enumerate(SCHOOLS, 1):
            stage = {"stage_kind": "vet_year", "stage_number": 2} if school_id == VET_SCHOOL else {}
            self.world.enrol(number, school_id, declared_municipality=PLACE, **stage)

    def do(self, deed: Deed) -> tuple[str, Any] | None:
        """Do a deed; return who did which command, or None where it was refused or nothing is there to do it with."""
        made = getattr(self, f"_{deed.verb}")(deed)
        if made is None:
            self.told.append("–")
            return None
        own, command = made
        who = own if deed.who is None else PEOPLE[deed.who % len(PEOPLE)]
        try:
            answer = self.world.do(who, command, f"deed-{len(self.told):06d}")
        except UsageError as error:
            self.told.append(error.in_both_languages())
            return None
        self.told.append(str(sorted(answer.items())))
        self.done += 1
        return who, command

    # --- what is there

    @property
    def _today(self) -> date:
        return self.world.calendar.day

    def _rows(self, table: Table) -> list[Any]:
        return rows(self.world, table)

    def _one_of(self, table: Table, number: int) -> Any:
        found = self._rows(table)
        return found[-1 - number % len(found)] if found else None

    def _plan(self, deed: Deed) -> Any:
        return self._one_of(PLAN, deed.of)

    def _pupil(self, deed: Deed) -> tuple[str, str]:
        number = deed.of % PUPILS
        return pupil_id(number + 1), SCHOOLS[number]

    # --- the verbs

    def _day(self, deed: Deed) -> None:
        self.world.calendar.day += (DAY, DAY, 3 * DAY, 7 * DAY, 40 * DAY)[deed.how % 5]

    def _consent(self, deed: Deed) -> Any:
        pupil, school_id = self._pupil(deed)
        term = semester_of(self._today + deed.day % 2 * 60 * DAY)
        signed = self._today - deed.day % 3 * DAY
        channel = ("paper_delivered", "post", "plain_email", "paper_delivered")[deed.how % 4]
        kind = ("consent", "consent", "consent", "handover", "agreement")[deed.how % 5]
        giver = "pupil" if kind == "agreement" else "parent"
        return TEACHERS[school_id], RecordConsent(
            pupil, school_id, term.year, term.half, giver, channel, signed, self._today, "2020-03-26", kind
        )

    def _withdraw(self, deed: Deed) -> Any:
        row = self._one_of(CONSENT, deed.of)
        return row and (TEACHERS[row.school_id], WithdrawConsent(row.consent_id, self._today - deed.day % 4 * DAY))

    def _begin(self, deed: Deed) -> Any:
        pupil, school_id = self._pupil(deed)
        own = [row for row in self._rows(CONSENT) if row.pupil_id == pupil or deed.how % 7 == 0]
        number = own[-1 - deed.how % len(own)].consent_id if own else 1
        started = self._today - deed.day % 4 * DAY
        term = semester_of(started)
        programme = ("pumpurs", "pumpurs", "own")[deed.how % 3]
        copied = self._plan(deed).plan_code if deed.how % 5 == 4 and self._plan(deed) else None
        return TEACHERS[school_id], BeginPlan(
            pupil, school_id, programme, term.year, term.half, number, started, copied_from=copied
        )

    def _change(self, deed: Deed) -> Any:
        in_hand = [row for row in self._rows(PLAN) if row.status in {"DRAFT", "UNDER_REVISION"}]
        plan = in_hand[deed.of % len(in_hand)] if in_hand and deed.how % 4 else self._plan(deed)
        if plan is None:
            return None
        risks, lines = CONTENTS[deed.how % len(CONTENTS)]
        teacher = TEACHERS[plan.school_id]
        measures = [MeasureLine(code, of, teacher if subject else None, subject) for code, of, subject in lines]
        return teacher, ChangePlan(plan.plan_code, plan.version - (deed.day % 5 == 4), risks, measures)

    def _move(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        on = self._today - deed.day % 3 * DAY if deed.day % 2 else None
        fitting = [step for step in STEPS if plan.status in FROM[step]]
        steps = fitting if fitting and deed.how % 3 else STEPS
        command = MovePlan(plan.plan_code, plan.version, steps[deed.how % len(steps)], "Iemesls.", on, True)
        return self._whose(plan, command.action), command

    def _whose(self, plan: Any, action: str) -> str:
        if action in {"approve", "return"}:
            deciding = {"municipality": PLACES[plan.school_id], "state": "state"}
            return deciding.get(plan.waits_for, DIRECTORS[plan.school_id])
        return TEACHERS[plan.school_id]

    def _on(self, deed: Deed) -> Any:
        """The step that leads a plan on towards its end: so that long lives are drawn, too."""
        if (plan := self._plan(deed)) is None:
            return None
        if plan.status == "DRAFT" and plan.version == 1:
            return self._change(Deed("change", None, deed.of, deed.how % 3, 0))
        action = {"DRAFT": "submit", "UNDER_REVISION": "submit", "IN_APPROVAL": "approve", "SUSPENDED": "resume"}
        if plan.status in action:
            command = MovePlan(plan.plan_code, plan.version, action[plan.status])
            return self._whose(plan, command.action), command
        if plan.status == "APPROVED":
            return self._consult(Deed("consult", None, deed.of, 0, 0))
        return self._assess(deed) if deed.how % 2 else self._close(deed)

    def _consult(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        provider = "psychologist" if deed.how % 4 == 3 else TEACHERS[plan.school_id]
        measure = ("KA-PSI", None) if provider == "psychologist" else ("KA-PED", "matematika")
        on = self._today - deed.day % 4 * DAY
        is_remote = deed.how % 5 == 4
        return provider, RecordConsultation(
            plan.plan_code,
            measure[0],
            on,
            600 + 20 * (deed.how % 6),
            (40, 41)[deed.day % 2],
            "remote" if is_remote else "in_person",
            subject_code=measure[1],
            room=(None, "12", " 12 ")[deed.how % 3],
            is_signed=not is_remote,
            acknowledgement_kind="email" if is_remote else None,
            acknowledged_on=on + deed.day % 2 * DAY if is_remote else None,
            is_invited=True,
        )

    def _acknowledge(self, deed: Deed) -> Any:
        row = self._one_of(CONSULTATION, deed.of)
        return row and (row.provider, AcknowledgeConsultation(row.consultation_id, is_signed=deed.how % 2 == 0))

    def _cancel(self, deed: Deed) -> Any:
        row = self._one_of(CONSULTATION, deed.of)
        return row and (row.provider, CancelConsultation(row.consultation_id, ("Nenotika.", " ")[deed.how % 2]))

    def _contact(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        code = ("CI-GIM", "CI-PRE", "KA-PSI")[deed.how % 3]
        kind, of = ("family", plan.plan_code) if deed.how % 2 else ("group", None)
        command = RecordContact(kind, plan.school_id, code, self._today - deed.day % 4 * DAY, plan_code=of)
        return TEACHERS[plan.school_id], command

    def _ask(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        month = (self._today - deed.day % 2 * 31 * DAY).isoformat()[:7]
        return TEACHERS[plan.school_id], RequestCompensation(plan.plan_code, "KO-TRA", month, 100 + deed.how)

    def _decide(self, deed: Deed) -> Any:
        row = self._one_of(COMPENSATION, deed.of)
        return row and (
            "state" if row.school_id == VET_SCHOOL else PLACES[row.school_id],
            DecideCompensation(row.compensation_id, deed.how % 3 > 0, "Nē."),
        )

    def _settle(self, deed: Deed) -> Any:
        row = self._one_of(COMPENSATION, deed.of)
        command = row and CloseCompensation(row.compensation_id, [Expense("1", self._today, row.cents)])
        return row and (TEACHERS[row.school_id], command)

    def _certificate(self, deed: Deed) -> Any:
        pupil, school_id = self._pupil(deed)
        term = semester_of(self._today)
        kind, until = ("semester", term.next.first_on) if deed.how % 2 else ("monthly", self._today + 20 * DAY)
        places = ((PLACE,), (PLACE, OTHER_PLACE), (OTHER_PLACE,))[deed.how % 3]
        issued = self._today - deed.day % 5 * DAY
        first = term.first_on
        return TEACHERS[school_id], RecordCertificate(pupil, school_id, kind, issued, first, until, places)

    def _order(self, deed: Deed) -> Any:
        school_id = SCHOOLS[deed.of % len(SCHOOLS)]
        kind = ("remote_learning", "remote_consultations", "in_person_procedure", "consent_way")[deed.how % 4]
        codes = [row.plan_code for row in self._rows(PLAN) if row.school_id == school_id and row.status != "INACTIVE"]
        return DIRECTORS[school_id], IssueOrder(
            school_id,
            f"{deed.day % 40}",
            kind,
            self._today,
            self._today + deed.day % 2 * DAY,
            how_organised="E-klase",
            educators=[TEACHERS[school_id]],
            plan_codes=codes if kind == "remote_consultations" else (),
            acknowledgement_kinds=["email"],
            weekly_number=2,
        )

    def _end(self, deed: Deed) -> Any:
        row = self._one_of(DIRECTOR_ORDER, deed.of)
        return row and (DIRECTORS[row.school_id], EndOrder(row.order_id, self._today + deed.day % 5 * DAY))

    def _answer(self, deed: Deed) -> Any:
        pupil, school_id = self._pupil(deed)
        term = semester_of(self._today)
        line = Answer("risk", "MI4", ("accepted", "refused")[deed.how % 2], ("Labi.", None)[deed.day % 2])
        return TEACHERS[school_id], AnswerProposal(pupil, school_id, term.year, term.half, [line])

    def _assess(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        assessor = ("teacher", "teacher", "parent", "pupil")[deed.day % 4]
        return TEACHERS[plan.school_id], AssessPlan(plan.plan_code, assessor, self._today)

    def _close(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        decision = ("continue", "no_longer_needed", "change")[deed.how % 3]
        on = self._today - deed.day % 3 * DAY if deed.day % 2 else None
        return TEACHERS[plan.school_id], ClosePlan(plan.plan_code, plan.version, decision, on)

    def _pay(self, deed: Deed) -> Any:
        plan = self._plan(deed)
        return plan and (DIRECTORS[plan.school_id], PayPreparation(plan.plan_code, deed.how % 3))

    def _stay(self, deed: Deed) -> Any:
        pupil, _ = self._pupil(deed)
        school_id = SCHOOLS[deed.how % len(SCHOOLS)]
        return "steward", RecordStay(pupil, school_id, "grade", 9, self._today - deed.day % 2 * DAY)

    def _hand_over(self, deed: Deed) -> Any:
        if (plan := self._plan(deed)) is None:
            return None
        there = SCHOOLS[deed.how % len(SCHOOLS)]
        stays = [row for row in self._rows(STAY) if (row.pupil_id, row.school_id) == (plan.pupil_id, there)]
        own = [row for row in self._rows(CONSENT) if row.pupil_id == plan.pupil_id and row.paper_kind == "handover"]
        if not stays and deed.how % 7:
            return "steward", RecordStay(plan.pupil_id, there, "grade", 9, self._today)
        if not own and deed.how % 7:
            of = (plan.pupil_id, there, plan.school_year, plan.semester, "parent", "post")
            return TEACHERS[there], RecordConsent(*of, self._today, self._today, "2020-03-26", "handover")
        number = own[-1 - deed.day % len(own)].consent_id if own else plan.consent_id
        return TEACHERS[plan.school_id], HandOverPlan(plan.plan_code, plan.version, there, number, TEACHERS[there])

    def _staff(self, deed: Deed) -> Any:
        until = self._today + deed.day % 3 * DAY if deed.how % 2 else None
        return "director", RecordStaff("psychologist", SCHOOL, "psychologist", self._today, until, deed.how % 70)

    def _publish(self, deed: Deed) -> Any:
        changes = (
            PublishRule("state_step", "MK 1", self._today, programmes=["own"]),
            PublishRule("state_step", "MK 2", valid_to=self._today),
            PublishRule("plan_late", "MK 3", parameters={"max_days": deed.day}),
            PublishRule("in_person_minutes", "MK 4", self._today, parameters={"max_minutes": 41}),
        )
        return "state", changes[deed.how % len(changes)]


VERBS = sorted(name[1:] for name in vars(Hands) if name[0] == "_" and name[1] != "_")
for _no_verb in ("today", "rows", "one_of", "plan", "pupil", "whose"):
    VERBS.remove(_no_verb)


# --- what must hold

Tables = dict[str, list[Any]]

# From the domain's table of the life cycle: by which step a plan goes from which status to which.
ALLOWED = {
    ("begin", None, "DRAFT"),
    ("change", "DRAFT", "DRAFT"),
    ("change", "UNDER_REVISION", "UNDER_REVISION"),
    ("submit", "DRAFT", "IN_APPROVAL"),
    ("submit", "UNDER_REVISION", "IN_APPROVAL"),
    ("approve", "IN_APPROVAL", "IN_APPROVAL"),
    ("approve", "IN_APPROVAL", "APPROVED"),
    ("return", "IN_APPROVAL", "UNDER_REVISION"),
    ("start", "APPROVED", "IN_PROGRESS"),
    *(("suspend", status, "SUSPENDED") for status in ("APPROVED", "IN_APPROVAL", "IN_PROGRESS")),
    ("resume", "SUSPENDED", "UNDER_REVISION"),
    *(("revise", status, "UNDER_REVISION") for status in ("APPROVED", "IN_APPROVAL", "IN_PROGRESS")),
    *(("delete", status, "INACTIVE") for status in ("DRAFT", "APPROVED", "IN_APPROVAL", "IN_PROGRESS")),
    ("close", "IN_PROGRESS", "CLOSED"),
}


def tables_of(world: World) -> Tables:
    """Return all rows of all tables, by table, each with its columns as names."""
    with world.register.database.reading() as connection:
        return {
            table.name: list(connection.execute(table.select().order_by(*table.primary_key.columns)))
            for table in METADATA.sorted_tables
        }


def check_invariants(world: World) -> None:
    """Look at every table for what no sequence of verbs may leave there."""
    tables = tables_of(world)
    _check_steps(tables)
    _check_plans(tables)
    _check_support(tables)
    _check_bookings(tables)
    verdict = world.register.audit.verify()
    assert verdict.is_sound, verdict
    acts = {entry.action for entry in tables["audit_entry"]}
    assert acts <= ACTIONS


def _check_steps(tables: Tables) -> None:
    for plan in tables["plan"]:
        status, last = None, plan.started_on
        for step in (row for row in tables["plan_step"] if row.plan_id == plan.plan_id):
            assert step.status_before == status, (plan.plan_code, step)
            is_payment = step.action == "change" and step.status_before == step.status_after
            is_handover = step.action == "hand_over" and step.status_after == "UNDER_REVISION"
            way = (step.action, step.status_before, step.status_after)
            assert way in ALLOWED or is_payment or is_handover, way
            if step.action != "start":  # the first support may be told later than steps that came after it
                assert step.happened_on >= last, (plan.plan_code, step)
                last = step.happened_on
            status = step.status_after
        assert status == plan.status, plan.plan_code


def _check_plans(tables: Tables) -> None:
    consents = {row.consent_id: row for row in tables["consent"]}
    live = [(row.pupil_id, row.school_year, row.semester) for row in tables["plan"] if row.status != "INACTIVE"]
    assert len(live) == len(set(live))
    for plan in tables["plan"]:
        consent = consents[plan.consent_id]
        assert consent.given_on <= plan.started_on
        assert (consent.paper_kind, consent.pupil_id) == ("consent", plan.pupil_id)
        assert (consent.school_year, consent.semester) == (plan.school_year, plan.semester)
        term = semester_of(plan.started_on)
        assert (term.year, term.half) == (plan.school_year, plan.semester)
        levels = [
            row.level
            for row in tables["plan_step"]
            if row.plan_id == plan.plan_id and row.action in {"submit", "approve"}
        ]
        rounds = "".join("|" if level is None else level[0] for level in levels).split("|")
        # Each round of approval begins at the director and skips nobody in the order.
        assert all(one in {"", "d", "dm", "dms", "ds"} for one in rounds), rounds


def _check_support(tables: Tables) -> None:
    plans = {row.plan_id: row for row in tables["plan"]}
    given = [row for row in tables["consultation"] if row.cancelled_at is None]
    given += [row for row in tables["contact"] if row.plan_id is not None]
    for row in given:
        plan = plans[row.plan_id]
        term = semester_of(row.happened_on)
        assert (term.year, term.half) == (plan.school_year, plan.semester)
        assert plan.approved_on <= row.happened_on
        assert plan.status != "INACTIVE"
        assert _was_open(tables, plan, row.happened_on), (plan.plan_code, row)
    for row in tables["compensation"]:
        plan = plans[row.plan_id]
        assert plan.approved_on.isoformat()[:7] <= row.month
        closed = [paper for paper in tables["expense_document"] if paper.compensation_id == row.compensation_id]
        assert bool(closed) == (row.state == "closed")


def _was_open(tables: Tables, plan: Any, on: date) -> bool:
    steps = [row for row in tables["plan_step"] if row.plan_id == plan.plan_id]
    status, found = None, set()
    for step in sorted(steps, key=lambda row: (row.happened_on, row.step_id)):
        if step.happened_on < on:
            status = step.status_after
        elif step.happened_on == on:
            found.add(step.status_after)
    return bool({status, *found} & {"APPROVED", "IN_PROGRESS"})


def _check_bookings(tables: Tables) -> None:
    pupils = {row.plan_id: row.pupil_id for row in tables["plan"]}
    held = [row for row in tables["consultation"] if row.cancelled_at is None]
    for one, other in combinations(held, 2):
        if one.happened_on != other.happened_on:
            continue
        apart = (
            one.begins_minute + one.minutes <= other.begins_minute
            or other.begins_minute + other.minutes <= one.begins_minute
        )
        same_room = one.room is not None and other.room is not None and one.room.strip() == other.room.strip()
        shares = (
            one.provider == other.provider
            or pupils[one.plan_id] == pupils[other.plan_id]
            or (same_room and one.school_id == other.school_id and {one.mode, other.mode} == {"in_person"})
        )
        assert apart or not shares, (one, other)


def consent_held(world: World, command: Any) -> bool:
    """Whether the consent of a plan still held on the day for which support was just recorded."""
    tables = tables_of(world)
    plan = next(row for row in tables["plan"] if row.plan_code == command.plan_code)
    consent = next(row for row in tables["consent"] if row.consent_id == plan.consent_id)
    return consent.withdrawn_on is None or consent.withdrawn_on > command.happened_on


def sizes(world: World) -> tuple[int, int]:
    """Return how many entries the audit has, and how many requests were answered."""
    contents = contents_of(world.register.database)
    return len(contents[AUDIT_ENTRY.name]), len(contents[REQUEST.name])
