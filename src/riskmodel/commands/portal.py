"""The verb that serves the pages."""

from __future__ import annotations

from pathlib import Path

import click

from riskmodel.commands.kinds import FOLDER


@click.command()
@click.option("--store", type=FOLDER, required=True, help="Folder of deliveries and runs.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8866, show_default=True)
def portal(store: Path, host: str, port: int) -> None:
    """Serve the pages for staff.

    \b
    Example:
      riskmodel portal --store data/store
    """
    from riskmodel.portal.app import serve

    serve(store, host, port)
