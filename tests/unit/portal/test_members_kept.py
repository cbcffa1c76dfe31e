"""Who belongs to a school: read once, kept small, and ready for the last schools that were asked for."""

from __future__ import annotations

import gc
import shutil

import invented_run
import pytest

from riskmodel.portal import published as of_run
from riskmodel.portal.names import Names
from riskmodel.portal.published import Member, open_current

SCHOOLS = {str(number): f"{number}. skola" for number in range(101, 107)}
OPEN = 2


@pytest.fixture
def store(tmp_path):
    invented_run.publish(tmp_path / "store", schools=SCHOOLS)
    return tmp_path / "store"


def _alive() -> int:
    gc.collect()
    # By its type alone: to ask some objects of libraries what they are raises an error.
    return sum(type(one) is Member for one in gc.get_objects())


def test_who_belongs_to_a_school_is_the_same_each_time_and_its_file_is_read_once(monkeypatch, store):
    monkeypatch.setattr(of_run, "SCHOOLS_OPEN", OPEN)
    published = open_current(store)
    first = {school_id: dict(published.members(school_id)) for school_id in SCHOOLS}
    assert {code: member.pupil_id for code, member in first["101"].items()} == {
        pupil["code"]: pupil["pupil_id"] for pupil in invented_run.school("101", SCHOOLS["101"])["pupils"]
    }
    shutil.rmtree(published.folder / "extracts" / "school")
    assert {school_id: dict(published.members(school_id)) for school_id in SCHOOLS} == first


def test_only_the_pupils_of_the_last_schools_stand_ready(monkeypatch, store):
    monkeypatch.setattr(of_run, "SCHOOLS_OPEN", OPEN)
    published = open_current(store)
    before = _alive()
    for school_id in SCHOOLS:
        published.members(school_id)
    pupils = len(published.members("106"))
    assert pupils > 0
    assert _alive() - before == OPEN * pupils


def test_names_keep_no_more_pupils_than_those_of_the_last_lists(monkeypatch, store):
    monkeypatch.setattr("riskmodel.portal.names.LISTS_KEPT", OPEN)
    names, before = Names(store), _alive()
    for number in range(10):
        names.of([Member(f"p{number}", f"{number:06d}", None)])
    assert _alive() - before == OPEN
