"""A small provider of OpenID Connect on this machine: it believes whoever says a name, and checks what a hub must show."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT_SECRET = "client-secret-of-the-hub-4711"


class Provider(ThreadingHTTPServer):
    """Codes and tokens that were given out, and to whom."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: dict[str, dict[str, str]] = {}
        self.names: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        if parts.path == "/authorize" and "who" not in asked:
            self._answer(200, {}, b"Who are you?")
        elif parts.path == "/authorize":
            code = secrets.token_hex(8)
            self.server.asked[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            self._answer(302, {"Location": f"{asked['redirect_uri']}?{back}"})
        elif parts.path == "/userinfo":
            name = self.server.names.get(self.headers["Authorization"].removeprefix("Bearer "))
            self._json(200 if name else 401, {"sub": "1", "preferred_username": name, "groups": ["director", "admin"]})
        else:
            self._answer(404, {})

    def do_POST(self):
        given = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        asked = self.server.asked.pop(given.get("code", ""), {})
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        is_whole = base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked.get("code_challenge")
        if not is_whole or self._client_secret(given) != CLIENT_SECRET:
            self._json(400, {"error": "invalid_grant"})
            return
        token = secrets.token_hex(16)
        self.server.names[token] = asked["who"]
        self._json(200, {"access_token": token, "token_type": "Bearer"})

    def _client_secret(self, given: dict[str, str]) -> str:
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        return given.get("client_secret") or base64.b64decode(basic).decode().partition(":")[2]

    def _json(self, status: int, content: dict) -> None:
        self._answer(status, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Write nothing."""


@contextmanager
def serving():
    """Serve a provider in a thread."""
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()
