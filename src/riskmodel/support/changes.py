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
from riskmodel.support.rules import rulebook
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
    values = {
        "rule_id": command.rule_id,
        "legal_act": command.legal_act.strip(),
        "valid_from": command.valid_from,
        "valid_to": command.valid_to,
        "parameters": json.dumps(dict(command.parameters), sort_keys=True),
        "programmes": json.dumps(sorted(command.programmes)),
    }
    work.rules.with_changes([_row(values)])  # refuses what no rule book could hold
    number = work.insert(RULE_CHANGE, **values)
    return Outcome({"change_id": number}, "state", "", {"reference": command.rule_id})


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
    return row


def changes_of(connection: Connection) -> list[dict[str, Any]]:
    """Return the published changes as rows for :meth:`Rulebook.with_changes`, in the order of publication."""
    rows = connection.execute(select(RULE_CHANGE).order_by(RULE_CHANGE.c.change_id))
    return [_row(dict(row._mapping)) for row in rows]
