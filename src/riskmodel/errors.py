"""Errors, sorted by who must act. Each kind has its exit code.

A text says four things: what must hold, what was found, where, and what to do.
It names files, rows, columns and rules, never a person's name, code or any content of a cell.
"""

from __future__ import annotations

from riskmodel.messages import LANGUAGES, Language, Spoken


class RiskmodelError(Exception):
    """An error that somebody can mend; subclasses say who.

    Parameters
    ----------
    must
        What must hold.
    found
        What was found instead.
    remedy
        What the reader can do now.
    where
        File, table, row or setting; empty when the sentence before says it.
    """

    exit_code = 1

    def __init__(self, must: Spoken, *, found: Spoken, remedy: Spoken, where: str = "") -> None:
        super().__init__(must, found, remedy, where)
        self.must, self.found, self.remedy, self.where = must, found, remedy, where

    def in_language(self, language: Language) -> str:
        """Return the whole text in one language, one sentence after the other."""
        parts = [self.must, self.found, self.remedy]
        text = " ".join(part.in_language(language) for part in parts)
        return f"{self.where}: {text}" if self.where else text

    def in_both_languages(self) -> str:
        """Return the text in Latvian and, on the next line, in English."""
        return "\n".join(self.in_language(language) for language in LANGUAGES)

    def __str__(self) -> str:
        return self.in_language("en")


class UsageError(RiskmodelError):
    """A command, setting or mapping is wrong: the person at the keyboard acts."""

    exit_code = 2


class DeliveryError(RiskmodelError):
    """A delivery cannot be used: whoever sent the files acts. Nothing was published."""

    exit_code = 3


class RunFailedError(RiskmodelError):
    """The run could not finish: the operator acts. Nothing was published."""

    exit_code = 4


class RunHeldError(RiskmodelError):
    """The run finished and waits: a named person releases it or not."""

    exit_code = 5
