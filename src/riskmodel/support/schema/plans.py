"""Plans: what they hold, the way that each went, what people answered to a proposal, and what came of it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Text, UniqueConstraint, text

from riskmodel.support.schema.building import (
    code,
    day,
    flag,
    link,
    number,
    refers,
    semester,
    table,
    words,
    written,
)

STATUSES = (
    "DRAFT",
    "IN_APPROVAL",
    "APPROVED",
    "IN_PROGRESS",
    "SUSPENDED",
    "UNDER_REVISION",
    "INACTIVE",
    "CLOSED",
)
LEVELS = ("director", "municipality", "state")
ACTIONS = (
    "begin",
    "change",
    "submit",
    "approve",
    "return",
    "start",
    "suspend",
    "resume",
    "revise",
    "delete",
    "close",
    "hand_over",
)
DECISIONS = ("continue", "no_longer_needed", "change")
ASSESSORS = ("pupil", "parent", "teacher")
MARKS = ("better", "same", "worse", "not_known")
VERDICTS = ("accepted", "changed", "refused", "added")

PLAN = table(
    "plan",
    "plan_id",
    words("plan_code"),
    refers("pupil_id", "support_pupil.pupil_id", kind=Text),
    words("school_id"),
    words("class_code", optional=True),
    code("stage_kind", ("preschool", "grade", "vet_year")),
    number("stage_number", least=0, most=12),
    words("programme"),
    semester(),
    code("status", STATUSES),
    code("waits_for", LEVELS, optional=True),
    number("version", least=1),
    words("preparer"),
    words("supervisor"),
    refers("consent_id", "consent.consent_id"),
    day("started_on"),
    flag("is_late"),
    flag("is_psychoemotional"),
    flag("is_finishing"),
    number("preparation_cents", least=0),
    refers("copied_from", "plan.plan_id", optional=True),
    day("approved_on", optional=True),  # the first time; a plan that was approved counts in the statistics
    day("ended_on", optional=True),
    code("decision", DECISIONS, optional=True),
    written(),
    CheckConstraint("(status = 'IN_APPROVAL') = (waits_for IS NOT NULL)", "waits"),
    CheckConstraint("(status = 'CLOSED') = (decision IS NOT NULL)", "decided"),
    UniqueConstraint("plan_code"),
    Index(
        "uq_plan_live",
        "pupil_id",
        "school_year",
        "semester",
        unique=True,
        sqlite_where=text("status <> 'INACTIVE'"),
        postgresql_where=text("status <> 'INACTIVE'"),
    ),
    Index(None, "school_id", "school_year", "semester"),
    Index("ix_plan_waits", "waits_for", "school_id"),
    Index("ix_plan_period", "school_year", "semester", "programme"),
)

PLAN_RISK = table(
    "plan_risk",
    "risk_id",
    refers("plan_id", "plan.plan_id"),
    words("risk_code"),
    words("justification", optional=True),
    flag("is_sensitive"),  # its words stay with support staff
    code("origin", ("person", "proposal")),
    written(),
    UniqueConstraint("plan_id", "risk_code"),
)

PLAN_MEASURE = table(
    "plan_measure",
    "plan_measure_id",
    refers("plan_id", "plan.plan_id"),
    words("measure_code"),
    words("provider", optional=True),  # the login of who gives it
    words("subject_code", optional=True),
    number("planned_times", optional=True, least=1, most=500),
    flag("is_same_day_certificate"),
    written(),
    UniqueConstraint("plan_id", "measure_code", "subject_code", "provider"),
)
MEASURE_RISK = link(
    "measure_risk",
    Column("plan_measure_id", Integer, ForeignKey("plan_measure.plan_measure_id")),
    Column("risk_id", Integer, ForeignKey("plan_risk.risk_id")),
)

PLAN_STEP = table(
    "plan_step",
    "step_id",
    refers("plan_id", "plan.plan_id"),
    code("action", ACTIONS),
    code("status_before", STATUSES, optional=True),
    code("status_after", STATUSES),
    code("level", LEVELS, optional=True),
    words("reason", optional=True),
    day("happened_on"),
    written(),
)

PLAN_MOVE = table(
    "plan_move",
    "move_id",
    refers("plan_id", "plan.plan_id"),
    words("from_school_id"),
    words("to_school_id"),
    day("moved_on"),
    refers("consent_id", "consent.consent_id"),
    written(),
)

ASSESSMENT = table(
    "assessment",
    "assessment_id",
    refers("plan_id", "plan.plan_id"),
    code("assessor", ASSESSORS),
    day("assessed_on"),
    code("marks", MARKS),
    code("motivation", MARKS),
    code("participation", MARKS),
    code("following", MARKS),  # whether lessons are easier to follow
    flag("has_goal"),
    number("low_marks_before", optional=True, least=0),
    number("low_marks_after", optional=True, least=0),
    words("told", optional=True),
    written(),
    UniqueConstraint("plan_id", "assessor"),
)

ANSWER = table(
    "proposal_answer",
    "answer_id",
    words("pupil_id"),
    words("school_id"),
    semester(),
    words("run_id", optional=True),
    code("line_kind", ("risk", "measure")),
    words("line_code"),
    code("verdict", VERDICTS),
    words("changed_to", optional=True),
    words("reason", optional=True),
    flag("is_proposed"),
    written(),
    Index(None, "pupil_id"),
    Index(None, "school_id", "school_year", "semester"),
)
"""What a person answered to a line of a proposal; the next run's report tells how often people disagreed."""

NOTICE = table(
    "absence_notice",
    "notice_id",
    words("pupil_id"),
    words("school_id"),
    semester(),
    number("lessons", least=1),
    number("threshold", least=0),
    day("sent_on"),
    code("sent_to", ("parent", "municipality", "social_service", "orphans_court")),
    written(),
    Index(None, "school_id", "school_year", "semester"),
)
