"""Public data sets brought here and verified, from their publisher or from a local copy.

A file is the one meant when its bytes are (SHA-256), or else when its content is: another copy of the same
publication may differ in quoting, line ends, order of the rows or in the mark for "missing". The content digest is
the sum of the SHA-256 of each row in a normal form, so it does not depend on any of these, and changes with
every value. Bytes, content and the number of rows are compared in full; anything else is an error.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from riskmodel.errors import DeliveryError, UsageError
from riskmodel.messages import Message, message

Say = Callable[[Message], None]

DOWNLOAD_PIECE_BYTES = 1 << 20
NETWORK_TIMEOUT_SECONDS = 60
RAW_FOLDER = "raw"


@dataclass(frozen=True)
class PublicFile:
    """One file of a public data set: what it must hold, and where the publisher's archive has it.

    ``rows`` are data rows, without the header. ``member`` is its name in the archive; empty for a file derived by
    others, which is taken where a local copy has it and is never needed. A file named ``.gz`` holds the first
    ``rows`` rows of its member.
    """

    name: str
    rows: int
    sha256: str
    content_sha256: str
    member: str
    delimiter: str = ","


@dataclass(frozen=True)
class PublicData:
    """A public data set: its files and its publisher's archive."""

    name: str
    folder: str
    """The folder of a local copy that holds several data sets side by side."""
    address: str
    citation: str
    licence: str
    files: tuple[PublicFile, ...]

    @property
    def archive_name(self) -> str:
        """The name under which the publisher gives the archive."""
        return self.address.rsplit("/", 1)[-1]


def obtain(data: PublicData, to: Path, source: Path | None, say: Say) -> None:
    """Put the verified raw files of ``data`` into the folder ``to``.

    Parameters
    ----------
    source
        A folder with the files, or with a folder ``data.folder`` that has them, or with the publisher's archive under
        its own name. None: the archive is downloaded.

    Raises
    ------
    DeliveryError
        When a file is missing or differs, or the publisher cannot be reached.
    """
    to.mkdir(parents=True)
    archive = source / data.archive_name if source else None
    if source is not None and archive is not None and not archive.exists():
        folder = verified(data, source, say)
        for file in data.files:
            if (folder / file.name).exists():
                shutil.copyfile(folder / file.name, to / file.name)
        return
    with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
        _unpack(data, archive or _download(data, Path(scratch) / data.archive_name, say), to)
    verified(data, to, say)


def verified(data: PublicData, folder: Path, say: Say) -> Path:
    """Return the folder, ``folder`` or its ``data.folder``, in which every file of ``data`` is as it must be."""
    if (folder / data.folder).is_dir():
        folder = folder / data.folder
    for file in data.files:
        path = folder / file.name
        if path.exists():
            _verify(file, path)
            say(message("{file}: {rows} rows, verified.", file=file.name, rows=file.rows))
        elif file.member:
            raise DeliveryError(
                message("A local copy of {data} must hold every file of it.", data=data.name),
                found=message("This file is missing."),
                remedy=message("Name the folder of the copy with --from, or leave --from out to download it."),
                where=str(path),
            )
    return folder


@contextmanager
def new_folder(to: Path) -> Iterator[Path]:
    """Give an unfinished folder beside ``to`` that becomes ``to`` when the work in it is done, and vanishes if not.

    Raises
    ------
    UsageError
        When ``to`` is there already and is not an empty folder.
    """
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):
        raise UsageError(
            message("The folder for public data must be new or empty."),
            found=message("Something is there already."),
            remedy=message("Name another folder with --to, or remove this one."),
            where=str(to),
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
    try:
        yield part
        part.chmod(0o755)
        part.replace(to)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def content_digest(file: IO[str], delimiter: str) -> tuple[str, int]:
    """Return the content digest of a CSV text and the number of its rows, the header not counted.

    >>> one = content_digest(io.StringIO('id,weight\\n1,10.0\\n2,?\\n'), ",")
    >>> other = content_digest(io.StringIO('"id";"weight"\\n"2";""\\n"1";"10"\\n'), ";")
    >>> one == other
    True
    """
    rows = csv.reader(file, delimiter=delimiter)
    header = next(rows, [])
    digest = _row_digest([name.strip().lstrip("\ufeff").strip('"\t ') for name in header])
    count = 0
    for row in rows:
        digest += _row_digest([_normal(value) for value in row])
        count += 1
    return f"{digest % (1 << 256):064x}", count


def _normal(value: str) -> str:
    text = value.strip()
    if text in {"", "?"}:
        return ""
    try:
        return repr(float(text))
    except ValueError:
        return text


def _row_digest(values: list[str]) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join(values).encode()).digest(), "big")


def _verify(file: PublicFile, path: Path) -> None:
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    with _open_text(path) as text:
        content, rows = (
            (file.content_sha256, _count(text)) if found == file.sha256 else content_digest(text, file.delimiter)
        )
    if rows != file.rows:
        raise DeliveryError(
            message("This file of a public data set must have {rows} rows.", rows=file.rows),
            found=message("It has {rows}.", rows=rows),
            remedy=message("Take a complete copy; a cut download is the usual cause."),
            where=str(path),
        )
    if content != file.content_sha256:
        raise DeliveryError(
            message(
                "This file of a public data set must have the SHA-256 {wanted}, or the same content.",
                wanted=file.sha256,
            ),
            found=message("Its SHA-256 is {found}, and its content differs too.", found=found),
            remedy=message("Take an unchanged copy from the publisher."),
            where=str(path),
        )


@contextmanager
def _open_text(path: Path) -> Iterator[IO[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            yield text
    else:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text


def _count(text: IO[str]) -> int:
    """Return the number of data rows; no value of the known files holds a line break."""
    return sum(1 for line in text if line.strip()) - 1


def _download(data: PublicData, path: Path, say: Say) -> Path:
    say(message("Downloading {data} from {address}.", data=data.name, address=data.address))
    try:
        with (
            urllib.request.urlopen(data.address, timeout=NETWORK_TIMEOUT_SECONDS) as answer,  # noqa: S310  (a constant of this project)
            path.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file, DOWNLOAD_PIECE_BYTES)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DeliveryError(
            message("The publisher of {data} must be within reach.", data=data.name),
            found=message("The download failed: {reason}.", reason=type(error).__name__),
            remedy=message("Try again later, or download the archive yourself and name its folder with --from."),
            where=data.address,
        ) from error
    return path


def _unpack(data: PublicData, archive: Path, to: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = {Path(name).name: name for name in opened.namelist()}
            for file in data.files:
                if not file.member:
                    continue
                with opened.open(members[file.member]) as member:
                    _take(file, member, to / file.name)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DeliveryError(
            message("The archive of {data} must be a ZIP file with every file of the data set.", data=data.name),
            found=message("It is damaged, or a file is missing in it."),
            remedy=message("Download it again."),
            where=str(archive),
        ) from error


def _take(file: PublicFile, member: IO[bytes], to: Path) -> None:
    """Copy a member, or compress the first rows of it."""
    if to.suffix != ".gz":
        with to.open("wb") as opened:
            shutil.copyfileobj(member, opened)
        return
    text = io.TextIOWrapper(member, "utf-8", newline="")
    with gzip.open(to, "wt", encoding="utf-8", newline="") as packed:
        packed.writelines(islice(text, file.rows + 1))
