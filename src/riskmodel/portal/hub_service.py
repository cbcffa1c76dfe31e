"""What a JupyterHub tells the service that it started, and the two questions that the service asks it: who is this?

The hub's tokens live in this module alone. They come out of the environment before anything else is started, and the token
of a person who logs in is forgotten as soon as the hub has said the name.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from tornado.web import HTTPError

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.portal.log import note

PREFIX = "JUPYTERHUB_"
NEEDED = tuple(
    PREFIX + name
    for name in ("API_TOKEN", "API_URL", "CLIENT_ID", "OAUTH_CALLBACK_URL", "SERVICE_PREFIX", "SERVICE_URL")
)


@dataclass(frozen=True)
class HubService:
    """This portal as a service of a hub.

    Attributes
    ----------
    base
        The path below which the hub shows the portal, e.g. ``/services/portal/``.
    host, port
        Where the hub expects it to listen.
    callback
        The path to which the hub sends people back, below ``base``.
    hub_address
        Where the hub's own pages begin for people: a path, or an address on another host.
    public_host
        The name by which people reach the portal; empty when the hub was not told.
    """

    base: str
    host: str
    port: int
    callback: str
    hub_address: str
    public_host: str
    oauth: Any = field(repr=False, compare=False)

    def authorization_address(self, state: str, challenge: str) -> str:
        """Return where a browser is sent to log in; ``challenge`` is the SHA-256 of the verifier, in base64url."""
        asked = {
            "client_id": self.oauth.oauth_client_id,
            "redirect_uri": self.oauth.oauth_redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.oauth.oauth_authorization_url}?{urlencode(asked)}"

    async def login_for(self, code: str, verifier: str) -> str | None:
        """Return the name of the person to whom the hub gave a code; None when it confirms nobody."""
        try:
            token = await self.oauth.token_for_code(code, code_verifier=verifier, sync=False)
            person = await self.oauth.user_for_token(token, use_cache=False, sync=False)
        except HTTPError as error:
            note("hub refused", status=error.status_code)
            return None
        if person is None or person.get("kind") != "user":
            return None
        if not self.oauth.check_scopes(self.oauth.access_scopes, person):
            return None
        return str(person["name"])


def read_service(environment: MutableMapping[str, str] | None = None) -> HubService:
    """Return what the hub said when it started this process, and take it out of the environment.

    Raises
    ------
    UsageError
        When no hub started this process, or JupyterHub is not installed.
    """
    environment = os.environ if environment is None else environment
    missing = [name for name in NEEDED if not environment.get(name)]
    if missing:
        raise UsageError(
            message("With --identity hub, a JupyterHub starts the portal as its service and says where and how."),
            found=message("The environment does not hold {names}.", names=", ".join(missing)),
            remedy=message(
                "Name this command in c.JupyterHub.services; reports/design/identity/jupyterhub_config.py shows how."
            ),
            where="--identity hub",
        )
    oauth = _oauth()(
        api_url=environment[PREFIX + "API_URL"],
        api_token=environment[PREFIX + "API_TOKEN"],
        base_url=environment[PREFIX + "SERVICE_PREFIX"],
        hub_host=environment.get(PREFIX + "HOST", ""),
        hub_prefix=f"{environment.get(PREFIX + 'BASE_URL', '').rstrip('/')}/hub/",
        oauth_client_id=environment[PREFIX + "CLIENT_ID"],
        oauth_redirect_uri=environment[PREFIX + "OAUTH_CALLBACK_URL"],
        access_scopes=set(json.loads(environment.get(PREFIX + "OAUTH_ACCESS_SCOPES", "[]"))),
    )
    listens = urlsplit(environment[PREFIX + "SERVICE_URL"])
    service = HubService(
        base=oauth.base_url,
        host=listens.hostname or "127.0.0.1",
        port=listens.port or 0,
        callback=urlsplit(oauth.oauth_redirect_uri).path,
        hub_address=f"{oauth.hub_host}{oauth.hub_prefix}",
        public_host=urlsplit(environment.get(PREFIX + "PUBLIC_URL", "")).hostname or "",
        oauth=oauth,
    )
    for name in [name for name in environment if name.startswith(PREFIX)]:
        del environment[name]
    return service


def _oauth() -> Any:
    try:
        # JupyterHub is there for this door alone.
        from jupyterhub.services.auth import HubOAuth  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            message("With --identity hub, JupyterHub is installed in the portal's environment too."),
            found=message("JupyterHub is not installed."),
            remedy=message("Install it with: pip install riskmodel[hub]"),
            where="--identity hub",
        ) from None
    return HubOAuth
