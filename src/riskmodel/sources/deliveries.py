"""The door for deliveries: ``check`` says what is wrong with one, ``receive`` takes it into a store.

A delivery is a folder of CSV or Parquet files and a ``mapping.yaml``. What ``receive`` stores is checked, typed
and pseudonymous, appears at once or not at all, and is never changed afterwards.
"""

# ruff: noqa: S608  (the SQL is put together from declared names and quoted paths alone)

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from riskmodel.digests import digest_of_file
from riskmodel.errors import DeliveryError, UsageError
from riskmodel.memory import give_back
from riskmodel.messages import LANGUAGES, Language, message, plural
from riskmodel.register.tombstones import open_tombstones
from riskmodel.sources import identity, identity_table
from riskmodel.sources.border import Border, Intake, Notice, work_connection
from riskmodel.sources.decoding import Limits
from riskmodel.sources.folder import NOTES_NAME, DeliveredFile, delivered_files, require_tables
from riskmodel.sources.folding import has_weeks
from riskmodel.sources.history import (
    ALIAS_FILE,
    DELIVERIES_FOLDER,
    DESCRIPTION_FILE,
    StoredDelivery,
    open_canonical,
    stored_deliveries,
    work_out,
)
from riskmodel.sources.intake import Say, take_in
from riskmodel.sources.large import settle, write_large
from riskmodel.sources.mapping import MAPPING_NAME, read_mapping
from riskmodel.sources.mapping import Mapping as DeliveryMapping
from riskmodel.sources.storing import write_checked
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.checks import Account
from riskmodel.tables.deliveries_taken import REJECTED_ROW
from riskmodel.tables.fields import literal

__all__ = ["CheckReport", "Received", "accounts_as_dict", "check", "in_words", "open_canonical", "receive", "received"]

REJECTED_FILE = "rejected_row.parquet"
FOLDER_MODE, FILE_MODE = 0o750, 0o440
ACTIVITY_TABLES = ("enrolment", "attendance", "lessons_planned", "mark", "term_result")
"""Tables that grow every semester: the same bytes again are last semester's file."""
WRITERS = 2
"""How many large tables are written at once; where the small ones are large too, one."""
ROWS_SHOWN = 10
REJECTED_IN_JSON = 10_000


@dataclass(frozen=True)
class CheckReport:
    """What is wrong with a delivery, and what became of its rows.

    ``rejected`` has the columns of ``rejected_row``; nothing in the report holds any content of a cell.
    """

    delivered_on: date
    origin: str
    accounts: Mapping[str, Account]
    rejected: pa.Table
    warnings: tuple[Notice, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON; at most ``REJECTED_IN_JSON`` rejected rows, and how many there are."""
        return {
            "delivered_on": self.delivered_on.isoformat(),
            "origin": self.origin,
            "accounts": accounts_as_dict(self.accounts),
            "warnings": notices_as_dicts(self.warnings),
            "rejected_rows": self.rejected.num_rows,
            "rejected": self.rejected.slice(0, REJECTED_IN_JSON).to_pylist(),
        }

    def in_language(self, language: Language) -> str:
        """Return the report as text: accounts, then what was put aside by table and rule, then warnings."""
        lines = [
            message("Delivery of {day} ({origin}).", day=self.delivered_on, origin=self.origin).in_language(language)
        ]
        for table, account in self.accounts.items():
            lines.append(in_words(table, account, language))
        lines += self._rejected_in(language)
        if self.warnings:
            lines += ["", message("To know:").in_language(language)]
            lines += [f"  {notice.where}: {notice.text.in_language(language)}" for notice in self.warnings]
        return "\n".join(lines)

    def _rejected_in(self, language: Language) -> list[str]:
        groups: dict[tuple[str, str, str, str], list[int]] = {}
        for row in self.rejected.to_pylist():
            place = (row["table_name"], row["file_name"], row["column_name"] or "", row[f"reason_{language}"])
            groups.setdefault(place, []).append(row["row_number"])
        lines = ["", message("Put aside:").in_language(language)] if groups else []
        for (_table, file_name, column, reason), rows in groups.items():
            numbers = ", ".join(str(row) for row in rows[:ROWS_SHOWN]) + (" …" if len(rows) > ROWS_SHOWN else "")
            where = plural("{count} row: {rows}", "{count} rows: {rows}", len(rows), rows=numbers).in_language(language)
            lines.append(f"  {file_name}{f' [{column}]' if column else ''}, {where}\n    {reason}")
        return lines


@dataclass(frozen=True)
class Received:
    """A delivery that is in the store."""

    delivery_id: str
    delivered_on: date
    origin: str
    accounts: Mapping[str, Account]
    warnings: tuple[Notice, ...]


def check(folder: Path, say: Say, *, limits: Limits | None = None) -> CheckReport:
    """Return what is wrong with the delivery in ``folder``, row by row; nothing is kept or changed.

    Raises
    ------
    UsageError
        When ``mapping.yaml`` is at fault.
    DeliveryError
        When a file as a whole cannot be used.
    """
    limits = limits or Limits()
    mapping = read_mapping(folder / MAPPING_NAME)
    files, notices = delivered_files(folder, mapping, limits)
    require_tables(files, mapping, has_earlier=True)
    with _scratch(Path(tempfile.gettempdir())) as scratch, work_connection(scratch) as connection:
        border = Border(connection, scratch, identity.throw_away_key(), limits)
        intake = take_in(files, mapping, border, say)
        rejected = _rejected(connection)
    facts = mapping.delivery
    return CheckReport(facts.delivered_on, facts.origin, _ordered(intake), rejected, (*notices, *intake.notices))


def receive(folder: Path, store: Path, key_file: Path, say: Say, *, limits: Limits | None = None) -> Received:
    """Take the delivery in ``folder`` into ``store``; the same delivery again changes nothing.

    Writes ``deliveries/<id>/`` (a Parquet file per table, ``rejected_row.parquet``, ``delivery.json``) by one rename, and
    the protected table in ``identity/``.

    Raises
    ------
    UsageError
        When ``mapping.yaml`` or the key is at fault, or the store holds deliveries of another origin.
    DeliveryError
        When a file as a whole cannot be used. Nothing was written.
    """
    limits = limits or Limits()
    mapping = read_mapping(folder / MAPPING_NAME)
    files, notices = delivered_files(folder, mapping, limits)
    delivery_id = _delivery_id(folder, files, mapping)
    earlier = stored_deliveries(store)
    same = next((delivery for delivery in earlier if delivery.delivery_id == delivery_id), None)
    if same:
        say(message("The delivery {delivery_id} is in the store already; nothing changed.", delivery_id=delivery_id))
        return received(same)
    _require_one_origin(mapping, earlier, store)
    earlier = [delivery for delivery in earlier if delivery.delivered_on <= mapping.delivery.delivered_on]
    require_tables(files, mapping, has_earlier=bool(earlier))
    _require_new_files(files, mapping, stored_deliveries(store))
    key = _key(key_file, store)

    def take() -> Received:
        with _scratch(store / "staging") as scratch, work_connection(scratch) as connection:
            tombstones = open_tombstones(store)
            erased = partial(tombstones.among, "register_id") if len(tombstones) else None
            border = Border(connection, scratch, key, limits, earlier, identity_table.known_to(store), erased)
            intake = take_in(files, mapping, border, say)
            intake.notices[:0] = notices
            written = scratch / "delivery"
            pa.default_memory_pool().release_unused()  # what reading took
            written.mkdir(mode=FOLDER_MODE)
            description = _description(folder, files, intake, key)
            with ThreadPoolExecutor(WRITERS if intake.are_few else 1) as writers:
                writing = _write_large(written, intake, border, writers) if intake.are_few else []
                _write(description, written, intake, border)
                with identity_table.new_identities(store, _identities(store, intake, border)):
                    if not intake.are_few:
                        writing = _write_large(written, intake, border, writers)
                    for one in writing:
                        one.result()
            _publish(written, store / DELIVERIES_FOLDER / delivery_id)
        facts = mapping.delivery
        return Received(delivery_id, facts.delivered_on, facts.origin, _ordered(intake), tuple(intake.notices))

    told = take()
    give_back()  # names and codes, and all that reading took
    with _scratch(store / "staging") as scratch, work_connection(scratch) as connection:
        work_out(store, connection)
    say(message("The delivery {delivery_id} is in the store.", delivery_id=delivery_id))
    return told


def received(delivery: StoredDelivery) -> Received:
    """Return what was said of a stored delivery when it was taken in."""
    described = delivery.description
    accounts = {table: Account(**counts) for table, counts in described["accounts"].items()}
    notices = tuple(
        Notice(notice["where"], notice["rule_code"], _Told(notice["lv"], notice["en"]))
        for notice in described["warnings"]
    )
    return Received(delivery.delivery_id, delivery.delivered_on, described["origin"], accounts, notices)


@dataclass(frozen=True)
class _Told:
    """A text that was put into both languages before."""

    lv: str
    en: str

    def in_language(self, language: str) -> str:
        return self.lv if language == "lv" else self.en


def in_words(table: str, account: Account, language: Language) -> str:
    """Return the account of one table as a sentence."""
    return message(
        "{table}: read {read} = used {used} + put aside {quarantined} + merged {merged}",
        table=table,
        read=account.read,
        used=account.used,
        quarantined=account.quarantined,
        merged=account.merged,
    ).in_language(language)


def accounts_as_dict(accounts: Mapping[str, Account]) -> dict[str, dict[str, int]]:
    """Return accounts as numbers by name."""
    return {
        table: {"read": one.read, "used": one.used, "quarantined": one.quarantined, "merged": one.merged}
        for table, one in accounts.items()
    }


def notices_as_dicts(notices: Sequence[Notice]) -> list[dict[str, str]]:
    """Return notices in both languages."""
    return [
        {"where": notice.where, "rule_code": notice.rule_code}
        | {language: notice.text.in_language(language) for language in LANGUAGES}
        for notice in notices
    ]


def _ordered(intake: Intake) -> dict[str, Account]:
    return {table.name: intake.accounts[table.name] for table in CANONICAL if table.name in intake.accounts}


def _delivery_id(folder: Path, files: Sequence[DeliveredFile], mapping: DeliveryMapping) -> str:
    """Return the id of a delivery: its day, and the digest of every file that is read."""
    listed = [[file.name, file.sha256] for file in files] + [[MAPPING_NAME, digest_of_file(folder / MAPPING_NAME)]]
    content = hashlib.sha256(json.dumps(sorted(listed)).encode()).hexdigest()
    return f"{mapping.delivery.delivered_on.isoformat()}-{content[:16]}"


def _require_new_files(
    files: Sequence[DeliveredFile], mapping: DeliveryMapping, earlier: Sequence[StoredDelivery]
) -> None:
    """Refuse a growing table of which every file came with an earlier delivery of another day."""
    seen = {
        file["sha256"]: delivery.delivered_on
        for delivery in earlier
        for file in delivery.description["files"]
        if delivery.delivered_on != mapping.delivery.delivered_on
    }
    for table in ACTIVITY_TABLES:
        feeding = [file for file in files if table in file.tables]
        old = [file for file in feeding if file.sha256 in seen and file.name not in mapping.delivery.unchanged]
        if feeding and len(old) == len(feeding):
            raise DeliveryError(
                message("A new delivery must hold new data."),
                found=message(
                    "This file is the same, byte for byte, as in the delivery of {day}.", day=seen[old[0].sha256]
                ),
                remedy=message(
                    "Export the present semester; if nothing did change, name the file under unchanged in mapping.yaml."
                ),
                where=old[0].name,
            )


def _require_one_origin(mapping: DeliveryMapping, earlier: Sequence[StoredDelivery], store: Path) -> None:
    """Refuse to mix: a run reads every delivery of its store, and its pages say one thing about where they come from."""
    others = sorted({str(delivery.description["origin"]) for delivery in earlier} - {mapping.delivery.origin})
    if others:
        raise UsageError(
            message("A store holds deliveries of one origin: real, public or synthetic."),
            found=message(
                "This delivery is {origin}; the store holds {others}.",
                origin=mapping.delivery.origin,
                others=", ".join(others),
            ),
            remedy=message("Give another store with --store, or correct origin in mapping.yaml."),
            where=str(store),
        )


def _key(key_file: Path, store: Path) -> identity.Key:
    earlier = stored_deliveries(store)
    key = identity.open_key(key_file, store, may_create=not earlier)
    made_with = {delivery.description["key_id"] for delivery in earlier}
    if made_with - {key.key_id}:
        raise identity.other_key(key_file)
    return key


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """Give a private folder for copies of the delivery, which vanishes afterwards; sweep those of dead processes."""
    parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    prefix = "riskmodel-intake-"
    for left in parent.glob(f"{prefix}*"):
        pid = left.name.removeprefix(prefix).split("-", maxsplit=1)[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _rejected(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    order = ", ".join(REJECTED_ROW.key)
    rows = connection.sql(f"SELECT DISTINCT * FROM rejected.rejected_row ORDER BY {order}").to_arrow_table()
    return rows.cast(REJECTED_ROW.arrow_schema())


def _identities(store: Path, intake: Intake, border: Border) -> Iterator[pa.Table]:
    """Return the identity table of the store after the delivery: names of those whose description was used."""
    used = pa.array([], pa.string())
    if "pupil" in intake.accounts:
        found = border.connection.sql("SELECT DISTINCT pupil_id FROM checked.pupil").to_arrow_table()
        used = found.column(0).combine_chunks()
    return identity_table.with_identities(store, intake.who, border.key, used)


def _write_large(to: Path, intake: Intake, border: Border, writers: ThreadPoolExecutor) -> list[Future[None]]:
    """Begin to write the large tables of a delivery."""
    settled = [large for large in intake.large.values() if settle(large, border.connection)]
    return [writers.submit(write_large, large, to / f"{large.coded.table.name}.parquet") for large in settled]


def _write(description: Mapping[str, Any], to: Path, intake: Intake, border: Border) -> None:
    """Write the other checked tables of a delivery, its rejected rows and its description."""
    for table in CANONICAL:
        # lessons_planned may be there without a file of its own: made of attended lessons.
        is_made = table.name == "lessons_planned" and has_weeks(border.connection)
        if table.name not in intake.large and (table.name in intake.accounts or is_made):
            write_checked(border.connection, table, to / f"{table.name}.parquet")
    rejected = ", ".join(REJECTED_ROW.key)
    border.connection.execute(
        f"COPY (SELECT DISTINCT * FROM rejected.rejected_row ORDER BY {rejected}) "
        f"TO {literal(str(to / REJECTED_FILE))} (FORMAT parquet, COMPRESSION zstd)"
    )
    if intake.who.aliases:
        border.connection.execute(
            "COPY (SELECT DISTINCT pupil_id, of_pupil_id FROM pupil_alias ORDER BY ALL) "
            f"TO {literal(str(to / ALIAS_FILE))} (FORMAT parquet, COMPRESSION zstd)"
        )
    described = json.dumps(description, ensure_ascii=False, indent=2, sort_keys=True)
    (to / DESCRIPTION_FILE).write_text(described + "\n", "utf-8")


def _description(folder: Path, files: Sequence[DeliveredFile], intake: Intake, key: identity.Key) -> dict[str, Any]:
    facts = intake.mapping.delivery
    sheets = {sheet.name: sheet for sheet in intake.sheets}
    return {
        "accounts": accounts_as_dict(_ordered(intake)),
        "complete": facts.complete,
        "delivered_on": facts.delivered_on.isoformat(),
        "files": [
            {
                "encoding": sheets[file.name].encoding,
                "name": file.name,
                "rows": sheets[file.name].rows,
                "sha256": file.sha256,
                "tables": list(file.tables),
            }
            for file in files
        ],
        "key_id": key.key_id,
        "notes": _notes(folder / NOTES_NAME),
        "origin": facts.origin,
        "register_ids": facts.register_ids,
        "warnings": notices_as_dicts(intake.notices),
    }


def _notes(path: Path) -> list[dict[str, str]]:
    """Return the sender's notes in both languages; none where there is no such file."""
    if not path.is_file():
        return []
    notes = yaml.safe_load(path.read_text("utf-8"))
    return [{language: str(note[language]) for language in LANGUAGES} for note in notes]


def _publish(written: Path, to: Path) -> None:
    """Make the written delivery the stored one, at once and for good."""
    for path in sorted(written.iterdir()):
        path.chmod(FILE_MODE)
        _sync(path)
    _sync(written)
    to.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    written.rename(to)
    _sync(to.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
