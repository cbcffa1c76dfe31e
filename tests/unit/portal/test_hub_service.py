"""What a hub says to the service that it starts is read once, and no process that is started afterwards hears of it."""

from __future__ import annotations

import asyncio

import pytest
from tornado.web import HTTPError

from riskmodel.errors import UsageError
from riskmodel.portal.app import Place
from riskmodel.portal.doors import door_of
from riskmodel.portal.hub_service import NEEDED, read_service

pytest.importorskip("jupyterhub", reason="the extra riskmodel[hub] is not installed")

SAID = {
    "JUPYTERHUB_API_TOKEN": "canary-token",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_CLIENT_ID": "service-portal",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:services", "access:services!service=portal"]',
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/services/portal/oauth_callback",
    "JUPYTERHUB_PUBLIC_URL": "https://portal.example.lv/services/portal/",
    "JUPYTERHUB_SERVICE_PREFIX": "/services/portal/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8866",
}


def _service():
    return read_service({**SAID})


def test_the_hub_says_where_the_portal_stands_and_how_people_reach_it():
    service = _service()
    assert (service.base, service.host, service.port) == ("/services/portal/", "127.0.0.1", 8866)
    assert (service.callback, service.hub_address, service.public_host) == (
        "/services/portal/oauth_callback",
        "/hub/",
        "portal.example.lv",
    )


def test_nothing_that_the_hub_said_stays_in_the_environment():
    environment = {**SAID, "PATH": "/usr/bin"}
    service = read_service(environment)
    assert environment == {"PATH": "/usr/bin"}
    assert "canary-token" not in repr(service)


@pytest.mark.parametrize("name", NEEDED)
def test_without_a_hub_the_portal_says_what_to_do(name):
    with pytest.raises(UsageError, match=f"{name}.*jupyterhub_config.py") as raised:
        read_service({key: value for key, value in SAID.items() if key != name})
    assert "canary-token" not in str(raised.value)


def test_a_base_path_that_the_hub_does_not_know_is_refused(monkeypatch, tmp_path):
    for name, value in SAID.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="--base-url"):
        door_of(Place(tmp_path, identity="hub", base="/other/"))


def test_the_place_of_a_service_is_the_one_that_the_hub_says(monkeypatch, tmp_path):
    for name, value in SAID.items():
        monkeypatch.setenv(name, value)
    place, _door = door_of(Place(tmp_path, identity="hub", public_hosts=("other.example.lv",)))
    assert (place.host, place.port, place.base) == ("127.0.0.1", 8866, "/services/portal/")
    assert place.front().hosts >= {"portal.example.lv", "other.example.lv"}


@pytest.mark.parametrize(
    ("person", "login"),
    [
        ({"kind": "user", "name": "anna", "scopes": ["access:services!service=portal"]}, "anna"),
        ({"kind": "user", "name": "anna", "scopes": ["access:services!service=other"]}, None),
        ({"kind": "service", "name": "anna", "scopes": ["access:services!service=portal"]}, None),
        ({"name": "anna", "scopes": ["access:services"]}, None),
        (None, None),
    ],
)
def test_only_a_person_who_may_come_to_this_service_is_named(monkeypatch, person, login):
    service = _service()

    async def token_for_code(code, *, code_verifier, sync):
        return "token"

    async def user_for_token(token, *, use_cache, sync):
        assert not use_cache
        return person

    monkeypatch.setattr(service.oauth, "token_for_code", token_for_code)
    monkeypatch.setattr(service.oauth, "user_for_token", user_for_token)
    assert asyncio.run(service.login_for("code", "verifier")) == login


def test_a_code_that_the_hub_refuses_names_nobody(monkeypatch):
    service = _service()

    async def refused(code, *, code_verifier, sync):
        raise HTTPError(500)

    monkeypatch.setattr(service.oauth, "token_for_code", refused)
    assert asyncio.run(service.login_for("code", "verifier")) is None
