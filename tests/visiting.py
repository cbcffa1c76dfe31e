"""A page in a browser, with what went wrong while it was used, and how a browser comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import served_portal


class Visit:
    """A page with what went wrong while it was used."""

    def __init__(self, browser, address: str, width: int, height: int = 900, **context) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.trouble: list[str] = []
        self.address = address
        self.page.on("console", lambda line: line.type in {"error", "warning"} and self.trouble.append(line.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.trouble.append("dialog"), dialog.dismiss()))
        self.page.on("request", self._requested)

    def _requested(self, request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.trouble.append(f"foreign request: {request.url}")

    def to(self, path: str):
        self.page.goto(self.address + path, wait_until="load")
        return self.page


def login(one: Visit, reader: served_portal.Reader) -> None:
    """Let a browser in with the session of a reader who has come in by the form."""
    cookies = [{"name": name, "value": value, "url": one.address} for name, value in reader.cookies.items()]
    one.context.add_cookies(cookies)
