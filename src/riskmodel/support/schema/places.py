"""Institutions, municipalities' part in programmes, partners, staff and means: who helps, where, with how much."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint

from riskmodel.support.schema.building import code, day, link, moment, number, semester, table, words, written

INSTITUTION_KINDS = ("general", "state_vet", "preschool")
MEMBER_KINDS = ("municipality", "institution")
PARTNER_KINDS = ("school", "education_board", "social_service", "orphans_court", "other")

INSTITUTION = table(
    "institution",
    "institution_id",
    words("school_id"),
    words("shown_name"),
    code("institution_kind", INSTITUTION_KINDS),
    words("municipality_code"),
    day("valid_from"),
    day("valid_to", optional=True),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
    UniqueConstraint("school_id", "valid_from"),
)
"""What an institution was from a day on: a merger of municipalities or a new kind is a new row."""

MEMBERSHIP = table(
    "membership",
    "membership_id",
    words("programme"),
    code("member_kind", MEMBER_KINDS),
    words("member_code"),  # a municipality's code, or a school's number
    day("valid_from"),
    day("valid_to", optional=True),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
    UniqueConstraint("programme", "member_kind", "member_code", "valid_from"),
)

COOPERATION = table(
    "cooperation",
    "cooperation_id",
    words("programme"),
    code("member_kind", MEMBER_KINDS),
    words("member_code"),
    words("agreement_number"),
    day("agreed_on"),
    written(),
    UniqueConstraint("programme", "member_code", "agreement_number"),
)

PARTNER = table(
    "partner",
    "partner_id",
    words("programme"),
    words("municipality_code"),
    code("partner_kind", PARTNER_KINDS),
    words("shown_name"),
    day("valid_from"),
    day("valid_to", optional=True),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
)

STAFF = table(
    "staff",
    "staff_id",
    words("login"),
    words("school_id"),
    words("profession"),  # a provider's role of the catalogue
    number("hours_per_week", optional=True, least=0, most=60),
    day("valid_from"),
    day("valid_to", optional=True),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
    UniqueConstraint("login", "school_id", "profession", "valid_from"),
    Index(None, "school_id"),
)

BUDGET = table(
    "budget",
    "budget_id",
    words("programme"),
    code("member_kind", MEMBER_KINDS),
    words("member_code"),
    semester(),
    number("cents", least=0),
    written(),
    UniqueConstraint("programme", "member_kind", "member_code", "school_year", "semester"),
)

PRACTICE_NOTE = table(
    "practice_note",
    "note_id",
    words("municipality_code"),
    words("title"),
    words("told"),
    words("measure_code", optional=True),
    day("shared_on"),
    written(),
)

RULE_CHANGE = table(
    "rule_change",
    "change_id",
    words("rule_id"),
    words("legal_act"),
    day("valid_from", optional=True),
    day("valid_to", optional=True),
    words("parameters"),  # JSON
    words("programmes"),  # JSON
    written(),
)
"""What the state published later: a rule's end, or other parameters from a day on."""

COUNTER = link("counter", Column("name", Text), parts=number("last", least=0))
"""The last number that each table gave; a number is never given again, on either data base."""

REQUEST = link(
    "request",
    Column("request_key", Text),
    parts=[*words("actor"), *words("content_digest"), *words("answer"), *moment("answered_at")],
)
"""What was answered to a request of this key: asked again, it is answered the same and nothing is done."""
