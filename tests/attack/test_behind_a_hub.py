"""Behind a real JupyterHub, which asks a provider of OpenID Connect: it says who comes, and nothing else; the register says what that person may see."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import hub_in_front
import identity_provider
import invented_run
import psutil
import pytest
import served_portal
from hub_in_front import BASE
from served_portal import FOREIGN, OWN

from riskmodel.register.store import open_register, register_file

pytest.importorskip("oauthenticator", reason="the extra riskmodel[hub] is not installed")

OWN_PAGE, FOREIGN_PAGE = f"{BASE}lv/school/{OWN}", f"{BASE}lv/school/{FOREIGN}"
OURS = "riskmodel-session-"
REFUSED = ("unknown.person", "nobody", "former", f"ｄirector.{OWN}")
"""Without an account, without a role, with a role that has ended; and one who only looks like somebody."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    invented_run.publish(folder / "store")
    served_portal.make_register(folder / "store")
    with identity_provider.serving() as provider:
        started = hub_in_front.start(folder / "store", folder, provider.address)
        yield started
        started.stop()


@pytest.fixture(scope="module")
def director(hub):
    """A browser in which the director of a school has come in."""
    browser = hub.browser()
    came = browser.log_in(f"director.{OWN}", OWN_PAGE)
    assert (came.status, came.path) == (200, OWN_PAGE)
    return browser


def test_two_people_come_in_as_themselves_and_land_on_the_page_that_they_asked_for(hub, director):
    other = hub.browser()
    came = other.log_in(f"director.{FOREIGN}", FOREIGN_PAGE)
    assert (came.status, came.path) == (200, FOREIGN_PAGE)
    assert f"Vārds director.{FOREIGN}" in came.body
    assert f"Vārds director.{OWN}" in director.ask(OWN_PAGE).body
    assert [browser.ask(page).status for browser, page in ((other, OWN_PAGE), (director, FOREIGN_PAGE))] == [404, 404]


def test_the_hub_lets_in_nobody_whom_the_register_does_not_know(hub):
    before = refusals(hub)
    for name in REFUSED:
        browser = hub.browser()
        came = browser.log_in(name, OWN_PAGE)
        assert came.status == 403
        assert "nav atvērta konta" in came.body
        assert not [cookie for cookie in browser.jar if cookie.name.startswith(OURS)]
    assert refusals(hub) - before == len(REFUSED)


def refusals(hub) -> int:
    """Return how many logins the audit tells as refused; tests may run in any order."""
    with open_register(register_file(hub.store)) as register:
        return sum(entry.action == "login_refused" for entry in register.audit.read(0, 1000))


def test_the_port_behind_the_hub_s_proxy_sends_everybody_to_the_login_whatever_headers_say(hub):
    headers = {"X-Riskmodel-User": f"director.{OWN}", "Remote-User": f"director.{OWN}", "X-Forwarded-User": "admin"}
    for given in ({}, headers, {"Authorization": "token x"}):
        came = hub_in_front.Browser(hub.backend).ask(OWN_PAGE, follows=False, headers=given)
        assert came.status == 302
        assert came.headers["Location"].startswith(f"{BASE}lv/login")


def test_a_login_that_another_browser_began_lets_nobody_in(hub):
    """An attacker's own code must not open the attacker's session in somebody else's browser, nor the other way round."""
    thief, victim = hub.browser(), hub.browser()
    thief.log_in(f"director.{FOREIGN}")
    begun = thief_begins(thief)
    came = victim.ask(begun)
    assert came.status == 403
    assert not [cookie for cookie in victim.jar if cookie.name.startswith(OURS)]


def test_a_state_that_is_not_the_whole_one_lets_nobody_in(hub):
    browser = hub.browser()
    browser.log_in(f"director.{OWN}")
    back = thief_begins(browser)
    state = parse_qs(urlsplit(back).query)["state"][0]
    for wrong in (state[:8], state[:-1] + ("0" if state[-1] != "0" else "1"), state.upper(), f"{state[:8]}ā"):
        came = browser.ask(back.replace(state, quote(wrong)), follows=False)
        assert came.status == 403, wrong
    assert browser.ask(back, follows=False).status == 302


def thief_begins(browser) -> str:
    """Return the address with code and state to which the hub sends a browser that it knows, without going there."""
    for cookie in [cookie for cookie in browser.jar if cookie.path == BASE]:
        browser.jar.clear(cookie.domain, cookie.path, cookie.name)
    at_hub = browser.ask(f"{BASE}lv/login", follows=False).headers["Location"]
    back = browser.ask(at_hub, follows=False).headers["Location"]
    assert {"code", "state"} <= set(parse_qs(urlsplit(back).query))
    return back


def test_a_code_is_worth_nothing_twice_and_nothing_when_it_was_made_up(hub):
    browser = hub.browser()
    browser.log_in(f"director.{OWN}")
    back = thief_begins(browser)
    for query in (back.replace("code=", "code=x"), re.sub(r"code=[^&]*&?", "", back), f"{back}&code=y", f"{back}&x=1"):
        begun = thief_begins(browser)
        state = parse_qs(urlsplit(begun).query)["state"][0]
        came = browser.ask(re.sub(r"state=[^&]*", f"state={state}", query), follows=False)
        assert came.status in {400, 403}, query
    assert browser.ask(f"{BASE}oauth_callback", follows=False).status == 403
    assert browser.ask(f"{BASE}oauth_callback?error=access_denied&state=x", follows=False).status == 403


def test_no_token_of_the_hub_stands_in_a_cookie_page_log_or_kernel(hub, director):
    below = psutil.Process(hub.portal()).children(recursive=True)
    environments = {process.pid: (Path("/proc") / str(process.pid) / "environ").read_bytes() for process in below}
    assert environments
    portal = next(pid for pid, line in hub.members().items() if "--identity=hub" in line)
    token = re.search(rb"JUPYTERHUB_API_TOKEN=(\w+)", (Path("/proc") / str(portal) / "environ").read_bytes())[
        1
    ].decode()
    assert [
        pid for pid, text in environments.items() if b"JUPYTERHUB" in text or served_portal.CANARY.encode() in text
    ] == []
    shown = [director.ask(f"{BASE}lv/{page}").body for page in (f"school/{OWN}", "support", "about")]
    assert [page for page in shown if token in page or "access_token" in page] == []
    log = hub.log.read_text("utf-8")
    assert token not in log
    assert identity_provider.CLIENT_SECRET not in log
    names = {cookie.name for cookie in director.jar if cookie.path == BASE}
    assert names == {director.cookie(OURS).name}
    assert len(director.cookie(OURS).value) == 43


def test_logging_out_ends_our_session_and_says_that_the_hub_s_is_still_there(hub):
    browser = hub.browser()
    page = browser.log_in(f"class_teacher.{OWN}", OWN_PAGE).body
    kept = browser.cookie(OURS).value
    token = re.search(r'name="token" value="([0-9a-f]{64})"', page)[1]
    came = browser.ask(f"{BASE}lv/logout", {"token": token})
    assert (came.status, came.path) == (200, f"{BASE}lv/logged-out")
    assert 'href="/hub/logout"' in came.body
    with_old = {"Cookie": f"{OURS}{hub.first_port}-{_place()}={kept}"}
    assert hub_in_front.Browser(hub.address).ask(OWN_PAGE, follows=False, headers=with_old).status == 302
    assert browser.ask(OWN_PAGE).path == OWN_PAGE, "the hub's own login is still there"


def _place() -> str:
    from riskmodel.portal.desk import Front
    from riskmodel.portal.identity import cookie_name

    return cookie_name("x", Front(frozenset(), BASE), 0).rpartition("-")[2]


def test_a_disabled_account_loses_its_session_at_once_although_the_hub_still_knows_it(hub):
    browser = hub.browser()
    assert browser.log_in(f"support_staff.{OWN}", OWN_PAGE).path == OWN_PAGE
    with open_register(register_file(hub.store)) as register:
        register.accounts.disable(f"support_staff.{OWN}", "test")
    assert browser.ask(OWN_PAGE).status == 403


def test_the_hub_knows_every_setting_of_the_documented_configuration(hub):
    assert "not recognized" not in hub.log.read_text("utf-8")


def test_nobody_starts_a_notebook_server_at_the_hub(hub):
    browser = hub.browser()
    browser.log_in(f"director.{OWN}")
    assert browser.ask("/hub/spawn").status == 403
    assert browser.ask(f"/user/director.{OWN}/").status in {403, 404, 424}
