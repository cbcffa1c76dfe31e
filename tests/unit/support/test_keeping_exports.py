"""The support register as one file, and back."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from kept_register import filled, opened_register, write_large_export
from sqlalchemy import func, select
from supported import Calendar, World

from riskmodel.errors import UsageError
from riskmodel.register import migrating, sqlite
from riskmodel.register.people import Grant
from riskmodel.register.store import Register
from riskmodel.support.keeping.exporting import export_register
from riskmodel.support.keeping.held import as_texts, rows_of_pupils, support_tables
from riskmodel.support.keeping.importing import import_register

NAME_NOBODY = {
    "budget",
    "capacity",
    "cooperation",
    "counter",
    "director_order",
    "educator_event",
    "event_school",
    "institution",
    "membership",
    "order_acknowledgement",
    "order_educator",
    "partner",
    "practice_note",
    "request",
    "rule_change",
    "staff",
    "youth_call",
    "youth_project",
}
"""``request`` is looked through by what it answered."""


@pytest.fixture(autouse=True)
def _hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    calendar = Calendar()
    with opened_register(tmp_path / "store", calendar) as register:
        yield filled(register, calendar)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Register]:
    with opened_register(tmp_path / "other") as register:
        yield register


@pytest.fixture
def export(world: World, tmp_path: Path) -> Path:
    export_register(world.register, tmp_path / "register.zip", "Līga")
    return tmp_path / "register.zip"


def content(register: Register) -> dict[str, list[tuple]]:
    with register.database.reading() as connection:
        return {
            one.name: sorted(map(tuple, connection.execute(select(as_texts(one)))), key=str) for one in support_tables()
        }


def actions(register: Register) -> list[str]:
    return [entry.action for entry in register.audit.read(count=10_000)]


def test_the_filled_register_has_rows_in_every_table_that_can_name_a_pupil(world: World):
    with world.register.database.reading() as connection:
        for one, condition in rows_of_pupils({"0" * 31 + "1"}).items():
            assert connection.scalar(select(func.count()).select_from(one).where(condition)), one.name


def test_every_table_of_support_is_a_pupil_s_or_known_to_name_nobody():
    of_pupils = {one.name for one in rows_of_pupils({"x"})}
    assert {one.name for one in support_tables()} == of_pupils | NAME_NOBODY
    assert not of_pupils & NAME_NOBODY


def test_what_was_exported_is_there_after_the_import_and_gives_the_same_bytes(
    world: World, export: Path, empty: Register, tmp_path: Path
):
    imported = import_register(empty, export, "Līga")
    assert content(empty) == content(world.register)
    assert imported.all_rows == sum(len(rows) for rows in content(empty).values())
    assert imported.unknown_logins == len(world.register.accounts.list())
    export_register(world.register, tmp_path / "again.zip", "Līga")
    assert (tmp_path / "again.zip").read_bytes() == export.read_bytes()


def test_the_export_is_private_and_both_ways_are_in_the_audit_once(world: World, export: Path, empty: Register):
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    import_register(empty, export, "Līga")
    assert actions(world.register).count("register_exported") == 1
    assert actions(empty).count("register_imported") == 1
    assert empty.audit.verify().is_sound


def test_no_password_session_or_failed_login_stands_in_an_export(world: World, tmp_path: Path):
    world.register.accounts.set_password("teacher", "quite a long password 7", "tests")
    world.register.sessions.open(world.people["director"], world.calendar())
    export_register(world.register, tmp_path / "with_password.zip", "Līga")
    with zipfile.ZipFile(tmp_path / "with_password.zip") as archive:
        assert not any(
            word in name for name in archive.namelist() for word in ("session", "failed", "audit", "account")
        )
        assert not any(b"argon2" in archive.read(name) for name in archive.namelist())


def test_an_import_of_the_same_changes_nothing(world: World, export: Path):
    before = actions(world.register)
    assert import_register(world.register, export, "Līga").is_identical
    assert actions(world.register) == before


def test_an_import_over_other_support_is_refused(world: World, export: Path):
    world.enrol(77)
    with pytest.raises(UsageError, match="holds no support yet"):
        import_register(world.register, export, "Līga")


def test_a_verb_goes_on_with_the_next_number_after_an_import(export: Path, empty: Register):
    import_register(empty, export, "Līga")
    after = World(empty, Calendar(), numbers=count(1_000_000))  # the keys of the requests came along
    after.person("steward", Grant("steward"))
    assert after.enrol(91)


def rewritten(export: Path, change: Callable[[str, bytes], bytes], *, with_digests: bool) -> Path:
    """Return a copy of an export with other contents; the manifest follows only where it is told to."""
    import hashlib

    to = export.with_name("rewritten.zip")
    with zipfile.ZipFile(export) as archive, zipfile.ZipFile(to, "w") as copy:
        parts = {name: change(name, archive.read(name)) for name in archive.namelist()}
        if with_digests:
            manifest = json.loads(parts["manifest.json"])
            for said in [*manifest["tables"].values(), *manifest["people"].values()]:
                text = parts[said["file"]]
                said |= {"sha256": hashlib.sha256(text).hexdigest(), "rows": text.count(b"\n")}
            parts["manifest.json"] = json.dumps(manifest).encode()
        for name, text in parts.items():
            copy.writestr(name, text)
    return to


def in_table(table: str, old: str, new: str) -> Callable[[str, bytes], bytes]:
    def change(name: str, text: bytes) -> bytes:
        if name != f"tables/{table}.jsonl":
            return text
        assert old.encode() in text
        return text.replace(old.encode(), new.encode())

    return change


def test_a_changed_byte_is_found_and_its_table_named(export: Path, empty: Register):
    harmed = rewritten(export, in_table("plan_risk", "MI4", "MI3"), with_digests=False)
    with pytest.raises(UsageError, match=r"tables/plan_risk\.jsonl: .*digest"):
        import_register(empty, harmed, "Līga")


@pytest.mark.parametrize(
    ("table", "old", "new", "told"),
    [
        ("plan", '"UNDER_REVISION"', '"ASLEEP"', r"plan\.jsonl:1: .*ck_plan_status"),
        ("consent", '"2019-09-17"', '"2019-19-17"', r"consent\.jsonl:1: .*given_on"),
        ("stay", '"0000000000000000000000000000000', '"000000000000000000000000000000-', r"stay\.jsonl:1: .*pupil_id"),
        ("plan", '"2019","1"', '"2019","01"', r"plan\.jsonl:1: .*semester"),
        ("plan_risk", '["1","1"', '["1","999"', r"plan_risk\.jsonl:1: .*not there"),
        ("plan_risk", '["2","1"', '["1","1"', r"plan_risk\.jsonl:2: .*plan_risk\.risk_id"),
        ("plan_step", 'Z"]\n', 'Z",null]\n', r"plan_step\.jsonl:1: "),
        ("assessment", "prieku", "prie\\u0000ku", r"assessment\.jsonl:1: .*told"),
        ("assessment", "prieku", "prie\\ud83dku", r"assessment\.jsonl:1: .*told"),
        ("plan_risk", '"GI4"', "7", r"plan_risk\.jsonl:2: .*risk_code"),
        ("counter", '["plan","3"]', '["plan","2"]', r"counter\.jsonl: .*plan stands before"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_and_nothing_is_written(
    export: Path, empty: Register, table: str, old: str, new: str, told: str
):
    harmed = rewritten(export, in_table(table, old, new), with_digests=True)
    before = actions(empty)
    with pytest.raises(UsageError, match=told):
        import_register(empty, harmed, "Līga")
    assert not any(content(empty).values())
    assert actions(empty) == before


def test_a_zip_with_another_file_or_without_one_is_refused(export: Path, empty: Register, tmp_path: Path):
    with zipfile.ZipFile(export, "a") as archive:
        archive.writestr("../../outside", b"x")
    with pytest.raises(UsageError, match="Other files"):
        import_register(empty, export, "Līga")
    (tmp_path / "no.zip").write_bytes(b"PK no zip")
    with pytest.raises(UsageError, match="cannot be opened"):
        import_register(empty, tmp_path / "no.zip", "Līga")


def test_an_export_of_another_revision_is_refused(export: Path, empty: Register):
    def older(name: str, text: bytes) -> bytes:
        return text.replace(migrating.revisions()[-1].encode(), b"0002") if name == "manifest.json" else text

    with pytest.raises(UsageError, match="0002"):
        import_register(empty, rewritten(export, older, with_digests=False), "Līga")


def test_an_export_is_never_written_over_a_file(world: World, export: Path):
    before = export.read_bytes()
    with pytest.raises(UsageError, match="that name already"):
        export_register(world.register, export, "Līga")
    assert export.read_bytes() == before


def test_a_failing_audit_leaves_no_file(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> int:
        raise OSError("disk")

    monkeypatch.setattr(world.register.audit, "write", fail)
    with pytest.raises(OSError, match="disk"):
        export_register(world.register, tmp_path / "unheard.zip", "Līga")
    assert not list(tmp_path.glob("*unheard*"))


def test_an_invented_large_export_is_a_whole_one(empty: Register, tmp_path: Path):
    write_large_export(tmp_path / "large.zip", plans=30, consultations_per_plan=4)
    assert import_register(empty, tmp_path / "large.zip", "Līga").rows["consultation"] == 120
    export_register(empty, tmp_path / "out.zip", "Līga")
    shutil.copy(tmp_path / "out.zip", tmp_path / "copy.zip")
    assert import_register(empty, tmp_path / "copy.zip", "Līga").is_identical
