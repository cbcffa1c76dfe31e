"""Which of the three doors a portal has, and what each of them asks of the place where it is served."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.portal.hub import HubDoor
from riskmodel.portal.hub_service import read_service
from riskmodel.portal.identity import Door
from riskmodel.portal.local import LocalDoor
from riskmodel.portal.proxy import ProxyDoor, read_secret

if TYPE_CHECKING:
    from riskmodel.portal.app import Place


def door_of(place: Place) -> tuple[Place, Door]:
    """Return the door, and the place as that door has it: a hub says itself where the portal stands.

    Raises
    ------
    UsageError
        When something is missing that the door needs.
    """
    if place.identity == "hub":
        return _at_hub(place)
    if place.identity == "proxy":
        return place, ProxyDoor(read_secret(place.proxy_secret, place.store))
    return place, LocalDoor()


def _at_hub(place: Place) -> tuple[Place, Door]:
    service = read_service()
    if place.base not in {"/", service.base}:
        raise UsageError(
            message("A hub says itself below which path the portal stands."),
            found=message("It says {base}, and --base-url says something else.", base=service.base),
            remedy=message("Leave --base-url out."),
            where="--base-url",
        )
    hosts = {*place.public_hosts, *([service.public_host] if service.public_host else [])}
    told = replace(place, host=service.host, port=service.port, base=service.base, public_hosts=tuple(sorted(hosts)))
    return told, HubDoor(service)
