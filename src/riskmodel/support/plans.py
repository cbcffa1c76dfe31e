"""A plan: how it begins, what it holds, and who may write in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, delete, func, select, update

from riskmodel.messages import message
from riskmodel.settings import HERE
from riskmodel.support.catalogue import Measure, catalogue
from riskmodel.support.consents import is_withdrawn
from riskmodel.support.programmes import Programme, programme
from riskmodel.support.pupils import age_in_years, stay_of
from riskmodel.support.risks import RiskItem, risk_item
from riskmodel.support.schema.papers import CERTIFICATE, CERTIFICATE_AREA, CONSENT, PUPIL
from riskmodel.support.schema.places import MEMBERSHIP, STAFF
from riskmodel.support.schema.plans import MEASURE_RISK, PLAN, PLAN_MEASURE, PLAN_RISK, PLAN_STEP
from riskmodel.support.semesters import Semester
from riskmodel.support.words import STATUS_WORDS
from riskmodel.support.work import EDUCATORS, Outcome, Work, conflict, is_told, misfit, not_allowed

PROFESSIONS_THAT_PREPARE = frozenset(
    {"subject_teacher", "psychologist", "social_pedagogue", "special_educator", "speech_therapist"}
)
"""Educators and the psychologist; an assistant, an interpreter or a therapist of another kind carries out what is planned."""
TARGET_GROUPS = ("target_group_5_12", "target_group_1_12", "successor_target_group")
IN_HAND = frozenset({"DRAFT", "UNDER_REVISION"})
"""The statuses in which the contents of a plan can be changed."""


@dataclass(frozen=True)
class RiskLine:
    """A risk of a plan with its justification; ``None`` keeps the words that only support staff may read."""

    risk_code: str
    justification: str | None
    is_proposed: bool = False


@dataclass(frozen=True)
class MeasureLine:
    """A measure of a plan, for which of its risks, given by whom.

    Attributes
    ----------
    provider
        The login of who gives it.
    planned_times
        How often; None where it is not counted.
    """

    measure_code: str
    risk_codes: Sequence[str]
    provider: str | None = None
    subject_code: str | None = None
    planned_times: int | None = None


@dataclass(frozen=True)
class BeginPlan:
    """A plan is begun for a pupil and a semester, on the ground of a consent.

    Attributes
    ----------
    started_on
        The day of preparation: not before the consent, and not after today.
    copied_from
        Code of an earlier plan of the pupil, whose risks and measures are taken over.
    """

    pupil_id: str
    school_id: str
    programme: str
    school_year: int
    semester: int
    consent_id: int
    started_on: date
    supervisor: str | None = None
    is_psychoemotional: bool = False
    is_finishing: bool = False
    copied_from: str | None = None


@dataclass(frozen=True)
class ChangePlan:
    """All contents of a plan in hand, in place of what stood there.

    Attributes
    ----------
    version
        That of the plan which the person saw.
    """

    plan_code: str
    version: int
    risks: Sequence[RiskLine]
    measures: Sequence[MeasureLine]
    supervisor: str | None = None
    is_psychoemotional: bool | None = None
    is_finishing: bool | None = None


def begin_plan(work: Work, command: BeginPlan) -> Outcome:
    """Begin a plan; the pupil has no other live one in this semester."""
    work.need_school(command.school_id, EDUCATORS)
    _check_preparer(work, command)
    on, term, of = command.started_on, Semester(command.school_year, command.semester), command.programme
    if on > work.today:
        raise misfit(
            message("A plan is recorded on its first day or later."),
            message("Its first day lies in the future."),
            message("Correct the day."),
        )
    _check_programme(work, command)
    told = message("The first day of the plan lies in another semester.")
    work.hold(term.contains(on), "plan_semester", on, told, programme=of)
    told = message("The semester of the plan is over.")
    work.hold(term.contains(work.today), "plan_semester", on, told, programme=of)
    if command.supervisor is not None:
        work.need_colleague(command.supervisor, command.school_id)
    consent = _check_consent(work, command)
    stay = stay_of(work, command.pupil_id, command.school_id, on)
    _check_target_group(work, command, stay)
    named = {"of_pupil": command.pupil_id, "of_year": command.school_year, "of_semester": command.semester}
    is_first = work.act.count_everywhere(_LIVE, named) == 0
    work.hold(is_first, "one_live_plan", on, message("There is a live plan of this semester."), programme=of)
    number = work.number(PLAN)
    code = plan_code(term, number)
    source = None if command.copied_from is None else _source(work, command)
    work.act.connection.execute(
        PLAN.insert(),
        {
            "plan_id": number,
            "plan_code": code,
            **work.signed(
                {
                    "pupil_id": command.pupil_id,
                    "school_id": command.school_id,
                    "class_code": stay.class_code,
                    "stage_kind": stay.stage_kind,
                    "stage_number": stay.stage_number,
                    "programme": command.programme,
                    "school_year": command.school_year,
                    "semester": command.semester,
                    "status": "DRAFT",
                    "version": 1,
                    "preparer": work.by.login,
                    "supervisor": command.supervisor or work.by.login,
                    "consent_id": consent.consent_id,
                    "started_on": on,
                    "is_late": int(_is_late(work, of, term)),
                    "is_psychoemotional": int(command.is_psychoemotional),
                    "is_finishing": int(command.is_finishing),
                    "preparation_cents": 0,
                    "copied_from": None if source is None else source.plan_id,
                }
            ),
        },
    )
    plan = work.the(PLAN, plan_id=number)
    write_step(work, plan, Step("begin", None, "DRAFT", on))
    if source is not None:
        _copy_contents(work, source, plan)
    return Outcome({"plan_code": code, "version": 1}, f"school:{command.school_id}", command.pupil_id, {"plan": code})


_LIVE = select(func.count(PLAN.c.plan_id)).where(
    PLAN.c.pupil_id == bindparam("of_pupil"),
    PLAN.c.school_year == bindparam("of_year"),
    PLAN.c.semester == bindparam("of_semester"),
    PLAN.c.status != "INACTIVE",
)


def _check_preparer(work: Work, command: BeginPlan) -> None:
    professions = professions_of(work, work.by.login, command.school_id, command.started_on)
    is_teacher = bool(work.roles_in(command.school_id) & (EDUCATORS - {"support_staff"}))
    is_educator = is_teacher or bool(professions & PROFESSIONS_THAT_PREPARE)
    found = message("You are entered as: {professions}.", professions=", ".join(sorted(professions)) or "–")
    work.hold(is_educator, "plan_preparer", command.started_on, found, programme=command.programme)


def _is_late(work: Work, programme_code: str, term: Semester) -> bool:
    # By the day of writing: a first day that is given as an earlier one does not hide that the plan came late.
    rule = work.rule("plan_late", work.today, programme_code)
    return rule is not None and bool((work.today - term.first_on).days > rule.parameters["max_days"])


def professions_of(work: Work, login: str, school_id: str, on: date) -> frozenset[str]:
    """Return as what somebody works in a school on a day."""
    rows = work.of_places(_PROFESSIONS, login=login, school_id=school_id, on=on)
    return frozenset(row.profession for row in rows)


_PROFESSIONS = select(STAFF.c.profession).where(
    STAFF.c.login == bindparam("login"),
    STAFF.c.school_id == bindparam("school_id"),
    STAFF.c.valid_from <= bindparam("on"),
    (STAFF.c.valid_to.is_(None)) | (STAFF.c.valid_to > bindparam("on")),
)


def _check_programme(work: Work, command: BeginPlan) -> None:
    the_programme(command.programme)
    for rule_id in ("project_period", "successor"):
        if work.rules.outside(rule_id, command.started_on, command.programme) is not None:
            work.break_rule(rule_id, message("The first day of the plan lies outside it."))
    found = message("There is no membership of the institution that covers this day.")
    is_member = takes_part(work, command.programme, command.school_id, command.started_on)
    work.hold(is_member, "institution_member", command.started_on, found, programme=command.programme)


def takes_part(work: Work, programme_code: str, member_code: str, on: date) -> bool:
    """Whether a municipality or an institution takes part in a programme on a day."""
    return bool(work.of_places(_MEMBERSHIPS, programme=programme_code, member=member_code, on=on))


_MEMBERSHIPS = select(MEMBERSHIP.c.membership_id).where(
    MEMBERSHIP.c.programme == bindparam("programme"),
    MEMBERSHIP.c.member_code == bindparam("member"),
    MEMBERSHIP.c.valid_from <= bindparam("on"),
    (MEMBERSHIP.c.valid_to.is_(None)) | (MEMBERSHIP.c.valid_to > bindparam("on")),
)


def _check_consent(work: Work, command: BeginPlan) -> Row[Any]:
    on, of = command.started_on, command.programme
    consent = work.find(CONSENT, consent_id=command.consent_id)
    other = message("The consent is of another pupil, school or semester.")
    if consent is None:  # or of a school whose papers are not shown here
        elsewhere = select(func.count()).where(CONSENT.c.consent_id == command.consent_id)
        is_elsewhere = work.act.count_everywhere(elsewhere) > 0
        work.hold(not is_elsewhere, "consent_one_plan", on, other, programme=of)
    is_consent = consent is not None and consent.paper_kind == "consent"
    work.hold(is_consent, "consent_required", on, message("No consent is named."), programme=of)
    if consent is None or not is_consent:
        raise not_allowed()  # whatever becomes of the rule: no plan without consent
    is_own = (consent.pupil_id, consent.school_id, consent.school_year, consent.semester) == (
        command.pupil_id,
        command.school_id,
        command.school_year,
        command.semester,
    )
    work.hold(is_own, "consent_one_plan", on, other, programme=of)
    told = message("The consent is of a later day.")
    work.hold(consent.given_on <= on, "consent_start", on, told, programme=of, day=consent.given_on)
    need_consent(work, consent, max(on, work.today), of)
    if not is_own or consent.given_on > on:
        raise not_allowed()
    return consent


def need_consent(work: Work, consent: Row[Any], on: date, programme_code: str) -> None:
    """Refuse what needs a consent that holds on a day, where it was withdrawn before.

    Raises
    ------
    Refused
        With the day of the withdrawal.
    """
    told = message("The consent does not hold any more.")
    is_kept = not is_withdrawn(consent, on)
    work.hold(is_kept, "consent_withdrawn", on, told, programme=programme_code, day=consent.withdrawn_on)


def _check_target_group(work: Work, command: BeginPlan, stay: Row[Any]) -> None:
    for rule_id in TARGET_GROUPS:
        rule = work.rule(rule_id, command.started_on, command.programme)
        if rule is None:
            continue
        name = {"grade": "grade", "vet_year": "vet_year"}.get(stay.stage_kind)
        is_in = name is not None and (
            rule.parameters[f"min_{name}"] <= stay.stage_number <= rule.parameters[f"max_{name}"]
        )
        work.hold(
            is_in,
            rule_id,
            command.started_on,
            message("The pupil's stage is {kind} {number}.", kind=stay.stage_kind, number=stay.stage_number),
            programme=command.programme,
        )


def _source(work: Work, command: BeginPlan) -> Row[Any]:
    # Of the same school: what another school wrote comes here by handing over alone.
    return work.the(PLAN, plan_code=command.copied_from, pupil_id=command.pupil_id, school_id=command.school_id)


def _copy_contents(work: Work, source: Row[Any], plan: Row[Any]) -> None:
    """Take over risks and measures; a compensation needs this semester's certificate and is not taken over."""
    numbers: dict[int, int] = {}
    for risk in work.all(select(PLAN_RISK).where(PLAN_RISK.c.plan_id == source.plan_id).order_by(PLAN_RISK.c.risk_id)):
        numbers[risk.risk_id] = work.insert(
            PLAN_RISK,
            plan_id=plan.plan_id,
            risk_code=risk.risk_code,
            justification=risk.justification,
            is_sensitive=risk.is_sensitive,
            origin=risk.origin,
        )
    for old in measures_of(work, source.plan_id):
        if measure_of(old.measure_code).kind == "compensation":
            continue
        number = work.insert(
            PLAN_MEASURE,
            plan_id=plan.plan_id,
            measure_code=old.measure_code,
            provider=old.provider,
            subject_code=old.subject_code,
            planned_times=old.planned_times,
            is_same_day_certificate=0,
        )
        links = work.all(select(MEASURE_RISK).where(MEASURE_RISK.c.plan_measure_id == old.plan_measure_id))
        work.insert_links(
            MEASURE_RISK, ({"plan_measure_id": number, "risk_id": numbers[link.risk_id]} for link in links)
        )


def change_plan(work: Work, command: ChangePlan) -> Outcome:
    """Write the contents of a plan in hand."""
    plan = the_plan(work, command.plan_code)
    need_writer(work, plan)
    check_version(work, plan, command.version)
    if plan.status not in IN_HAND:
        raise misfit(
            message("The contents of a plan are changed while it is a draft or under revision."),
            message("The plan is not in hand: its status is {status}.", status=STATUS_WORDS[plan.status]),
            message("Take it back for revision first."),
        )
    _check_lines(work, plan, command)
    pupil = work.the(PUPIL, pupil_id=plan.pupil_id)
    kept, held = _kept_words(work, plan), _held_since(work, plan)
    _check_removed(work, plan, command, kept)
    economic = _economic_of_others(work, plan, command)
    _remove_contents(work, plan.plan_id)
    numbers = {line.risk_code: _write_risk(work, plan, line, kept) for line in command.risks}
    for line in (*command.measures, *economic):
        number = _write_measure(work, plan, pupil, line, numbers)
        _keep_signature(work, PLAN_MEASURE, number, held.get((line.measure_code, line.subject_code)))
    values: dict[str, object] = {"version": plan.version + 1}
    for name in ("supervisor", "is_psychoemotional", "is_finishing"):
        if (given := getattr(command, name)) is not None:
            values[name] = int(given) if isinstance(given, bool) else given
    work.change(PLAN, plan.plan_id, **values)
    write_step(work, plan, Step("change", plan.status, plan.status))
    return told_of(plan, plan.version + 1)


def _check_lines(work: Work, plan: Row[Any], command: ChangePlan) -> None:
    """Refuse contents in which a line stands twice, or that name somebody who does not work in the school."""
    codes = [line.risk_code for line in command.risks]
    lines = [(line.measure_code, line.subject_code, line.provider) for line in command.measures]
    if len(set(codes)) < len(codes) or len(set(lines)) < len(lines):
        raise misfit(
            message("A risk stands in a plan once, and a measure once for each provider and subject."),
            message("One of them stands there twice."),
            message("Take one of the two away."),
        )
    named = {line.provider for line in command.measures if line.provider is not None}
    for login in sorted(named | ({command.supervisor} if command.supervisor is not None else set())):
        work.need_colleague(login, plan.school_id)


def _check_removed(work: Work, plan: Row[Any], command: ChangePlan, kept: dict[str, Row[Any]]) -> None:
    """Refuse that somebody else takes out what support staff wrote: taking out and adding anew would lose the words."""
    named = {line.risk_code for line in command.risks}
    lost = [code for code, row in kept.items() if row.is_sensitive and row.justification and code not in named]
    if lost and "support_staff" not in work.roles_in(plan.school_id):
        raise misfit(
            message("A sensitive risk with the words of support staff is taken out by support staff alone."),
            message("It is not among the risks that you give: {codes}.", codes=", ".join(sorted(lost))),
            message("Leave it in the plan, or ask support staff to take it out."),
        )


def _economic_of_others(work: Work, plan: Row[Any], command: ChangePlan) -> list[MeasureLine]:
    """Return the compensations that others wrote, where a teacher changes the plan: teachers do not see them, nor lose them."""
    if "support_staff" in work.roles_in(plan.school_id):
        return []
    given = {line.measure_code for line in command.measures}
    risks = {row.risk_id: row.risk_code for row in risks_of(work, plan.plan_id)}
    named = {line.risk_code for line in command.risks}
    links = links_of(work, plan.plan_id)
    return [
        MeasureLine(
            row.measure_code,
            [
                risks[link.risk_id]
                for link in links
                if link.plan_measure_id == row.plan_measure_id and risks[link.risk_id] in named
            ],
            row.provider,
            row.subject_code,
            row.planned_times,
        )
        for row in measures_of(work, plan.plan_id)
        if measure_of(row.measure_code).kind == "compensation"
        and row.recorded_by != work.by.login
        and row.measure_code not in given
    ]


def _held_since(work: Work, plan: Row[Any]) -> dict[tuple[str, str | None], Row[Any]]:
    """Return of each measure the row that was written first: since when the plan holds it."""
    found: dict[tuple[str, str | None], Row[Any]] = {}
    for row in measures_of(work, plan.plan_id):
        known = found.setdefault((row.measure_code, row.subject_code), row)
        if row.recorded_at < known.recorded_at:
            found[row.measure_code, row.subject_code] = row
    return found


def _keep_signature(work: Work, table: Table, number: int, before: Row[Any] | None) -> None:
    """Let a line that stays in a plan be signed as before: support rests on since when it stands there, words on whose they are."""
    if before is not None:
        (key,) = table.primary_key.columns
        values = {"recorded_by": before.recorded_by, "recorded_at": before.recorded_at}
        work.act.connection.execute(update(table).where(key == number).values(**values))


def _kept_words(work: Work, plan: Row[Any]) -> dict[str, Row[Any]]:
    return {row.risk_code: row for row in risks_of(work, plan.plan_id)}


def _remove_contents(work: Work, plan_id: int) -> None:
    for statement in _EMPTYING:
        work.act.connection.execute(statement, {"of_plan": plan_id})


_OWN_MEASURES = select(PLAN_MEASURE.c.plan_measure_id).where(PLAN_MEASURE.c.plan_id == bindparam("of_plan"))
_EMPTYING = (
    delete(MEASURE_RISK).where(MEASURE_RISK.c.plan_measure_id.in_(_OWN_MEASURES)),
    delete(PLAN_MEASURE).where(PLAN_MEASURE.c.plan_id == bindparam("of_plan")),
    delete(PLAN_RISK).where(PLAN_RISK.c.plan_id == bindparam("of_plan")),
)


def _write_risk(work: Work, plan: Row[Any], line: RiskLine, kept: dict[str, Row[Any]]) -> int:
    item = the_risk(line.risk_code)
    before = kept.get(line.risk_code)
    is_support = "support_staff" in work.roles_in(plan.school_id)
    justification = (line.justification or "").strip() or None
    if item.is_sensitive and not is_support:
        # Others may keep a sensitive risk in the plan or add it; its words are written by support staff alone.
        if justification:
            raise misfit(
                message("Words on a sensitive risk are written and read by support staff alone."),
                message("You gave some, and are not support staff of this school."),
                message("Leave them out: add the risk, and ask support staff for its justification."),
            )
        justification = None if before is None else before.justification
    elif justification is None and before is not None:
        justification = before.justification
    number = work.insert(
        PLAN_RISK,
        plan_id=plan.plan_id,
        risk_code=line.risk_code,
        justification=justification,
        is_sensitive=int(item.is_sensitive),
        origin="proposal" if line.is_proposed else "person",
    )
    is_kept = before is not None and before.justification == justification
    _keep_signature(work, PLAN_RISK, number, before if is_kept else None)
    return number


def _write_measure(work: Work, plan: Row[Any], pupil: Row[Any], line: MeasureLine, risks: dict[str, int]) -> int:
    measure, on = measure_of(line.measure_code), plan.started_on
    if not set(line.risk_codes) <= set(risks):
        raise misfit(
            message("A measure names risks of its plan."),
            message("It names one that the plan does not hold."),
            message("Add the risk, or take it away from the measure."),
        )
    if measure.provider_role == "subject_teacher":
        found = message("The measure {code} has no subject.", code=measure.code)
        work.hold(is_told(line.subject_code), "subject_required", on, found, programme=plan.programme)
    is_same_day = False
    if measure.kind == "compensation":
        is_same_day = _check_certificate(work, plan, pupil)
    if measure.provider_role == "mentor":
        age = age_in_years(pupil.born_on, on)
        rule = work.rule("mentor_age", on, plan.programme)
        if rule is not None:
            is_old_enough = age is not None and age >= rule.parameters["min_age"]
            told = message("The birthday of the pupil is not known.")
            found = told if age is None else message("The pupil is {age} years old.", age=age)
            work.hold(is_old_enough, "mentor_age", on, found, programme=plan.programme)
    number = work.insert(
        PLAN_MEASURE,
        plan_id=plan.plan_id,
        measure_code=line.measure_code,
        provider=line.provider,
        subject_code=line.subject_code,
        planned_times=line.planned_times,
        is_same_day_certificate=int(is_same_day),
    )
    links = ({"plan_measure_id": number, "risk_id": risks[code]} for code in sorted(set(line.risk_codes)))
    work.insert_links(MEASURE_RISK, links)
    return number


def _check_certificate(work: Work, plan: Row[Any], pupil: Row[Any]) -> bool:
    """Refuse an economic measure without a certificate from before the plan; return whether it is of the same day."""
    on, of, term = plan.started_on, plan.programme, Semester(plan.school_year, plan.semester)
    rule = work.rule("economic_certificate", on, of)
    last_on = on if rule is None or rule.parameters["same_day_allowed"] else on - timedelta(days=1)
    own = CERTIFICATE.c
    rows = [
        row
        for row in work.all(select(CERTIFICATE).where(own.pupil_id == plan.pupil_id, own.issued_on <= last_on))
        if row.valid_from <= term.last_on and row.valid_to > term.first_on and covers_residences(work, row, pupil)
    ]
    found = message("There is none of that day or earlier.")
    work.hold(bool(rows), "economic_certificate", on, found, programme=of)
    whole = [row for row in rows if row.certificate_kind == "monthly" or _covers(row, term)]
    work.hold(bool(whole), "certificate_semester", on, message("None of them covers the semester."), programme=of)
    return bool(whole) and all(row.issued_on == on for row in whole)


def covers_residences(work: Work, certificate: Row[Any], pupil: Row[Any]) -> bool:
    """Whether a certificate names the municipalities of declared and of actual residence."""
    area = CERTIFICATE_AREA.c
    rows = work.all(select(area.municipality_code).where(area.certificate_id == certificate.certificate_id))
    needed = {place for place in (pupil.declared_municipality, pupil.actual_municipality) if place is not None}
    return bool(rows) and needed <= {row.municipality_code for row in rows}


def _covers(certificate: Row[Any], term: Semester) -> bool:
    return bool(certificate.valid_from <= term.first_on and certificate.valid_to > term.last_on)


def plan_code(term: Semester, number: int) -> str:
    """Return the ID code of a plan: its semester, its number, and two figures that show a slip of the pen.

    >>> from riskmodel.support.semesters import Semester
    >>> plan_code(Semester(2019, 1), 123)
    '191-000123-42'
    """
    plain = f"{term.year % 100:02d}{term.half}{number:06d}"
    return f"{plain[:3]}-{plain[3:]}-{98 - int(plain) * 100 % 97:02d}"


def the_plan(work: Work, code: str) -> Row[Any]:
    """Return the plan of a code."""
    return work.the(PLAN, plan_code=code)


def check_version(work: Work, plan: Row[Any], version: int) -> None:
    """Refuse a change of a plan that is not as the person saw it; to be asked of who may change it, since it names people.

    Raises
    ------
    ConflictError
        When somebody changed it since.
    """
    if plan.version != version:
        last = work.act.connection.execute(
            select(PLAN_STEP).where(PLAN_STEP.c.plan_id == plan.plan_id).order_by(PLAN_STEP.c.step_id.desc()).limit(1)
        ).one()
        raise conflict(
            message(
                "{who} changed the plan {plan} in the meantime (version {now}, yours was {yours}).",
                who=last.recorded_by,
                plan=plan.plan_code,
                now=plan.version,
                yours=version,
            )
        )


def need_writer(work: Work, plan: Row[Any]) -> None:
    """Refuse who is neither the plan's preparer nor supervisor in its school, nor support staff of it.

    Raises
    ------
    NotAllowedError
        For everybody else.
    """
    roles = work.roles_in(plan.school_id) & EDUCATORS
    is_named = work.by.login in {plan.preparer, plan.supervisor}
    if not roles or not (is_named or "support_staff" in roles):
        raise not_allowed()


def need_head_or_writer(work: Work, plan: Row[Any]) -> None:
    """Refuse who is neither director of the plan's school nor may write in the plan."""
    if "director" not in work.roles_in(plan.school_id):
        need_writer(work, plan)


@dataclass(frozen=True)
class Step:
    """One step of a plan's way; without a day it is taken today."""

    action: str
    before: str | None
    after: str
    on: date | None = None
    level: str | None = None
    reason: str | None = None


def write_step(work: Work, plan: Row[Any], step: Step) -> None:
    """Write down one step of a plan's way."""
    work.insert(
        PLAN_STEP,
        plan_id=plan.plan_id,
        action=step.action,
        status_before=step.before,
        status_after=step.after,
        level=step.level,
        reason=step.reason,
        happened_on=step.on or work.today,
    )


def told_of(plan: Row[Any], version: int, **more: str | int) -> Outcome:
    """Return the outcome of an act on a plan."""
    return Outcome(
        {"plan_code": plan.plan_code, "version": version, **more},
        f"school:{plan.school_id}",
        plan.pupil_id,
        {"plan": plan.plan_code},
    )


def measures_of(work: Work, plan_id: int) -> list[Row[Any]]:
    """Return the measures of a plan, in the order in which they were written."""
    return list(work.act.connection.execute(_MEASURES, {"of_plan": plan_id}).all())


_MEASURES = (
    select(PLAN_MEASURE).where(PLAN_MEASURE.c.plan_id == bindparam("of_plan")).order_by(PLAN_MEASURE.c.plan_measure_id)
)


_LINKS: Select[Any] = (
    select(MEASURE_RISK.c.risk_id, MEASURE_RISK.c.plan_measure_id)
    .join(PLAN_MEASURE, PLAN_MEASURE.c.plan_measure_id == MEASURE_RISK.c.plan_measure_id)
    .where(PLAN_MEASURE.c.plan_id == bindparam("of_plan"))
)


def links_of(work: Work, plan_id: int) -> list[Row[Any]]:
    """Return which measure of a plan answers which of its risks."""
    return list(work.act.connection.execute(_LINKS, {"of_plan": plan_id}).all())


def risks_of(work: Work, plan_id: int) -> list[Row[Any]]:
    """Return the risks of a plan."""
    return list(work.act.connection.execute(_RISKS, {"of_plan": plan_id}).all())


_RISKS = select(PLAN_RISK).where(PLAN_RISK.c.plan_id == bindparam("of_plan"))


def held_on(work: Work, plan: Row[Any], measure_code: str, on: date) -> list[Row[Any]]:
    """Return the rows of a measure that the plan held on a day: what is added later carries no earlier support."""
    return [
        row
        for row in measures_of(work, plan.plan_id)
        if row.measure_code == measure_code and row.recorded_at.astimezone(HERE).date() <= on
    ]


def measure_of(code: str) -> Measure:
    """Return a measure of the catalogue.

    Raises
    ------
    UsageError
        When the catalogue does not hold it.
    """
    for measure in catalogue().measures:
        if measure.code == code:
            return measure
    raise misfit(
        message("A measure stands in the catalogue."),
        message("There is none of the code {code}.", code=code[:20]),
        message("Choose from the catalogue."),
    )


def the_risk(code: str) -> RiskItem:
    """Return a risk of the list.

    Raises
    ------
    UsageError
        When the list does not hold it.
    """
    try:
        return risk_item(code)
    except KeyError:
        raise misfit(
            message("A risk stands in the list of risks."),
            message("There is none of the code {code}.", code=code[:20]),
            message("Choose from the list."),
        ) from None


def the_programme(code: str) -> Programme:
    """Return a programme.

    Raises
    ------
    UsageError
        When there is none of the code.
    """
    try:
        return programme(code)
    except KeyError:
        raise misfit(
            message("Support is given on behalf of a programme."),
            message("There is none of the code {code}.", code=code[:20]),
            message("Choose from the list."),
        ) from None


def live(school_id: str) -> ColumnElement[bool]:
    """Return the condition of a school's live plans."""
    return (PLAN.c.school_id == school_id) & (PLAN.c.status != "INACTIVE")
