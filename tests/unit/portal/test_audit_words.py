"""Every act and every detail that the audit may hold is told in words."""

from __future__ import annotations

import invented_run
import pytest

from riskmodel.portal.audit_words import ACTION_WORDS, DETAIL_WORDS, told
from riskmodel.portal.published import open_current
from riskmodel.register.chain import Entry
from riskmodel.register.database import ACTIONS, DETAIL_KEYS


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    invented_run.publish(store)
    return open_current(store)


def _entry(action: str, unit: str = "", details: str = "{}") -> Entry:
    return Entry(7, "2026-11-28T18:05:00.000000Z", "liga", action, unit, "", details, "0" * 64)


def test_every_act_has_words():
    assert set(ACTION_WORDS) == ACTIONS


def test_every_detail_has_words():
    assert set(DETAIL_WORDS) == DETAIL_KEYS


def test_a_look_is_told_with_its_school_on_the_clock_of_latvia(published):
    row = told(_entry("page_viewed", "school:101", '{"view": "school", "language": "lv"}'), published, "lv")
    assert (row["at"], row["what"]) == ("28.11.2026. 20:05:00", "atvērts saraksts")
    assert row["where"] == "Kalnciema ielas vidusskola (101)"
    assert ("lapa", "skolas saraksts") in row["details"]


def test_a_school_that_the_run_does_not_have_is_told_by_its_number(published):
    assert told(_entry("access_denied", "school:999"), published, "en")["where"] == "999"
