"""That a form was sent by the page that we gave out: a token bound to the session, and where the browser says it came from.

Both must hold for every request that changes something. The token is made from the secret of the session itself, so it
dies with it; it can be shown on a page, because the secret cannot be worked out from it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

TOKEN_FIELD = "token"  # noqa: S105  (the name of a field)
TOKEN_HEADER = "X-Form-Token"  # noqa: S105  (the name of a header)
PURPOSE = b"riskmodel token of a form, version 1"
CONTENT_TYPES = frozenset({"application/x-www-form-urlencoded", "application/json"})
"""A page of another origin can send text/plain without being asked; these two it cannot, or not without our token."""


def token_for(key: str) -> str:
    """Return the token of all forms of a session whose secret is ``key``.

    >>> token_for("a") == token_for("a"), token_for("a") == token_for("b"), len(token_for("a"))
    (True, False, 64)
    """
    return hmac.digest(key.encode(), PURPOSE, "sha256").hex()


def is_token(given: str, key: str) -> bool:
    """Whether ``given`` is the token of the session, compared in constant time."""
    return bool(key) and hmac.compare_digest(given.encode(), token_for(key).encode())


def is_from_own_page(headers: Mapping[str, str], own_origin: str) -> bool:
    """Whether a browser sent this from a page of ``own_origin``, e.g. ``https://portal.example.lv``.

    A page that sends no referrer sends ``Origin: null`` with its forms; then ``Sec-Fetch-Site`` decides. Who sends neither
    is refused.

    >>> is_from_own_page({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, "http://127.0.0.1:1")
    True
    >>> is_from_own_page({"Sec-Fetch-Site": "cross-site"}, "http://127.0.0.1:1")
    False
    >>> is_from_own_page({"Origin": "http://127.0.0.1:2"}, "http://127.0.0.1:1")
    False
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:
        return site == "same-origin" and origin in {None, "null", own_origin}
    return origin == own_origin
