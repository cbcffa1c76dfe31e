"""What is SQLite's alone: the file, its mode and its pages, and the settings of a connection."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from riskmodel.errors import UsageError
from riskmodel.register import sqlite
from riskmodel.register.people import Person
from riskmodel.register.places import note_file
from riskmodel.register.private import make_private
from riskmodel.register.store import Register, open_register


def refusal(file: Path, *, may_create: bool = False) -> str:
    with pytest.raises(UsageError) as refused:
        open_register(file, may_create=may_create)
    assert str(file) in str(refused.value)
    return str(refused.value)


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
    make_private(file)
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


def test_a_file_of_other_content_is_refused(file):
    make_private(file)
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


def test_every_connection_has_the_settings_that_make_sqlite_keep_its_word(true_disk, register: Register, file):
    assert sqlite.SETTINGS["synchronous"] == "2"  # FULL
    engine = register.database.engine
    with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):
            found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in sqlite.SETTINGS}
            assert found == sqlite.SETTINGS
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == sqlite.BUSY_SECONDS * 1000


def test_a_copy_of_the_whole_register_is_a_register(register: Register, director: Person, file, tmp_path):
    copy = tmp_path / "copy.register.sqlite3"
    sqlite.copy_to(register.database.engine, copy)
    shutil.copy(note_file(file), note_file(copy))
    with open_register(copy) as other:
        assert other.accounts.find("dace") == director
        assert other.audit.verify() == register.audit.verify()
