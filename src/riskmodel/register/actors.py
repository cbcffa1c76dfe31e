"""Who acts: an account of the portal, an operator at the command line, or nobody known yet."""

from __future__ import annotations

import getpass
import os

from riskmodel.register.people import Person

OPERATOR = "operator:"
"""Stands before the name of whoever acts at the command line: no login holds a colon."""

MOST_CHARACTERS = 200


def actor_text(by: Person | str | None) -> str:
    """Return how the audit names an actor: the login, an operator's name behind its mark, or nothing.

    >>> actor_text("Līga\\n"), actor_text(None)
    ('operator:Līga\\ufffd', '')
    """
    if by is None:
        return ""
    return OPERATOR + printable(by) if isinstance(by, str) else by.login


def operator_name() -> str:
    """Return the name of the system's user who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without an entry for its user
        return f"uid {os.getuid()}"


def printable(text: str) -> str:
    """Return a text for the audit: no control character that could forge a line of a list, and of bounded length."""
    return shown(text)[:MOST_CHARACTERS]


def shown(text: str) -> str:
    """Return a text with a mark in the place of every sign that cannot be shown: also of those that no data base takes."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
