"""What stands around a fragment and belongs to one request: menu, greeting, the way out, why this page may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from riskmodel.messages import Language, Message, message
from riskmodel.portal.desk import Desk
from riskmodel.portal.forms import token_for
from riskmodel.portal.identity import Visitor
from riskmodel.portal.policy import RULES, Scope, holding
from riskmodel.portal.published import Published
from riskmodel.register.people import ROLE_WORDS

MENU: tuple[tuple[str, Message, str], ...] = (
    ("home", message("Start"), ""),
    ("tasks", message("My tasks"), "tasks"),
    ("statistics", message("Support in numbers"), "statistics"),
    ("state", message("The whole state"), "state"),
    ("runs", message("Runs"), "runs"),
    ("audit", message("Access log"), "audit"),
    ("accounts", message("Accounts"), "accounts"),
    ("catalogue", message("Catalogue of support"), "support"),
    ("about", message("About the model"), "about"),
)
"""View, words, and the address below the language; each is shown to those to whom the policy opens the view."""


@dataclass(frozen=True)
class Page:
    """A whole page but for its content: the title without a name, the menu's entry, and the run that it tells of."""

    title: Message | str
    here: str = ""
    published: Published | None = None
    scope: Scope | None = None

    def title_in(self, language: Language) -> str:
        """Return the title in a language; the name of a school has but one."""
        return self.title if isinstance(self.title, str) else self.title.in_language(language)


def around(desk: Desk, page: Page, language: Language, visitor: Visitor | None, other: str) -> dict[str, Any]:
    """Return what :func:`riskmodel.views.pages.page` puts around a content; ``other`` is its address in the other language."""
    found: dict[str, Any] = {
        "style": desk.static_address("portal.css"),
        "script": desk.static_address("portal.js"),
        "here": page.here,
        "other": other,
        "run": page.published.run if page.published else None,
        "menu": [],
    }
    if page.scope is not None:
        found["why"] = page.scope.why.in_language(language)
        found["is_recorded"] = RULES[page.scope.view].is_recorded
    if visitor is None:
        return found
    held = {grant.role for grant in holding(visitor.person, desk.today())}
    home = desk.addresses(language).schools()
    found["menu"] = [
        (view, words.in_language(language), f"{home}{path}") for view, words, path in MENU if held & RULES[view].roles
    ]
    found["person"] = visitor.person.shown_name
    found["roles"] = [words.in_language(language) for role, words in ROLE_WORDS.items() if role in held]
    if desk.door.can_log_out:
        found["logout"] = {"address": f"{home}logout", "token": token_for(visitor.key)}
    return found
