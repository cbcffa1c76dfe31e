"""What the register knows of support that was given, taken into the store as a delivery, so that the next run learns from it.

The register speaks of pseudonyms. The delivery goes the way of every other one, through the checks of the border, and so names
pupils by their register ids, which the protected table of identities gives back; its files lie in a private folder while they are
read, and are gone afterwards.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from sqlalchemy import Connection, Row, Select, func, select

from riskmodel.messages import Message, message
from riskmodel.register.actors import operator_name
from riskmodel.register.places import is_there, register_of
from riskmodel.register.store import open_register
from riskmodel.register.units import Whole
from riskmodel.settings import HERE
from riskmodel.sources.decoding import Limits
from riskmodel.sources.deliveries import Received, receive
from riskmodel.sources.history import stored_deliveries
from riskmodel.sources.identity_table import read_identities
from riskmodel.sources.mapping import MAPPING_NAME
from riskmodel.support.given import spent
from riskmodel.support.results import feedback
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.schema.services import COMPENSATION, CONSULTATION, CONTACT

FILE = "support.csv"
HEADERS = ("pupil_code", "school_id", "measure_code", "happened_on", "ends_on", "hours", "known_on")
Key = tuple[Any, ...]
KEY_COLUMNS = ("pupil_id", "school_id", "measure_code", "happened_on")
Say = Callable[[Message], None]
_OF_PLAN = (PLAN.c.pupil_id, PLAN.c.started_on, PLAN.c.ended_on)


@dataclass(frozen=True)
class Given:
    """A measure of a plan as it was given: from its first day; to the plan's end, once it ended."""

    pupil_id: str
    school_id: str
    measure_code: str
    happened_on: date
    ends_on: date | None
    hours: float | None
    known_on: date


def given_in(connection: Connection) -> list[Given]:
    """Return every measure that was carried out, one row per plan, school and measure.

    A consultation that was struck out, a compensation that was refused and a plan without any support are not among them.
    A measure is known from the day on which its first part was recorded.
    """
    found: dict[tuple[int, str, str], Given] = {}
    for row in connection.execute(_consultations()):
        _add(found, row.plan_id, row, row.first_on, row.minutes / 60.0)
    for row in connection.execute(_contacts()):
        _add(found, row.plan_id, row, row.first_on, None if row.minutes is None else row.minutes / 60.0)
    for row in connection.execute(_compensations()):
        _add(found, row.plan_id, row, date.fromisoformat(f"{row.first_month}-01"), None)
    return sorted(found.values(), key=lambda one: (one.pupil_id, one.happened_on, one.measure_code, one.school_id))


def _add(
    found: dict[tuple[int, str, str], Given], plan_id: int, row: Row[Any], first_on: date, hours: float | None
) -> None:
    one = Given(
        row.pupil_id,
        row.school_id,
        row.measure_code,
        max(first_on, row.started_on),
        row.ended_on,
        hours,
        max(_day(row.first_at), first_on),
    )
    found[plan_id, one.school_id, one.measure_code] = one


def _consultations() -> Select[Any]:
    held = CONSULTATION.c
    return (
        select(
            held.plan_id,
            held.school_id,
            held.measure_code,
            PLAN.c.pupil_id,
            PLAN.c.started_on,
            PLAN.c.ended_on,
            func.min(held.happened_on).label("first_on"),
            func.min(held.recorded_at).label("first_at"),
            func.sum(held.minutes).label("minutes"),
        )
        .join(PLAN, PLAN.c.plan_id == held.plan_id)
        .where(held.cancelled_at.is_(None), PLAN.c.status != "INACTIVE")
        .group_by(held.plan_id, held.school_id, held.measure_code, *_OF_PLAN)
    )


def _contacts() -> Select[Any]:
    met = CONTACT.c
    return (
        select(
            met.plan_id,
            met.school_id,
            met.measure_code,
            PLAN.c.pupil_id,
            PLAN.c.started_on,
            PLAN.c.ended_on,
            func.min(met.happened_on).label("first_on"),
            func.min(met.recorded_at).label("first_at"),
            func.sum(met.minutes).label("minutes"),
        )
        .join(PLAN, PLAN.c.plan_id == met.plan_id)
        .where(PLAN.c.status != "INACTIVE")
        .group_by(met.plan_id, met.school_id, met.measure_code, *_OF_PLAN)
    )


def _compensations() -> Select[Any]:
    paid = COMPENSATION.c
    return (
        select(
            paid.plan_id,
            paid.school_id,
            paid.measure_code,
            PLAN.c.pupil_id,
            PLAN.c.started_on,
            PLAN.c.ended_on,
            func.min(paid.month).label("first_month"),
            func.min(paid.recorded_at).label("first_at"),
        )
        .join(PLAN, PLAN.c.plan_id == paid.plan_id)
        .where(paid.state.in_(("granted", "closed")), PLAN.c.status != "INACTIVE")
        .group_by(paid.plan_id, paid.school_id, paid.measure_code, *_OF_PLAN)
    )


def _day(at: datetime) -> date:
    return at.astimezone(HERE).date()


def receive_support(store: Path, key_file: Path, say: Say, limits: Limits) -> list[Received]:
    """Take what the register of a store knows of support into the store; an empty list where it tells nothing new.

    A measure comes twice: when it has begun, and, once its plan has ended, with its last day and its hours. Each is known from
    the day on which it was recorded, so that no run knows of an end before it came.

    Raises
    ------
    UsageError, DeliveryError
        As :func:`riskmodel.sources.deliveries.receive`; nothing was written then.
    """
    place = register_of(store)
    if not stored_deliveries(store) or not is_there(place):
        return []
    with open_register(place) as register:
        with register.database.reading(Whole("register_exported")) as connection:
            given = given_in(connection)
        if given:
            register.audit.write(operator_name(), "register_exported", "", details={"rows": len(given)})
    codes = _codes(store)
    own = [one for one in given if one.pupil_id in codes]
    told = _told(store)
    begun = [replace(one, ends_on=None, hours=None) for one in own if _key(one) not in told]
    ended = [
        replace(one, known_on=max(one.known_on, one.ends_on))
        for one in own
        if one.ends_on is not None and told.get(_key(one)) != one.ends_on
    ]
    return [_receive(store, part, codes, key_file, say, limits) for part in (begun, ended) if part]


def _key(one: Given) -> Key:
    return (one.pupil_id, one.school_id, one.measure_code, one.happened_on)


def _told(store: Path) -> dict[Key, date | None]:
    """Return the measures that the store was told of, with their last days as far as they are known."""
    found: dict[Key, date | None] = {}
    for delivery in stored_deliveries(store):
        if (path := delivery.table("support")) is not None:
            for row in pq.read_table(path, columns=[*KEY_COLUMNS, "ends_on"]).to_pylist():
                found[tuple(row[name] for name in KEY_COLUMNS)] = row["ends_on"]
    return found


def _receive(
    store: Path, own: list[Given], codes: Mapping[str, str], key_file: Path, say: Say, limits: Limits
) -> Received:
    newest = stored_deliveries(store)[-1]
    delivered_on = max(newest.delivered_on, *(one.known_on for one in own))
    folder = Path(tempfile.mkdtemp(prefix="support-"))  # of mode 0700
    try:
        _write(folder, own, codes, {"origin": newest.description["origin"], "delivered_on": delivered_on})
        say(message("The register tells of measures that were given."))
        return receive(folder, store, key_file, say, limits=limits)
    finally:
        shutil.rmtree(folder)


def feedback_of(store: Path, until: date) -> list[dict[str, Any]]:
    """Return what people answered to proposals up to a day; an empty list where there is no register, or no answer."""
    return _read(store, lambda connection: feedback(connection, until))


def spent_of(store: Path, until: date) -> list[dict[str, Any]]:
    """Return what was spent on each measure up to a day; an empty list where there is no register, or nothing to tell."""
    return _read(store, lambda connection: spent(connection, until))


def _read(store: Path, question: Callable[[Connection], Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the records that a question to the register finds, and write down that they were taken out."""
    place = register_of(store)
    if not is_there(place):
        return []
    with open_register(place) as register:
        with register.database.reading(Whole("register_exported")) as connection:
            found = [asdict(one) for one in question(connection)]
        if found:
            register.audit.write(operator_name(), "register_exported", "", details={"rows": len(found)})
    return found


def _codes(store: Path) -> dict[str, str]:
    table = read_identities(store)
    return dict(zip(table["pupil_id"].to_pylist(), table["register_id"].to_pylist(), strict=True))


def _write(folder: Path, own: list[Given], codes: Mapping[str, str], facts: Mapping[str, object]) -> None:
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADERS)
        for one in own:
            rows.writerow(
                [
                    codes[one.pupil_id],
                    one.school_id,
                    one.measure_code,
                    one.happened_on.isoformat(),
                    one.ends_on.isoformat() if one.ends_on and one.ends_on >= one.happened_on else "",
                    "" if one.hours is None else f"{one.hours:.2f}",
                    one.known_on.isoformat(),
                ]
            )
    mapping = {"delivery": {**facts, "register_ids": "free", "complete": False, "note": "from the register of support"}}
    (folder / MAPPING_NAME).write_text(yaml.safe_dump(mapping, allow_unicode=True), "utf-8")
