"""Verbs that keep the register: the whole of it as a file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from riskmodel.commands.accounts import actor, opened, store_option
from riskmodel.commands.kinds import FILE, by_option
from riskmodel.commands.speaking import say
from riskmodel.messages import message, plural

NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("export")
@click.option("--to", type=NEW_FILE, required=True, help="A new file; only its owner may read it.")
@by_option
@store_option
def export_(to: Path, by: str | None, store: Path) -> None:
    """Write the whole support register into one file.

    A zip: a text per table, and a manifest with digests and counts. The same register gives the same bytes. Passwords,
    sessions and the audit are not in it; back-up keeps these.

    \b
    Example:
      riskmodel register export --store data/store --to register-2026-11-28.zip
    """
    from riskmodel.support.keeping.exporting import export_register

    with opened(store) as held:
        exported = export_register(held, to, actor(by))
    rows = plural("{count} row", "{count} rows", exported.all_rows)
    say(
        message(
            "The support register lies in {file}: {rows}. It concerns children; keep it as you keep the register.",
            file=to,
            rows=rows,
        )
    )


@click.command("import")
@click.option("--from", "source", type=FILE, required=True, help="A file of riskmodel register export.")
@by_option
@store_option
def import_(source: Path, by: str | None, store: Path) -> None:
    """Put an exported support register into the register of a store that holds no support yet.

    All is looked at first and written in one act, or nothing is. Accounts are not made: add them, and give their roles.

    \b
    Example:
      riskmodel register import --store data/new-store --from register-2026-11-28.zip
    """
    from riskmodel.register.tombstones import open_tombstones
    from riskmodel.support.keeping.importing import import_register

    with opened(store) as held:
        imported = import_register(held, source, actor(by), open_tombstones(store))
    if imported.is_identical:
        say(message("The register holds the very same already; nothing was written."))
    else:
        say(plural("{count} row was written.", "{count} rows were written.", imported.all_rows))
    if imported.erased:
        say(
            plural(
                "{count} pupil who was erased before was left out.",
                "{count} pupils who were erased before were left out.",
                imported.erased,
            )
        )
    if imported.unknown_logins:
        say(
            plural(
                "{count} login of the export has no account here; nobody is let in by an import.",
                "{count} logins of the export have no account here; nobody is let in by an import.",
                imported.unknown_logins,
            )
        )


@click.command("back-up")
@click.option("--to", type=NEW_FILE, required=True, help="A new file; only its owner may read it.")
@by_option
@store_option
def back_up_(to: Path, by: str | None, store: Path) -> None:
    """Write a back-up of the whole register, also while others work with it.

    It holds accounts, support and the audit, each table of one moment, with a digest. Keep it apart from the key of the
    pseudonyms. What is erased later is erased again when it is put back.

    \b
    Example:
      riskmodel register back-up --store data/store --to back-ups/register-2026-11-28.zip
    """
    from riskmodel.register.backups import back_up
    from riskmodel.runs.keys import key_id_of

    with opened(store) as held:
        about = back_up(held, to, actor(by), key_id=key_id_of(store))
    say(
        message(
            "The back-up lies in {file}: {entries} of the audit, digest {digest}.",
            file=to,
            entries=plural("{count} entry", "{count} entries", about.entries),
            digest=about.sha256,
        )
    )


@click.command()
@click.option("--from", "source", type=FILE, required=True, help="A file of riskmodel register back-up.")
@click.option("--replace", "may_replace", is_flag=True, help="Move the register that stands there aside; it is kept.")
@click.option(
    "--database", "address", metavar="URL", help="Of a PostgreSQL back-up: an empty data base, without password."
)
@click.option("--password-file", type=FILE, help="Its first line is kept beside the store.  [default: none]")
@by_option
@store_option
def restore(
    source: Path, may_replace: bool, address: str | None, password_file: Path | None, by: str | None, store: Path
) -> None:
    """Put a back-up in the place of the register, once digest, revision and audit were verified.

    Pupils that were erased since the back-up are erased from it again before anybody can read it. Stop the portal first.

    \b
    Examples:
      riskmodel register restore --store data/store --from back-ups/register-2026-11-28.zip
      riskmodel register restore --store data/store --from back-ups/register-2026-11-28.zip --replace
    """
    from riskmodel.register.backups import How
    from riskmodel.register.backups import restore as put_back
    from riskmodel.register.places import server_place
    from riskmodel.runs.keys import key_id_of
    from riskmodel.support.keeping.erasing import forget_again

    server = None
    if address is not None:
        lines = password_file.read_text("utf-8", errors="replace").splitlines() if password_file else []
        server = server_place(address, store, password=lines[0] if lines else None)
    how = How(key_id_of(store), may_replace, server)
    restored = put_back(source, store, actor(by), forget_again(store), how)
    say(
        message(
            "The register is the one of {moment} (UTC) again; its audit goes on.", moment=restored.about.made_at[:19]
        )
    )
    if restored.kept is not None:
        say(message("What stood there before is kept: {file}", file=restored.kept))
    say(
        plural(
            "{count} pupil who was erased since was erased again.",
            "{count} pupils who were erased since were erased again.",
            restored.erased,
        )
    )


VERBS = (export_, import_, back_up_, restore)
