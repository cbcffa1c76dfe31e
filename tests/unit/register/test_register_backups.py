"""A back-up of a register in use, and putting it back, on both engines."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from own_postgres import Server, made_place
from sqlalchemy import text

from riskmodel.errors import UsageError
from riskmodel.register.backups import ABOUT_FILE, How, back_up, read_about, restore
from riskmodel.register.people import Grant
from riskmodel.register.places import Place, ServerPlace, note_file, register_file, register_of, server_place, url_file
from riskmodel.register.store import Register, open_register, put_on_server

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


def forget_nobody(register: Register, made_at: str) -> int:
    return 0


def other_place(request: pytest.FixtureRequest, place: Place, store: Path) -> ServerPlace | None:
    """Return an empty data base for what a server's register is put back into."""
    if not isinstance(place, ServerPlace):
        return None
    server = request.getfixturevalue("postgres")
    return server_place(server.address(server.make_database()), store)


@pytest.fixture
def made(register: Register, tmp_path: Path) -> Path:
    register.accounts.add("liga", "Līga Kalniņa", "quite a long password 7", "lv", [Grant("director", "101")], "tests")
    back_up(register, tmp_path / "back-up.zip", "Līga", key_id="0011aabb")
    return tmp_path / "back-up.zip"


def test_what_is_put_back_is_what_was_there_and_its_audit_goes_on(
    register: Register, place: Place, made: Path, store: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    before = register.audit.read(count=1000)[:-1]  # but for the back-up's own entry
    elsewhere = tmp_path / "elsewhere"
    how = How("0011aabb", server=other_place(request, place, elsewhere))
    restored = restore(made, elsewhere, "Līga", forget_nobody, how)
    with open_register(register_of(elsewhere)) as again:
        assert again.accounts.check_password("liga", "quite a long password 7") is not None
        entries = again.audit.read(count=1000)
        assert entries[:-1] == before
        assert (entries[-1].action, entries[-1].number) == ("register_restored", restored.entries)
        verdict = again.audit.verify()
        assert (verdict.is_sound, verdict.not_noted) == (True, 0)
    assert restored.kept is None
    assert register.audit.read(count=1000)[-1].action == "register_backed_up"


def test_a_back_up_is_private_and_says_what_it_is(register: Register, made: Path):
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    about = read_about(made)
    assert about.key_id == "0011aabb"
    assert about.engine == register.database.engine.dialect.name
    assert about.entries == register.audit.size() - 1
    assert [path.name for path in made.parent.iterdir() if path.name.startswith(".")] == []


def test_a_living_register_is_not_replaced_by_accident(file: Path, store: Path, made: Path):
    with pytest.raises(UsageError, match="living register"):
        restore(made, store, "Līga", forget_nobody, How())


def test_a_replaced_register_is_kept_beside_and_stays_sound(file: Path, register: Register, store: Path, made: Path):
    register.accounts.add("later", "Later", None, "lv", [], "tests")
    register.close()
    restored = restore(made, store, "Līga", forget_nobody, How(may_replace=True))
    assert restored.kept is not None
    with open_register(restored.kept) as old:
        assert old.accounts.find("later") is not None
        assert old.audit.verify().is_sound
    with open_register(file) as now:
        assert now.accounts.find("later") is None
        assert now.audit.verify().is_sound


def test_a_register_that_somebody_has_open_is_not_replaced(file: Path, register: Register, store: Path, made: Path):
    assert register.accounts.list()
    with pytest.raises(UsageError, match="open while"):
        restore(made, store, "Līga", forget_nobody, How(may_replace=True))
    assert register.audit.verify().is_sound
    assert sorted(path.name for path in store.parent.iterdir() if "restor" in path.name) == []


def test_a_harmed_register_is_replaced_and_kept(file: Path, register: Register, store: Path, made: Path):
    register.close()
    file.write_bytes(b"harmed" * 1000)
    restored = restore(made, store, "Līga", forget_nobody, How(may_replace=True))
    assert restored.kept is not None
    assert restored.kept.read_bytes() == b"harmed" * 1000
    with open_register(file) as now:
        assert now.audit.verify().is_sound


def rewritten(made: Path, *, about: dict[str, object] | None = None, cut: bool = False, flip: bool = False) -> Path:
    to = made.with_name("rewritten.zip")
    with zipfile.ZipFile(made) as archive, zipfile.ZipFile(to, "w") as copy:
        for name in archive.namelist():
            content = bytearray(archive.read(name))
            if name == ABOUT_FILE:
                content = bytearray(json.dumps({**json.loads(bytes(content)), **(about or {})}).encode())
            elif cut:
                del content[len(content) // 2 :]
            elif flip:
                content[len(content) // 2] ^= 1
            copy.writestr(name, bytes(content))
    return to


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cut": True}, "changed or cut"),
        ({"flip": True}, "changed or cut"),
        ({"about": {"revision": "9999"}}, "newer version"),
        ({"about": {"head": "f" * 64}}, "audit is not"),
        ({"about": {"form": "riskmodel/back-up/2"}}, "form"),
    ],
)
def test_a_back_up_that_was_changed_is_refused_and_leaves_nothing(
    file: Path, made: Path, tmp_path: Path, change: dict, told: str
):
    with pytest.raises(UsageError, match=told):
        restore(rewritten(made, **change), tmp_path / "elsewhere", "Līga", forget_nobody, How())
    assert [path.name for path in tmp_path.iterdir() if "elsewhere" in path.name] == []


def test_a_file_that_is_no_back_up_is_refused(tmp_path: Path):
    (tmp_path / "x.zip").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="cannot be read"):
        restore(tmp_path / "x.zip", tmp_path / "store", "Līga", forget_nobody, How())


def test_a_back_up_of_another_key_is_refused(file: Path, made: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="key of the pseudonyms was renewed"):
        restore(made, tmp_path / "elsewhere", "Līga", forget_nobody, How("ffffffff"))


def test_a_back_up_of_the_other_engine_is_refused(register: Register, place: Place, made: Path, tmp_path: Path):
    server = None if isinstance(place, ServerPlace) else server_place("postgresql:///empty", tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="data base that made it"):
        restore(made, tmp_path / "elsewhere", "Līga", forget_nobody, How(server=server))


def test_a_server_s_back_up_goes_into_an_empty_data_base_only(postgres: Server, store: Path, tmp_path: Path):
    with made_place(postgres, store, START) as place, open_register(place) as register:
        back_up(register, tmp_path / "of_server.zip", "Līga")
        elsewhere = tmp_path / "elsewhere"
        with pytest.raises(UsageError, match="empty data base"):
            restore(
                tmp_path / "of_server.zip",
                elsewhere,
                "Līga",
                forget_nobody,
                How(server=ServerPlace(place.url, elsewhere)),
            )
        assert register.audit.verify().is_sound
        assert not url_file(elsewhere).exists()


def test_a_store_follows_the_new_address_once_a_server_s_register_is_replaced(
    postgres: Server, store: Path, tmp_path: Path
):
    first, second = (server_place(postgres.address(postgres.make_database()), store) for _ in range(2))
    put_on_server(first, store)
    with open_register(register_of(store)) as register:
        back_up(register, tmp_path / "of_server.zip", "Līga")
        register.accounts.add("later", "Later", None, "lv", [], "tests")
    restored = restore(tmp_path / "of_server.zip", store, "Līga", forget_nobody, How(may_replace=True, server=second))
    assert restored.kept is not None
    with open_register(register_of(store)) as now, open_register(first) as old:
        assert now.accounts.find("later") is None
        assert now.audit.verify().is_sound
        assert old.accounts.find("later") is not None
    assert stat.S_IMODE(url_file(store).stat().st_mode) == 0o600


def test_who_was_erased_is_gone_before_the_register_is_in_its_place(file: Path, made: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    seen = []

    def forget(register: Register, made_at: str) -> int:
        seen.append((register.accounts.find("liga") is not None, register_file(elsewhere).exists()))
        return 3

    assert restore(made, elsewhere, "Līga", forget, How()).erased == 3
    assert seen == [(True, False)]


def test_an_older_back_up_is_brought_forward(file: Path, register: Register, made: Path, tmp_path: Path):
    older = tmp_path / "older.sqlite3"
    with zipfile.ZipFile(made) as archive:
        older.write_bytes(archive.read("register.sqlite3"))
    import sqlite3

    with sqlite3.connect(older) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = {"account", "role_grant", "grant_pupil", "session", "failed_login", "capacity", "audit_entry"}
        connection.execute("PRAGMA foreign_keys = OFF")
        for name in set(names) - kept - {"audit_head", "alembic_version", "sqlite_sequence"}:
            connection.execute(f"DROP TABLE {name}")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    import hashlib

    data = older.read_bytes()
    about = json.loads(zipfile.ZipFile(made).read(ABOUT_FILE))
    about |= {"revision": "0002", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with zipfile.ZipFile(tmp_path / "older.zip", "w") as archive:
        archive.writestr(ABOUT_FILE, json.dumps(about))
        archive.writestr("register.sqlite3", data)
    restore(tmp_path / "older.zip", tmp_path / "elsewhere", "Līga", forget_nobody, How())
    with open_register(register_file(tmp_path / "elsewhere")) as now:
        assert [entry.action for entry in now.audit.read(count=1000)][-2:] == ["register_migrated", "register_restored"]
        assert now.audit.verify().is_sound
    assert [path.name for path in tmp_path.iterdir() if "before-" in path.name] == []


def test_nothing_is_left_of_a_back_up_that_failed(file: Path, register: Register, tmp_path: Path, monkeypatch):
    def fail(*_: object, **__: object) -> int:
        raise OSError("disk")

    monkeypatch.setattr(register.audit, "write", fail)
    with pytest.raises(OSError, match="disk"):
        back_up(register, tmp_path / "unheard.zip", "Līga")
    assert not list(tmp_path.glob("*unheard*"))


def test_a_note_of_the_head_is_restored_with_the_register(file: Path, made: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    restored = restore(made, elsewhere, "Līga", forget_nobody, How())
    assert int(note_file(register_file(elsewhere)).read_text()[:16]) == restored.entries
    assert stat.S_IMODE(register_file(elsewhere).stat().st_mode) == 0o600


def test_a_copy_of_the_file_during_writes_is_not_what_a_back_up_is(file: Path, register: Register, tmp_path: Path):
    register.accounts.add("wal", "Wal", None, "lv", [], "tests")
    shutil.copy(file, tmp_path / "copied.sqlite3")  # without its journal
    back_up(register, tmp_path / "made.zip", "Līga")
    restore(tmp_path / "made.zip", tmp_path / "elsewhere", "Līga", forget_nobody, How())
    with open_register(register_file(tmp_path / "elsewhere")) as now:
        assert now.accounts.find("wal") is not None
    with register.database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM account")) == 1
