"""What all handlers share: the store, the run that is open, the renderer, the register, the door, the front."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import TypeVar

from riskmodel.messages import Language
from riskmodel.portal.chain_check import ChainCheck
from riskmodel.portal.identity import Door
from riskmodel.portal.names import Names
from riskmodel.portal.pace import Pace
from riskmodel.portal.printing import Printing
from riskmodel.portal.published import Published, open_current
from riskmodel.portal.render import Rendering
from riskmodel.register.store import Register
from riskmodel.settings import HERE
from riskmodel.views.pages import Addresses

STATIC_TYPES = {"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8"}
REGISTER_THREADS = 4

Result = TypeVar("Result")


@dataclass(frozen=True)
class StaticFiles:
    """The files of style and script, read at start, each under a name that changes with its content."""

    by_name: Mapping[str, tuple[str, bytes]]
    names: Mapping[str, str]

    def text(self, file: str) -> str:
        """Return the content of a file of the list."""
        return self.by_name[self.names[file]][1].decode("utf-8")


def static_files() -> StaticFiles:
    """Return the fixed list of files."""
    folder = resources.files("riskmodel.views") / "static"
    by_name, names = {}, {}
    for file, kind in STATIC_TYPES.items():
        content = (folder / file).read_bytes()
        stem, ending = file.rsplit(".", 1)
        names[file] = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        by_name[names[file]] = (kind, content)
    return StaticFiles(by_name, names)


@dataclass(frozen=True)
class Front:
    """How people reach the portal.

    Attributes
    ----------
    hosts
        The names that a request's ``Host`` may hold; any other is refused.
    base
        The path below which the portal stands, with a slash at both ends.
    is_secure
        Whether people reach it by HTTPS, which may end at a proxy.
    """

    hosts: frozenset[str]
    base: str = "/"
    is_secure: bool = False

    def origin(self, host: str) -> str:
        """Return the origin of our own pages for a request to ``host`` (name and port)."""
        return f"{'https' if self.is_secure else 'http'}://{host}"


class UnderWay:
    """How many requests are being answered: who stops the portal lets them come to their end."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        """Count a request."""
        self._count += 1
        self._none.clear()

    def end(self) -> None:
        """Count it off, once it is answered."""
        self._count -= 1
        if not self._count:
            self._none.set()

    async def over(self, seconds: float) -> None:
        """Wait until none is left, but no longer than ``seconds``."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), seconds)


@dataclass
class Desk:
    """What all handlers share."""

    store: Path
    rendering: Rendering
    register: Register
    door: Door
    front: Front
    static: StaticFiles = field(default_factory=static_files)
    pace: Pace = field(default_factory=Pace)
    printing: Printing = field(default_factory=Printing)
    under_way: UnderWay = field(default_factory=UnderWay)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _published: Published | None = None

    def __post_init__(self) -> None:
        self.names = Names(self.store)
        self.chain = ChainCheck(self.register.audit.verify, self.clock)
        self._threads = ThreadPoolExecutor(REGISTER_THREADS, thread_name_prefix="register")

    def published(self) -> Published:
        """Return the current run; what was kept of another run is dropped."""
        found = open_current(self.store, self._published)
        if found is not self._published:
            self.rendering.forget(found.run_id)
            self._published = found
        return found

    def today(self) -> date:
        """Return the day on which access is decided: that of the schools, not that of the server."""
        return self.clock().astimezone(HERE).date()

    def addresses(self, language: Language) -> Addresses:
        """Return the addresses of the pages in a language."""
        return Addresses(language, self.front.base)

    def static_address(self, file: str) -> str:
        """Return the address of a file of style or script."""
        return f"{self.front.base}static/{self.static.names[file]}"

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` gives, without keeping the others waiting for a disk or a lock of the data base."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
