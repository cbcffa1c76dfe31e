"""Who was erased, so that nobody comes back by an older copy or a later delivery: keyed marks, and no name, code or pseudonym.

Beside a store stand two private files: ``store.tombstones``, a line per mark, and ``store.tombstones.key``, with which alone the
marks can be compared with somebody. Both belong to the store as the register does; a back-up of the register holds neither.
Whoever has the key and a code can tell whether that pupil was erased: the list is personal data too, and says no more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.private import check_private, make_private

KEY_BYTES = 32
PURPOSE = b"riskmodel tombstone of a pupil, version 1:"
KEY_MODE = 0o400

Kind = Literal["register_id", "pupil_id"]


def tombstones_file(store: Path) -> Path:
    """Return where the marks of a store's erased pupils are.

    >>> tombstones_file(Path("/srv/store")).name
    'store.tombstones'
    """
    place = store.absolute()
    return place.with_name(f"{place.name}.tombstones")


def key_file_of(tombstones: Path) -> Path:
    """Return where the key of the marks is."""
    return tombstones.with_name(f"{tombstones.name}.key")


@dataclass(frozen=True)
class Mark:
    """When a pupil was erased; and from which moment on copies of the register may hold the pupil again, None: none may."""

    erased_on: str
    readmitted_at: str | None = None


@dataclass(frozen=True)
class Tombstones:
    """The marks of a store: asked of register ids at the border, and of pseudonyms wherever an older copy comes back."""

    file: Path
    _key: bytes | None = field(repr=False)
    _marks: dict[str, Mark] = field(repr=False)

    def __len__(self) -> int:
        """How many marks there are; a pupil has one per register id and per pseudonym."""
        return len(self._marks)

    def has(self, kind: Kind, text: str, made_at: str = "") -> bool:
        """Whether a pupil of this register id (in normal form) or pseudonym was erased.

        ``made_at`` is the moment of a copy (the register's text of it): one made since a readmission may hold the pupil.
        """
        found = self._marks.get(self._mark(kind, text)) if self._marks else None
        return found is not None and (found.readmitted_at is None or made_at < found.readmitted_at)

    def among(self, kind: Kind, texts: Iterable[str], made_at: str = "") -> set[str]:
        """Return those of some register ids or pseudonyms whose pupil was erased."""
        return {text for text in texts if self.has(kind, text, made_at)} if self._marks else set()

    def with_marks(self, register_ids: Collection[str], pupil_ids: Collection[str], on: date) -> Tombstones:
        """Mark a pupil as erased, on the disk when this returns; marked already: the first day stays."""
        made = self if self._key is not None else Tombstones(self.file, _new_key(self.file), {})
        stay = {mark: told for mark, told in made._marks.items() if told.readmitted_at is None}
        new = {mark: Mark(on.isoformat()) for mark in made._marks_of(register_ids, pupil_ids)}
        return made._written({**made._marks, **new, **stay})

    def readmitting(self, register_ids: Collection[str], pupil_ids: Collection[str], at: str) -> Tombstones:
        """Let a pupil come with a delivery again; what an older copy holds of the pupil stays erased."""
        if self._key is None:
            return self
        gone = set(self._marks_of(register_ids, ()))
        marks = {mark: told for mark, told in self._marks.items() if mark not in gone}
        for mark in self._marks_of((), pupil_ids):
            if mark in marks:
                marks[mark] = Mark(marks[mark].erased_on, at)
        return self._written(marks)

    def _marks_of(self, register_ids: Iterable[str], pupil_ids: Iterable[str]) -> list[str]:
        return [self._mark("register_id", one) for one in register_ids] + [
            self._mark("pupil_id", one) for one in pupil_ids
        ]

    def _mark(self, kind: Kind, text: str) -> str:
        if self._key is None:
            raise ValueError("there is no key")
        return hmac.digest(self._key, PURPOSE + f"{kind}:{text}".encode(), hashlib.sha256).hex()

    def _written(self, marks: dict[str, Mark]) -> Tombstones:
        part = self.file.with_name(f".{self.file.name}.part")
        part.unlink(missing_ok=True)
        make_private(part)
        lines = [json.dumps({"mark": mark, **asdict(told)}) + "\n" for mark, told in sorted(marks.items())]
        with part.open("w", encoding="ascii") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.file)
        return Tombstones(self.file, self._key, marks)


def open_tombstones(store: Path) -> Tombstones:
    """Return the marks of a store; none where nobody was erased yet.

    Raises
    ------
    UsageError
        When others may read them, they cannot be read, or their key is missing: then nobody could be kept out.
    """
    file = tombstones_file(store)
    key_file = key_file_of(file)
    if not file.exists():
        return Tombstones(file, _read_key(key_file) if key_file.exists() else None, {})
    check_private(file, message("Only its owner may read the list of erased pupils."))
    if not key_file.exists():
        raise _unusable(file, message("Its key is missing."))
    try:
        told = [json.loads(line) for line in file.read_text("ascii").splitlines()]
        marks = {str(one.pop("mark")): Mark(**one) for one in told}
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(file, message("It cannot be read.")) from error
    return Tombstones(file, _read_key(key_file), marks)


def _read_key(file: Path) -> bytes:
    check_private(file, message("Only its owner may read the key of the list of erased pupils."))
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise _unusable(file, message("It holds no key."))
    return key


def _new_key(tombstones: Path) -> bytes:
    key, file = secrets.token_bytes(KEY_BYTES), key_file_of(tombstones)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_MODE)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(key.hex() + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    return key


def _unusable(file: Path, found: Message) -> UsageError:
    return UsageError(
        message("Whoever was erased is kept out by the list of erased pupils and its key."),
        found=found,
        remedy=message("Bring both files back from where they are kept: without them erased pupils could come back."),
        where=str(file),
    )
