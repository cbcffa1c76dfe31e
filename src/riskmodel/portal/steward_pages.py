"""The steward's pages: runs, access log, accounts. They come from the store and the register themselves, without a kernel
and never from the cache, and change nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tornado.web import HTTPError

from riskmodel.messages import Language, Message, message
from riskmodel.portal.audit_words import ACTION_WORDS, told
from riskmodel.portal.chain_check import Checked
from riskmodel.portal.handlers import PageHandler
from riskmodel.portal.moments import moments_of, shown_moment
from riskmodel.portal.policy import Ask
from riskmodel.portal.published import Published
from riskmodel.portal.shell import Page
from riskmodel.register.accounts import Account, normal_login
from riskmodel.register.actors import OPERATOR
from riskmodel.register.audit import Filters
from riskmodel.register.people import ROLE_WORDS, Grant
from riskmodel.register.store import Register
from riskmodel.runs.listing import STATE_WORDS, Listed, list_runs
from riskmodel.views import numbers, pages

ENTRIES_ON_A_PAGE = 50
ACCOUNTS_ON_A_PAGE = 100
MOST_CHARACTERS = 100
YEARS_OF_A_LOG = range(2000, 3000)
"""At the ends of the calendar there is no day before or after to begin or end a day with."""
NUMBER = re.compile(r"[0-9]{1,15}")
LATVIAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})\.?")


class RunsHandler(PageHandler):
    """All runs of the store: which one is shown, which are held and why, who released one."""

    async def get(self, _language: str) -> None:
        """Show the list."""
        published = self.desk.published()
        scope = await self.allowed(published)
        listed = await self.desk.in_thread(lambda: list_runs(self.desk.store))
        content = pages.render(
            "all_runs.html.j2",
            self.language,
            self.desk.addresses(self.language),
            runs=[_run(run, self.language) for run in listed],
            held=sum(run.state == "held" for run in listed),
            store=str(self.desk.store),
        )
        await self.show(Page(message("Runs"), "runs", published, scope), content)


class AuditHandler(PageHandler):
    """The access log, newest first; that it is read is written into it too."""

    QUERY = frozenset({"person", "action", "day", "from"})

    async def get(self, _language: str) -> None:
        """Show one page of what passes the filters."""
        published = self.desk.published()
        scope = await self.allowed(published)
        wanted = _wanted(self.query)
        found = await self.desk.in_thread(lambda: wanted.read(self.desk.register))
        checked = await self.desk.chain.newest()
        await self.record("audit_read", Ask("audit"), published)
        shown = found[:ENTRIES_ON_A_PAGE]
        content = pages.render(
            "audit.html.j2",
            self.language,
            self.desk.addresses(self.language),
            entries=[told(entry, published, self.language) for entry in shown],
            older=found[ENTRIES_ON_A_PAGE].number if len(found) > ENTRIES_ON_A_PAGE else None,
            wanted=wanted,
            actions=[(code, words.in_language(self.language)) for code, words in ACTION_WORDS.items()],
            checked=_checked(checked, self.language),
        )
        await self.show(Page(message("Access log"), "audit", published, scope), content)


class AccountsHandler(PageHandler):
    """Who may log in, and which role opens what; accounts are changed at the command line."""

    QUERY = frozenset({"page"})

    async def get(self, _language: str) -> None:
        """Show one page of the accounts."""
        published = self.desk.published()
        scope = await self.allowed(published)
        number = _number(self.query.get("page") or "1") or 0
        accounts = await self.desk.in_thread(self.desk.register.accounts.list)
        last_page = max(1, -(-len(accounts) // ACCOUNTS_ON_A_PAGE))
        if not 1 <= number <= last_page:
            raise HTTPError(404)
        own = accounts[(number - 1) * ACCOUNTS_ON_A_PAGE : number * ACCOUNTS_ON_A_PAGE]
        logins = await self.desk.in_thread(lambda: _last_logins(self.desk.register, own))
        content = pages.render(
            "accounts.html.j2",
            self.language,
            self.desk.addresses(self.language),
            accounts=[_account(one, logins[one.person.login], published, self.language) for one in own],
            count=len(accounts),
            number=number,
            last_page=last_page,
        )
        await self.show(Page(message("Accounts"), "accounts", published, scope), content)


@dataclass(frozen=True)
class Wanted:
    """Which entries of the log a reader asks for, as the form shows it again; empty: all."""

    person: str
    action: str
    day: date | None
    first: int | None

    def read(self, register: Register) -> list[Any]:
        """Return these entries, newest first, and one more than a page holds when there are more."""
        from_at, to_at = (None, None) if self.day is None else moments_of(self.day)
        filters = Filters(actor=self.person or None, action=self.action or None, from_at=from_at, to_at=to_at)
        return register.audit.read(self.first, ENTRIES_ON_A_PAGE + 1, filters, newest_first=True)


def _wanted(query: Any) -> Wanted:
    """Return what the query asks for; 400 for what the form cannot send."""
    person, action = query.get("person", "").strip()[:MOST_CHARACTERS], query.get("action", "")
    if action and action not in ACTION_WORDS:
        raise HTTPError(400)
    if not person.startswith(OPERATOR):
        person = normal_login(person) or person
    return Wanted(person, action, _day(query.get("day", "")), _number(query.get("from", "")))


def _day(text: str) -> date | None:
    """Return a day as a browser sends it, or as people write it where a browser knows no days."""
    if not text.strip():
        return None
    written = LATVIAN_DAY.fullmatch(text.strip())
    try:
        found = date(*map(int, reversed(written.groups()))) if written else date.fromisoformat(text.strip())
    except ValueError:
        raise HTTPError(400) from None
    if found.year not in YEARS_OF_A_LOG:
        raise HTTPError(400)
    return found


def _number(text: str) -> int | None:
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        raise HTTPError(400)
    return int(text)


def _checked(checked: Checked | None, language: Language) -> dict[str, Any] | None:
    if checked is None:
        return None
    return {
        "is_sound": checked.verdict.is_sound,
        "words": checked.verdict.words().in_language(language),
        "count": checked.verdict.head.entry_count,
        "digest": checked.verdict.head.digest,
        "at": shown_moment(checked.at, language),
    }


def _run(run: Listed, language: Language) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": run.state,
        "state_words": STATE_WORDS[run.state].in_language(language),
        "cut_off_on": numbers.short_day(run.cut_off_date or None, language),
        "finished_at": shown_moment(run.finished_at, language),
        "gates": [gate.words().in_language(language) for gate in run.failed_gates],
        "released": None
        if run.release is None
        else {"by": run.release.by, "reason": run.release.reason, "at": shown_moment(run.release.at, language)},
    }


def _last_logins(register: Register, accounts: tuple[Account, ...]) -> dict[str, datetime | None]:
    """Return when each account came in last; a former account of the same login does not count."""
    found: dict[str, datetime | None] = {}
    for account in accounts:
        login = account.person.login
        newest = register.audit.read(count=1, filters=Filters(actor=login, action="login"), newest_first=True)
        at = datetime.fromisoformat(newest[0].at) if newest else None
        found[login] = at if at is not None and at >= account.created_at else None
    return found


def _account(account: Account, last_login: datetime | None, published: Published, language: Language) -> dict[str, Any]:
    return {
        "login": account.person.login,
        "name": account.person.shown_name,
        "roles": [_role(grant, published, language) for grant in account.person.grants],
        "disabled_at": shown_moment(account.disabled_at or "", language),
        "has_password": account.has_password,
        "last_login": shown_moment(last_login or "", language),
    }


def _role(grant: Grant, published: Published, language: Language) -> dict[str, str]:
    return {
        "role": ROLE_WORDS[grant.role].in_language(language),
        "unit": _unit(grant, published, language),
        "days": _days(grant, language),
    }


def _unit(grant: Grant, published: Published, language: Language) -> str:
    if grant.municipality_code:
        return message("Municipality {code}", code=grant.municipality_code).in_language(language)
    if not grant.school_id:
        return ""
    name = published.names.get(grant.school_id, "")
    school = f"{name} ({grant.school_id})" if name else grant.school_id
    said: Message | str = school
    if grant.class_code:
        said = message("{school}, class {class_code}", school=school, class_code=grant.class_code)
    return said if isinstance(said, str) else said.in_language(language)


def _days(grant: Grant, language: Language) -> str:
    first, last = numbers.short_day(grant.valid_from, language), numbers.short_day(grant.valid_to, language)
    if grant.valid_from and grant.valid_to:
        return message("from {first}, no longer on {last}", first=first, last=last).in_language(language)
    if grant.valid_from:
        return message("from {first}", first=first).in_language(language)
    return message("no longer on {last}", last=last).in_language(language) if grant.valid_to else ""
