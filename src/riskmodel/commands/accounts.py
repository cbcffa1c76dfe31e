"""Verbs for the accounts of the portal: who may log in, and with which roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from riskmodel.commands.kinds import DAY, FILE, FOLDER, Verb, by_option, with_options
from riskmodel.commands.passwords import password_options, told_password
from riskmodel.commands.speaking import language, say, show
from riskmodel.errors import UsageError
from riskmodel.messages import Language, message, plural
from riskmodel.register.people import ROLE_WORDS, ROLES, Grant, Role

if TYPE_CHECKING:
    from riskmodel.register.accounts import Account
    from riskmodel.register.store import Register

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def store_option(verb: Verb) -> Verb:
    """Give a verb the option ``--store``."""
    return click.option("--store", type=FOLDER, required=True, help="The store beside which the register stands.")(verb)


def role_options(*, is_required: bool) -> Callable[[Verb], Verb]:
    """Return a decorator that gives a verb the options of one role in one unit."""

    def give(verb: Verb) -> Verb:
        return with_options(
            verb,
            click.option("--role", type=click.Choice(ROLES), required=is_required, help="What the person is."),
            click.option("--school", "school_id", metavar="ID", help="Of the roles of a school: its number."),
            click.option("--class", "class_code", metavar="CODE", help="Of a class teacher: the class, e.g. 9.a."),
            click.option(
                "--municipality", "municipality_code", metavar="CODE", help="Of a municipality: e.g. LV0001000."
            ),
            click.option("--pupils", "pupils_file", type=FILE, help="Of a subject teacher: pseudonyms, one on a line."),
            click.option("--from", "valid_from", type=DAY, help="First day of the role.  [default: at once]"),
            click.option("--to", "valid_to", type=DAY, help="First day without it.  [default: none]"),
        )

    return give


def _grant(
    role: Role,
    *,
    pupils_file: Path | None,
    valid_from: datetime | None,
    valid_to: datetime | None,
    **unit: str | None,
) -> Grant:
    """Return the role that the options of :func:`role_options` name."""
    pupils = pupils_file.read_text("utf-8", errors="replace").split() if pupils_file else []
    return Grant(
        role,
        **unit,
        pupil_ids=frozenset(pupils),
        valid_from=valid_from.date() if valid_from else None,
        valid_to=valid_to.date() if valid_to else None,
    )


def opened(store: Path, *, may_create: bool = False) -> Register:
    """Open the register beside a store; a new one is made only beside a store that is there.

    Raises
    ------
    UsageError
        When there is no register, and none may be made.
    """
    from riskmodel.register.places import is_there, register_of
    from riskmodel.register.store import open_register

    place = register_of(store)
    if may_create and not is_there(place):
        check_store(store)
    return open_register(place, may_create=may_create)


def check_store(store: Path) -> None:
    """Refuse to make a register beside a store that is not there.

    Raises
    ------
    UsageError
        When the path is no folder.
    """
    if not store.is_dir():
        raise UsageError(
            message("A register is made beside a store."),
            found=message("There is no folder at this path."),
            remedy=message("Give the path that was given to riskmodel run --store, or make the folder."),
            where=str(store),
        )


def actor(by: str | None) -> str:
    """Return who acts: as was told, else the system's user."""
    from riskmodel.register.actors import operator_name

    return (by or "").strip() or operator_name()


def _about_an_account(*options: Decorator) -> Decorator:
    """Return a decorator for a verb about one account that is there.

    At the command line it takes the login, these options, ``--by`` and ``--store``; the verb is handed the open register,
    the login, who acts, and the options.
    """

    def give(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def act(login: str, by: str | None, store: Path, **given: Any) -> None:
            with opened(store) as register:
                verb(register, login, actor(by), **given)

        at_the_command_line: Callable[..., None] = act
        return with_options(at_the_command_line, click.argument("login"), *options, by_option, store_option)

    return give


@click.group()
def user() -> None:
    """Accounts of the portal: who may log in, and which role opens what.

    A role alone opens nothing: it is held in a school, a class, a municipality, or for the whole state.
    Every change is written into the audit.

    \b
    Examples:
      riskmodel user add liga.ozola --role director --school 101 --name "Līga Ozola" --store data/store
      riskmodel user list --store data/store
    """


@user.command()
@click.argument("login")
@role_options(is_required=False)
@click.option("--name", "shown_name", default="", help="The name that the pages show.  [default: the login]")
@click.option("--language", "spoken", type=click.Choice(["lv", "en"]), default="lv", show_default=True)
@password_options
@by_option
@store_option
def add(
    login: str,
    role: Role | None,
    shown_name: str,
    spoken: Language,
    by: str | None,
    store: Path,
    **given: Any,
) -> None:
    """Add an account with its first role; more roles come with 'user grant'.

    The password is asked for twice, unless an option says where it comes from.

    \b
    Examples:
      riskmodel user add liga.ozola --role director --school 101 --name "Līga Ozola" --store data/store
      riskmodel user add janis.berzins --role class_teacher --school 101 --class 9.a --generate --store data/store
      riskmodel user add ieva.kalna --role municipality --municipality LV0001000 --no-password --store data/store
    """
    password_given = {name: given.pop(name) for name in ("password_file", "generate", "no_password")}
    if role is None and any(given.values()):
        raise UsageError(
            message("A unit, pupils and days are those of a role."),
            found=message("No role was given."),
            remedy=message("Give --role too, or leave them out and give the role later: riskmodel user grant --help"),
        )
    grants = [] if role is None else [_grant(role, **given)]
    with opened(store, may_create=True) as register:
        told = told_password(**password_given)
        register.accounts.add(login, shown_name, told.password, spoken, grants, actor(by))
    told.tell_once(login)
    say(message("The account {login} is there.", login=login))


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@store_option
def list_accounts(as_json: bool, store: Path) -> None:
    """List the accounts with their roles. No password stands in the list, nor anywhere else.

    \b
    Example:
      riskmodel user list --store data/store
    """
    with opened(store) as register:
        accounts = register.accounts.list()
    if as_json:
        show([_as_dict(account) for account in accounts])
        return
    for account in accounts:
        click.echo(f"{account.person.login}  {account.person.shown_name}{_mark(account)}")
        for grant in account.person.grants:
            click.echo(f"    {grant_words(grant)}")


def _mark(account: Account) -> str:
    if account.is_disabled:
        mark = message("disabled")
    elif not account.has_password:
        mark = message("without a password")
    else:
        return ""
    return f"  ({mark.in_language(language())})"


def grant_words(grant: Grant) -> str:
    """Return a role, its unit and its days on one line."""
    shown = [f"{ROLE_WORDS[grant.role].in_language(language())} ({grant.role})"]
    shown += [unit for unit in (grant.school_id, grant.class_code, grant.municipality_code) if unit]
    if grant.pupil_ids:
        count = plural("{count} pupil", "{count} pupils", len(grant.pupil_ids))
        shown.append(count.in_language(language()))
    if grant.valid_from or grant.valid_to:
        shown.append(f"{grant.valid_from or ''}..{grant.valid_to or ''}")
    return "  ".join(shown)


def _as_dict(account: Account) -> dict[str, object]:
    person = account.person
    return {
        "login": person.login,
        "name": person.shown_name,
        "language": person.language,
        "is_disabled": account.is_disabled,
        "has_password": account.has_password,
        "created_at": account.created_at,
        "roles": [{**vars(grant), "pupil_ids": sorted(grant.pupil_ids)} for grant in person.grants],
    }


@user.command()
@_about_an_account(role_options(is_required=True))
def grant(register: Register, login: str, by: str, role: Role, **given: Any) -> None:
    """Give an account one role more. The same role in the same unit is replaced; open sessions end.

    \b
    Examples:
      riskmodel user grant janis.berzins --role class_teacher --school 101 --class 9.b --store data/store
      riskmodel user grant anna.liepa --role subject_teacher --school 101 --pupils plan.txt --store data/store
      riskmodel user grant liga.ozola --role director --school 102 --to 2027-09-01 --store data/store
    """
    register.accounts.grant(login, _grant(role, **given), by)
    say(message("The account {login} holds the role now.", login=login))


@user.command()
@_about_an_account(role_options(is_required=True))
def revoke(register: Register, login: str, by: str, role: Role, **given: Any) -> None:
    """Take a role in a unit away; open sessions end.

    \b
    Example:
      riskmodel user revoke janis.berzins --role class_teacher --school 101 --class 9.a --store data/store
    """
    register.accounts.revoke(login, _grant(role, **given), by)
    say(message("The account {login} does not hold the role any more.", login=login))


@user.command()
@_about_an_account()
def disable(register: Register, login: str, by: str) -> None:
    """Let nobody log in with an account any more; it stays in the list, and open sessions end at once.

    \b
    Example:
      riskmodel user disable janis.berzins --store data/store
    """
    register.accounts.disable(login, by)
    say(message("Nobody can log in as {login} now.", login=login))


@user.command()
@_about_an_account()
def enable(register: Register, login: str, by: str) -> None:
    """Open an account again that was disabled, with its password and roles as they were.

    \b
    Example:
      riskmodel user enable janis.berzins --store data/store
    """
    register.accounts.enable(login, by)
    say(message("{login} can log in again.", login=login))


@user.command()
@_about_an_account()
def remove(register: Register, login: str, by: str) -> None:
    """Remove an account with its roles and sessions. The audit keeps what was done with it.

    \b
    Example:
      riskmodel user remove janis.berzins --store data/store
    """
    register.accounts.remove(login, by)
    say(message("The account {login} is removed.", login=login))


@user.command()
@_about_an_account(password_options)
def password(register: Register, login: str, by: str, **given: Any) -> None:
    """Set a new password, or take it away; open sessions end.

    \b
    Examples:
      riskmodel user password liga.ozola --store data/store
      riskmodel user password liga.ozola --generate --store data/store
    """
    told = told_password(**given)
    register.accounts.set_password(login, told.password, by)
    told.tell_once(login)
    say(message("The password of {login} is set; open sessions have ended.", login=login))


@user.command()
@click.option("--json", "as_json", is_flag=True, help="Print the accounts as JSON.")
@by_option
@store_option
def demo(as_json: bool, by: str | None, store: Path) -> None:
    """Make an account for every role, to look around with: beside invented data only.

    Logins, roles, units and passwords are printed this once. Given again, it sets new passwords.

    \b
    Example:
      riskmodel user demo --store data/store
    """
    from riskmodel.commands.demo import demo_grants, set_up
    from riskmodel.commands.schools import enter_demo_staff, enter_schools

    grants = demo_grants(store)
    with opened(store, may_create=True) as register:
        made = set_up(register, grants, actor(by))
        enter_schools(register, store, actor(by))
        for one in made:
            if one.grant.role == "support_staff" and one.grant.school_id is not None:
                enter_demo_staff(register, one.login, one.grant.school_id, actor(by))
    if as_json:
        show([{"login": one.login, "password": one.password, **vars(one.grant)} for one in made])
        return
    rows = [(one.login, one.password, grant_words(one.grant)) for one in made]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row in rows:
        click.echo(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}")
    say(message("These passwords are shown this once; the same command makes new ones."))
