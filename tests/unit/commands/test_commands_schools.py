"""The schools of a run become institutions of the register, in which plans can be made; what is known stays as it is."""

from __future__ import annotations

import invented_run
import pytest
from command_line import Typed
from sqlalchemy import select

from riskmodel.register.places import register_file
from riskmodel.register.store import open_register
from riskmodel.register.units import OPEN
from riskmodel.support.schema.places import INSTITUTION


@pytest.fixture
def store(tmp_path):
    place = tmp_path / "store"
    invented_run.publish(place)
    with open_register(register_file(place), may_create=True):
        return place


def institutions(store) -> list[tuple[str, str, str]]:
    with open_register(register_file(store)) as register, register.database.reading(OPEN) as connection:
        rows = connection.execute(select(INSTITUTION).order_by(INSTITUTION.c.school_id, INSTITUTION.c.valid_from))
        return [(row.school_id, row.institution_kind, row.municipality_code) for row in rows]


def test_schools_of_the_current_run_are_entered_once(typed: Typed, store):
    said = typed("register", "schools", "--store", store)
    assert (said.code, "3" in said.err + said.out) == (0, True)
    assert [number for number, _, _ in institutions(store)] == sorted(invented_run.SCHOOLS)
    assert {kind for _, kind, _ in institutions(store)} == {"general"}
    before = institutions(store)
    again = typed("register", "schools", "--store", store)
    assert (again.code, "0" in again.err + again.out) == (0, True)
    assert institutions(store) == before


def test_a_store_without_a_run_has_no_schools_to_enter(typed: Typed, tmp_path):
    place = tmp_path / "store"
    (place / "runs").mkdir(parents=True)
    with open_register(register_file(place), may_create=True):
        pass
    refused = typed("register", "schools", "--store", place)
    assert refused.code == 2
    assert "riskmodel run --help" in refused.err
