"""Pupils as support knows them: where they learn, what is kept of them, who records it."""

from __future__ import annotations

from datetime import date

import pytest
from refusals import one, refused, rows
from supported import OTHER_SCHOOL, SCHOOL, pupil_id

from riskmodel.support.pupils import RecordStay
from riskmodel.support.schema.papers import PUPIL, STAY
from riskmodel.support.work import NotAllowedError, UnknownThingError

SINCE = date(2016, 9, 1)


def stay(number: int = 1, school_id: str = SCHOOL, **more: object) -> RecordStay:
    given = {"stage_kind": "grade", "stage_number": 9, "valid_from": SINCE, "class_code": "9.a", **more}
    return RecordStay(pupil_id(number), school_id, **given)


def test_the_same_stay_again_is_brought_up_to_date_and_stands_once(world):
    world.do("teacher", stay(born_on=date(2004, 5, 31)))
    world.do("teacher", stay(class_code="9.b", valid_to=date(2020, 6, 1)))
    kept = one(world, STAY, pupil_id=pupil_id(1))
    assert (kept.class_code, kept.valid_to) == ("9.b", date(2020, 6, 1))
    assert one(world, PUPIL, pupil_id=pupil_id(1)).born_on == date(2004, 5, 31)


@pytest.mark.requirement("X10")
def test_a_child_in_care_stays_so_until_somebody_says_otherwise(world):
    world.do("teacher", stay(is_in_care=True))
    world.do("teacher", stay(class_code="9.b"))
    assert one(world, PUPIL, pupil_id=pupil_id(1)).is_in_care == 1
    world.do("teacher", stay(is_in_care=False))
    assert one(world, PUPIL, pupil_id=pupil_id(1)).is_in_care == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"stage_kind": "kindergarten"},
        {"stage_number": 13},
        {"stage_number": -1},
        {"valid_to": SINCE},
        {"class_code": "9" * 201},
        {"class_code": "9.a\n"},
        {"class_code": ""},
        {"education_programme": "vārds 010203-12345"},
        {"declared_municipality": "Rīga"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_no_table_could_hold_is_refused_in_words(world, wrong):
    refused(world, "teacher", stay(**wrong))


def test_a_pupil_is_named_by_a_pseudonym_and_no_personal_code(world):
    for code in ("010203-12345", "A" * 32, "a" * 31, ""):
        refused(world, "teacher", RecordStay(code, SCHOOL, "grade", 9, SINCE))


def test_nobody_records_a_stay_in_a_school_of_others(world):
    refused(world, "teacher", stay(school_id=OTHER_SCHOOL), kind=NotAllowedError)
    for who in ("municipality", "state", "researcher"):
        refused(world, who, stay(), kind=NotAllowedError)
    refused(world, "steward", stay(school_id="999"), kind=UnknownThingError)
    world.do("steward", stay())


def test_a_pupil_who_moves_has_a_stay_in_each_school(world):
    world.do("teacher", stay())
    world.do("teacher", stay(valid_to=date(2019, 9, 10)))
    world.do("other.teacher", stay(school_id=OTHER_SCHOOL, valid_from=date(2019, 9, 10)))
    assert [row.school_id for row in rows(world, STAY, pupil_id=pupil_id(1))] == [SCHOOL, OTHER_SCHOOL]
    refused(world, "teacher", stay(valid_from=date(2015, 9, 1), stage_number=99))
