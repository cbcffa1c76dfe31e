"""What a head of school enters for all plans of the school: orders, and who works as what for how many hours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.portal.acting import ActingHandler, Filled
from riskmodel.portal.policy import Scope
from riskmodel.portal.published import Published
from riskmodel.support.catalogue import PROVIDERS
from riskmodel.support.orders import EndOrder, IssueOrder
from riskmodel.support.places import RecordStaff
from riskmodel.support.schema.papers import DIRECTOR_ORDER, ORDER_ACKNOWLEDGEMENT, ORDER_EDUCATOR, ORDER_PLAN
from riskmodel.support.schema.places import STAFF
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.verbs import Command
from riskmodel.support.words import ACKNOWLEDGEMENT_WORDS

MOST_ORDERS = 50


class OrdersHandler(ActingHandler):
    """The orders of a school and its staff for support."""

    async def get(self, _language: str, school_id: str) -> None:
        """Show them."""
        published = self.desk.published()
        scope = await self.allowed(published, school_id=school_id)
        await self.show_orders(published, scope, Filled())

    async def show_orders(self, published: Published, scope: Scope, filled: Filled) -> None:
        """Show orders and staff, and a refused form with what was entered."""
        school_id = scope.unit
        found = await self.read(lambda connection: _of_school(connection, school_id))
        staff = await self.staff_of(school_id)
        content = self.rendered(
            "orders.html.j2",
            filled,
            school_id=school_id,
            school=published.names[school_id],
            people=staff,
            names_of=lambda logins: ", ".join(map(staff.name, logins)),
            professions=[(code, words.in_language(self.language)) for code, words in PROVIDERS.items()],
            **found,
        )
        self.whole_page(message("Orders and staff"), "tasks", published, scope, content)


class OrderFormHandler(OrdersHandler):
    """Takes a new order, the end of one, or who works as what."""

    SUPPORTED_METHODS = ("POST",)
    FIELDS = ActingHandler.ACT_FIELDS | {
        "order_number",
        "order_kind",
        "issued_on",
        "valid_from",
        "valid_to",
        "how_organised",
        "educators",
        "plan_codes",
        "place",
        "legal_reference",
        "when_acknowledged",
        "weekly_number",
        "order_id",
        "login",
        "profession",
        "hours_per_week",
        *(f"by-{kind}" for kind in ACKNOWLEDGEMENT_WORDS),
    }

    async def post(self, _language: str, school_id: str, form: str) -> None:
        """Carry out what the form says."""
        published = self.desk.published()
        scope = await self.allowed(published, school_id=school_id)
        try:
            await self.act(self._command(school_id, form))
        except UsageError as error:
            await self.show_orders(published, scope, self.refused(form, error))
            return
        self.redirect(self.desk.addresses(self.language).orders(school_id), status=303)

    def _command(self, school_id: str, form: str) -> Command:
        if form == "end":
            return EndOrder(self.whole("order_id"), self.day("valid_to"))
        if form == "staff":
            hours = self.whole("hours_per_week", 0) if self.text("hours_per_week") else None
            return RecordStaff(
                self.text("login"),
                school_id,
                self.text("profession"),
                self.day("valid_from"),
                self.maybe_day("valid_to"),
                hours,
            )
        return IssueOrder(
            school_id,
            self.text("order_number"),
            self.text("order_kind"),
            self.day("issued_on"),
            self.day("valid_from"),
            self.maybe_day("valid_to"),
            self.maybe("how_organised"),
            self._listed("educators"),
            self._listed("plan_codes"),
            [kind for kind in ACKNOWLEDGEMENT_WORDS if self.ticked(f"by-{kind}")],
            place=self.maybe("place"),
            legal_reference=self.maybe("legal_reference"),
            when_acknowledged=self.maybe("when_acknowledged"),
            weekly_number=self.whole("weekly_number", 0) if self.text("weekly_number") else None,
        )

    def _listed(self, name: str) -> list[str]:
        return self.text(name).replace(",", " ").split()


def _of_school(connection: Connection, school_id: str) -> dict[str, Any]:
    orders = connection.execute(
        select(DIRECTOR_ORDER)
        .where(DIRECTOR_ORDER.c.school_id == school_id)
        .order_by(DIRECTOR_ORDER.c.issued_on.desc(), DIRECTOR_ORDER.c.order_id.desc())
        .limit(MOST_ORDERS)
    ).all()
    numbers = [order.order_id for order in orders]
    details: dict[int, dict[str, list[str]]] = {number: {} for number in numbers}
    for table, column in (
        (ORDER_EDUCATOR, "login"),
        (ORDER_PLAN, "plan_code"),
        (ORDER_ACKNOWLEDGEMENT, "acknowledgement_kind"),
    ):
        for row in connection.execute(select(table).where(table.c.order_id.in_(numbers)).order_by(table.c[column])):
            details[row.order_id].setdefault(column, []).append(row._mapping[column])
    staff = connection.execute(
        select(STAFF).where(STAFF.c.school_id == school_id).order_by(STAFF.c.login, STAFF.c.valid_from)
    ).all()
    live = connection.execute(
        select(PLAN.c.plan_code)
        .where(PLAN.c.school_id == school_id, PLAN.c.status.in_(("APPROVED", "IN_PROGRESS")))
        .order_by(PLAN.c.plan_code)
    ).all()
    return {"orders": orders, "details": details, "staff": staff, "live": [row.plan_code for row in live]}
