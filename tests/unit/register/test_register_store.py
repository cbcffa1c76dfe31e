"""Opening a register: what is made, and what is refused with which words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from riskmodel.errors import UsageError
from riskmodel.register import migrating, sqlite
from riskmodel.register.headnote import note_file
from riskmodel.register.people import Person
from riskmodel.register.schema import METADATA
from riskmodel.register.store import Register, migrate, open_register, register_file, utc_now


def refusal(file: Path, *, may_create: bool = False) -> str:
    with pytest.raises(UsageError) as refused:
        open_register(file, may_create=may_create)
    assert str(file) in str(refused.value)
    return str(refused.value)


def older(file: Path) -> None:
    """Make a register of the first revision."""
    sqlite.make_private(file)
    engine = sqlite.make_engine(file)
    with engine.begin() as connection:
        migrating.upgrade(connection, "0001")
    engine.dispose()


def test_a_register_lies_beside_its_store_and_not_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert register_file(Path("store")) == tmp_path / "store.register.sqlite3"


def test_a_new_register_can_be_read_by_its_owner_alone_whatever_the_mask(file):
    mask = os.umask(0)
    try:
        with open_register(file, may_create=True) as register:
            register.audit.write(None, "page_viewed", "")
            made = list(file.parent.iterdir())
            assert {path.name for path in made} >= {file.name, note_file(file).name, f"{file.name}-wal"}
            assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    finally:
        os.umask(mask)


def test_no_register_is_made_unless_that_is_asked_for(file):
    assert "riskmodel user add" in refusal(file)
    assert list(file.parent.iterdir()) == []


def test_an_empty_file_is_no_register_but_becomes_one_when_asked_for(file):
    sqlite.make_private(file)
    assert "riskmodel user add" in refusal(file)
    open_register(file, may_create=True).close()
    open_register(file).close()


def test_no_register_is_made_where_there_is_no_folder(tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        open_register(tmp_path / "nowhere" / "register", may_create=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_register_that_others_may_read_or_write_is_refused(register: Register, file, mode):
    file.chmod(mode)
    told = refusal(file)
    assert f"{mode:04o}" in told
    assert "chmod 600" in told


def test_a_newer_revision_is_refused_and_left_as_it_is(register: Register, file):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in refusal(file)
    with pytest.raises(UsageError, match="9999"):
        migrate(file)


def test_an_older_revision_is_refused_until_it_is_migrated_after_a_copy(file):
    older(file)
    assert "riskmodel register migrate" in refusal(file, may_create=True)
    copy = migrate(file)
    assert copy is not None
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with open_register(file) as register:
        assert [entry.action for entry in register.audit.read()] == ["register_migrated"]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


def test_migrating_a_register_of_today_changes_nothing(register: Register, file):
    assert migrate(file) is None
    assert register.audit.size() == 1


def test_a_copy_that_is_there_is_not_written_over(file):
    older(file)
    file.with_name(f"{file.name}.before-{migrating.revisions()[-1]}").write_text("kept")
    with pytest.raises(UsageError, match="move it away"):
        migrate(file)


def test_another_data_base_is_refused(file):
    sqlite.make_private(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE other (one INTEGER)")
    assert "not one of a register" in refusal(file, may_create=True)


def test_a_file_of_other_content_is_refused(file):
    sqlite.make_private(file)
    file.write_bytes(b"anything else, and long enough to be looked at" * 100)
    assert "harmed, or is no data base" in refusal(file, may_create=True)


def test_a_harmed_page_is_found_at_the_opening(file):
    with open_register(file, may_create=True) as register:
        for _ in range(40):
            register.audit.write(None, "page_viewed", "school:101")
    content = bytearray(file.read_bytes())
    page = 4096 * 12
    content[page : page + 8] = b"\xff" * 8
    file.write_bytes(content)
    assert "harmed" in refusal(file)


def test_half_a_file_is_refused(file):
    open_register(file, may_create=True).close()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert "harmed" in refusal(file)


def test_every_connection_has_the_settings_that_make_sqlite_keep_its_word(true_disk, register: Register):
    assert sqlite.SETTINGS["synchronous"] == "2"  # FULL
    engine = register._database.engine
    with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):
            found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in sqlite.SETTINGS}
            assert found == sqlite.SETTINGS
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == sqlite.BUSY_SECONDS * 1000


def test_the_migrations_make_the_declared_tables(register: Register, tmp_path):
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite3'}")
    METADATA.create_all(declared)

    def shape(engine):
        seen = inspect(engine)
        with engine.connect() as connection:
            strict = dict(connection.execute(text("SELECT name, strict FROM pragma_table_list")).all())
            sql = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
        return {
            name: {
                "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
                "key": seen.get_pk_constraint(name),
                "foreign": seen.get_foreign_keys(name),
                "unique": seen.get_unique_constraints(name),
                "checks": sorted((c["name"], c["sqltext"]) for c in seen.get_check_constraints(name)),
                "indexes": seen.get_indexes(name),
                "strict": strict[name],
                "autoincrement": "AUTOINCREMENT" in sql[name],
            }
            for name in METADATA.tables
        }

    assert shape(register._database.engine) == shape(declared)
    assert all(table["strict"] for table in shape(declared).values())
    declared.dispose()


def test_the_rows_of_the_audit_refuse_to_be_changed_or_removed(register: Register, file):
    with closing(sqlite3.connect(file)) as connection:
        for slip in ("UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry"):
            with pytest.raises(sqlite3.IntegrityError, match="only written forth"):
                connection.execute(slip)


def test_processes_that_make_a_register_at_once_make_one(file):
    code = (
        "import sys\nfrom pathlib import Path\nfrom riskmodel.register.store import open_register\n"
        "sys.stdin.read()\nopen_register(Path(sys.argv[1]), may_create=True).close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in started:
        process.stdin.close()
    assert [(process.wait(), process.stderr.read()) for process in started] == [(0, b"")] * 3
    for process in started:
        process.stderr.close()
    with open_register(file) as register:
        assert [entry.action for entry in register.audit.read()] == ["register_created"]
        assert register.audit.verify().is_sound


def test_a_copy_of_the_whole_register_is_a_register(register: Register, director: Person, file, tmp_path):
    copy = tmp_path / "copy.register.sqlite3"
    sqlite.copy_to(register._database.engine, copy)
    shutil.copy(note_file(file), note_file(copy))
    with open_register(copy) as other:
        assert other.accounts.find("dace") == director
        assert other.audit.verify() == register.audit.verify()


def test_the_time_of_the_register_is_aware():
    assert utc_now().utcoffset().total_seconds() == 0
