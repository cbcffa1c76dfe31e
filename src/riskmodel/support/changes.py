"""What the state published of rules after the files of the project: a rule's end, or other parameters from a day on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, select

from riskmodel.support.rules import RuleChange
from riskmodel.support.schema.places import RULE_CHANGE
from riskmodel.support.work import Outcome, Work


@dataclass(frozen=True)
class PublishRule:
    """From a day on a rule has other parameters, or holds no more.

    Attributes
    ----------
    rule_id
        Of a rule of the rule book.
    valid_from
        The first day of the change.
    valid_to
        The last day, None for an open end.
    parameters
        In place of those of the rule of the same names.
    is_off
        The rule does not hold on these days.
    source
        The legal act or decision.
    """

    rule_id: str
    valid_from: date
    source: str
    valid_to: date | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    is_off: bool = False


def publish_rule(work: Work, command: PublishRule) -> Outcome:
    """Write a change of a rule; only the state does."""
    work.need("state")
    work.rules.with_changes([_change(command)])  # refuses what no rule book could hold
    number = work.insert(
        RULE_CHANGE,
        rule_id=command.rule_id,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        parameters=json.dumps(dict(command.parameters), sort_keys=True),
        source=command.source,
        is_off=int(command.is_off),
    )
    return Outcome({"change_id": number}, "state", "", {"reference": command.rule_id})


def _change(command: PublishRule) -> RuleChange:
    return RuleChange(
        command.rule_id, command.valid_from, command.valid_to, dict(command.parameters), command.is_off, command.source
    )


def changes_of(connection: Connection) -> list[RuleChange]:
    """Return the published changes, oldest first."""
    rows = connection.execute(select(RULE_CHANGE).order_by(RULE_CHANGE.c.change_id))
    return [
        RuleChange(row.rule_id, row.valid_from, row.valid_to, json.loads(row.parameters), bool(row.is_off), row.source)
        for row in rows
    ]
