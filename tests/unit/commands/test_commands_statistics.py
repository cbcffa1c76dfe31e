"""``riskmodel register statistics``: plans and pupils for people, programs and spreadsheets; and the audit knows who asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Typed
from supported import PLACE, SCHOOL, Calendar, World, people_of

from riskmodel.register.store import open_register, register_file


@pytest.fixture
def filled(store: Path) -> Path:
    calendar = Calendar()
    with open_register(register_file(store), may_create=True, clock=calendar) as register:
        world = people_of(World(register, calendar))
        world.consult(world.approved_plan(1))
        world.approved_plan(2)
    return store


def test_people_read_a_sentence_and_a_table(typed: Typed, filled: Path) -> None:
    told = typed("register", "statistics", "--period", "2019/20-1", "--by", "municipality,school", "--store", filled)
    assert told.code == 0
    assert told.out.startswith("In semester 1 of the school year 2019/20 2 pupils from 1 institution received help")
    row = next(line for line in told.out.splitlines() if SCHOOL in line.split())
    assert row.split()[-2:] == ["2", "2"]
    assert f"({PLACE})" in row
    assert "small ones are not hidden" in told.err


def test_latvian_is_spoken_where_the_system_does(typed: Typed, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "lv_LV.UTF-8")
    told = typed("register", "statistics", "--period", "2019/20", "--by", "risk_group", "--store", filled)
    assert "palīdzību saņēmuši 2 izglītojamie no 1 izglītības iestādes" in told.out
    assert "MI Mācību darba un izglītības iestādes riski" in told.out
    assert "mazie skaitļi nav slēpti" in told.err


def test_programs_read_json(typed: Typed, filled: Path) -> None:
    found = typed(
        "register", "statistics", "--period", "2019/20", "--by", "semester,status", "--json", "--store", filled
    ).figures
    assert (found["plans"], found["pupils"], found["institutions"], found["educators"]) == (2, 2, 1, 1)
    assert (found["consultations"], found["minutes"]) == (1, 40)
    assert found["by"] == ["semester", "semester", "status"]
    assert found["rows"] == [
        {"key": [2019, 1, "APPROVED"], "plans": 1, "pupils": 1},
        {"key": [2019, 1, "IN_PROGRESS"], "plans": 1, "pupils": 1},
    ]


def test_spreadsheets_read_csv(typed: Typed, filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "plans.csv"
    told = typed("register", "statistics", "--period", "2019/20", "--by", "stage", "--csv", file, "--store", filled)
    assert (told.code, told.out) == (0, "")
    assert file.read_text("utf-8-sig").splitlines() == [
        "kind of stage;stage;plans;different pupils",
        "grade;9;2;2",
        "together;;2;2",
    ]


def test_other_places_have_nothing(typed: Typed, filled: Path) -> None:
    for option in (("--municipality", "LV0011000"), ("--school", "102"), ("--programme", "own")):
        found = typed("register", "statistics", "--period", "2019/20", *option, "--json", "--store", filled).figures
        assert (found["plans"], found["pupils"]) == (0, 0)
    told = typed("register", "statistics", "--period", "2018/19", "--store", filled)
    assert "nobody received help" in told.out


def test_asking_is_written_into_the_audit(typed: Typed, filled: Path) -> None:
    typed("register", "statistics", "--period", "2019/20", "--municipality", PLACE, "--json", "--store", filled)
    (entry,) = typed("register", "audit", "--action", "file_exported", "--json", "--store", filled).figures
    assert entry["unit"] == f"municipality:{PLACE}"
    assert entry["details"] == {"view": "statistics", "reference": "2019/20", "rows": 0}


def test_what_cannot_be_asked_is_refused_with_what_can(typed: Typed, filled: Path) -> None:
    wrong = typed("register", "statistics", "--period", "2019", "--store", filled)
    assert (wrong.code, "2018/19-2" in wrong.err) == (2, True)
    wrong = typed("register", "statistics", "--period", "2019/20", "--by", "colour", "--store", filled)
    assert (wrong.code, "risk_group" in wrong.err) == (2, True)
