"""A pupil out of the register, and kept out of it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from kept_register import SECRET_WORDS, filled, opened_register, owned_place
from sqlalchemy import func, select
from supported import Calendar, World, pupil_id

from riskmodel.errors import UsageError
from riskmodel.register import sqlite
from riskmodel.register.backups import How, back_up, restore
from riskmodel.register.places import register_file
from riskmodel.register.schema import GRANT_PUPIL
from riskmodel.register.store import open_register
from riskmodel.register.tombstones import key_file_of, open_tombstones, tombstones_file
from riskmodel.register.units import Whole
from riskmodel.support.keeping.erasing import erase_from_register, forget_again, pupils_in_register
from riskmodel.support.keeping.exporting import export_register
from riskmodel.support.keeping.held import as_texts, rows_of_pupils, support_tables
from riskmodel.support.keeping.importing import import_register
from riskmodel.support.schema.places import REQUEST

ONE, TWO, THREE = (pupil_id(number) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def _hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    calendar = Calendar()
    with opened_register(tmp_path / "store", calendar) as register:
        yield filled(register, calendar)


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    calendar = Calendar()
    if request.param == "sqlite":
        with opened_register(tmp_path / "store", calendar) as register:
            yield filled(register, calendar)
        return
    server = request.getfixturevalue("postgres")
    with open_register(owned_place(server, tmp_path / "store"), may_create=True, clock=calendar) as register:
        yield filled(register, calendar)


def rows_of(world: World, pupil: str) -> dict[str, int]:
    with world.register.database.reading(Whole("pupil_erased")) as connection:
        conditions = rows_of_pupils([pupil])
        found = {
            one.name: connection.scalar(select(func.count()).select_from(one).where(where)) or 0
            for one, where in conditions.items()
        }
        found["grant_pupil"] = (
            connection.scalar(select(func.count()).select_from(GRANT_PUPIL).where(GRANT_PUPIL.c.pupil_id == pupil)) or 0
        )
    return found


def test_nothing_of_the_pupil_is_left_and_everything_of_the_others_is(on_each: World):
    before = {pupil: rows_of(on_each, pupil) for pupil in (ONE, TWO, THREE)}
    assert all(before[TWO].values())
    gone = erase_from_register(on_each.register, [TWO], "Līga", "pieprasījums 5")
    assert not any(rows_of(on_each, TWO).values())
    assert {pupil: rows_of(on_each, pupil) for pupil in (ONE, THREE)} == {ONE: before[ONE], THREE: before[THREE]}
    assert {name: count for name, count in gone.items() if name != "request"} == before[TWO]
    with on_each.register.database.reading(Whole("pupil_erased")) as connection:
        assert pupils_in_register(connection) == {ONE, THREE}


def test_the_erasure_is_one_entry_and_the_audit_stays_sound(on_each: World):
    size = on_each.register.audit.size()
    erase_from_register(on_each.register, [TWO], "Līga", "pieprasījums 5")
    (entry,) = on_each.register.audit.read(size + 1)
    assert (entry.action, entry.subject, "pieprasījums 5" in entry.details) == ("pupil_erased", TWO, True)
    assert on_each.register.audit.verify().is_sound


def test_requests_that_wrote_of_the_pupil_go_and_those_of_others_stay(world: World):
    def answers() -> set[str]:
        with world.register.database.reading(Whole("pupil_erased")) as connection:
            return set(connection.scalars(select(REQUEST.c.answer)))

    with world.register.database.reading(Whole("pupil_erased")) as connection:
        before = connection.scalar(select(func.count()).select_from(REQUEST)) or 0
    gone = erase_from_register(world.register, [TWO], "Līga")["request"]
    with world.register.database.reading(Whole("pupil_erased")) as connection:
        assert connection.scalar(select(func.count()).select_from(REQUEST)) == before - gone
    plans = [answer for answer in answers() if "plan_code" in answer]
    assert plans
    assert not any("-000002-" in answer for answer in plans)
    assert any("-000001-" in answer for answer in plans)
    assert any("-000003-" in answer for answer in plans)


def test_the_file_holds_no_word_of_the_pupil_and_the_pseudonym_in_the_audit_alone(world: World, tmp_path: Path):
    def bytes_of() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("store.register.sqlite3*")))

    assert SECRET_WORDS.encode() in bytes_of()
    audited = sum(
        entry.subject == pupil for pupil in (ONE, TWO, THREE) for entry in world.register.audit.read(count=9999)
    )
    for pupil in (ONE, TWO, THREE):
        erase_from_register(world.register, [pupil], "Līga")
    found = bytes_of()
    for words in (SECRET_WORDS, "Matemātikā četras", "Nāk ar prieku", "Atzīmes jau labojas", "čeks 17", "lieta 3-7/19"):
        assert words.encode() not in found, words
    # Each entry holds the pseudonym once in its row and once in the index of subjects; three erasures are entries too.
    held = sum(found.count(pupil.encode()) for pupil in (ONE, TWO, THREE))
    assert held == 2 * (audited + 3)


# --- tombstones


def test_an_erased_pupil_is_known_by_code_and_pseudonym_and_nobody_else_is(tmp_path: Path):
    store = tmp_path / "store"
    open_tombstones(store).with_marks(["32010112345"], [ONE], date(2026, 11, 28))
    tombstones = open_tombstones(store)
    assert tombstones.has("register_id", "32010112345")
    assert tombstones.has("pupil_id", ONE)
    assert not tombstones.has("pupil_id", "32010112345")
    assert tombstones.among("pupil_id", [ONE, TWO]) == {ONE}
    assert not open_tombstones(tmp_path / "other").has("pupil_id", ONE)


def test_the_list_holds_no_code_and_no_pseudonym_and_is_private(tmp_path: Path):
    store = tmp_path / "store"
    open_tombstones(store).with_marks(["32010112345"], [ONE], date(2026, 11, 28))
    file = tombstones_file(store)
    assert b"32010112345" not in file.read_bytes() + key_file_of(file).read_bytes()
    assert ONE.encode() not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file_of(file).stat().st_mode) == 0o400


def test_a_readmitted_pupil_may_be_delivered_and_older_copies_stay_erased(tmp_path: Path):
    store, before, after = tmp_path / "store", "2026-11-28T08:00:00.000000Z", "2026-11-30T08:00:00.000000Z"
    open_tombstones(store).with_marks(["a"], [ONE], date(2026, 11, 28)).with_marks(["b"], [TWO], date(2026, 11, 28))
    open_tombstones(store).readmitting(["a"], [ONE], "2026-11-29T08:00:00.000000Z")
    tombstones = open_tombstones(store)
    assert not tombstones.has("register_id", "a")
    assert tombstones.has("register_id", "b")
    assert [tombstones.has("pupil_id", ONE, made_at) for made_at in ("", before, after)] == [True, True, False]
    assert tombstones.has("pupil_id", TWO, after)
    again = tombstones.with_marks(["a"], [ONE], date(2026, 12, 1))
    assert again.has("register_id", "a")
    assert again.has("pupil_id", ONE, after)


def test_a_list_without_its_key_or_open_to_others_is_refused(tmp_path: Path):
    store = tmp_path / "store"
    open_tombstones(store).with_marks(["a"], [ONE], date(2026, 11, 28))
    file = tombstones_file(store)
    file.chmod(0o644)
    with pytest.raises(UsageError, match="Only its owner"):
        open_tombstones(store)
    file.chmod(0o600)
    key_file_of(file).unlink()
    with pytest.raises(UsageError, match="key is missing"):
        open_tombstones(store)


def test_an_older_back_up_comes_back_without_the_erased_pupil(world: World, tmp_path: Path):
    store = tmp_path / "store"
    back_up(world.register, tmp_path / "back-up.zip", "Līga")
    erase_from_register(world.register, [TWO], "Līga")
    open_tombstones(store).with_marks(["x"], [TWO], date(2026, 11, 28))
    world.register.close()
    restored = restore(tmp_path / "back-up.zip", store, "Līga", forget_again(store), How(may_replace=True))
    assert restored.erased == 1
    with open_register(register_file(store)) as now, now.database.reading(Whole("pupil_erased")) as connection:
        assert pupils_in_register(connection) == {ONE, THREE}
        assert [entry.action for entry in now.audit.read(count=9999)][-2:] == ["pupil_erased", "register_restored"]
        assert now.audit.verify().is_sound


def test_an_import_leaves_the_erased_pupil_out(world: World, tmp_path: Path):
    export_register(world.register, tmp_path / "register.zip", "Līga")
    erase_from_register(world.register, [TWO], "Līga")
    tombstones = open_tombstones(tmp_path / "other").with_marks([], [TWO], date(2026, 11, 28))
    with opened_register(tmp_path / "other") as other:
        imported = import_register(other, tmp_path / "register.zip", "Līga", tombstones)
        assert imported.erased == 1

        def content(register) -> dict:
            with register.database.reading(Whole("pupil_erased")) as connection:
                return {
                    one.name: set(map(tuple, connection.execute(select(as_texts(one))))) for one in support_tables()
                }

        assert content(other) == content(world.register)
        assert imported.all_rows == sum(len(rows) for rows in content(other).values())
