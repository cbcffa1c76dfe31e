"""The test of the tests: where a guard is taken out, the attack that it stops succeeds."""

from __future__ import annotations

import pytest
import served_portal
from served_portal import CODES, FOREIGN, OWN, PASSWORD, serving

WITHOUT_GUARDS = """
import riskmodel.portal.forms as forms, riskmodel.portal.handlers as handlers, riskmodel.portal.local as local
import riskmodel.portal.policy as policy, riskmodel.register.throttle as throttle
forms.is_token = lambda given, key: True
forms.is_from_own_page = lambda headers, origin: True
handlers._host_of = lambda header: "127.0.0.1"
policy.Scope.fingerprint = property(lambda scope: scope.view + scope.unit)
local.LoginHandler._onward = lambda self, path: path or "/lv/"
throttle.Throttle.admit = lambda self, login, address, now: 0
"""
OPEN_TO_FOREIGN_SCHOOLS = """
import riskmodel.portal.handlers as handlers
from riskmodel.portal.policy import Scope
handlers.decide = lambda person, ask, published, on: Scope(ask.view, ask.school_id or "", "director")
"""


@pytest.fixture(scope="module")
def open_doors(tmp_path_factory):
    """A portal without these guards."""
    yield from serving(tmp_path_factory.mktemp("without"), first=WITHOUT_GUARDS)


def test_without_the_check_of_the_host_another_name_is_answered(open_doors):
    assert open_doors.reader().ask("/lv/login", Host="evil.example").status == 200


def test_without_the_token_another_page_logs_a_reader_out(open_doors):
    reader = open_doors.reader(f"support_staff.{OWN}")
    answer = reader.post("/lv/logout", {}, **{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    assert answer.status == 303
    assert reader.ask("/lv/support").status == 302


def test_without_the_fingerprint_a_teacher_is_served_the_page_of_the_head(open_doors):
    head, teacher = open_doors.reader(f"director.{OWN}"), open_doors.reader(f"class_teacher.{OWN}")
    assert head.ask(f"/lv/school/{OWN}").status == 200
    shown = {code for code in CODES[OWN] if code in teacher.ask(f"/lv/school/{OWN}").body}
    assert shown > set(served_portal.codes_of_class(OWN, "9.a"))


def test_without_the_check_of_what_follows_a_login_leads_to_another_site(open_doors):
    reader = open_doors.reader()
    assert reader.log_in(f"director.{OWN}", onward="//evil.example").location == "//evil.example"


def test_without_patience_guessing_goes_on_for_ever(open_doors):
    guesser = open_doors.reader()
    assert {guesser.log_in(f"director.{OWN}", f"guess number {number}").status for number in range(12)} == {401}
    assert guesser.log_in(f"director.{OWN}", PASSWORD).status == 303


def test_without_the_policy_a_foreign_school_is_shown(tmp_path):
    for served in serving(tmp_path, first=OPEN_TO_FOREIGN_SCHOOLS):
        body = served.reader(f"director.{OWN}").ask(f"/lv/school/{FOREIGN}").body
        assert any(code in body for code in CODES[FOREIGN])
