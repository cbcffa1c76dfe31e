"""The test of two tests more: without these guards a kept page and a login's onward link give away what they should not."""

from __future__ import annotations

import pytest
import served_portal
from served_portal import CODES, OWN, serving

WITHOUT_GUARDS = """
import riskmodel.portal.local as local, riskmodel.portal.policy as policy
policy.Scope.fingerprint = property(lambda scope: scope.view + scope.unit)
local.onward = lambda desk, path, language: path or "/lv/"
"""


@pytest.fixture(scope="module")
def open_doors(tmp_path_factory):
    """A portal without these guards."""
    yield from serving(tmp_path_factory.mktemp("without"), before=WITHOUT_GUARDS)


def test_without_the_fingerprint_a_teacher_is_served_the_page_of_the_head(open_doors):
    head, teacher = open_doors.reader(f"director.{OWN}"), open_doors.reader(f"class_teacher.{OWN}")
    assert head.ask(f"/lv/school/{OWN}").status == 200
    shown = {code for code in CODES[OWN] if code in teacher.ask(f"/lv/school/{OWN}").body}
    assert shown > set(served_portal.codes_of_class(OWN, "9.a"))


def test_without_the_check_of_what_follows_a_login_leads_to_another_site(open_doors):
    reader = open_doors.reader()
    assert reader.log_in(f"director.{OWN}", onward="//evil.example").location == "//evil.example"
