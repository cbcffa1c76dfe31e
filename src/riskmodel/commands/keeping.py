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
    from riskmodel.support.keeping.importing import import_register

    with opened(store) as held:
        imported = import_register(held, source, actor(by))
    if imported.is_identical:
        say(message("The register holds the very same already; nothing was written."))
    else:
        say(plural("{count} row was written.", "{count} rows were written.", imported.all_rows))
    if imported.unknown_logins:
        say(
            plural(
                "{count} login of the export has no account here; nobody is let in by an import.",
                "{count} logins of the export have no account here; nobody is let in by an import.",
                imported.unknown_logins,
            )
        )
