"""A09: whoever works above the school sees no pupil, on no page, in no file and in no message of a problem."""

from __future__ import annotations

import portal_pages
import pytest
import served_portal

ABOVE = ("municipality.101", "state.101", "researcher.101", "steward.101")
ROWS = {"school", "pupil", "notice", "capacity"}
"""Views that hold rows of pupils."""
ALL_CODES = [code for codes in served_portal.CODES.values() for code in codes]


def _tells_a_pupil(body: str) -> list[str]:
    return [told for told in (*ALL_CODES, *served_portal.PUPIL_IDS.values()) if told in body]


@pytest.mark.parametrize("login", ABOVE)
def test_a09_pages_and_files_with_rows_of_pupils_are_refused(readers, login):
    reader = readers(login)
    addresses = [
        one
        for language in portal_pages.LANGUAGES
        for one in (*portal_pages.pages(language), *portal_pages.files(language))
    ]
    of_rows = [str(one) for one in addresses if one.view in ROWS]
    asked = [*of_rows, f"/lv/school/101/pupil/{portal_pages.CODE}/panel", "/lv/school/102", "/lv/school/102/list.xlsx"]
    assert len(asked) > 20
    for path in asked:
        answer = reader.ask(path, Accept="application/json")
        assert answer.status == 403, path
        assert _tells_a_pupil(answer.body.replace(path, "").replace(path.replace("/lv/", "/en/"), "")) == []


@pytest.mark.parametrize("login", ABOVE)
def test_a09_what_they_do_see_names_no_pupil(readers, login):
    reader = readers(login)
    seen = 0
    for one in (*portal_pages.pages("lv"), *portal_pages.files("en")):
        if login in one.logins and one.view != "audit":  # the log names whom somebody looked at, for the steward alone
            answer = reader.ask(str(one))
            assert answer.status in {200, 302}, str(one)
            assert _tells_a_pupil(answer.body) == []
            seen += 1
    assert seen >= 3
