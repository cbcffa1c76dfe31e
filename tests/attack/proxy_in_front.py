"""A portal behind a proxy, started with the words of the README, and requests to it letter by letter, as no library sends them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from served_portal import CANARY, Served

README = Path(__file__).parents[2] / "README.md"
SECRET = "the-secret-that-proxy-and-portal-share-4711"
HOST = "portal.example.lv"
START_SECONDS = 120


def documented_command() -> list[str]:
    """Return the README's command for a portal behind a proxy."""
    text = README.read_text("utf-8").replace("\\\n", " ")
    lines = [line.split("#")[0] for line in text.splitlines() if line.startswith("riskmodel portal")]
    return next(line.split() for line in lines if "--identity proxy" in line)


@dataclass
class Raw:
    """What came back."""

    status: int
    head: str
    body: str


def send(port: int, *headers: str | bytes, line: str = "GET /lv/ HTTP/1.1", body: bytes = b"") -> Raw:
    """Send a request of exactly these lines and return the answer."""
    lines = [line, f"Host: {HOST}", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    sent = b"\r\n".join(text if isinstance(text, bytes) else text.encode() for text in lines)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent + b"\r\n\r\n" + body)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, content = received.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head.startswith(b"HTTP/") else 0
    return Raw(status, head.decode("latin-1"), content.decode("utf-8", errors="replace"))


def named(login: str, secret: str = SECRET) -> tuple[str, str]:
    """Return the two headers as the proxy sets them."""
    return f"X-Riskmodel-User: {login}", f"X-Riskmodel-Secret: {secret}"


def start(store: Path, folder: Path) -> Served:
    """Start the README's portal on a free port, with this store and a secret of its own."""
    secret = folder / "proxy.secret"
    secret.touch(0o600)
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o400)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"data/store": str(store), "data/proxy.secret": str(secret)}
    words = [own.get(word, word) for word in documented_command()[1:]]
    assert set(own.values()) <= set(words)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "riskmodel", *words, "--port", str(port)],
            stdout=output,
            stderr=output,
            env={**os.environ, "RISKMODEL_CANARY": CANARY, "PYTHONUNBUFFERED": "1"},
        )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if re.search(r"http://127\.0\.0\.1:\d+/lv/", log.read_text("utf-8")):
            return Served(process, f"http://127.0.0.1:{port}", store, log)
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the portal did not start: {log.read_text('utf-8')}")
