"""The reports that municipalities and the programme used to write by hand: sentences, a table of municipalities, semester by semester.

Each sentence names what it counts, and plans never stand without pupils, nor pupils without plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection, and_, func, or_, select

from riskmodel.messages import Language, Message, message, plural
from riskmodel.support.around import SEMINAR, SUPERVISION, Events, count_events
from riskmodel.support.coverage import Coverage, municipality_name
from riskmodel.support.given import Given, count_given
from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.semesters import Semester
from riskmodel.support.statistics import PlansAndPupils, count_plans, counted, plans_words

NO_DATA = message("no data")


@dataclass(frozen=True)
class Amount:
    """A number in a sentence, with its decimals and its separators.

    >>> Amount(Decimal("74695.28"), 2).in_language("en"), Amount(Decimal("71.15"), 1).in_language("lv")
    ('74,695.28', '71,2')
    """

    value: Decimal
    decimals: int

    def in_language(self, language: Language) -> str:
        """Return the number as it is written in the language."""
        from babel.numbers import format_decimal  # noqa: PLC0415  (most commands show no amount)

        rounded = self.value.quantize(Decimal(1).scaleb(-self.decimals), "ROUND_HALF_UP")
        pattern = f"#,##0.{'0' * self.decimals}" if self.decimals else "#,##0"
        return str(format_decimal(rounded, pattern, locale="lv" if language == "lv" else "en_GB"))


@dataclass(frozen=True)
class Report:
    """What a municipality, a school or the state tells of a period."""

    period: Period
    scope: Scope
    given: Given
    decisions: Mapping[str, PlansAndPupils]
    events: Mapping[str, Events] = field(default_factory=dict)

    def sentences(self, coverage: Coverage | None = None) -> list[Message]:
        """Return the report in sentences.

        >>> given = Given(PlansAndPupils(27, 27), 4, 19, 0, 0, 0, 0)
        >>> Report(Period.year(2017), WHOLE_STATE, given, {}).sentences()[0].in_language("lv")
        '2017./18. mācību gadā palīdzību saņēmuši 27 izglītojamie no 4 izglītības iestādēm (27 individuālie atbalsta plāni).'
        """
        if not self.given.support.plans:
            return [message("{when} nobody received help.", when=self.period.words())]
        found = [helped(self.period, self.given.support, self.given.institutions), took_part(self.given.educators)]
        if coverage is not None:
            found.append(partners_words(coverage))
        if {SUPERVISION, SEMINAR} & set(self.events):
            found.append(held(self.events))
        found += decided(self.decisions)
        if self.given.cents:
            found.append(spent(self.given))
        return found


def report(connection: Connection, period: Period, scope: Scope = WHOLE_STATE) -> Report:
    """Return the report of a municipality, a school, a programme or the state on a period."""
    decisions = count_plans(connection, period, scope, ["decision"]).rows
    return Report(
        period,
        scope,
        count_given(connection, period, scope).total,
        {str(code): support for (code,), support in decisions.items() if code is not None},
        count_events(connection, period, scope),
    )


# --- sentences


def helped(period: Period, support: PlansAndPupils, institutions: int) -> Message:
    """Return how many pupils of how many institutions received help, and by how many plans."""
    return plural(
        "{when} {count} pupil {institutions} received help ({plans}).",
        "{when} {count} pupils {institutions} received help ({plans}).",
        support.pupils,
        when=period.words(),
        institutions=plural("from {count} institution", "from {count} institutions", institutions),
        plans=plans_words(support.plans),
    )


def not_told(period: Period) -> Message:
    """Return the sentence in place of numbers that are small, or would give a small one away."""
    return message(
        "{when} help was given; how many received it is not told, for the number is small or would give a small one away.",
        when=period.words(),
    )


def took_part(educators: int) -> Message:
    """Return how many educators took part."""
    return plural(
        "{count} educator took part in giving support.", "{count} educators took part in giving support.", educators
    )


def partners_words(coverage: Coverage) -> Message:
    """Return how many partners there are on a day, and of which kinds."""
    return message(
        "{partners}: {municipalities}, {schools}.",
        partners=plural("{count} cooperation partner", "{count} cooperation partners", coverage.partners),
        municipalities=plural("{count} member municipality", "{count} member municipalities", coverage.municipalities),
        schools=plural("{count} state vocational school", "{count} state vocational schools", coverage.state_vet),
    )


def held(events: Mapping[str, Events]) -> Message:
    """Return how many supervisions and seminars were held."""
    return message(
        "For educators there were {supervisions} and {seminars}.",
        supervisions=plural("{count} supervision", "{count} supervisions", events.get(SUPERVISION, Events()).events),
        seminars=plural("{count} seminar", "{count} seminars", events.get(SEMINAR, Events()).events),
    )


def decided(decisions: Mapping[str, PlansAndPupils]) -> list[Message]:
    """Return how it goes on, of the plans about which that was decided.

    >>> [text.in_language("lv") for text in decided({"no_longer_needed": PlansAndPupils(1, 1)})]
    ['Atbalsts vairs nav vajadzīgs 1 izglītojamajam (1 individuālais atbalsta plāns, 100,0 %).']
    """
    whole = sum(support.plans for support in decisions.values())
    found = []
    for code, support in sorted(decisions.items()):
        values = {
            "plans": plans_words(support.plans),
            "percent": Amount(Decimal(support.plans) * 100 / whole, 1),
        }
        if code == "continue":
            found.append(
                plural(
                    "Support goes on for {count} pupil ({plans}, {percent} %).",
                    "Support goes on for {count} pupils ({plans}, {percent} %).",
                    support.pupils,
                    **values,
                )
            )
        elif code == "no_longer_needed":
            found.append(
                plural(
                    "Support is needed no longer by {count} pupil ({plans}, {percent} %).",
                    "Support is needed no longer by {count} pupils ({plans}, {percent} %).",
                    support.pupils,
                    **values,
                )
            )
        else:
            found.append(
                plural(
                    "Support will be another one for {count} pupil ({plans}, {percent} %).",
                    "Support will be another one for {count} pupils ({plans}, {percent} %).",
                    support.pupils,
                    **values,
                )
            )
    return found


def spent(given: Given) -> Message:
    """Return how much money was used, and how much of it for a plan."""
    return message(
        "EUR {amount} were used for compensations and for preparing plans, EUR {each} a plan on average.",
        amount=Amount(Decimal(given.cents) / 100, 2),
        each=Amount(given.euro_a_plan() or Decimal(0), 0),
    )


# --- municipalities beside one another


@dataclass(frozen=True)
class Line:
    """A municipality in the table; ``identified`` None is no data. Of the total, ``municipality_code`` is None."""

    municipality_code: str | None
    name: str
    identified: int | None
    given: Given
    supervisions: int
    seminars: int


def municipalities_table(
    connection: Connection,
    period: Period,
    scope: Scope = WHOLE_STATE,
    identified: Mapping[str, int] | None = None,
) -> list[Line]:
    """Return a line for each municipality that has plans, and the total at the end.

    Parameters
    ----------
    identified
        Pupils whom the list of a run names, by the municipality's code; what is not in it is no data.
    """
    known = identified or {}
    found = count_given(connection, period, scope, ["municipality"])
    lines = []
    for (code,), given in found.rows.items():
        own = None if code is None else str(code)
        events = {} if own is None else count_events(connection, period, Scope(scope.programme, own))
        name = "–" if own is None else municipality_name(own, period.first_on)
        lines.append(_line(own, name, known.get(own or ""), given, events))
    whole = sum(known.values()) if known and all(line.identified is not None for line in lines) else None
    return [*lines, _line(None, "", whole, found.total, count_events(connection, period, scope))]


def _line(code: str | None, name: str, identified: int | None, given: Given, events: Mapping[str, Events]) -> Line:
    supervisions, seminars = (events.get(kind, Events()).events for kind in (SUPERVISION, SEMINAR))
    return Line(code, name, identified, given, supervisions, seminars)


# --- semester by semester


@dataclass(frozen=True)
class Term:
    """A semester in the comparison.

    Attributes
    ----------
    went_on, joined
        Pupils who had a plan of the programme in the semester before, in whatever school; and all the others.
    change
        Of plans and pupils against the semester before (both may be below nothing); None for the first one.
    """

    semester: Semester
    given: Given
    went_on: int
    joined: int
    change: tuple[int, int] | None


def semester_by_semester(connection: Connection, period: Period, scope: Scope = WHOLE_STATE) -> list[Term]:
    """Return the semesters of a period beside one another, also those without a plan."""
    given = count_given(connection, period, scope, ["semester"]).rows
    before = _went_on(connection, period, scope)
    nothing = Given(PlansAndPupils(0, 0), 0, 0, 0, 0, 0, 0)
    found: list[Term] = []
    for term in period.semesters:
        own = given.get((term.year, term.half), nothing)
        went_on = before.get((term.year, term.half), 0)
        change = None
        if found:
            last = found[-1].given.support
            change = (own.support.plans - last.plans, own.support.pupils - last.pupils)
        found.append(Term(term, own, went_on, own.support.pupils - went_on, change))
    return found


def _went_on(connection: Connection, period: Period, scope: Scope) -> dict[tuple[int, int], int]:
    plans, earlier = counted(period, scope), PLAN.alias("earlier")
    is_before = or_(
        and_(plans.c.semester == 2, earlier.c.school_year == plans.c.school_year, earlier.c.semester == 1),
        and_(plans.c.semester == 1, earlier.c.school_year == plans.c.school_year - 1, earlier.c.semester == 2),
    )
    rows = connection.execute(
        select(plans.c.school_year, plans.c.semester, func.count(plans.c.pupil_id.distinct()))
        .select_from(
            plans.join(
                earlier,
                and_(
                    earlier.c.pupil_id == plans.c.pupil_id,
                    earlier.c.programme == plans.c.programme,
                    earlier.c.approved_on.is_not(None),
                    earlier.c.status != "INACTIVE",
                    is_before,
                ),
            )
        )
        .group_by(plans.c.school_year, plans.c.semester)
    )
    return {(year, half): pupils for year, half, pupils in rows}
