"""On PostgreSQL each row of support is seen and written by its own unit: as riskmodel.support.schema.scopes declares it."""

from __future__ import annotations

from collections.abc import Iterator

from alembic import op

revision = "0004"
down_revision = "0003"

IS_SOMEBODY = "(SELECT current_setting('riskmodel.level', true) <> '')"
LOOKS = "(SELECT current_setting('riskmodel.looks', true) = 'everywhere')"
STATE, STEWARD_TOO = ("all", "state"), ("all", "state", "steward")


def told_list(name: str) -> str:
    """Return the expression of a list that the transaction was told."""
    return f"((SELECT string_to_array(current_setting('riskmodel.{name}', true), ','))::text[])"


def school(table: str, column: str = "school_id") -> str:
    """Return the condition that a row is of an own school."""
    day = "current_setting('riskmodel.day', true)"
    in_place = (
        f"of_place.municipality_code = ANY ({told_list('municipalities')}) "
        f"AND of_place.valid_from <= {day} AND (of_place.valid_to IS NULL OR of_place.valid_to > {day})"
    )
    of_place = f"SELECT of_place.school_id FROM institution AS of_place WHERE {in_place}"  # noqa: S608  (constants)
    return f"{table}.{column} = ANY ({told_list('schools')}) OR {table}.{column} IN ({of_place})"


def place(table: str, column: str = "municipality_code") -> str:
    """Return the condition that a row is of an own municipality."""
    return f"{table}.{column} = ANY ({told_list('municipalities')})"


def through(table: str, parent: str, *columns: str, more: str = "") -> str:
    """Return the condition that a row belongs to a row of another table that is open."""
    joined = " AND ".join(f"of_{parent}.{column} = {table}.{column}" for column in columns)
    return f"EXISTS (SELECT 1 FROM {parent} AS of_{parent} WHERE {joined}{more})"  # noqa: S608  (constants of this file)


def whole(levels: tuple[str, ...]) -> str:
    """Return the condition that every row is open."""
    named = ", ".join(f"'{level}'" for level in levels)
    return f"(SELECT current_setting('riskmodel.level', true) IN ({named}))"


def policies(
    table: str, *ways: str, adds: tuple[str, ...] = (), levels: tuple[str, ...] = STATE, is_open: bool = False
) -> Iterator[str]:
    """Yield the statements that bind a table: ways of which one opens a row, and those that all lead to an added one."""
    own = " OR ".join([whole(levels), *(f"({way})" for way in ways)])
    added = f"{whole(levels)} OR ({' AND '.join(f'({way})' for way in adds)})" if adds else own
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY unit_sees ON {table} FOR SELECT USING ({IS_SOMEBODY if is_open else own} OR {LOOKS})"
    yield f"CREATE POLICY unit_adds ON {table} FOR INSERT WITH CHECK ({added})"
    yield f"CREATE POLICY unit_changes ON {table} FOR UPDATE USING ({own}) WITH CHECK ({own})"
    yield f"CREATE POLICY unit_removes ON {table} FOR DELETE USING ({own})"


STAYS = (
    "CREATE FUNCTION unit_stays() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'a row stays with what it belongs to'; END $$"
)
STAYING = {
    "support_pupil": ("pupil_id",),
    "consent": ("consent_id", "pupil_id"),
    "certificate": ("pupil_id",),
    "plan_move": ("plan_id",),
    "consultation": ("plan_id",),
    "compensation": ("plan_id",),
    "contact": ("plan_id",),
}
"""Columns by which a row belongs to another one, where there is another way to its unit beside."""


def staying() -> Iterator[str]:
    """Yield the statements that keep these columns as they are."""
    yield STAYS
    for table, columns in STAYING.items():
        is_other = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        yield (
            f"CREATE TRIGGER unit_stays BEFORE UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW "
            f"WHEN (({is_other}) AND current_setting('riskmodel.level', true) IS DISTINCT FROM 'all') "
            "EXECUTE FUNCTION unit_stays()"
        )


def statements() -> Iterator[str]:
    """Yield all statements."""
    yield from staying()
    yield from policies("capacity", school("capacity"), is_open=True)
    yield from of_pupils_and_papers()
    yield from of_plans()
    yield from of_services()
    yield from of_places()


def of_pupils_and_papers() -> Iterator[str]:
    """Yield the statements of pupils, consents, orders and certificates."""
    named = f"support_pupil.pupil_id = ANY ({told_list('pupils')})"
    by_stay, by_plan = through("support_pupil", "stay", "pupil_id"), through("support_pupil", "plan", "pupil_id")
    yield from policies("support_pupil", named, by_stay, by_plan, levels=STEWARD_TOO)
    yield from policies("stay", school("stay"), levels=STEWARD_TOO)
    own, by_plan = school("consent"), through("consent", "plan", "consent_id", "pupil_id")
    yield from policies("consent", own, by_plan, adds=(own,), levels=STEWARD_TOO)
    yield from policies("director_order", school("director_order"))
    for table in ("order_educator", "order_plan", "order_acknowledgement", "order_pupil"):
        yield from policies(table, through(table, "director_order", "order_id"))
    own, by_plan = school("certificate"), through("certificate", "plan", "pupil_id")
    yield from policies("certificate", own, by_plan, adds=(own,))
    yield from policies("certificate_area", through("certificate_area", "certificate", "certificate_id"))


def of_plans() -> Iterator[str]:
    """Yield the statements of plans and what belongs to them."""
    yield from policies("plan", school("plan"))
    for table in ("plan_risk", "plan_measure", "plan_step", "assessment"):
        yield from policies(table, through(table, "plan", "plan_id"))
    by_measure = through("measure_risk", "plan_measure", "plan_measure_id")
    by_risk = through("measure_risk", "plan_risk", "risk_id")
    yield from policies("measure_risk", by_measure, adds=(by_measure, by_risk))
    ways = (through("plan_move", "plan", "plan_id"), school("plan_move", "from_school_id"))
    yield from policies("plan_move", *ways, adds=ways)
    yield from policies("proposal_answer", school("proposal_answer"))
    yield from policies("absence_notice", school("absence_notice"))


def of_services() -> Iterator[str]:
    """Yield the statements of what was given, and of work without a plan."""
    for table in ("consultation", "compensation"):
        ways = (school(table), through(table, "plan", "plan_id"))
        yield from policies(table, *ways, adds=ways)
    yield from policies("expense_document", through("expense_document", "compensation", "compensation_id"))
    own, by_plan = school("contact"), through("contact", "plan", "plan_id")
    yield from policies("contact", own, by_plan, adds=(own, f"contact.plan_id IS NULL OR {by_plan}"))
    for table, child, column in (
        ("educator_event", "event_school", "event_id"),
        ("youth_call", "youth_project", "call_id"),
    ):
        yield from policies(table, place(table), is_open=True)
        more = f" AND ({whole(STATE)} OR ({place(f'of_{table}')}))"
        yield from policies(child, through(child, table, column, more=more), is_open=True)


def of_places() -> Iterator[str]:
    """Yield the statements of institutions, municipalities, staff, means, and of what is nobody's."""
    for table in ("institution", "membership", "cooperation"):
        yield from policies(table, levels=STEWARD_TOO, is_open=True)
    yield from policies("partner", place("partner"), levels=STEWARD_TOO, is_open=True)
    yield from policies("staff", school("staff"), levels=STEWARD_TOO)
    yield from policies(
        "budget",
        f"(budget.member_kind = 'institution' AND ({school('budget', 'member_code')})) "
        f"OR (budget.member_kind = 'municipality' AND {place('budget', 'member_code')})",
    )
    yield from policies("practice_note", place("practice_note"), is_open=True)
    yield from policies("rule_change", is_open=True)
    for table in ("counter", "request"):
        yield from policies(table, IS_SOMEBODY, is_open=True)


def upgrade() -> None:
    """Bind the tables, where the data base knows policies."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for statement in statements():
        connection.exec_driver_sql(statement)
