"""Support in numbers: exact in the own school, released above it; nobody sees another school's, and no pupil is named."""

from __future__ import annotations

import pytest
import served_portal
from served_portal import FOREIGN, MUNICIPALITY, OWN

from riskmodel.disclosure.ledger import Release
from riskmodel.support.periods import Period
from riskmodel.support.released import keep
from riskmodel.support.small_numbers import Released, Shown

PERIOD = Period.of(served_portal.TERM.previous)
PERIOD_WORDS = "2025./2026. m. g. 2. semestr"
CELLS = {
    ("state", "LV", "pupils"): Shown(4711, 4499),
    ("municipality", MUNICIPALITY, "pupils"): Shown(None, None),
    ("state", "LV", "risk:MI"): Shown(3210, 3100),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statistics")
    for one in served_portal.serving(folder):
        released = Released(PERIOD, "own", CELLS, (Release("support/own/pupils", str(PERIOD), "r", ()),))
        keep(one.store, released, "20260610T100000-own", "2026-06-10")
        yield one


@pytest.fixture(scope="module")
def readers(served):
    return served_portal.readers_of(served)


@pytest.mark.requirement("R82")
def test_a_school_sees_its_own_numbers_exactly_and_no_other_s(readers):
    body = readers(f"director.{OWN}").ask("/lv/statistics").body
    assert "1 izglītojamais no 1 izglītības iestādes (1 individuālais atbalsta plāns)" in body
    assert served_portal.invented_run.SCHOOLS[FOREIGN] not in body
    assert "4 711" not in body


@pytest.mark.requirement("R82")
def test_the_state_sees_what_was_released(readers):
    body = readers(f"state.{OWN}").ask("/lv/statistics").body.replace("\xa0", " ")
    assert "4 711" in body or "4711" in body
    assert "3 210" in body or "3210" in body
    assert served_portal.invented_run.SCHOOLS[OWN] not in body


def test_a_municipality_sees_a_hidden_number_as_hidden_and_not_as_none(readers):
    body = readers(f"municipality.{OWN}").ask("/lv/statistics").body
    assert "nav parādīts, lai aizsargātu mazus skaitļus" in body


@pytest.mark.parametrize("who", ["class_teacher", "subject_teacher", "researcher", "steward"])
def test_others_have_nothing_to_do_with_it(readers, who):
    assert readers(f"{who}.{OWN}").ask("/lv/statistics").status == 403


@pytest.mark.parametrize("who", ["director", "municipality", "state"])
def test_no_pupil_is_named(readers, who):
    body = readers(f"{who}.{OWN}").ask("/lv/statistics").body
    assert not [code for code in served_portal.CODES[OWN] if code in body]
    assert served_portal.PLANS[OWN] not in body


@pytest.mark.parametrize("period", ["2018/19-2", "2026/27"])
def test_a_period_is_chosen(readers, period):
    assert readers(f"director.{OWN}").ask(f"/lv/statistics?period={period}").status == 200


@pytest.mark.parametrize(
    "query", ["period=x", "period=", "period=2018/19-2&period=2018/19-1", "school=102", "period=9999/00"]
)
def test_a_period_that_there_is_not_is_refused(readers, query):
    assert readers(f"director.{OWN}").ask(f"/lv/statistics?{query}").status in {400, 200} - (
        {200} if query != "period=" else set()
    )
