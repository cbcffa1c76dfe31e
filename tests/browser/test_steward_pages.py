"""The steward's pages on a real server: what they tell, what they refuse, and how they fit a telephone."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import invented_run
import pytest
import served_portal
from served_portal import OWN, add_held_run

from riskmodel.portal.steward_pages import ENTRIES_ON_A_PAGE
from riskmodel.register.store import open_register
from riskmodel.runs.publish import Store, release

HELD, RELEASED = "2027-05-22-0123456789ab", "2026-11-22-0123456789ac"
STEWARD = f"steward.{OWN}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A portal with a held run, a disabled account, and a few entries in its log."""
    folder = tmp_path_factory.mktemp("steward")
    invented_run.publish(folder / "store")
    file = served_portal.make_register(folder / "store")
    with open_register(file) as register:
        register.accounts.disable("former", "A. Ozola")
        for _ in range(ENTRIES_ON_A_PAGE):
            register.audit.write("B. Kalns", "audit_read", "")
    add_held_run(folder / "store", HELD)
    portal = served_portal.start(folder / "store", folder / "log")
    yield portal
    portal.stop()


@pytest.fixture(scope="module")
def steward(served):
    return served.reader(STEWARD)


def _rows(body: str) -> list[str]:
    """Return the texts of a page's table rows."""
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_a_held_run_is_shown_with_its_gates_and_the_command_that_releases_it(served, steward):
    rows = _rows(steward.ask("/lv/runs").body)
    held = next(row for row in rows if row.startswith(HELD))
    assert "aizturēta" in held
    assert "Pazīmes, kuru lielums un sadalījums nav tāds kā agrāk" in held
    assert f"riskmodel release {HELD} --store {served.store}" in held
    current = next(row for row in rows if row.startswith(invented_run.RUN["run_id"]))
    assert "spēkā esoša" in current
    assert "riskmodel release" not in current


def test_an_analyst_of_the_state_does_not_get_the_list_with_its_command(served):
    answer = served.reader(f"state.{OWN}").ask("/lv/runs")
    assert answer.status == 403
    assert HELD not in answer.body


def test_a_release_is_shown_with_who_when_and_why(tmp_path):
    invented_run.publish(tmp_path / "store")
    add_held_run(tmp_path / "store", RELEASED)
    release(Store(tmp_path / "store"), RELEASED, by="A. Ozola", reason="Viena skola <b>apvienota</b>")
    served_portal.make_register(tmp_path / "store", {STEWARD: served_portal.PEOPLE[STEWARD]})
    served = served_portal.start(tmp_path / "store", tmp_path / "log")
    body = served.reader(STEWARD).ask("/en/runs").body
    served.stop()
    assert "Released by A. Ozola" in body
    assert "Viena skola &lt;b&gt;apvienota&lt;/b&gt;" in body


def test_the_log_is_filtered_by_person_action_and_day_newest_first(served, steward):
    served.reader(f"director.{OWN}").ask(f"/lv/school/{OWN}")
    mine = _rows(steward.ask(f"/lv/audit?person=director.{OWN}&action=page_viewed&day=&from=").body)
    assert len(mine) == 1
    assert f"director.{OWN} atvērts saraksts Kalnciema ielas vidusskola ({OWN})" in mine[0]
    by_operator = _rows(steward.ask("/lv/audit?person=operator:A.%20Ozola").body)
    assert len(by_operator) == 1
    assert "konts slēgts" in by_operator[0]
    numbers = [int(row.split()[0]) for row in _rows(steward.ask("/lv/audit").body)]
    assert numbers == sorted(numbers, reverse=True)
    assert _rows(steward.ask("/lv/audit?day=2020-01-01").body) == []
    assert _rows(steward.ask("/lv/audit?day=01.01.2020.").body) == []


def test_the_log_is_paged_without_a_gap(steward):
    first = steward.ask("/lv/audit").body
    older = re.search(r'rel="next" href="\?([^"]+)"', first)[1].replace("&amp;", "&")
    second = _rows(steward.ask(f"/lv/audit?{older}").body)
    assert int(second[0].split()[0]) == int(_rows(first)[-1].split()[0]) - 1
    assert int(second[-1].split()[0]) >= 1


def test_reading_the_log_is_in_the_log(steward):
    steward.ask("/lv/audit")
    assert "lasīts piekļuves žurnāls" in _rows(steward.ask(f"/lv/audit?person={STEWARD}").body)[0]


@pytest.mark.parametrize(
    "query", ["action=drop", "day=tomorrow", "day=2026-13-01", "from=-1", "from=x", "person=a&person=b", "sort=at"]
)
def test_a_filter_that_the_form_cannot_send_is_refused(steward, query):
    assert steward.ask(f"/lv/audit?{query}").status == 400


def test_what_is_typed_into_the_filter_comes_back_as_text(steward):
    body = steward.ask("/lv/audit?person=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").body
    assert "<script>alert" not in body
    assert "&#34;&gt;&lt;script&gt;" in body


def test_an_untouched_log_is_said_to_be_sound_and_a_changed_one_is_an_alarm(tmp_path):
    invented_run.publish(tmp_path / "store")
    served_portal.make_register(tmp_path / "store", {STEWARD: served_portal.PEOPLE[STEWARD]})
    # A check is kept for a minute; here it is made anew for every page.
    before = "import datetime, riskmodel.portal.chain_check as check; check.KEPT = datetime.timedelta(0)"
    served = served_portal.start(tmp_path / "store", tmp_path / "log", before=before)
    steward = served.reader(STEWARD)
    assert "neviens nav mainīts vai izņemts" in steward.ask("/lv/audit").body
    with closing(sqlite3.connect(served.register_file)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS audit_entry_is_not_changed")
        connection.execute("UPDATE audit_entry SET actor = 'anna' WHERE number = 2")
    body = steward.ask("/lv/audit").body
    served.stop()
    assert 'class="alarm" role="alert"' in body
    assert "sākot ar ierakstu 2" in body


def test_accounts_are_shown_with_roles_units_state_and_last_login(steward):
    rows = {row.split()[0]: row for row in _rows(steward.ask("/lv/accounts").body)}
    assert set(rows) == set(served_portal.PEOPLE)
    assert "Kalnciema ielas vidusskola (101), 9.a klase" in rows[f"class_teacher.{OWN}"]
    assert "slēgts kopš" in rows["former"]
    assert "vēl nekad" in rows["former"]
    assert "vēl nekad" not in rows[STEWARD]
    assert "argon2" not in str(rows)


@pytest.mark.parametrize("page", ["0", "2", "x", "-1"])
def test_a_page_of_accounts_that_is_not_there_is_not_shown(steward, page):
    assert steward.ask(f"/lv/accounts?page={page}").status in {400, 404}


@pytest.mark.browser
@pytest.mark.parametrize("language", ["lv", "en"])
def test_the_steward_s_pages_load_without_trouble_and_fit_a_telephone(visit, language):
    for path in ("runs", "audit", "accounts"):
        page = visit(f"/{language}/{path}", who=STEWARD)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("h1").count() == 1
        assert page.locator("table caption").count() == 1
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_the_log_s_filter_works_by_keyboard(visit):
    page = visit("/lv/audit", who=STEWARD)
    page.get_by_label("Lietotājvārds").focus()
    page.keyboard.type(STEWARD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit?person=*")
    assert page.get_by_label("Lietotājvārds").input_value() == STEWARD
    assert page.locator("table.log tbody tr").count() >= 1
