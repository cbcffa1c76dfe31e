"""Everything that a store and its register hold of one pupil, in plain values: for the pupil or the family (Article 15)."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.register.places import is_there, register_of
from riskmodel.register.private import make_private
from riskmodel.register.store import open_register
from riskmodel.runs.publish import Store, current_run, is_published
from riskmodel.runs.pupils import Pupil
from riskmodel.runs.successors import runs_in_order
from riskmodel.sources.history import stored_deliveries
from riskmodel.sources.identity_table import read_identities
from riskmodel.support.keeping.retention import read_periods
from riskmodel.support.keeping.telling import told_by_audit, told_by_register

FORM = "riskmodel/subject/1"
Values = dict[str, Any]


def subject_of(store: Path, pupil: Pupil) -> Values:
    """Return everything that is held of a pupil: identities, deliveries, runs, register, looks, periods; JSON can hold it.

    Raises
    ------
    RunFailedError
        For a run that was changed after it was made.
    """
    pupil_ids = sorted(pupil.pupil_ids)
    return {
        "form": FORM,
        "pseudonyms": pupil_ids,
        "identities": _identities(store, pupil),
        "deliveries": _deliveries(store, pupil_ids),
        "runs": _runs(Store(store.absolute()), pupil_ids),
        **_register(store, pupil_ids),
        "retention": [_plain(asdict(one)) for one in read_periods()],
    }


def write_private(to: Path, content: Values | str) -> None:
    """Write a text, or values as JSON, into a new file that only its owner may read."""
    text = (
        content
        if isinstance(content, str)
        else json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    )
    make_private(to)
    to.write_text(text, "utf-8")


def _identities(store: Path, pupil: Pupil) -> list[Values]:
    rows = read_identities(store).to_pylist()
    return [{name: row[name] for name in row if name != "key_id"} for row in rows if row["pupil_id"] in pupil.pupil_ids]


def _deliveries(store: Path, pupil_ids: Sequence[str]) -> list[Values]:
    return [
        {
            "delivery_id": delivery.delivery_id,
            "delivered_on": delivery.delivered_on.isoformat(),
            "origin": delivery.description["origin"],
            "tables": _tables(delivery.folder, pupil_ids),
        }
        for delivery in stored_deliveries(store)
    ]


def _runs(store: Store, pupil_ids: Sequence[str]) -> list[Values]:
    current = current_run(store)
    return [
        {
            "run_id": manifest.run_id,
            "cut_off_on": manifest.cut_off_date.isoformat(),
            "is_current": manifest.run_id == current,
            "is_published": is_published(store, manifest),
            "sources": [source.delivery_id for source in manifest.sources],
            "tables": tables,
        }
        for manifest in runs_in_order(store)
        if (tables := _tables(store.run(manifest.run_id) / "tables", pupil_ids))
    ]


def _tables(folder: Path, pupil_ids: Collection[str]) -> dict[str, list[Values]]:
    found = {}
    wanted = pa.array(sorted(pupil_ids), pa.string())
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            if "pupil_id" not in file.schema_arrow.names:
                continue
            groups = (file.read_row_group(number) for number in range(file.num_row_groups))
            rows = [
                row
                for group in groups
                for row in group.filter(pc.is_in(group["pupil_id"].cast(pa.string()), value_set=wanted)).to_pylist()
            ]
        if rows:
            found[path.stem] = [_plain(row) for row in rows]
    return found


def _register(store: Path, pupil_ids: Collection[str]) -> Values:
    place = register_of(store)
    if not is_there(place):
        return {"register": {}, "protected": 0, "lists_of_teachers": 0, "audit": None}
    with open_register(place) as register:
        told, audit = told_by_register(register, pupil_ids), told_by_audit(register, pupil_ids)
    return {
        "register": told.tables,
        "protected": told.protected,
        "lists_of_teachers": told.teachers,
        "audit": {
            "entries": [asdict(look) for look in audit.looks],
            "lists_opened": audit.lists_opened,
            "renewed_at": audit.renewed_at,
        },
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _plain(row: Mapping[str, Any]) -> Values:
    return {
        name: value.isoformat() if isinstance(value, date | datetime) else _known(value) for name, value in row.items()
    }
