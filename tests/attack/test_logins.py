"""Who tries the form: guessing, asking which logins exist, keeping an old session, coming in masses."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import invented_run
import pytest
import served_portal
from served_portal import OWN, PASSWORD, serving

from riskmodel.register import passwords
from riskmodel.register.store import open_register

SCHOOL = f"/lv/school/{OWN}"
TOKEN = re.compile(r'name="token" value="[0-9a-f]{64}"')


@pytest.fixture
def fresh(tmp_path):
    """A portal of a test's own, whose patience is not used up yet."""
    yield from serving(tmp_path)


def test_a34_guessing_one_account_s_password_has_to_wait_after_a_few_tries(fresh):
    guesser = fresh.reader()
    answers = [guesser.log_in(f"director.{OWN}", f"guess number {number}") for number in range(12)]
    statuses = [answer.status for answer in answers]
    refused = statuses.index(429)
    assert 3 <= refused <= 10
    assert set(statuses[:refused]) == {401}
    assert int(answers[refused].headers["Retry-After"]) >= 1
    # Not even the right password is looked at now, from wherever.
    assert guesser.log_in(f"director.{OWN}").status == 429
    assert fresh.reader().log_in(f"director.{OWN}").status == 429
    assert fresh.reader().log_in(f"support_staff.{OWN}").status == 303


def test_a34_trying_many_accounts_from_one_address_has_to_wait(fresh):
    guesser = fresh.reader()
    statuses = [guesser.log_in(f"teacher.{number}", PASSWORD).status for number in range(30)]
    assert 429 in statuses
    assert statuses.index(429) <= 25
    assert guesser.log_in("one.more.teacher").status == 429


def test_a35_an_unknown_login_is_answered_like_a_wrong_password(own):
    answers = {
        login: own.reader().log_in(login, "not the right one")
        for login in (f"director.{OWN}", f"directory.{OWN}", "former", "nobody", "Ā", "x" * 900)
    }
    told = {
        login: TOKEN.sub("", answer.body).replace(f'value="{login}"', 'value=""') for login, answer in answers.items()
    }
    assert {answer.status for answer in answers.values()} == {401}
    assert len(set(told.values())) == 1
    names = {tuple(sorted(set(answer.headers.keys()))) for answer in answers.values()}
    assert len(names) == 1


def test_a35_the_same_work_is_done_for_every_login(tmp_path, monkeypatch):
    checked = []
    invented_run.publish(tmp_path / "store")
    with open_register(served_portal.make_register(tmp_path / "store")) as register:
        register.accounts.disable(f"director.{OWN}", "test")
        register.accounts.add("no.password", "X", None, "lv", [], "test")
        monkeypatch.setattr(passwords, "is_right", _counted(passwords.is_right, checked))
        for login in (f"director.{OWN}", f"steward.{OWN}", "no.password", "unknown", "Ā", ""):
            assert register.accounts.check_password(login, "not the right one") is None
    assert len(checked) == 6


def _counted(work, calls):
    def count(*given):
        calls.append(given)
        return work(*given)

    return count


def test_a36_fifty_logins_at_once_take_no_more_memory_and_hold_nobody_up(fresh):
    head = fresh.reader(f"director.{OWN}")
    assert head.ask("/lv/support").status == 200
    forms = [fresh.reader() for _ in range(50)]
    before = _peak_bytes(fresh)
    with ThreadPoolExecutor(52) as pool:
        tries = [pool.submit(reader.log_in, f"login.{number}", "x") for number, reader in enumerate(forms)]
        page, life = pool.submit(head.ask, "/lv/support"), pool.submit(head.ask, "/health")
        assert page.result().status == life.result().status == 200
        statuses = {one.result().status for one in tries}
    assert statuses <= {401, 429, 503}
    assert _peak_bytes(fresh) - before < 150_000_000
    assert head.ask("/lv/support").status == 200


def _peak_bytes(served) -> int:
    status = Path(f"/proc/{served.process.pid}/status").read_text("ascii")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def test_a37_a_session_that_the_browser_brought_along_is_not_taken_over(own):
    victim = own.reader(f"support_staff.{OWN}")
    name, first = victim.session()
    planted = own.reader()
    planted.cookies[name] = "planted-by-somebody-else"
    assert planted.log_in(f"director.{OWN}").status == 303
    assert planted.session()[1] not in {"planted-by-somebody-else", first}
    assert own.reader().ask(SCHOOL, Cookie=f"{name}=planted-by-somebody-else").status == 302


def test_a37_a_new_login_ends_the_session_that_the_browser_had(own):
    reader = own.reader(f"support_staff.{OWN}")
    name, first = reader.session()
    form = own.reader()
    token = form.token_on("/lv/login")
    form.cookies[name] = first
    fields = {"login": f"director.{OWN}", "password": PASSWORD, "next": "", "token": token}
    assert form.post("/lv/login", fields).status == 303
    assert form.session()[1] != first
    assert own.reader().ask(SCHOOL, Cookie=f"{name}={first}").status == 302


def test_a37_a_session_is_worth_nothing_after_the_way_out(own):
    reader = own.reader(f"director.{OWN}")
    name, value = reader.session()
    token = reader.token_on("/lv/support")
    assert reader.post("/lv/logout", {"token": token}).status == 303
    assert name not in reader.cookies
    for path in (SCHOOL, "/lv/support", "/lv/"):
        assert own.reader().ask(path, Cookie=f"{name}={value}").status == 302
    again = own.reader()
    again.cookies[name] = value
    assert again.post("/lv/logout", {"token": token}).status in {401, 403}


def test_a37_the_cookie_of_a_session_is_kept_from_scripts_and_other_sites(own):
    answer = own.reader().log_in(f"director.{OWN}")
    session = next(line for line in answer.headers.get_all("Set-Cookie") if "-session-" in line)
    assert "; HttpOnly" in session
    assert "; SameSite=Lax" in session
    assert "expires" not in session.lower()
    assert "max-age" not in session.lower()


def test_a38_the_open_session_of_a_disabled_account_is_dead_at_once_for_kept_pages_too(own):
    reader = own.reader(f"class_teacher.{served_portal.FOREIGN}")
    paths = [f"/lv/school/{served_portal.FOREIGN}", "/lv/support"]
    assert [reader.ask(path).status for path in paths] == [200, 200]
    with open_register(own.register_file) as register:
        register.accounts.disable(f"class_teacher.{served_portal.FOREIGN}", "test")
    assert [reader.ask(path).status for path in paths] == [302, 302]
    assert own.reader().log_in(f"class_teacher.{served_portal.FOREIGN}").status == 401


def test_a38_a_role_that_was_taken_away_opens_nothing_any_more(own):
    reader = own.reader(f"director.{served_portal.FOREIGN}")
    school = f"/lv/school/{served_portal.FOREIGN}"
    assert reader.ask(school).status == 200
    with open_register(own.register_file) as register:
        grant = served_portal.PEOPLE[f"director.{served_portal.FOREIGN}"][0]
        register.accounts.revoke(f"director.{served_portal.FOREIGN}", grant, "test")
    assert reader.ask(school).status == 302
    assert own.reader(f"director.{served_portal.FOREIGN}").ask(school).status == 403
