"""What the state published of rules after the files of the project: a rule's end, or other parameters from a day on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.support.rules import Rulebook, rulebook
from riskmodel.support.schema.places import RULE_CHANGE
from riskmodel.support.work import Outcome, Work


@dataclass(frozen=True)
class PublishRule:
    """A rule is brought up to date.

    Attributes
    ----------
    rule_id
        Of a rule of the rule book.
    legal_act
        By which it changes.
    valid_from
        The first day of the change; None: that of the rule, whose end or parameters are told anew.
    valid_to
        The last day; None for an open end.
    parameters
        In place of those of the rule of the same names.
    programmes
        Which the change binds; empty: those of the rule.
    """

    rule_id: str
    legal_act: str
    valid_from: date | None = None
    valid_to: date | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    programmes: Sequence[str] = ()


def publish_rule(work: Work, command: PublishRule) -> Outcome:
    """Write a change of a rule; only the state does."""
    work.need("state")
    known = {rule.rule_id for rule in rulebook().rules}
    if command.rule_id not in known or not command.legal_act.strip():
        raise UsageError(
            message("A change names a rule of the rule book, and the legal act behind it."),
            found=message("There is no such rule, or no act is named."),
            remedy=message("Look the rule up in the rule book."),
        )
    unknown = set(command.parameters) - {name for row in rulebook().rows(command.rule_id) for name in row.parameters}
    if unknown:
        raise UsageError(
            message("A change gives other values to parameters that the rule has."),
            found=message("The rule has no such parameter: {names}.", names=", ".join(sorted(unknown))),
            remedy=message("Look the rule up in the rule book."),
        )
    values = {
        "rule_id": command.rule_id,
        "legal_act": command.legal_act.strip(),
        "valid_from": command.valid_from,
        "valid_to": command.valid_to,
        "parameters": json.dumps(dict(command.parameters), sort_keys=True),
        "programmes": json.dumps(sorted(command.programmes)),
    }
    _check_askable(command.rule_id, work.rules.with_changes([_row(values)]))  # refuses what no rule book could hold
    number = work.insert(RULE_CHANGE, **values)
    return Outcome({"change_id": number}, "state", "", {"reference": command.rule_id})


ASKED_WITHOUT_PROGRAMME = frozenset({"consent", "attendance", "order"})
"""Matters of papers and notices that belong to no programme; with them, single rules of the same kind."""
ALIKE_FOR_ALL = frozenset({"certificate_both_residences", "in_person_school_cap", "placement_order", "reason_required"})
ASKED_WITH_PROGRAMME = frozenset(
    {"consent_required", "consent_start", "consent_one_plan", "consent_withdrawn", "order_contents_2021"}
)


def _check_askable(rule_id: str, book: Rulebook) -> None:
    """Refuse a change by which a rule of papers without a programme would differ by programme: nobody could say which holds."""
    matter = book.rule(rule_id).applies_to
    is_alike = (matter in ASKED_WITHOUT_PROGRAMME and rule_id not in ASKED_WITH_PROGRAMME) or rule_id in ALIKE_FOR_ALL
    rows = book.rows(rule_id)
    overlap = any(one is not other and one.holds_on(other.valid_from) for one in rows for other in rows)
    if is_alike and overlap:
        raise UsageError(
            message("A rule of papers that belong to no programme is the same for all of them."),
            found=message("The change would make it differ by programme."),
            remedy=message("Leave the programmes out."),
        )


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": values["rule_id"],
        "note": values["legal_act"],
        "to": values["valid_to"],
        "parameters": json.loads(values["parameters"]),
    }
    if values["valid_from"] is not None:
        row["from"] = values["valid_from"]
    if programmes := json.loads(values["programmes"]):
        row["programmes"] = programmes
        known = rulebook().rows(values["rule_id"])
        if not any(rule.programmes is None or {*rule.programmes} & {*programmes} for rule in known):
            # Of a programme that the rule did not bind before: there is no row of its own to be changed.
            base = known[-1].as_row()
            row = {**base, **row, "parameters": {**base["parameters"], **row["parameters"]}}
    return row


def changes_of(connection: Connection) -> list[dict[str, Any]]:
    """Return the published changes as rows for :meth:`Rulebook.with_changes`, in the order of publication."""
    rows = connection.execute(select(RULE_CHANGE).order_by(RULE_CHANGE.c.change_id))
    return [_row(dict(row._mapping)) for row in rows]
