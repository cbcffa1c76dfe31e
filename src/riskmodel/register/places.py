"""Where the register of a store is: in a file of SQLite beside it, or on a PostgreSQL server that a private file names.

The private file (``store.register.url``) is the only thing that decides. Without it the register is SQLite's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.private import check_private, make_private

NAMES_OF_POSTGRESQL = ("postgresql", "postgres")
DRIVER = "postgresql+psycopg"


@dataclass(frozen=True, repr=False)
class ServerPlace:
    """A register on a PostgreSQL server.

    Attributes
    ----------
    url
        The data base. It may hold a password: show the place itself, which does not.
    beside
        The path at the store under which the register's own files stand: the note of the head, the copies.
    """

    url: URL
    beside: Path

    def __str__(self) -> str:
        """Return the address without the password and without the options, where another secret may stand."""
        url = self.url
        user = f"{url.username}@" if url.username else ""
        port = f":{url.port}" if url.port else ""
        return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"

    __repr__ = __str__

    def address_without_password(self) -> str:
        """Return the whole address for PostgreSQL's own programs, but for its password: others see their arguments."""
        url = self.url.set(drivername=NAMES_OF_POSTGRESQL[0]).difference_update_query(["sslpassword"])
        return url._replace(password=None).render_as_string()


Place = Path | ServerPlace


def _beside(store: Path, ending: str) -> Path:
    place = store.absolute()
    return place.with_name(f"{place.name}.register{ending}")


def register_file(store: Path) -> Path:
    """Return where the register of a store is when it is SQLite's: beside it, so that copies and removals of runs do not touch it.

    >>> register_file(Path("/srv/store")).name
    'store.register.sqlite3'
    """
    return _beside(store, ".sqlite3")


def url_file(store: Path) -> Path:
    """Return the private file that names the server of a store's register, where there is one.

    >>> url_file(Path("/srv/store")).name
    'store.register.url'
    """
    return _beside(store, ".url")


def renewal_folder(store: Path) -> Path:
    """Return where the pseudonyms of a store are made anew when its key is.

    >>> renewal_folder(Path("/srv/store")).name
    'store.rotating'
    """
    place = store.absolute()
    return place.with_name(f"{place.name}.rotating")


def renewal_mark(store: Path) -> Path:
    """Return the file that is there while new pseudonyms have been decided on and are not everywhere yet."""
    return renewal_folder(store) / "commit.json"


def register_of(store: Path) -> Place:
    """Return where the register of a store is.

    Raises
    ------
    UsageError
        When others may read the file with the address, or it holds none; or while the store's pseudonyms are half renewed.
    """
    check_not_half_renewed(store)
    return place_of(store)


def check_not_half_renewed(store: Path) -> None:
    """Refuse to work with a store whose pseudonyms are renewed in some places and not in others yet.

    Raises
    ------
    UsageError
        With what finishes it.
    """
    if renewal_mark(store).exists():
        raise UsageError(
            message("Register and store name pupils by the same pseudonyms."),
            found=message("Renewing them was begun and interrupted."),
            remedy=message("Finish it first with: riskmodel register rotate-key"),
            where=str(renewal_folder(store)),
        )


def place_of(store: Path) -> Place:
    """Return where the register of a store is, whatever is under way there."""
    file = url_file(store)
    if not os.path.lexists(file):
        return register_file(store)
    check_private(file, message("Only its owner may read the file that names the server of the register."))
    lines = file.read_text("utf-8", errors="replace").splitlines()
    return server_place(lines[0].strip() if lines else "", store, where=str(file))


def server_place(address: str, store: Path, *, password: str | None = None, where: str = "") -> ServerPlace:
    """Return the place on a server that an address names, e.g. ``postgresql://riskmodel@db.example/riskmodel``.

    Raises
    ------
    UsageError
        When it is no such address. Its text is not told: it may hold a password.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise _no_address(where, message("The text that was given is no address.")) from None
    if url.get_backend_name() not in NAMES_OF_POSTGRESQL:
        raise _no_address(where, message("The address is one of another kind of data base."))
    if not url.database:
        raise _no_address(where, message("The address names no data base."))
    as_option = url.query.get("password")
    password = password or url.password or (as_option if isinstance(as_option, str) else None) or None
    url = url.difference_update_query(["password"])._replace(drivername=DRIVER, password=password)
    return ServerPlace(url, _beside(store, ""))


def _no_address(where: str, found: Message) -> UsageError:
    return UsageError(
        message("The register's server is named by an address like postgresql://riskmodel@db.example/riskmodel."),
        found=found,
        remedy=message("See the examples of: riskmodel register init --help"),
        where=where,
    )


def keep_address(place: ServerPlace, store: Path) -> None:
    """Write the address of a server, with its password if it has one, into the private file of a store.

    Raises
    ------
    UsageError
        When there is one already.
    """
    file = url_file(store)
    if not make_private(file):
        raise has_one_already(file)
    file.write_text(
        place.url.set(drivername=NAMES_OF_POSTGRESQL[0]).render_as_string(hide_password=False) + "\n", "utf-8"
    )


def has_one_already(file: Path) -> UsageError:
    """Return the refusal to give a store a second register."""
    return UsageError(
        message("A store has one register."),
        found=message("There is one already."),
        remedy=message("Work with it, or move this file to a safe place first."),
        where=str(file),
    )


def is_there(place: Place) -> bool:
    """Whether something stands at a place; on a server, opening tells."""
    return isinstance(place, ServerPlace) or os.path.lexists(place)


def note_file(place: Place) -> Path:
    """Return where the head of a register's audit is noted: beside the store, also when the register is on a server."""
    own = place.beside if isinstance(place, ServerPlace) else place
    return own.with_name(f"{own.name}.audit-head")


def copy_file(place: Place, revision: str) -> Path:
    """Return where a register is copied to before it is brought to a revision."""
    if isinstance(place, ServerPlace):
        return place.beside.with_name(f"{place.beside.name}.before-{revision}.dump")
    return place.with_name(f"{place.name}.before-{revision}")
