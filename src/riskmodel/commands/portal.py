"""The verb that serves the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from riskmodel.commands.kinds import FILE, FOLDER, STORE_HELP


@click.command()
@click.option("--store", type=FOLDER, required=True, help=STORE_HELP)
@click.option(
    "--identity",
    type=click.Choice(["local", "hub", "proxy"]),
    default="local",
    show_default=True,
    help="Who says who comes: passwords of the register, the JupyterHub that starts this, or a proxy in front.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8866, show_default=True)
@click.option("--base-url", default="/", show_default=True, help="The path below which the portal stands.")
@click.option("--public-host", multiple=True, help="A name by which people reach it; may be given more than once.")
@click.option("--certificate", type=FILE, help="For HTTPS by the portal itself (PEM).")
@click.option("--certificate-key", type=FILE, help="The certificate's key (PEM).")
@click.option("--behind-https", is_flag=True, help="A proxy in front speaks HTTPS with the people.")
@click.option(
    "--proxy-secret",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --identity proxy: the file of the secret that the proxy shows.",
)
def portal(  # noqa: PLR0913, PLR0917  (one parameter per option of the command line)
    store: Path,
    identity: Literal["local", "hub", "proxy"],
    host: str,
    port: int,
    base_url: str,
    public_host: tuple[str, ...],
    certificate: Path | None,
    certificate_key: Path | None,
    behind_https: bool,
    proxy_secret: Path | None,
) -> None:
    """Serve the pages for staff, each seeing only what the own task needs.

    \b
    Examples:
      riskmodel portal --store data/store
      riskmodel portal --store data/store --identity proxy --proxy-secret data/proxy.secret --public-host portal.example.lv
    """
    from riskmodel.portal.app import Place, serve

    serve(
        Place(
            store,
            identity,
            host,
            port,
            base_url,
            public_host,
            certificate,
            certificate_key,
            behind_https,
            proxy_secret,
        )
    )
