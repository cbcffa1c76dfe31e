"""A portal whose register stands on a PostgreSQL server, reached as the portal's own user, who owns nothing there: people come
in, and nobody does while the server is away."""

from __future__ import annotations

from collections.abc import Iterator

import own_postgres
import pytest
from served_portal import FOREIGN, OWN, PEOPLE, Served, serving

from riskmodel.register.places import keep_address, register_file, register_of
from riskmodel.register.store import open_register

SCHOOL = f"/lv/school/{OWN}"
SOME = {login: PEOPLE[login] for login in (f"director.{OWN}", f"director.{FOREIGN}", f"steward.{OWN}")}


@pytest.fixture(scope="module")
def server() -> Iterator[own_postgres.Server]:
    with own_postgres.serving(own_postgres.TRUE) as started:
        yield started


@pytest.fixture(scope="module")
def served(server: own_postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("on-a-server")
    owned = own_postgres.place_on(server, server.make_database(), folder / "store")
    open_register(owned, may_create=True).close()
    keep_address(own_postgres.weak_place(server, owned, folder / "store"), folder / "store")
    yield from serving(folder, SOME)


def test_people_come_in_see_what_is_theirs_and_are_in_the_audit(served: Served):
    reader = served.reader(f"director.{OWN}")
    assert reader.ask(SCHOOL).status == 200
    foreign = f"/lv/school/{FOREIGN}"
    assert reader.ask(foreign).status == 404
    assert served.reader().log_in(f"director.{OWN}", "not the right one").status == 401
    assert not register_file(served.store).exists()
    with open_register(register_of(served.store)) as register:
        acts = {(entry.actor, entry.action) for entry in register.audit.read(count=1000)}
        assert acts >= {(f"director.{OWN}", act) for act in ("login", "page_viewed", "access_denied")}
        assert ("", "login_refused") in acts
        assert (register.audit.verify().is_sound, register.audit.verify().not_noted) == (True, 0)


def test_the_session_of_a_disabled_account_is_dead_at_once(served: Served):
    reader = served.reader(f"director.{FOREIGN}")
    assert reader.ask(f"/lv/school/{FOREIGN}").status == 200
    with open_register(register_of(served.store)) as register:
        register.accounts.disable(f"director.{FOREIGN}", "test")
    assert reader.ask(f"/lv/school/{FOREIGN}").status == 302


def test_nobody_sees_a_pupil_while_the_server_is_away_and_all_goes_on_afterwards(
    served: Served, server: own_postgres.Server
):
    reader = served.reader(f"director.{OWN}")
    server.kill()
    away = reader.ask(SCHOOL)
    assert away.status == 500
    assert "psycopg" not in away.body
    server.start()
    assert reader.ask(SCHOOL).status == 200
