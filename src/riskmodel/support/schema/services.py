"""Measures carried out: consultations, compensations, contacts; and work without a plan: groups, educators, youth."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Text, UniqueConstraint

from riskmodel.support.schema.building import (
    code,
    day,
    flag,
    link,
    moment,
    number,
    refers,
    table,
    words,
    written,
)
from riskmodel.support.schema.papers import ACKNOWLEDGEMENT_KINDS

MODES = ("in_person", "remote")
COMPENSATION_STATES = ("awaiting", "granted", "refused", "closed")
EVENT_KINDS = ("PA-SEM", "PA-SUP", "PA-DAS", "PA-DAP", "PA-KON", "PA-PKP")
APPLICANTS = (
    "youth_organisation",
    "association_or_foundation_in_youth_work",
    "either_with_youth_initiative_group",
)
CONTACT_KINDS = ("family", "mentor", "group")

CONSULTATION = table(
    "consultation",
    "consultation_id",
    refers("plan_id", "plan.plan_id", is_indexed=False),
    words("school_id"),
    words("measure_code"),
    words("subject_code", optional=True),
    words("provider"),
    words("provider_role"),
    day("happened_on"),
    number("begins_minute", least=0, most=1439),  # of the day: 8:30 is 510
    number("minutes", least=1, most=480),
    code("mode", MODES),
    words("room", optional=True),
    refers("order_id", "director_order.order_id", optional=True),
    flag("is_signed"),
    code("acknowledgement_kind", ACKNOWLEDGEMENT_KINDS, optional=True),
    day("acknowledged_on", optional=True),
    words("acknowledgement_reference", optional=True),
    flag("is_invited"),
    moment("cancelled_at", optional=True),
    words("cancel_reason", optional=True),
    written(),
    # The statistics read no more than this of a million rows.
    Index("ix_consultation_given", "plan_id", "provider", "cancelled_at", "minutes"),
    Index("ix_consultation_provider_day", "provider", "happened_on"),
    Index("ix_consultation_school_day", "school_id", "happened_on"),
)

COMPENSATION = table(
    "compensation",
    "compensation_id",
    refers("plan_id", "plan.plan_id"),
    words("school_id"),
    words("measure_code"),
    words("month"),  # 2020-10
    number("cents", least=1),
    code("state", COMPENSATION_STATES),
    refers("certificate_id", "certificate.certificate_id", optional=True),
    refers("order_id", "director_order.order_id", optional=True),
    words("reason", optional=True),
    words("decided_by", optional=True),
    day("decided_on", optional=True),
    written(),
    CheckConstraint("length(month) = 7", "month_length"),
    UniqueConstraint("plan_id", "measure_code", "month"),
    Index("ix_compensation_state", "state", "school_id"),
)
EXPENSE = table(
    "expense_document",
    "expense_id",
    refers("compensation_id", "compensation.compensation_id"),
    words("reference"),
    day("issued_on"),
    number("cents", least=1),
    written(),
)

CONTACT = table(
    "contact",
    "contact_id",
    refers("plan_id", "plan.plan_id", optional=True),
    words("school_id"),
    code("contact_kind", CONTACT_KINDS),
    words("measure_code"),
    words("provider"),
    day("happened_on"),
    number("minutes", optional=True, least=1, most=1440),
    number("participants", least=1),
    written(),
    CheckConstraint("(contact_kind = 'group') = (plan_id IS NULL)", "plan"),
    Index(None, "school_id", "happened_on"),
)
"""Talks with the family and a mentor's meetings belong to a plan; work with a group needs none and names nobody."""

EVENT = table(
    "educator_event",
    "event_id",
    code("event_kind", EVENT_KINDS),
    words("topic", optional=True),
    words("title"),
    words("programme"),
    words("municipality_code", optional=True),
    words("place", optional=True),
    day("happened_on"),
    number("minutes", optional=True, least=1),
    number("participants", least=0),
    words("audience", optional=True),
    words("led_by", optional=True),
    flag("is_certified"),
    written(),
    Index(None, "happened_on"),
)
EVENT_SCHOOL = link(
    "event_school",
    Column("event_id", Integer, ForeignKey("educator_event.event_id")),
    Column("school_id", Text),
    parts=number("participants", least=0),
)

YOUTH_CALL = table(
    "youth_call",
    "call_id",
    words("programme"),
    words("municipality_code"),
    number("year", least=2017, most=2100),
    day("opens_on"),
    day("closes_on"),
    words("aim"),
    written(),
    CheckConstraint("opens_on < closes_on", "days"),
)
YOUTH_PROJECT = table(
    "youth_project",
    "project_id",
    refers("call_id", "youth_call.call_id"),
    code("applicant", APPLICANTS),
    words("shown_name"),
    words("title"),
    number("cents", least=0),
    day("applied_on"),
    number("participants", optional=True, least=0),
    flag("is_accepted"),
    day("begins_on", optional=True),
    written(),
)
