"""What is held of a pupil as a page that a family can read, in one language; the same as the JSON beside it, and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, StrictUndefined

from riskmodel.messages import Language, Message, Spoken, message, plural
from riskmodel.runs.subject import Values
from riskmodel.support.keeping.telling import field_words
from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.results import RESULTS

MOST_COLUMNS = 12
"""A table with more columns is shown as pairs of name and value, a block per row."""

TEMPLATE = """<!doctype html>
<html lang="{{ language }}">
<head><meta charset="utf-8"><title>{{ title }}</title>
<style>
body { font-family: sans-serif; line-height: 1.4; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-size: .9rem }
th, td { border: 1px solid #767676; padding: .2rem .5rem; text-align: left; vertical-align: top }
</style></head>
<body>
<h1>{{ title }}</h1>
{% for line in lead %}<p>{{ line }}</p>
{% endfor %}
{% for section in sections %}
<h2>{{ section.title }}</h2>
{% for line in section.lines %}<p>{{ line }}</p>
{% endfor %}
{% for part in section.parts %}
<h3>{{ part.title }}</h3>
<table>
{% if part.is_wide %}{% for row in part.rows %}<tbody>{% for name, value in row %}<tr><th scope="row">{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}</tbody>{% endfor %}
{% else %}<thead><tr>{% for name in part.names %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in part.rows %}<tr>{% for _, value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
{% endif %}</table>
{% endfor %}{% endfor %}
</body></html>
"""

ROLE_AND_ACTION = {
    "at": message("when (UTC)"),
    "role": message("in which role"),
    "action": message("what was done"),
    "unit": message("where"),
}
OF_PERIODS = {
    "programme": message("programme"),
    "kind": message("kind of record"),
    "months": message("months"),
    "decided_by": message("who decides"),
    "decided_on": message("decided on"),
    "act": message("act"),
}


@dataclass(frozen=True)
class Part:
    """A table of the page."""

    title: str
    names: Sequence[str]
    rows: Sequence[Sequence[tuple[str, str]]]

    @property
    def is_wide(self) -> bool:
        """Whether the table is too wide for a page."""
        return len(self.names) > MOST_COLUMNS


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    title: str
    lines: Sequence[str]
    parts: Sequence[Part]


def subject_page(told: Values, language: Language) -> str:
    """Return the page of what :func:`riskmodel.runs.subject.subject_of` told."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(TEMPLATE).render(
        language=language,
        title=message("What is held of a pupil").in_language(language),
        lead=[line.in_language(language) for line in _lead()],
        sections=list(_sections(told, language)),
    )


def _lead() -> list[Message]:
    return [
        message(
            "This page lists everything that the system of early support holds of the pupil on the day it was made."
        ),
        message("What the model says is a hint for people. It decides nothing: a plan needs a person and a consent."),
        message(
            "To have something corrected or erased, or to withdraw a consent, turn to the school or its data protection officer."
        ),
    ]


def _sections(told: Values, language: Language) -> Iterable[Section]:
    def say(text: Message) -> str:
        return text.in_language(language)

    names = {column.name: column.words for column in IDENTITY.columns}
    who = [_part(say(message("Names and register ids")), told["identities"], names, language)]
    yield Section(say(message("Who the pupil is")), [], who)
    yield Section(
        say(message("Individual support")), [say(line) for line in _of_register(told)], _support(told, language)
    )
    for run in told["runs"]:
        title = message("What was computed for {day} (run {run_id})", day=run["cut_off_on"], run_id=run["run_id"])
        lines = [message("It rests on these deliveries: {ids}.", ids=", ".join(run["sources"]))]
        lines += [message("It is the current one, which schools see.")] if run["is_current"] else []
        lines += [] if run["is_published"] else [message("It is held: nobody in a school has seen it.")]
        yield Section(say(title), [say(line) for line in lines], _declared(run["tables"], RESULTS, language))
    for delivery in told["deliveries"]:
        title = message(
            "What was delivered on {day} ({delivery_id})",
            day=delivery["delivered_on"],
            delivery_id=delivery["delivery_id"],
        )
        yield Section(say(title), [], _declared(delivery["tables"], CANONICAL, language))
    yield _looks(told, language)
    periods = _part(say(message("Periods")), told["retention"], OF_PERIODS, language)
    undecided = message("Where no number of months stands nobody has decided yet, and nothing is removed by itself.")
    yield Section(say(message("How long it is kept")), [say(undecided)], [periods])


def _of_register(told: Values) -> list[Message]:
    lines = [] if told["register"] else [message("No support is recorded.")]
    if told["protected"]:
        lines.append(
            plural(
                "{count} record is under the protection of support staff. It may speak of others; the data protection officer says what of it can be given out.",
                "{count} records are under the protection of support staff. They may speak of others; the data protection officer says what of them can be given out.",
                told["protected"],
            )
        )
    if told["lists_of_teachers"]:
        lines.append(
            plural(
                "{count} subject teacher has the pupil on a list of the role.",
                "{count} subject teachers have the pupil on a list of the role.",
                told["lists_of_teachers"],
            )
        )
    return lines


def _support(told: Values, language: Language) -> list[Part]:
    words = field_words()
    return [
        _part(words["tables"][name].in_language(language), rows, words["columns"], language)
        for name, rows in told["register"].items()
        if any(column in words["columns"] for column in rows[0])
    ]


def _declared(tables: Mapping[str, list[Values]], known: Iterable[Any], language: Language) -> list[Part]:
    by_name = {table.name: table for table in known}
    parts = []
    for name, rows in tables.items():
        table = by_name.get(name)
        columns = {column.name: column.words for column in table.columns} if table else {}
        all_columns: dict[str, Spoken | str] = {column: columns.get(column, column) for column in rows[0]}
        title = table.row.in_language(language) if table else name
        parts.append(_part(title, rows, all_columns, language))
    return parts


def _looks(told: Values, language: Language) -> Section:
    audit, lines = told["audit"], []
    if audit is None:
        return Section(
            message("Who saw it").in_language(language),
            [message("There is no register, and so no record.").in_language(language)],
            [],
        )
    lines.append(
        message(
            "Lists of the school, which show the pupil among others, were opened {count} times.",
            count=audit["lists_opened"],
        )
    )
    if audit["renewed_at"]:
        lines.append(
            message(
                "Pseudonyms were renewed on {day}: who looked before cannot be told of a single pupil any more.",
                day=audit["renewed_at"][:10],
            )
        )
    title = message("Every entry of the audit about the pupil").in_language(language)
    part = _part(title, audit["entries"], ROLE_AND_ACTION, language)
    return Section(message("Who saw it").in_language(language), [line.in_language(language) for line in lines], [part])


def _part(
    title: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Spoken | str], language: Language
) -> Part:
    """Return a table of the columns that have words, in the order of the rows."""
    shown = [name for name in (rows[0] if rows else columns) if name in columns]
    names = [_said(columns[name], language) for name in shown]
    told = [[(said, _value(row[name])) for name, said in zip(shown, names, strict=True)] for row in rows]
    return Part(title[:1].upper() + title[1:], names, told)


def _said(words: Spoken | str, language: Language) -> str:
    return words if isinstance(words, str) else words.in_language(language)


def _value(value: Any) -> str:
    return "–" if value is None else str(value)
