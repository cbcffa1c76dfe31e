"""Acting in the support register from a page: a form becomes a command, a refusal becomes words beside what was entered.

Nothing that a person typed is lost: a form that was refused is shown again with its entries, and says what must hold, by which
rule, and what to do.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from markupsafe import Markup
from sqlalchemy import Connection

from riskmodel.errors import RiskmodelError, UsageError
from riskmodel.messages import message
from riskmodel.portal.forms import token_for
from riskmodel.portal.handlers import PageHandler
from riskmodel.portal.policy import Ask, Scope, UnknownError
from riskmodel.portal.published import Published
from riskmodel.portal.shell import Page
from riskmodel.register.accounts import Account
from riskmodel.support import words as support_words
from riskmodel.support.office import Office
from riskmodel.support.reading import Plan, plan_of
from riskmodel.support.verbs import Command
from riskmodel.support.work import ConflictError, NotAllowedError, UnknownThingError
from riskmodel.views import pages

KEY_FIELD = "key"
MOST_TEXT = 2_000
SHOWN_CODE = 6
Result = TypeVar("Result")


@dataclass
class Filled:
    """What a form shows in its fields: what came with a refused request, else what is known."""

    values: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    form: str = ""
    """Which form of the page was refused."""

    def of(self, form: str, name: str, otherwise: object = "") -> str:
        """Return the value of a field: what was entered, where this form was refused, else what is known."""
        if self.form == form and self.problem:
            return self.values.get(name, "")
        return "" if otherwise is None else str(otherwise)

    def is_on(self, form: str, name: str, otherwise: bool = False) -> bool:
        """Whether a box is ticked."""
        if self.form == form and self.problem:
            return name in self.values
        return otherwise


@dataclass(frozen=True)
class Staff:
    """The people of a school: their names by login, and who can be chosen in a form."""

    names: Mapping[str, str]
    present: tuple[str, ...]
    """Logins of open accounts, in the order of the names."""

    @classmethod
    def of(cls, accounts: Sequence[Account]) -> Staff:
        """Return the staff of accounts; where two share a name, the login tells them apart.

        People are chosen from in the order of the Latvian alphabet, which is none that a data base has.

        >>> Staff({"a.b": "Anna Bērza"}, ("a.b",)).choices("c.d")
        [('a.b', 'Anna Bērza'), ('c.d', 'c.d')]
        """
        shared = Counter(account.person.shown_name for account in accounts)
        names = {
            person.login: f"{person.shown_name} ({person.login})"
            if shared[person.shown_name] > 1
            else person.shown_name
            for person in (account.person for account in accounts)
        }
        present = [account.person.login for account in accounts if not account.is_disabled]
        return cls(names, tuple(sorted(present, key=lambda login: (pages.latvian_order(names[login]), login))))

    def name(self, login: str | None) -> str:
        """Return the name of a login; the login itself, where the account is gone or is not of the school."""
        return "" if login is None else self.names.get(login, login)

    def choices(self, chosen: str | None = "") -> list[tuple[str, str]]:
        """Return logins and names to choose from, with the one that is chosen already."""
        others = [chosen] if chosen and chosen not in self.present else []
        return [(login, self.name(login)) for login in (*self.present, *others)]


class ActingHandler(PageHandler):
    """A page of the support register with forms on it."""

    ACT_FIELDS: frozenset[str] = frozenset({KEY_FIELD})

    @property
    def office(self) -> Office:
        """The office through which everything is changed."""
        return Office(self.desk.register.database)

    async def read(self, look: Callable[[Connection], Result]) -> Result:
        """Return what a look at the register, by the person, gives, without keeping the others waiting."""

        person = self.person

        def in_thread() -> Result:
            with self.desk.register.database.reading(person) as connection:
                return look(connection)

        return await self.desk.in_thread(in_thread)

    async def act(self, *commands: Command) -> list[Mapping[str, str | int]]:
        """Carry out commands of the person, all or none, under the key of the form."""
        key, person, office = self.field(KEY_FIELD), self.person, self.office
        keyed = [(command, f"{key}-{number}") for number, command in enumerate(commands)]
        return await self.desk.in_thread(lambda: office.do_all(keyed, person))

    def refused(self, form: str, error: RiskmodelError) -> Filled:
        """Return the form as it was entered, with the refusal in words; sets the status of the answer."""
        kinds = ((UnknownThingError, 404), (NotAllowedError, 403), (ConflictError, 409))
        self.set_status(next((status for kind, status in kinds if isinstance(error, kind)), 400))
        entered = {name: self.field(name) for name in self.request.body_arguments}
        return Filled(entered, error.in_language(self.language), form)

    # --- fields

    def text(self, name: str) -> str:
        """Return a field of words, without blanks around it; 400 for one that no form of ours can send."""
        given = self.field(name).strip()
        if len(given) > MOST_TEXT or any(ord(letter) < 32 and letter not in "\r\n\t" for letter in given):
            raise wrong(message("A field holds at most {most} characters of text.", most=MOST_TEXT))
        return given.replace("\r\n", "\n")

    def maybe(self, name: str) -> str | None:
        """Return a field of words; None when it is empty."""
        return self.text(name) or None

    def ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.field(name))

    def day(self, name: str) -> date:
        """Return a field of a day."""
        found = self.maybe_day(name)
        if found is None:
            raise wrong(message("The day is missing."))
        return found

    def maybe_day(self, name: str) -> date | None:
        """Return a field of a day; None when it is empty."""
        given = self.text(name)
        if not given:
            return None
        try:
            return date.fromisoformat(given)
        except ValueError:
            raise wrong(message("A day is written as 2026-11-29.")) from None

    def whole(self, name: str, otherwise: int | None = None) -> int:
        """Return a field of a whole number."""
        given = self.text(name)
        if not given and otherwise is not None:
            return otherwise
        if not given.isascii() or not given.isdigit() or len(given) > 9:
            raise wrong(message("A whole number is expected."))
        return int(given)

    def cents(self, name: str) -> int:
        """Return a field of money in cents; a comma or a point stands before them."""
        given = self.text(name).replace(",", ".").replace(" ", "")
        euros, _, cents = given.partition(".")
        if not (euros + cents).isascii() or not (euros + cents).isdigit() or len(cents) > 2 or len(euros) > 7:
            raise wrong(message("An amount is written as 12,50."))
        return int(euros or 0) * 100 + int(cents.ljust(2, "0") or 0)

    # --- showing

    def whole_page(self, title: Any, here: str, published: Published, scope: Scope, content: Markup) -> None:
        """Answer with a page; a form that was refused keeps its status."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(self.composed(Page(title, here, published, scope), content))

    def rendered(self, template: str, filled: Filled, **values: Any) -> Markup:
        """Return a template of support filled, with what every one of its forms needs."""
        return pages.render(
            template,
            self.language,
            self.desk.addresses(self.language),
            filled=filled,
            token=token_for(self.form_key()),
            new_key=lambda: secrets.token_hex(16),
            w=support_words,
            said=lambda table, code: support_words.said(table, code, self.language),
            options=lambda table: [(code, words.in_language(self.language)) for code, words in table.items()],
            today=self.desk.today(),
            **values,
        )

    def other_language(self) -> str:
        """Return the address of the page in the other language: the answer to a form has none of its own."""
        if self.request.method == "GET":
            return super().other_language()
        return super().other_language().rsplit("/", 1)[0]

    async def staff_of(self, school_id: str) -> Staff:
        """Return the people of a school by name: forms offer them, and pages name whoever wrote something."""
        accounts = await self.desk.in_thread(lambda: self.desk.register.accounts.of_school(school_id))
        return Staff.of(accounts)

    def shown_pupils(self, published: Published, pupils: Sequence[tuple[str, str]]) -> dict[str, dict[str, str]]:
        """Return names and addresses of pupils (school and pseudonym) for roles of their school; codes where no name is known."""
        found: dict[str, dict[str, str]] = {}
        own = {grant.school_id for grant in self.person.grants if grant.holds_on(self.desk.today())}
        for school_id in {school_id for school_id, _ in pupils}:
            members = {member.pupil_id: member for member in published.members(school_id).values()}
            wanted = [members[pupil_id] for school, pupil_id in pupils if school == school_id and pupil_id in members]
            names = self.desk.names.of(members.values()) if school_id in own else {}
            for member in wanted:
                found[member.pupil_id] = {"name": names.get(member.code, member.code), "code": member.code}
        for _, pupil_id in pupils:
            code = pupil_id[:SHOWN_CODE].upper()
            found.setdefault(pupil_id, {"name": code, "code": ""})
        return found


def wrong(found: Any) -> UsageError:
    """Return the refusal of a field that is not as the form has it."""
    return UsageError(
        message("The form is filled in as its fields say."),
        found=found,
        remedy=message("Correct the field and send the form again."),
    )


class OfPlanHandler(ActingHandler):
    """What the pages and forms of one plan have in common."""

    async def the_plan(self, published: Published, code: str, *, is_recorded: bool = True) -> tuple[Scope, Plan]:
        """Return a plan as the person may see it, and write the look into the audit.

        Raises
        ------
        UnknownError
            When there is none of the code, or it is not the person's.
        """
        scope = await self.allowed_plan(published, code)
        person, today = self.person, self.desk.today()
        found = await self.read(lambda connection: plan_of(connection, person, code, today))
        if found is None:
            await self.record("access_denied", Ask(self.access, plan_code=code), published)
            raise UnknownError
        if is_recorded:
            details: dict[str, str | int] = {"plan": code, "view": self.access, "language": self.language}
            unit, subject = f"school:{found.plan.school_id}", found.plan.pupil_id
            await self.desk.in_thread(
                lambda: self.desk.register.audit.write(person, "plan_viewed", unit, subject, details)
            )
        return scope, found

    async def allowed_plan(self, published: Published, code: str) -> Scope:
        """Return the scope of a plan's page for the roles to whom it is open at all."""
        return await self.allowed(published, plan_code=code)
