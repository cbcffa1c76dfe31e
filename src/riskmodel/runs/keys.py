"""Which key the pseudonyms of a store were made with."""

from __future__ import annotations

from pathlib import Path

from riskmodel.sources.history import stored_deliveries


def key_id_of(store: Path) -> str:
    """Return the id of the key with which the pseudonyms of a store were made; nothing where it holds no delivery."""
    found = {str(delivery.description["key_id"]) for delivery in stored_deliveries(store)}
    return max(found, default="")
