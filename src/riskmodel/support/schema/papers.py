"""Pupils as support knows them, and the papers that must be there first: consents, orders, certificates."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Text, UniqueConstraint

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

STAGE_KINDS = ("preschool", "grade", "vet_year")
PAPER_KINDS = ("consent", "agreement", "handover")
GIVERS = ("parent", "legal_guardian", "adult_pupil", "foster_family", "head_of_care_institution", "pupil")
CHANNELS = ("paper_delivered", "post", "esignature", "authenticated_message", "other_by_order")
RECIPIENTS = ("preparer", "supervisor", "director")
FORMS = ("parent", "adult_pupil", "agreement", "handover")
ORDER_KINDS = (
    "remote_consultations",
    "remote_learning",
    "consent_way",
    "placement",
    "in_person_procedure",
)
ACKNOWLEDGEMENT_KINDS = ("email", "e_klase", "mykoob", "platform", "message", "signed_photo", "other")
CERTIFICATE_KINDS = ("semester", "monthly")

PUPIL = link(
    "support_pupil",
    Column("pupil_id", Text),
    parts=[
        *day("born_on", optional=True),  # the last day of the month where no more is known: of age never too early
        *flag("is_in_care"),
        *words("declared_municipality", optional=True),
        *words("actual_municipality", optional=True),
        *written(),
    ],
)

STAY = table(
    "stay",
    "stay_id",
    refers("pupil_id", "support_pupil.pupil_id", kind=Text),
    words("school_id"),
    words("class_code", optional=True),
    code("stage_kind", STAGE_KINDS),
    number("stage_number", least=0, most=12),
    words("education_programme", optional=True),
    day("valid_from"),
    day("valid_to", optional=True),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
    UniqueConstraint("pupil_id", "school_id", "valid_from"),
    Index(None, "school_id", "class_code"),
)

CONSENT = table(
    "consent",
    "consent_id",
    refers("pupil_id", "support_pupil.pupil_id", kind=Text),
    words("school_id"),
    code("paper_kind", PAPER_KINDS),
    semester(),
    code("giver", GIVERS),
    code("channel", CHANNELS),
    code("form", FORMS),
    words("form_version"),
    day("given_on"),  # the day that counts: the first on which a plan may be begun
    day("signed_on"),
    day("received_on"),
    words("platform", optional=True),
    words("sender", optional=True),
    code("recipient", RECIPIENTS, optional=True),
    words("why_no_paper", optional=True),
    refers("order_id", "director_order.order_id", optional=True),
    words("file_reference", optional=True),
    day("withdrawn_on", optional=True),
    written(),
    Index(None, "school_id", "school_year", "semester"),
)

DIRECTOR_ORDER = table(
    "director_order",
    "order_id",
    words("school_id"),
    words("order_number"),
    code("order_kind", ORDER_KINDS),
    day("issued_on"),
    day("valid_from"),
    day("valid_to", optional=True),
    words("how_organised", optional=True),
    words("legal_reference", optional=True),
    words("when_acknowledged", optional=True),
    words("place", optional=True),
    number("weekly_number", optional=True, least=0),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
    UniqueConstraint("school_id", "order_number"),
)
ORDER_EDUCATOR = link(
    "order_educator", Column("order_id", Integer, ForeignKey("director_order.order_id")), Column("login", Text)
)
ORDER_PLAN = link(
    "order_plan", Column("order_id", Integer, ForeignKey("director_order.order_id")), Column("plan_code", Text)
)
ORDER_ACKNOWLEDGEMENT = link(
    "order_acknowledgement",
    Column("order_id", Integer, ForeignKey("director_order.order_id")),
    Column("acknowledgement_kind", Text),
)
ORDER_PUPIL = link(
    "order_pupil", Column("order_id", Integer, ForeignKey("director_order.order_id")), Column("pupil_id", Text)
)

CERTIFICATE = table(
    "certificate",
    "certificate_id",
    refers("pupil_id", "support_pupil.pupil_id", kind=Text),
    words("school_id"),
    code("certificate_kind", CERTIFICATE_KINDS),
    day("issued_on"),
    day("valid_from"),
    day("valid_to"),  # the first day that it does not cover any more
    words("file_reference", optional=True),
    refers("replaces_id", "certificate.certificate_id", optional=True),
    written(),
    CheckConstraint("valid_from < valid_to", "days"),
)
CERTIFICATE_AREA = link(
    "certificate_area",
    Column("certificate_id", Integer, ForeignKey("certificate.certificate_id")),
    Column("municipality_code", Text),
)
