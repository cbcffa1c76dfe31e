"""Where the register of a store is, and that no password is shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from riskmodel.errors import UsageError
from riskmodel.register.places import (
    ServerPlace,
    is_there,
    keep_address,
    note_file,
    register_file,
    register_of,
    server_place,
    url_file,
)

SECRET = "sniegs:krīt@lēni"
ADDRESS = "postgresql://riskmodel@db.example:5433/riskmodel?sslmode=verify-full"


def test_a_register_lies_beside_its_store_and_not_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert register_of(Path("store")) == register_file(Path("store")) == tmp_path / "store.register.sqlite3"
    assert note_file(register_of(Path("store"))).name == "store.register.sqlite3.audit-head"


def test_a_private_file_beside_the_store_puts_its_register_on_a_server(store):
    keep_address(server_place(ADDRESS, store, password=SECRET), store)
    assert stat.S_IMODE(url_file(store).stat().st_mode) == 0o600
    place = register_of(store)
    assert isinstance(place, ServerPlace)
    assert (place.url.username, place.url.password, place.url.host, place.url.port, place.url.database) == (
        "riskmodel",
        SECRET,
        "db.example",
        5433,
        "riskmodel",
    )
    assert place.url.query == {"sslmode": "verify-full"}
    assert is_there(place)
    assert note_file(place) == store.with_name("store.register.audit-head")


def test_a_place_is_shown_without_its_password(store):
    place = server_place("postgres://liga:sniegs@/riskmodel?host=%2Frun%2Fpg&password=lietus", store)
    for shown in (str(place), repr(place), f"{place}", str([place])):
        assert "liga@" in shown
        assert "sniegs" not in shown
        assert "lietus" not in shown


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_an_address_that_others_may_read_is_refused(store, mode):
    keep_address(server_place(ADDRESS, store), store)
    url_file(store).chmod(mode)
    with pytest.raises(UsageError, match=f"{mode:04o}"):
        register_of(store)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "sniegs",
        "sqlite:///sniegs",
        "mysql://u:sniegs@h/d",
        "postgresql://u:sniegs@h",
        "postgresql://u:sniegs@h:port/d",
        b"\xff\x00",
    ],
)
def test_what_is_no_address_of_a_server_is_refused_and_not_told(store, content):
    keep_address(server_place(ADDRESS, store), store)
    url_file(store).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as refused:
        register_of(store)
    assert str(url_file(store)) in str(refused.value)
    assert "sniegs" not in refused.value.in_both_languages()
    assert refused.value.__cause__ is None


def test_a_store_is_given_one_address(store):
    keep_address(server_place(ADDRESS, store), store)
    with pytest.raises(UsageError, match="one register"):
        keep_address(server_place("postgresql:///other", store), store)
    assert register_of(store) == server_place(ADDRESS, store)
