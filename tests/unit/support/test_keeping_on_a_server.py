"""All that keeps a register, on a server whose tables bind their owner by policies too: nothing is left out unseen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from kept_register import filled, opened_register, owned_place
from own_postgres import Server
from sqlalchemy import select
from supported import Calendar, World, pupil_id

from riskmodel.register.backups import How, back_up, restore
from riskmodel.register.places import keep_address, register_of
from riskmodel.register.store import Register, open_register
from riskmodel.register.tombstones import open_tombstones
from riskmodel.register.units import Whole
from riskmodel.runs.rotating import Renewal, rotate_key
from riskmodel.runs.runner import default_key_file
from riskmodel.sources.identity import open_key
from riskmodel.support.keeping.erasing import forget_again, pupils_of
from riskmodel.support.keeping.exporting import export_register
from riskmodel.support.keeping.held import as_texts, support_tables
from riskmodel.support.keeping.importing import import_register
from riskmodel.support.keeping.retention import Period, apply, due_today
from riskmodel.support.keeping.telling import told_by_audit, told_by_register

ONE, TWO = pupil_id(1), pupil_id(2)
NOTICES = Period(None, "notice", 12, "DPO", date(2019, 1, 1), "1-9/5")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def on_server(postgres: Server, store: Path) -> Iterator[World]:
    calendar, place = Calendar(), owned_place(postgres, store)
    with open_register(place, may_create=True, clock=calendar) as register:
        yield filled(register, calendar, (1, 2))


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[World]:
    calendar = Calendar()
    with opened_register(tmp_path / "file", calendar) as register:
        yield filled(register, calendar, (1, 2))


def content(register: Register) -> dict[str, list[str]]:
    with register.database.reading(Whole("register_exported")) as connection:
        return {one.name: sorted(map(str, connection.execute(select(as_texts(one))))) for one in support_tables()}


def test_the_same_register_is_exported_as_the_same_bytes_from_both_engines(
    on_server: World, in_file: World, tmp_path: Path
):
    export_register(on_server.register, tmp_path / "of_server.zip", "Līga")
    export_register(in_file.register, tmp_path / "of_file.zip", "Līga")
    assert (tmp_path / "of_server.zip").read_bytes() == (tmp_path / "of_file.zip").read_bytes()


def test_an_export_of_a_file_is_imported_on_a_server_whole(
    in_file: World, postgres: Server, store: Path, tmp_path: Path
):
    export_register(in_file.register, tmp_path / "register.zip", "Līga")
    with open_register(owned_place(postgres, store), may_create=True) as register:
        import_register(register, tmp_path / "register.zip", "Līga")
        assert content(register) == content(in_file.register)
        assert register.audit.verify().is_sound


def test_a_back_up_is_whole_and_comes_back_without_the_erased(
    on_server: World, postgres: Server, store: Path, tmp_path: Path
):
    before = content(on_server.register)
    back_up(on_server.register, tmp_path / "back-up.zip", "Līga")
    restore(
        tmp_path / "back-up.zip",
        tmp_path / "a",
        "Līga",
        lambda _, __: 0,
        How(server=owned_place(postgres, tmp_path / "a")),
    )
    with open_register(register_of(tmp_path / "a")) as register:
        assert content(register) == before
        assert register.audit.verify().is_sound
    other = tmp_path / "b"
    open_tombstones(other).with_marks([], [TWO], date(2026, 11, 28))
    restored = restore(
        tmp_path / "back-up.zip", other, "Līga", forget_again(other), How(server=owned_place(postgres, other))
    )
    assert restored.erased == 1
    with open_register(register_of(other)) as register:
        assert pupils_of(register) == {ONE}
        assert register.audit.verify().is_sound


def test_a_family_is_told_the_same_on_both_engines(on_server: World, in_file: World):
    for world in (on_server, in_file):
        world.register.audit.write(world.people["teacher"], "page_viewed", "school:101")
    assert told_by_register(on_server.register, [ONE]) == told_by_register(in_file.register, [ONE])
    told = told_by_audit(on_server.register, [ONE])
    assert told.lists_opened == 1
    assert [(look.role, look.action) for look in told.looks] == [
        (look.role, look.action) for look in told_by_audit(in_file.register, [ONE]).looks
    ]


def test_what_is_due_is_seen_and_removed(on_server: World):
    on_server.calendar.day = date(2030, 1, 1)
    (found,) = due_today(on_server.register, [NOTICES])
    assert (found.held, len(found.keys)) == (2, 2)
    apply(on_server.register, [NOTICES], "Līga")
    assert content(on_server.register)["absence_notice"] == []
    assert apply(on_server.register, [NOTICES], "Līga") == []


def test_the_pseudonyms_of_a_server_s_register_are_renewed_once(on_server: World, store: Path):
    place = on_server.register.place
    open_key(default_key_file(store), store, may_create=True)
    keep_address(place, store)  # type: ignore[arg-type]
    on_server.register.close()
    assert rotate_key(Renewal(store, default_key_file(store), "Līga"), lambda text: None, may_drop_runs=False) == 2
    with open_register(register_of(store)) as register:
        after = pupils_of(register)
        assert len(after) == 2
        assert not after & {ONE, TWO}
        assert not any(one in line for rows in content(register).values() for line in rows for one in (ONE, TWO))
        assert [entry.action for entry in register.audit.read(count=9999)].count("key_rotated") == 1
