"""What came of it: the assessments of pupil, parents and teacher, and what people answered to a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, delete, func, select

from riskmodel.disclosure.policy import DEFAULT_N_MIN
from riskmodel.messages import message
from riskmodel.settings import HERE
from riskmodel.support.plans import measure_of, need_head_or_writer, the_plan, the_risk, told_of
from riskmodel.support.pupils import need_own_pupil
from riskmodel.support.schema.plans import ANSWER, ASSESSMENT, ASSESSORS, MARKS, VERDICTS
from riskmodel.support.words import STATUS_WORDS
from riskmodel.support.work import EDUCATORS, STAFF_OF_A_SCHOOL, Outcome, Work, is_told, misfit

NEEDS_REASON = frozenset({"changed", "refused"})


@dataclass(frozen=True)
class AssessPlan:
    """How one of the three sees the result; the same assessor again replaces what was said before.

    Attributes
    ----------
    assessor
        ``pupil``, ``parent`` or ``teacher``.
    marks, motivation, participation, following
        ``better``, ``same``, ``worse`` or ``not_known``; the last: whether lessons are easier to follow.
    low_marks_before, low_marks_after
        Counts of marks below 4, where they were counted.
    """

    plan_code: str
    assessor: str
    assessed_on: date
    marks: str = "not_known"
    motivation: str = "not_known"
    participation: str = "not_known"
    following: str = "not_known"
    has_goal: bool = False
    low_marks_before: int | None = None
    low_marks_after: int | None = None
    told: str | None = None


@dataclass(frozen=True)
class Answer:
    """A person's word on one line of a proposal, or a line that the proposal lacks."""

    line_kind: str
    line_code: str
    verdict: str
    reason: str | None = None
    changed_to: str | None = None


@dataclass(frozen=True)
class AnswerProposal:
    """What a person answered to a proposal; from it a draft can be made once there is a consent."""

    pupil_id: str
    school_id: str
    school_year: int
    semester: int
    answers: Sequence[Answer]
    run_id: str | None = None


def assess_plan(work: Work, command: AssessPlan) -> Outcome:
    """Write an assessment of a plan that is under way."""
    plan = the_plan(work, command.plan_code)
    need_head_or_writer(work, plan)
    values = (command.marks, command.motivation, command.participation, command.following)
    if command.assessor not in ASSESSORS or not set(values) <= set(MARKS):
        raise misfit(
            message("Pupil, parents and teacher say: better, same, worse, or not known."),
            message("The entry is not so."),
            message("Choose from the lists of the form."),
        )
    if plan.status not in {"IN_PROGRESS", "SUSPENDED"} or not plan.started_on <= command.assessed_on <= work.today:
        raise misfit(
            message("A plan is assessed while it is under way, and not before it began."),
            message("Its status is {status}.", status=STATUS_WORDS[plan.status]),
            message("Correct the day, or record the support that was given first."),
        )
    work.act.connection.execute(
        delete(ASSESSMENT).where(ASSESSMENT.c.plan_id == plan.plan_id, ASSESSMENT.c.assessor == command.assessor)
    )
    work.insert(
        ASSESSMENT,
        plan_id=plan.plan_id,
        assessor=command.assessor,
        assessed_on=command.assessed_on,
        marks=command.marks,
        motivation=command.motivation,
        participation=command.participation,
        following=command.following,
        has_goal=int(command.has_goal),
        low_marks_before=command.low_marks_before,
        low_marks_after=command.low_marks_after,
        told=(command.told or "").strip() or None,
    )
    return told_of(plan, plan.version)


def _check_line(work: Work, command: AnswerProposal, answer: Answer) -> None:
    for code in (answer.line_code, answer.changed_to):
        if code is not None:
            (the_risk if answer.line_kind == "risk" else measure_of)(code)
    is_sensitive = answer.line_kind == "risk" and the_risk(answer.line_code).is_sensitive
    if is_sensitive and is_told(answer.reason) and "support_staff" not in work.roles_in(command.school_id):
        raise misfit(
            message("Words on a sensitive risk are written and read by support staff alone."),
            message("You gave some, and are not support staff of this school."),
            message("Leave them out: add the risk, and ask support staff for its justification."),
        )


def answer_proposal(work: Work, command: AnswerProposal) -> Outcome:
    """Write the answers of one person to the lines of a proposal; no plan arises from it."""
    work.need_school(command.school_id, EDUCATORS | STAFF_OF_A_SCHOOL)
    need_own_pupil(work, command.pupil_id, command.school_id, work.today)
    lines = [(answer.line_kind, answer.line_code) for answer in command.answers]
    if len(set(lines)) < len(lines):
        raise misfit(
            message("Each line of a proposal is answered once."),
            message("One of them was answered twice."),
            message("Take one of the two answers away."),
        )
    for answer in command.answers:
        if answer.verdict not in VERDICTS or answer.line_kind not in {"risk", "measure"}:
            raise misfit(
                message("A line of a proposal is accepted, changed, refused or added."),
                message("The entry is not so."),
                message("Choose from the list of the form."),
            )
        _check_line(work, command, answer)
        if answer.verdict in NEEDS_REASON:
            has_reason = bool(answer.reason and answer.reason.strip())
            work.hold(has_reason, "reason_required", work.today, message("No reason is written."))
    old = ANSWER.c
    same = (
        (old.pupil_id == command.pupil_id)
        & (old.school_id == command.school_id)
        & (old.school_year == command.school_year)
        & (old.semester == command.semester)
    )
    replaced = len(work.all(select(old.answer_id).where(same)))
    work.act.connection.execute(delete(ANSWER).where(same))
    for answer in command.answers:
        work.insert(
            ANSWER,
            pupil_id=command.pupil_id,
            school_id=command.school_id,
            school_year=command.school_year,
            semester=command.semester,
            run_id=command.run_id,
            line_kind=answer.line_kind,
            line_code=answer.line_code,
            verdict=answer.verdict,
            changed_to=answer.changed_to,
            reason=(answer.reason or "").strip() or None,
            is_proposed=int(answer.verdict != "added"),
        )
    return Outcome(
        {"answers": len(command.answers), "replaced": replaced},
        f"school:{command.school_id}",
        command.pupil_id,
        {"count": len(command.answers)},
    )


FEWEST_TOLD = DEFAULT_N_MIN
"""Below it a count of pupils is not told outside the school."""


@dataclass(frozen=True)
class Feedback:
    """What people answered to one line of proposals; a count is of pupils, None where it is small.

    Attributes
    ----------
    line_kind, line_code
        A risk or a measure, and its code.
    accepted, refused, added
        How often; ``added`` are lines that no proposal held.
    """

    line_kind: str
    line_code: str
    accepted: int | None
    refused: int | None
    added: int | None


def feedback(connection: Connection, until: date) -> list[Feedback]:
    """Return what was answered to proposals up to the end of a day, by line."""
    own, end = ANSWER.c, datetime.combine(until + timedelta(days=1), time(), HERE)
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in connection.execute(
        select(own.line_kind, own.line_code, own.verdict, func.count(own.pupil_id.distinct()).label("pupils"))
        .where(own.recorded_at < end)
        .group_by(own.line_kind, own.line_code, own.verdict)
    ):
        verdict = "accepted" if row.verdict == "changed" else row.verdict
        line = counts.setdefault((row.line_kind, row.line_code), {})
        line[verdict] = line.get(verdict, 0) + row.pupils
    return [
        Feedback(*key, *(_told_count(line.get(name, 0)) for name in ("accepted", "refused", "added")))
        for key, line in sorted(counts.items())
    ]


def _told_count(count: int) -> int | None:
    return count if count >= FEWEST_TOLD else None
