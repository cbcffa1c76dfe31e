"""Verbs for the register itself: bring it to this program's form, read and verify its audit, count its plans and pupils."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from riskmodel.commands import keeping, pupils
from riskmodel.commands.accounts import actor, check_store, opened, store_option
from riskmodel.commands.kinds import DAY, FILE, NEW_FILE, by_option
from riskmodel.commands.speaking import language, say, show
from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import message, plural

if TYPE_CHECKING:
    from riskmodel.register.audit import Filters, Verdict
    from riskmodel.register.chain import Entry
    from riskmodel.register.store import Register


@click.group()
def register() -> None:
    """The register of a store: accounts, sessions, places, and the audit.

    It is a file beside the store, unless it was put on a PostgreSQL server.

    \b
    Examples:
      riskmodel register init --database postgresql://riskmodel@db.example/riskmodel --store data/store
      riskmodel register schools --store data/store
      riskmodel register audit --store data/store
      riskmodel register audit --verify --store data/store
      riskmodel register statistics --period 2018/19-2 --store data/store
      riskmodel register migrate --store data/store
    """


for verb in (*keeping.VERBS, *pupils.VERBS):
    register.add_command(verb)


@register.command()
@click.option("--database", "address", metavar="URL", required=True, help="The data base, without its password.")
@click.option(
    "--password-file", type=FILE, help="Its first line is kept beside the store.  [default: none: ~/.pgpass holds it]"
)
@store_option
def init(address: str, password_file: Path | None, store: Path) -> None:
    """Put the register of a store on a PostgreSQL server, or join the one that stands there.

    The data base is there already, empty, in UTF-8 and of the collation C. Its address goes into a private file beside the
    store (STORE.register.url), which every verb and the portal follow. What stands in a file of SQLite is not carried over.

    \b
    Examples:
      sudo -u postgres createuser riskmodel
      sudo -u postgres createdb --owner riskmodel --template template0 --encoding UTF8 --locale C riskmodel
      riskmodel register init --database postgresql:///riskmodel --store data/store
      riskmodel register init --database postgresql://riskmodel@db.example/riskmodel --store data/store
    """
    from riskmodel.register.places import server_place
    from riskmodel.register.store import put_on_server

    check_store(store)
    place = server_place(address, store)
    if place.url.password is not None:
        raise UsageError(
            message("An address at the command line holds no password: others can see it in the list of processes."),
            found=message("This one holds a password."),
            remedy=message("Give it with --password-file, or keep it in ~/.pgpass; and change it: it was seen."),
        )
    if password_file is not None:
        lines = password_file.read_text("utf-8", errors="replace").splitlines()
        place = server_place(address, store, password=lines[0] if lines else None)
    entries = put_on_server(place, store)
    say(
        plural(
            "The register stands on {place} now: {count} entry in its audit.",
            "The register stands on {place} now: {count} entries in its audit.",
            entries,
            place=place,
        )
    )


@register.command()
@by_option
@store_option
def schools(by: str | None, store: Path) -> None:
    """Enter the schools of the current run as institutions: plans are made in institutions that the register knows.

    What the register knows already stays; a school whose kind or municipality has changed is entered anew from today on.

    \b
    Example:
      riskmodel register schools --store data/store
    """
    from riskmodel.commands.schools import enter_schools

    with opened(store) as found:
        count = enter_schools(found, store, actor(by))
    say(plural("{count} school was entered.", "{count} schools were entered.", count))


@register.command()
@by_option
@store_option
def migrate(by: str | None, store: Path) -> None:
    """Bring a register of an older version to this one's form, after a copy was made beside the store.

    \b
    Example:
      riskmodel register migrate --store data/store
    """
    from riskmodel.register import migrating
    from riskmodel.register.places import register_of
    from riskmodel.register.store import migrate as bring_forward

    copy = bring_forward(register_of(store), by=actor(by))
    newest = migrating.revisions()[-1]
    if copy is None:
        say(message("The register has revision {revision} already; nothing was to be done.", revision=newest))
    else:
        say(message("The register has revision {revision} now. As it was before: {file}", revision=newest, file=copy))


@register.command()
@click.option("--verify", is_flag=True, help="Go through the whole chain; say whether it is as it was written.")
@click.option("--json", "as_json", is_flag=True, help="Print entries or verdict as JSON.")
@click.option("--last", "count", type=click.IntRange(min=1), default=100, show_default=True, help="How many entries.")
@click.option("--actor", "filter_actor", help="Only what this login did; operator:NAME for the command line.")
@click.option("--action", "filter_action", help="Only this kind of act, e.g. pupil_viewed.")
@click.option("--unit", "filter_unit", help="Only in this unit, e.g. school:101.")
@click.option("--subject", "filter_subject", help="Only about this pseudonym or code.")
@click.option("--from", "from_day", type=DAY, help="Only from this day on (UTC).")
@click.option("--to", "to_day", type=DAY, help="Only before this day (UTC).")
@by_option
@store_option
def audit(
    verify: bool,
    as_json: bool,
    count: int,
    by: str | None,
    store: Path,
    **filters: Any,
) -> None:
    """Print the newest entries of the audit, oldest first, or verify its chain.

    Reading is an act and is written into the audit itself. An audit that is not as it was written ends with exit code 4.

    \b
    Examples:
      riskmodel register audit --last 20 --store data/store
      riskmodel register audit --action pupil_viewed --unit school:101 --json --store data/store
      riskmodel register audit --verify --store data/store
    """
    with opened(store) as held:
        if verify:
            _verify(held, as_json=as_json)
            return
        entries = held.audit.read(count=count, filters=_filters(**filters), newest_first=True)[::-1]
        held.audit.write(actor(by), "audit_read", "", details={"count": len(entries)})
    if as_json:
        show([_as_dict(entry) for entry in entries])
        return
    for entry in entries:
        said = (entry.actor, entry.action, entry.unit, entry.subject, "" if entry.details == "{}" else entry.details)
        click.echo(f"{entry.number:>7}  {entry.at[:19]}Z  " + "  ".join(part for part in said if part))


def _filters(*, from_day: datetime | None, to_day: datetime | None, **equal: str | None) -> Filters:
    from riskmodel.register.audit import Filters
    from riskmodel.register.schema import moment_text

    def moment(day: datetime | None) -> str | None:
        return None if day is None else moment_text(day.replace(tzinfo=UTC))

    names = {name.removeprefix("filter_"): value for name, value in equal.items()}
    return Filters(**names, from_at=moment(from_day), to_at=moment(to_day))


def _as_dict(entry: Entry) -> dict[str, object]:
    return {**vars(entry), "details": json.loads(entry.details), "digest": entry.digest}


@register.command()
@click.option("--period", "period_text", required=True, help="2018/19, 2018/19-2, or 2017/18..2018/19-1.")
@click.option("--municipality", "municipality_code", metavar="CODE", help="Only this municipality, e.g. LV-JUR.")
@click.option("--school", "school_id", metavar="ID", help="Only this school.")
@click.option("--programme", metavar="CODE", help="Only this programme, e.g. pumpurs.")
@click.option("--by", "divided", metavar="NAMES", default="", help="Divide by these, e.g. municipality,risk_group.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--csv", "csv_file", type=NEW_FILE, help="Write the table to this file, as CSV.")
@store_option
def statistics(
    period_text: str, divided: str, as_json: bool, csv_file: Path | None, store: Path, **where: str | None
) -> None:
    """Count plans and pupils of a period, always both, and what was given.

    A plan counts when it was approved once and was not deleted. Pupils are different pupils: those of the parts do not add up.
    The numbers are exact and stay with whoever keeps the register: small ones are not hidden. Asking is written into the audit.

    \b
    Names to divide by: school_year, semester, municipality, school, institution_kind, programme, stage, class,
    status, decision, risk_group, risk, way, measure.

    \b
    Examples:
      riskmodel register statistics --period 2018/19-2 --municipality LV-JUR --store data/store
      riskmodel register statistics --period 2017/18 --programme pumpurs --by municipality --store data/store
      riskmodel register statistics --period 2017/18 --by risk_group,measure --csv plans.csv --store data/store
    """
    from riskmodel.commands.statistics import answered
    from riskmodel.register.units import Whole
    from riskmodel.support.periods import Period, Scope
    from riskmodel.views.exports import csv_bytes

    period, scope = Period.parse(period_text), Scope(**where)
    by = [name.strip() for name in divided.split(",") if name.strip()]
    with opened(store) as held:
        with held.database.reading(Whole("file_exported")) as connection:
            found = answered(connection, period, scope, by)
        details: dict[str, str | int] = {"view": "statistics", "reference": str(period), "rows": len(found.counts.rows)}
        held.audit.write(actor(None), "file_exported", found.unit, details=details)
    if csv_file is not None:
        csv_file.write_bytes(csv_bytes(found.table(language()), language()))
        say(message("The table is in the file {file}.", file=csv_file))
    elif as_json:
        show(found.as_dict())
    else:
        click.echo("\n".join(found.lines(language())))
    say(message("These numbers are exact: small ones are not hidden, and they do not leave the office as they are."))


@register.command("release-statistics")
@click.option("--period", "period_text", required=True, help="A semester or years, e.g. 2018/19-2 or 2017/18.")
@click.option("--programme", required=True, help="On whose behalf plans were made, e.g. pumpurs.")
@by_option
@store_option
def release_statistics(period_text: str, programme: str, by: str | None, store: Path) -> None:
    """Release the statistics of a period for municipalities and the state: small numbers are hidden, and the rest protected.

    What is released is compared with everything released before, and stands from then on: the pages of municipalities and
    the state show it. Schools see their own numbers without it.

    \b
    Example:
      riskmodel register release-statistics --period 2018/19-2 --programme pumpurs --store data/store
    """
    from riskmodel.register.units import Whole
    from riskmodel.settings import HERE
    from riskmodel.support.periods import Period
    from riskmodel.support.released import keep, ledger_of
    from riskmodel.support.small_numbers import release

    period = Period.parse(period_text)
    with opened(store) as held:
        now = held.database.clock().astimezone(HERE)
        name = f"{now:%Y%m%dT%H%M%S}-{programme}-{str(period).replace('/', '_')}"
        with held.database.reading(Whole("file_exported")) as connection:
            found = release(connection, period, programme, name, ledger_of(store))
        keep(store, found, name, now.date().isoformat())
        details: dict[str, str | int] = {"view": "statistics", "reference": name, "rows": len(found.cells)}
        held.audit.write(actor(by), "file_exported", "state", details=details)
    hidden = sum(shown.pupils is None for shown in found.cells.values())
    say(message("Released: {cells} cells, {hidden} of them hidden.", cells=len(found.cells), hidden=hidden))
    for table, why in sorted(found.held.items()):
        say(message("Not shown as newest: {table} ({why}).", table=table, why=why))


def _verify(held: Register, *, as_json: bool) -> None:
    verdict = held.audit.verify()
    if as_json:
        show(_verdict_as_dict(verdict))
    else:
        click.echo(verdict.words().in_language(language()))
    if not verdict.is_sound:
        raise RunFailedError(
            message("The audit of a register is only written forth."),
            found=verdict.words(),
            remedy=message(
                "Keep the files as they are, compare them with the last copy, and tell the data protection officer."
            ),
            where=str(held.place),
        )


def _verdict_as_dict(verdict: Verdict) -> dict[str, object]:
    return {
        "is_sound": verdict.is_sound,
        "fault": verdict.fault,
        "first_bad_number": verdict.first_bad_number,
        "entries": verdict.head.entry_count,
        "head": verdict.head.digest,
        "not_noted": verdict.not_noted,
        "words": verdict.words().in_language(language()),
    }
