"""Where a password comes from at the command line: never from an argument, which others can see in the list of processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from riskmodel.commands.kinds import FILE, Verb, with_options
from riskmodel.commands.speaking import language
from riskmodel.errors import UsageError
from riskmodel.messages import message


@dataclass(frozen=True)
class Told:
    """A password, and whether it was made here and is therefore shown once; None: none at all."""

    password: str | None
    is_made_here: bool = False

    def tell_once(self, login: str) -> None:
        """Print a password that was made here, on standard output."""
        if self.is_made_here:
            click.echo(f"{login}  {self.password}")


def password_options(verb: Verb) -> Verb:
    """Give a verb the options that say where a password comes from."""
    return with_options(
        verb,
        click.option("--password-file", type=FILE, help="Its first line.  [default: ask twice]"),
        click.option("--generate", is_flag=True, help="Make one and print it this once."),
        click.option("--no-password", is_flag=True, help="None: the person comes by the hub or the proxy only."),
    )


def told_password(*, password_file: Path | None, generate: bool, no_password: bool) -> Told:
    """Return the password that the options of :func:`password_options` name, or ask for it twice.

    Raises
    ------
    UsageError
        When more than one option is given, or nobody is there to be asked.
    """
    if (password_file is not None) + generate + no_password > 1:
        raise UsageError(
            message("A password comes from one place."),
            found=message("More than one was given."),
            remedy=message("Give one of --password-file, --generate and --no-password, or none to be asked."),
        )
    if no_password:
        return Told(None)
    if generate:
        from riskmodel.register.passwords import new_password

        return Told(new_password(), is_made_here=True)
    if password_file is not None:
        lines = password_file.read_text("utf-8", errors="replace").splitlines()
        return Told(lines[0] if lines else "")
    return Told(_asked())


def _asked() -> str:
    first = message("Password").in_language(language())
    again = message("The same again").in_language(language())
    try:
        answer: str = click.prompt(first, hide_input=True, confirmation_prompt=again, err=True)
    except click.Abort:
        raise UsageError(
            message("A password is typed in twice, or comes from an option."),
            found=message("Nothing was typed in."),
            remedy=message("Give one of --password-file, --generate and --no-password, or none to be asked."),
        ) from None
    return answer
