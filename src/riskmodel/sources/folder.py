"""The folder of a delivery: which files it holds, what they are for, and what does not belong there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from riskmodel.digests import digest_of_file
from riskmodel.errors import DeliveryError
from riskmodel.messages import message
from riskmodel.sources.border import Notice
from riskmodel.sources.decoding import Limits, require_plain_file
from riskmodel.sources.mapping import MAPPING_NAME, FileMapping
from riskmodel.sources.mapping import Mapping as DeliveryMapping
from riskmodel.sources.projection import table_in_name
from riskmodel.tables.canonical import CANONICAL, REQUIRED_TABLES

NOTES_NAME = "notes.yaml"
TEXT_SUFFIXES, PARQUET_SUFFIX = (".csv", ".csv.gz"), ".parquet"
OTHER_TABLE_SUFFIXES = (
    ".xls",
    ".xlsx",
    ".xlsm",
    ".ods",
    ".tsv",
    ".txt",
    ".json",
    ".xml",
    ".html",
    ".zip",
    ".gz",
    ".7z",
)
SILENT_NAMES = (MAPPING_NAME, NOTES_NAME, "README.md", "README.txt")


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a delivery as it came."""

    path: Path
    entry: FileMapping
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def tables(self) -> tuple[str, ...]:
        """The canonical tables that the file fills."""
        named = table_in_name(self.name)
        return tuple(dict.fromkeys(mapping.table for mapping in self.entry.tables)) or ((named,) if named else ())


def delivered_files(
    folder: Path, mapping: DeliveryMapping, limits: Limits
) -> tuple[tuple[DeliveredFile, ...], list[Notice]]:
    """Return the files of a delivery with their digests, and notices of files that are not read.

    Raises
    ------
    DeliveryError
        For a file that nobody asked for, of a wrong kind, missing, or not a plain file.
    """
    if not folder.is_dir():
        raise DeliveryError(
            message("A delivery is a folder."),
            found=message("There is no folder of this name."),
            remedy=message("Name the folder that holds the files and mapping.yaml."),
            where=folder.name,
        )
    files, notices = [], []
    for path in sorted(folder.iterdir()):
        name = path.name
        if name.startswith(".") or name in SILENT_NAMES:
            continue
        entry = mapping.entry_for(name)
        is_table = name.endswith((*TEXT_SUFFIXES, PARQUET_SUFFIX))
        if not is_table and not entry.tables and table_in_name(name) is None:
            if not path.is_dir():
                notices.append(Notice(name, "file_not_read", message("The file is not a table and was not read.")))
            continue
        if not is_table:
            if path.is_dir() or not name.endswith(OTHER_TABLE_SUFFIXES):
                continue
            raise _wrong_kind(name)
        if not entry.tables and table_in_name(name) is None:
            raise _unknown_file(name)
        require_plain_file(path, limits)
        files.append(DeliveredFile(path, entry, digest_of_file(path)))
    for entry in mapping.files:
        if not any(PurePath(file.name).match(entry.file) for file in files):
            raise DeliveryError(
                message("Every file that mapping.yaml names must be in the delivery."),
                found=message("There is no file {file}.", file=entry.file),
                remedy=message("Add the file, or take its entry out of mapping.yaml."),
                where=MAPPING_NAME,
            )
    return tuple(files), notices


def require_tables(files: Sequence[DeliveredFile], mapping: DeliveryMapping, has_earlier: bool) -> None:
    """Refuse a delivery without a table that every run needs, unless it adds to an earlier one."""
    given = {table for file in files for table in file.tables}
    absent = [table for table in REQUIRED_TABLES if table not in given]
    if not files or (absent and (mapping.delivery.complete or not has_earlier)):
        raise DeliveryError(
            message("A delivery must hold the tables {tables}.", tables=", ".join(REQUIRED_TABLES)),
            found=message("There is no file for: {tables}.", tables=", ".join(absent)),
            remedy=message(
                "Add the files; if this delivery adds to an earlier one, write complete: false under delivery in mapping.yaml."
            ),
            where=MAPPING_NAME,
        )


def _wrong_kind(name: str) -> DeliveryError:
    return DeliveryError(
        message("A table must be delivered as .csv, .csv.gz or .parquet."),
        found=message("This file is of another kind, {suffix}.", suffix=PurePath(name).suffix),
        remedy=message("Open the table in its program and save it as CSV UTF-8."),
        where=name,
    )


def _unknown_file(name: str) -> DeliveryError:
    near = difflib.get_close_matches(name.split(".", maxsplit=1)[0], [table.name for table in CANONICAL], n=1)
    remedy = (
        message("Name it {near}.csv if it is that table, or give it an entry in mapping.yaml.", near=near[0])
        if near
        else message("Give it an entry in mapping.yaml that says what it holds, or take it out of the delivery.")
    )
    return DeliveryError(
        message("Every file must be named for a table or have an entry in mapping.yaml."),
        found=message("This one is not known."),
        remedy=remedy,
        where=name,
    )
