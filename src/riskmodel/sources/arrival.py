"""Deliveries on their way in: which of them have arrived whole, and which is the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from riskmodel.sources.mapping import read_mapping

MAPPING_NAME = "mapping.yaml"
COMPLETE_MARK = ".complete"
"""An empty file that the sender puts into a delivery last: the delivery is whole."""


@dataclass(frozen=True)
class Incoming:
    """A complete delivery that waits in the folder of incoming ones."""

    folder: Path
    delivered_on: date


def newest_complete_delivery(incoming: Path, until: date | None = None) -> Incoming | None:
    """Return the delivery of the latest day (of equal days, the last by name), or None when there is none.

    A delivery is complete when its folder holds a mapping that does not say ``complete: false`` and the empty file
    ``.complete``, which the sender puts there last. Others are still on their way, or additions, and are left alone.

    Parameters
    ----------
    incoming
        The folder in which deliveries arrive, one folder each.
    until
        Deliveries dated later are not looked at.

    Raises
    ------
    UsageError
        For a delivery marked as complete whose mapping cannot be read: it could be the newest.
    """
    found = []
    for folder in sorted(incoming.iterdir()) if incoming.is_dir() else ():
        if folder.name.startswith(".") or not (folder / COMPLETE_MARK).is_file():
            continue
        facts = read_mapping(folder / MAPPING_NAME).delivery
        if facts.complete and (until is None or facts.delivered_on <= until):
            found.append(Incoming(folder, facts.delivered_on))
    return max(found, key=lambda delivery: (delivery.delivered_on, delivery.folder.name), default=None)
