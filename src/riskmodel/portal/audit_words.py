"""The access log in words: what was done, where, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from riskmodel.messages import Language, Message, message
from riskmodel.portal.moments import shown_moment
from riskmodel.portal.published import Published
from riskmodel.register.chain import Entry
from riskmodel.register.people import ROLE_WORDS
from riskmodel.views import words

ACTION_WORDS: Mapping[str, Message] = {
    "login": message("logged in"),
    "login_refused": message("login refused"),
    "logout": message("logged out"),
    "page_viewed": message("list opened"),
    "pupil_viewed": message("pupil opened"),
    "file_exported": message("file taken along"),
    "access_denied": message("access refused"),
    "mass_reading": message("alarm: very many pupils opened"),
    "extract_made": message("extract for research made"),
    "capacity_set": message("places entered"),
    "plan_viewed": message("plan opened"),
    "stay_recorded": message("place of learning recorded"),
    "consent_recorded": message("consent recorded"),
    "consent_withdrawn": message("consent withdrawn"),
    "order_issued": message("order entered"),
    "order_ended": message("order ended"),
    "certificate_recorded": message("certificate recorded"),
    "proposal_answered": message("proposal answered"),
    "plan_begun": message("plan begun"),
    "plan_changed": message("plan changed"),
    "plan_moved": message("step of a plan taken"),
    "plan_handed_over": message("plan handed over"),
    "plan_assessed": message("plan assessed"),
    "plan_closed": message("plan closed"),
    "consultation_recorded": message("consultation recorded"),
    "consultation_changed": message("entry of a consultation changed"),
    "compensation_requested": message("compensation asked for"),
    "compensation_decided": message("compensation decided"),
    "compensation_closed": message("compensation closed"),
    "contact_recorded": message("talk or meeting recorded"),
    "event_recorded": message("event for educators recorded"),
    "youth_call_opened": message("call for youth projects opened"),
    "youth_project_recorded": message("youth project recorded"),
    "absence_notice_sent": message("notice of absences sent"),
    "institution_recorded": message("institution entered"),
    "membership_recorded": message("part in a programme entered"),
    "cooperation_recorded": message("cooperation agreement entered"),
    "partner_recorded": message("partner entered"),
    "staff_recorded": message("who works as what entered"),
    "budget_set": message("budget entered"),
    "note_shared": message("practice note shared"),
    "rule_published": message("change of a rule published"),
    "account_added": message("account added"),
    "account_disabled": message("account closed"),
    "account_enabled": message("account opened again"),
    "account_removed": message("account removed"),
    "password_set": message("password set"),
    "password_rehashed": message("password kept in a newer form"),
    "grant_added": message("role given"),
    "grant_revoked": message("role taken away"),
    "audit_read": message("access log read"),
    "register_created": message("register made"),
    "register_migrated": message("register brought to a newer form"),
    "register_exported": message("register exported"),
    "register_imported": message("register imported"),
    "register_backed_up": message("register backed up"),
    "register_restored": message("register restored"),
    "retention_applied": message("records removed whose time was over"),
    "pupil_erased": message("pupil erased"),
    "pupil_readmitted": message("erased pupil let in again"),
    "subject_told": message("what is held of a pupil given out"),
    "looks_read": message("who saw a pupil read"),
    "key_rotated": message("pseudonyms renewed"),
}
"""In the order of the choice on the page: what a steward looks for first."""

DETAIL_WORDS: Mapping[str, Message] = {
    "account": message("account"),
    "account_id": message("number of the account"),
    "class_code": message("class"),
    "count": message("count"),
    "file_kind": message("kind of file"),
    "is_known": message("known login"),
    "language": message("language"),
    "places": message("places"),
    "plan": message("plan"),
    "pupils": message("pupils"),
    "reference": message("reference"),
    "revision": message("revision"),
    "revision_before": message("revision before"),
    "role": message("role"),
    "rows": message("rows"),
    "run_id": message("run"),
    "seconds": message("seconds to wait"),
    "view": message("page"),
}
VIEW_WORDS: Mapping[str, Message] = {
    "schools": message("schools"),
    "school": message("school's list"),
    "pupil": message("pupil's page"),
    "notice": message("notice for pupil and parents"),
    "capacity": message("places"),
    "tasks": message("tasks"),
    "statistics": message("support in numbers"),
    "plan": message("plan"),
    "consultation": message("entry of a consultation"),
    "planning": message("from risk to plan"),
    "orders": message("orders and staff"),
    "municipality": message("municipality"),
    "state": message("state"),
    "runs": message("runs"),
    "audit": message("access log"),
    "accounts": message("accounts"),
}
ROLES = {str(role): said for role, said in ROLE_WORDS.items()}
YES, NO = message("yes"), message("no")


def told(entry: Entry, published: Published, language: Language) -> dict[str, Any]:
    """Return an entry as its row on the page shows it."""
    details = json.loads(entry.details)
    return {
        "number": entry.number,
        "at": shown_moment(entry.at, language),
        "who": entry.actor,
        "what": words.words(ACTION_WORDS, entry.action, language),
        "is_alarm": entry.action in {"mass_reading", "access_denied", "login_refused"},
        "where": _where(entry.unit, published, language),
        "whom": entry.subject,
        "details": [
            (words.words(DETAIL_WORDS, key, language), _value(key, value, language)) for key, value in details.items()
        ],
    }


def _where(unit: str, published: Published, language: Language) -> str:
    kind, _, code = unit.partition(":")
    if kind == "school":
        name = published.names.get(code, "")
        return f"{name} ({code})" if name else code
    if kind == "municipality":
        return message("Municipality {code}", code=code).in_language(language)
    return words.words(VIEW_WORDS, unit, language) if unit else ""


def _value(key: str, value: str | int, language: Language) -> str:
    if key == "view":
        return words.words(VIEW_WORDS, str(value), language)
    if key == "role":
        return words.words(ROLES, str(value), language)
    if key == "is_known":
        return (YES if value else NO).in_language(language)
    return str(value)
