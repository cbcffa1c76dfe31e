"""The verbs that keep the register, given as the shell would."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from command_line import Typed
from kept_register import SECRET_WORDS, filled, opened_register
from supported import Calendar, pupil_id

from riskmodel.register.places import register_file
from riskmodel.register.store import open_register
from riskmodel.register.tombstones import open_tombstones
from riskmodel.support.keeping.erasing import pupils_in_register

ONE, TWO = pupil_id(1), pupil_id(2)


@pytest.fixture
def kept(store: Path) -> Path:
    """Return a store whose register holds support for two pupils."""
    calendar = Calendar()
    with opened_register(store, calendar) as register:
        world = filled(register, calendar, (1, 2))
        register.audit.write(world.people["teacher"], "pupil_viewed", "school:101", ONE)
    return store


def pupils(store: Path) -> set[str]:
    with open_register(register_file(store)) as register, register.database.reading() as connection:
        return pupils_in_register(connection)


def actions(store: Path) -> list[str]:
    with open_register(register_file(store)) as register:
        assert register.audit.verify().is_sound
        return [entry.action for entry in register.audit.read(count=9999)]


def other_store(store: Path) -> Path:
    other = store.with_name("other")
    other.mkdir()
    open_register(register_file(other), may_create=True).close()
    return other


def test_an_export_is_imported_into_another_store_and_again_changes_nothing(kept: Path, typed: Typed, tmp_path: Path):
    file, other = tmp_path / "register.zip", other_store(kept)
    assert typed("register", "export", "--to", file, "--by", "Līga", "--store", kept).code == 0
    ended = typed("register", "import", "--from", file, "--store", other)
    assert ended.code == 0
    assert "rows were written" in ended.err
    assert "no account here" in ended.err
    assert pupils(other) == {ONE, TWO}
    assert "very same" in typed("register", "import", "--from", file, "--store", other).err


def test_a_back_up_is_restored_over_a_living_register_only_with_replace(kept: Path, typed: Typed, tmp_path: Path):
    file = tmp_path / "back-up.zip"
    assert typed("register", "back-up", "--to", file, "--store", kept).code == 0
    refused = typed("register", "restore", "--from", file, "--store", kept)
    assert refused.code == 2
    assert "--replace" in refused.err
    restored = typed("register", "restore", "--from", file, "--replace", "--store", kept)
    assert restored.code == 0
    assert "is kept" in restored.err
    assert actions(kept)[-1] == "register_restored"


def test_an_erased_pupil_is_nowhere_and_what_is_not_reached_is_said(kept: Path, typed: Typed, tmp_path: Path):
    assert typed("register", "back-up", "--to", tmp_path / "back-up.zip", "--store", kept).code == 0
    ended = typed("register", "erase", "--pupil", TWO, "--by", "Līga", "--reason", "12/2026", "--json", "--store", kept)
    assert ended.code == 0
    assert ended.figures["left"] == []
    assert ended.figures["register"]["plan"] == 1
    assert len(ended.figures["not_reached"]) == 7
    assert "Files as they were delivered lie outside the store" in ended.err
    assert pupils(kept) == {ONE}
    assert open_tombstones(kept).has("pupil_id", TWO)
    again = typed("register", "restore", "--from", tmp_path / "back-up.zip", "--replace", "--store", kept)
    assert "1 pupil who was erased since was erased again" in again.err
    assert pupils(kept) == {ONE}


def test_a_copy_beside_the_store_that_still_holds_the_pupil_is_named_and_the_erasure_not_claimed(
    kept: Path, typed: Typed
):
    (kept / "stray.txt").write_text(f"somebody noted {TWO}")
    ended = typed("register", "erase", "--pupil", TWO, "--by", "Līga", "--reason", "12/2026", "--store", kept)
    assert ended.code == 4
    assert "store/stray.txt" in ended.err


@pytest.mark.parametrize("names", [(), ("--pupil", "0000"), ("--pupil", "f" * 32), ("--pupil", "0" * 20)])
def test_nobody_is_erased_when_it_is_not_clear_who_is_meant(kept: Path, typed: Typed, names: tuple[str, ...]):
    ended = typed("register", "erase", *names, "--by", "Līga", "--reason", "x", "--store", kept)
    assert ended.code == 2
    assert pupils(kept) == {ONE, TWO}


def test_a_family_gets_all_of_its_own_and_nothing_of_another_nor_what_is_protected(
    kept: Path, typed: Typed, tmp_path: Path
):
    to = tmp_path / "subject.json"
    assert typed("register", "subject", "--pupil", ONE, "--to", to, "--by", "Līga", "--store", kept).code == 0
    pages = [tmp_path / f"subject.{language}.html" for language in ("lv", "en")]
    for path in (to, *pages):
        text = path.read_text("utf-8")
        assert "Matemātikā četras nepietiekamas atzīmes." in text
        assert SECRET_WORDS not in text
        assert TWO not in text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Individuālie atbalsta plāni" in pages[0].read_text("utf-8")
    assert "1 record is under the protection" in pages[1].read_text("utf-8")
    told = json.loads(to.read_text("utf-8"))
    assert [look["role"] for look in told["audit"]["entries"] if look["action"] == "pupil_viewed"] == ["class_teacher"]
    assert actions(kept)[-1] == "subject_told"
    assert typed("register", "subject", "--pupil", ONE, "--to", to, "--store", kept).code == 2


def test_a_name_in_the_register_cannot_become_code_on_the_page(kept: Path):
    from riskmodel.runs.pupils import find_pupil
    from riskmodel.runs.subject import subject_of
    from riskmodel.runs.subject_page import subject_page

    told = subject_of(kept, find_pupil(kept, code=ONE, elsewhere=[ONE]))
    told["register"]["plan_risk"][0]["justification"] = "<script>alert(1)</script>"
    assert "<script>" not in subject_page(told, "lv")


def test_who_looked_is_printed_by_role_and_reading_it_is_an_entry(kept: Path, typed: Typed):
    ended = typed("register", "looks", "--pupil", ONE, "--store", kept)
    assert "class_teacher  pupil_viewed  school:101" in ended.out
    assert "teacher " not in ended.out.replace("class_teacher ", "")
    assert actions(kept)[-1] == "looks_read"


def test_retention_lists_what_is_held_and_removes_nothing_undecided(kept: Path, typed: Typed):
    ended = typed("register", "retention", "--json", "--store", kept)
    assert {one["kind"]: one["held"] for one in ended.figures}["notice"] == 2
    assert all(one["due"] == 0 for one in ended.figures)
    assert "0 records were removed" in typed("register", "retention", "--apply", "--store", kept).err
    assert pupils(kept) == {ONE, TWO}


def test_decided_periods_remove_what_is_due(kept: Path, typed: Typed, tmp_path: Path):
    file = tmp_path / "periods.yaml"
    line = "{programme: null, kind: notice, months: 12, decided_by: DPO, decided_on: 2020-01-01, act: '1-9/5'}"
    file.write_text(f"periods:\n  - {line}\n", "utf-8")
    ended = typed("register", "retention", "--periods", file, "--apply", "--store", kept)
    assert "2 records were removed" in ended.err
    assert actions(kept)[-1] == "retention_applied"


def test_nobody_is_readmitted_who_was_not_erased(kept: Path, typed: Typed):
    words = ("register", "readmit", "--register-id", "320101-12345", "--by", "Līga", "--reason", "x", "--store", kept)
    assert "nothing was changed" in typed(*words).err
