"""A public data set written as a delivery: tables as Parquet, a mapping, and notes in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import yaml

from riskmodel.messages import LANGUAGES, Message, message
from riskmodel.sources.fetch import Say

MAPPING_FILE = "mapping.yaml"
NOTES_FILE = "notes.yaml"


def write_delivery(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    tables: Mapping[str, str],
    delivered_on: date,
    notes: Sequence[Message],
    say: Say,
) -> None:
    """Write ``<table>.parquet`` for every query of ``tables``, ``mapping.yaml`` and ``notes.yaml`` into ``folder``.

    The queries give canonical columns, with ``pupil_code`` for the pupil, in an order of their own, so that the same
    source gives the same rows in the same places.
    """
    for name, query in tables.items():
        path = folder / f"{name}.parquet"
        connection.sql(query).write_parquet(str(path), compression="zstd")
        rows = connection.read_parquet(str(path)).shape[0]
        say(message("{table}: {rows} rows.", table=name, rows=rows))
    mapping = {"delivery": {"delivered_on": delivered_on, "origin": "public", "register_ids": "free"}}
    (folder / MAPPING_FILE).write_text(yaml.safe_dump(mapping, sort_keys=False), "utf-8")
    texts = [{language: note.in_language(language) for language in LANGUAGES} for note in notes]
    (folder / NOTES_FILE).write_text(yaml.safe_dump(texts, sort_keys=False, allow_unicode=True), "utf-8")
