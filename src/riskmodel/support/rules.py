"""The dated rules of support, read from ``data/support/rules.yaml``, and the refusal that names the rule.

A record is judged by the rules of its own date. Nothing here asks a clock: the day is always given.

>>> from datetime import date
>>> rulebook().in_force("in_person_minutes", date(2021, 2, 7)) is None
True
>>> rulebook().in_force("in_person_minutes", date(2021, 2, 8)).parameters["max_minutes"]
40
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NoReturn, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from riskmodel.errors import UsageError
from riskmodel.messages import Day, Language, Spoken, Words, message
from riskmodel.settings import resource
from riskmodel.support.programmes import programmes

ONE_DAY = timedelta(days=1)

Kind = Literal["refusal", "notice", "period"]
"""What breaks a refusal is not entered; a notice is shown beside what is entered; nothing lies outside a period's days."""


class Rule(BaseModel):
    """One row: what must hold from one day to another, both included (``valid_to`` None: no end is stated)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    rule_id: str = Field(alias="id", pattern="^[a-z][a-z0-9_]*$")
    kind: Kind = "refusal"
    valid_from: date = Field(alias="from")
    valid_to: date | None = Field(alias="to")
    programmes: tuple[str, ...] | None = Field(min_length=1)
    """Codes of the programmes that the rule binds; None: all."""
    applies_to: str
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    message: Words
    remedy: Words
    source: tuple[str, ...] = Field(min_length=1)
    """Marks of ``data/support/sources.yaml``; :func:`cited` puts them into words."""
    note: str = ""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("the last day lies before the first")
        if any(not words.en.strip() or not words.lv.strip() for words in (self.message, self.remedy)):
            raise ValueError("message and remedy are said in both languages")
        if any(_places(words.en) != _places(words.lv) for words in (self.message, self.remedy)):
            raise ValueError("both languages name the same places")
        return self

    @property
    def places(self) -> frozenset[str]:
        """The places in message and remedy that neither parameters nor the rule's days fill: who refuses gives them."""
        return frozenset(_places(self.message.en) | _places(self.remedy.en)) - self._own_values().keys()

    def holds_on(self, day: date, programme: str | None = None) -> bool:
        """Say whether the rule is in force on a day, for a programme (None: for any)."""
        is_bound = programme is None or self.programmes is None or programme in self.programmes
        return is_bound and self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def said(self, **values: object) -> Words:
        """Return what must hold, in words; ``values`` fill the places and may stand in for a parameter."""
        return self._filled(self.message, values)

    def advice(self, **values: object) -> Words:
        """Return what to do, in words."""
        return self._filled(self.remedy, values)

    def as_row(self) -> dict[str, Any]:
        """Return the fields as plain values under the names of the file, to be kept and read again."""
        return self.model_dump(mode="json", by_alias=True, exclude={"message": {"values"}, "remedy": {"values"}})

    def _filled(self, words: Words, values: Mapping[str, object]) -> Words:
        missing = self.places - values.keys()
        if missing:
            raise TypeError(f"rule {self.rule_id} is said with {', '.join(sorted(missing))}")
        return words.filled(**{**self._own_values(), **values})

    def _own_values(self) -> dict[str, object]:
        own = {"from_day": self.valid_from, **({"to_day": self.valid_to} if self.valid_to else {})}
        return own | dict(self.parameters)


class Refused(UsageError):  # noqa: N818  (what happened, as the reader would say it)
    """A verb of the support register was refused: the rule, its source and what to do are named."""

    def __init__(
        self, rule: Rule, *, found: Spoken, where: str = "", values: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(rule.said(**values or {}), found=found, remedy=rule.advice(**values or {}), where=where)
        self.rule = rule

    @property
    def rule_id(self) -> str:
        """The id of the rule."""
        return self.rule.rule_id

    @property
    def source(self) -> Words:
        """The sources of the rule, in words."""
        return cited(self.rule.source)

    @property
    def citation(self) -> Spoken:
        """The sentence that names the rule."""
        return message(
            "Rule {rule_id}, in force from {day}; source: {source}.",
            rule_id=self.rule_id,
            day=Day(self.rule.valid_from),
            source=self.source,
        )

    def in_language(self, language: Language) -> str:
        """Return the whole text, the rule at its end."""
        return f"{super().in_language(language)} {self.citation.in_language(language)}"


def refuse(rule: Rule, /, *, found: Spoken, where: str = "", **values: object) -> NoReturn:
    """Refuse what breaks a rule.

    Parameters
    ----------
    found
        What was found instead, in words; never a name or a personal code.
    where
        The table or form, and the row.
    values
        What fills the places of the rule's texts beside its parameters (``rule.places``).

    Raises
    ------
    Refused
        Always.
    """
    raise Refused(rule, found=found, where=where, values=values)


@dataclass(frozen=True)
class Rulebook:
    """All rules; several rows of one rule lie on different days or bind different programmes."""

    rules: tuple[Rule, ...]
    matters: Mapping[str, Words] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one, other in combinations(self.rules, 2):
            if one.rule_id == other.rule_id and _overlap(one, other):
                raise UsageError(
                    message("Rows of one rule lie on different days or bind different programmes."),
                    found=message("Two rows of the rule {rule_id} overlap.", rule_id=one.rule_id),
                    remedy=message("End one of them before the other begins."),
                    where="rules.yaml",
                )

    def rows(self, rule_id: str) -> tuple[Rule, ...]:
        """Return the rows of a rule, the oldest first; KeyError for an id that no row bears."""
        return self._by_id[rule_id]

    @cached_property
    def _by_id(self) -> Mapping[str, tuple[Rule, ...]]:
        found: dict[str, list[Rule]] = {}
        for rule in sorted(self.rules, key=lambda rule: rule.valid_from):
            found.setdefault(rule.rule_id, []).append(rule)
        return {rule_id: tuple(rows) for rule_id, rows in found.items()}

    def rule(self, rule_id: str) -> Rule:
        """Return the newest row of a rule; KeyError for an id that no row bears."""
        return self.rows(rule_id)[-1]

    def in_force(self, rule_id: str, day: date, programme: str | None = None) -> Rule | None:
        """Return the row of a rule that is in force on a day, None where none is.

        Raises
        ------
        KeyError
            For an id that no row bears.
        ValueError
            Where programmes have rows of their own, and no programme was named.
        """
        found = [rule for rule in self.rows(rule_id) if rule.holds_on(day, programme)]
        if len(found) > 1:
            raise ValueError(f"rule {rule_id} differs by programme: name one")
        return found[0] if found else None

    def outside(self, rule_id: str, day: date, programme: str | None = None) -> Rule | None:
        """Return the row of a period that a day lies outside of, None where the day is inside or the programme not bound.

        >>> rulebook().outside("project_period", date(2024, 1, 1), "pumpurs").rule_id
        'project_period'
        """
        rows = [row for row in self.rows(rule_id) if row.kind == "period" and row.holds_on(row.valid_from, programme)]
        return None if any(row.holds_on(day) for row in rows) or not rows else rows[-1]

    def on(self, day: date) -> tuple[Rule, ...]:
        """Return the rules in force on a day, in the order of the book."""
        return tuple(rule for rule in self.rules if rule.holds_on(day))

    def about(self, matter: str, day: date, programme: str | None = None) -> tuple[Rule, ...]:
        """Return the rules on one matter (a code of ``matters``) that are in force on a day for a programme."""
        return tuple(rule for rule in self.rules if rule.applies_to == matter and rule.holds_on(day, programme))

    def with_changes(self, changes: Iterable[Mapping[str, Any]]) -> Rulebook:
        """Return the book with rows laid over its own that were published later, in the order of publication.

        A change has the fields of a row. Fields that it leaves out are those of the row that it changes, and its
        parameters are put over that row's. A change with the first day of a row takes the row's place (an end day for an
        open rule, a correction); otherwise it takes its days, and the row keeps the days before, and after a last day.

        Raises
        ------
        UsageError
            For a row that is not sound: the one who publishes it acts.

        >>> later = rulebook().with_changes([{"id": "in_person_minutes", "to": "2021-06-30"}])
        >>> later.in_force("in_person_minutes", date(2021, 7, 1)) is None
        True
        """
        rules, changes = self.rules, list(changes)
        if not changes:
            return self
        for number, change in enumerate(changes, 1):
            row = self._completed(rules, change, f"row {number}")
            rules = (*(part for rule in rules for part in _beside(rule, row)), row)
        return Rulebook(rules, self.matters)

    def _completed(self, rules: tuple[Rule, ...], change: Mapping[str, Any], where: str) -> Rule:
        bound = {*(change.get("programmes") or ())}
        same = [
            rule
            for rule in sorted(rules, key=lambda rule: rule.valid_from)
            if rule.rule_id == change.get("id") and (not bound or rule.programmes is None or bound & {*rule.programmes})
        ]
        begun = [rule for rule in same if rule.valid_from.isoformat() <= str(change.get("from", rule.valid_from))]
        changed = (begun or same[:1])[-1:]
        base: dict[str, Any] = changed[0].as_row() if changed else {}
        row = {**base, **change, "parameters": {**base.get("parameters", {}), **change.get("parameters", {})}}
        return read_rule(row, self.matters, where=where)


@cache
def rulebook() -> Rulebook:
    """Return the rules as published with the project."""
    return read_rulebook(resource("support", "rules.yaml"))


def read_rulebook(path: Path) -> Rulebook:
    """Return the rules of a file in the form of ``data/support/rules.yaml``.

    Raises
    ------
    UsageError
        For a row that is not sound, or for rows of one rule that overlap.
    """
    content = yaml.safe_load(path.read_text("utf-8"))
    matters = {code: Words(**names) for code, names in content["matters"].items()}
    rows = content["rules"]
    return Rulebook(
        tuple(read_rule(row, matters, where=f"{path.name}, row {number}") for number, row in enumerate(rows, 1)),
        matters,
    )


def read_rule(row: Mapping[str, Any], matters: Iterable[str], *, where: str = "") -> Rule:
    """Return one rule from its fields under the names of the file.

    Raises
    ------
    UsageError
        For a field that is missing or unknown, a value of another type, or a matter, programme or mark that there is not.
    """
    try:
        rule = Rule.model_validate(dict(row))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        _not_sound(".".join(str(part) for part in first["loc"]) or "from, to, message, remedy", first["msg"], where)
    known = {
        "applies_to": ({rule.applies_to}, set(matters)),
        "programmes": (set(rule.programmes or ()), {programme.code for programme in programmes()}),
        "source": (set(rule.source), set(_marks())),
    }
    for name, (found, allowed) in known.items():
        if not found <= allowed:
            _not_sound(name, f"not among {', '.join(sorted(allowed))}", where)
    return rule


def cited(marks: Iterable[str]) -> Words:
    """Return the sources behind marks, in words.

    >>> cited(["S4", "I"]).in_language("en")
    "Skrunda municipality's page (2018–2021); our assumption"
    """
    words = [_marks()[mark] for mark in marks]
    return Words(en="; ".join(one.en for one in words), lv="; ".join(one.lv for one in words))


@cache
def _marks() -> dict[str, Words]:
    content = yaml.safe_load(resource("support", "sources.yaml").read_text("utf-8"))
    return {mark: Words(en=entry["en"], lv=entry["lv"]) for mark, entry in content.items()}


def _not_sound(name: str, reason: str, where: str) -> NoReturn:
    raise UsageError(
        message("A row of the rules has the fields of rules.yaml, each with a value of its kind."),
        found=message("{name}: {reason}.", name=name, reason=reason),
        remedy=message("Correct this field of the row."),
        where=where,
    ) from None


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _codes(rule: Rule) -> tuple[str, ...]:
    return tuple(programme.code for programme in programmes()) if rule.programmes is None else rule.programmes


def _overlap(one: Rule, other: Rule) -> bool:
    ends_before = any(
        first.valid_to is not None and first.valid_to < second.valid_from
        for first, second in ((one, other), (other, one))
    )
    return not ends_before and bool({*_codes(one)} & {*_codes(other)})


def _beside(rule: Rule, change: Rule) -> list[Rule]:
    """Return what is left of a rule where a change lies over it."""
    if rule.rule_id != change.rule_id or not _overlap(rule, change):
        return [rule]
    untouched = tuple(code for code in _codes(rule) if code not in _codes(change))
    if untouched:
        kept = [rule.model_copy(update={"programmes": untouched})]
        rule = rule.model_copy(update={"programmes": tuple(code for code in _codes(rule) if code not in untouched)})
    else:
        kept = []
    if rule.valid_from < change.valid_from:
        kept.append(rule.model_copy(update={"valid_to": change.valid_from - ONE_DAY}))
    is_longer = change.valid_to is not None and (rule.valid_to is None or rule.valid_to > change.valid_to)
    if change.valid_to is not None and is_longer and rule.valid_from != change.valid_from:
        kept.append(rule.model_copy(update={"valid_from": change.valid_to + ONE_DAY}))
    return kept
