"""Requests byte by byte, as no client library would send them."""

from __future__ import annotations

import re
import socket

import served_portal

WAIT_SECONDS = 30


def opened(served: served_portal.Served) -> socket.socket:
    """Return an open connection to a portal."""
    return socket.create_connection(("127.0.0.1", served.port), timeout=WAIT_SECONDS)


def send(served: served_portal.Served, request: bytes) -> bytes:
    """Send bytes and return all that comes back until the portal closes; empty when it closes without a word."""
    with opened(served) as connection:
        try:
            connection.sendall(request)
            return read(connection)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def read(connection: socket.socket) -> bytes:
    """Return what a connection brings until it is closed."""
    found = b""
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def status(answer: bytes) -> int:
    """Return the status of an answer; 0 for a connection that was closed without one."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


def head(reader: served_portal.Reader, method: str, path: str, *lines: str) -> bytes:
    """Return a request of a reader, with its cookies, that asks for the connection to be closed."""
    cookies = "; ".join(f"{name}={value}" for name, value in reader.cookies.items())
    told = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{reader.served.port}", f"Cookie: {cookies}", *lines]
    if not any(line.startswith("Connection:") for line in lines):
        told.append("Connection: close")
    return "\r\n".join([*told, "", ""]).encode("utf-8")
