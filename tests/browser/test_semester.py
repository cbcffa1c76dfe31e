"""A semester of one pupil in a real browser: the list, consent, plan, approvals, consultations, compensation, result."""

from __future__ import annotations

import re
import time
from datetime import datetime

import pytest
import served_portal
from served_portal import CODES, MUNICIPALITY, OWN
from visiting import Visit, login

from riskmodel.register.places import register_of
from riskmodel.register.store import open_register
from riskmodel.register.units import Whole
from riskmodel.runs.supported import given_in
from riskmodel.settings import HERE
from riskmodel.support.periods import Period
from riskmodel.support.reading import tasks_of
from riskmodel.support.released import keep, ledger_of
from riskmodel.support.small_numbers import release

pytestmark = pytest.mark.browser

PUPIL = next(code for code in served_portal.codes_of_class(OWN, "9.a") if code != CODES[OWN][0])
TEACHER, SUPPORT, HEAD, PLACE = (
    f"{role}.{OWN}" for role in ("class_teacher", "support_staff", "director", "municipality")
)
SECONDS_FOR_AN_ENTRY = 30


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A portal whose register this module changes."""
    yield from served_portal.serving(tmp_path_factory.mktemp("semester"))


@pytest.fixture
def visit(chromium, school):
    """Open a page as somebody; the test fails on any console error, dialog or foreign request."""
    opened: list[Visit] = []
    readers = served_portal.readers_of(school)

    def open_at(path: str, who: str, width: int = 1280):
        one = Visit(chromium, school.address, width)
        login(one, readers(who))
        opened.append(one)
        return one.to(path)

    yield open_at
    for one in opened:
        one.context.close()
    refused = "Failed to load resource: the server responded with a status of 400"  # a form that a rule stopped
    assert [line for one in opened for line in one.trouble if refused not in line] == []


def code_of(page) -> str:
    return re.search(r"/plan/([0-9-]+)", page.url)[1]


@pytest.mark.requirement("R6", "R82")
def test_a_semester_from_the_list_to_the_result(visit, school):  # noqa: PLR0915  (a semester is long)
    today = datetime.now(HERE).date().isoformat()

    # identify, and answer the proposal
    page = visit(f"/lv/school/{OWN}/pupil/{PUPIL}", TEACHER)
    page.get_by_role("link", name="No riska līdz plānam").click()
    assert "Tas ir ieteikums. Lēmumu pieņem cilvēks." in page.locator("main").inner_text()
    lines = page.locator(".line:has(fieldset)")
    lines.nth(0).get_by_label("pieņemt").check()
    lines.nth(1).get_by_label("noraidīt").check()
    page.get_by_role("button", name="Saglabāt atbildes").click()
    assert "Jānorāda iemesls." in page.get_by_role("alert").inner_text()
    assert page.locator(".line:has(fieldset)").nth(0).get_by_label("pieņemt").is_checked()
    page.locator(".line:has(fieldset)").nth(1).get_by_label("Iemesls vai pamatojums").fill("Atzīmes jau izlabotas.")
    page.get_by_text("Pievienot risku, ko zina tikai cilvēki").click()
    page.get_by_label("MI9 motivācijas trūkums").check()
    page.get_by_role("button", name="Saglabāt atbildes").click()
    assert "Plānu uzsāk, kad ir reģistrēta piekrišana." in page.locator("main").inner_text()

    # consent: a way that the rules refuse, then one that they accept
    page.get_by_label("Kādā veidā").select_option("esignature")
    page.get_by_role("button", name="Saglabāt piekrišanu").click()
    refusal = page.get_by_role("alert").inner_text()
    assert "Jāpievieno e-parakstītais dokuments" in refusal
    assert "consent_signed_file" in refusal
    page.get_by_label("Kādā veidā").select_option("paper_delivered")
    page.get_by_text("Par izglītojamo, ja tas vajadzīgs").click()
    page.get_by_label("Deklarētā dzīvesvieta").select_option(MUNICIPALITY)
    page.get_by_role("button", name="Saglabāt piekrišanu").click()

    # the plan
    page.get_by_label("Programma").select_option("own")
    page.get_by_role("button", name="Uzsākt plānu").click()
    plan = code_of(page)
    page.locator("#w-MI9").fill("Pats saka, ka skolā nav ko darīt.")
    page.get_by_label("Pasākums 1", exact=True).select_option("KA-PED")
    page.get_by_label("Mācību priekšmets 1", exact=True).select_option("matematika")
    page.get_by_label("Kas sniedz (lietotājvārds) 1", exact=True).fill(TEACHER)
    page.get_by_label("Reizes 1", exact=True).fill("16")
    page.get_by_role("button", name="Saglabāt saturu").click()

    # economic support: entered by support staff, with its certificate first; teachers neither see it nor lose it
    support = visit(f"/lv/plan/{plan}", SUPPORT)
    support.get_by_text("Ierakstīt apliecinājumu par finansējuma nepieejamību").click()
    support.get_by_label("Izdots").fill(today)
    support.get_by_label("Spēkā no").fill(f"{served_portal.TERM.first_on}")
    support.get_by_label("Pirmā diena, uz kuru tas vairs neattiecas").fill(f"{served_portal.TERM.next.first_on}")
    support.get_by_label("Deklarētās un faktiskās").fill(MUNICIPALITY)
    support.locator("form[action$='/certificate']").get_by_role("button", name="Saglabāt").click()
    support.get_by_text("Ekonomiskie riski").click()
    support.get_by_label("apgrūtināta nokļūšana uz skolu").check()
    support.locator("#w-EK1").fill("Autobuss divas reizes dienā.")
    support.get_by_label("Pasākums 2", exact=True).select_option("KO-TRA")
    support.get_by_label("Kuriem riskiem (kodi; tukšs: visiem) 2", exact=True).fill("EK1")
    support.get_by_role("button", name="Saglabāt saturu").click()
    assert "KO-TRA" in support.content()
    page.reload()
    assert page.locator("select[name='m1-code']").input_value() == ""
    page.get_by_role("button", name="Saglabāt saturu").click()
    page.get_by_role("button", name="Iesniegt saskaņošanai").click()
    assert "saskaņošanā" in page.locator(".verdict").inner_text()

    # approvals: the head sees a name, the municipality the code alone
    head = visit("/lv/tasks", HEAD)
    head.locator(".todo").get_by_role("link", name=f"Plāns {plan}").click()
    head.get_by_role("button", name="Saskaņot").click()
    place = visit("/lv/tasks", PLACE)
    place.locator(".todo").get_by_role("link", name=f"Plāns {plan}").click()
    assert PUPIL not in place.content()
    assert "Pats saka" not in place.content()
    place.get_by_role("button", name="Saskaņot").click()
    assert "apstiprināts" in place.locator(".verdict").inner_text()

    # a consultation in the room, from the telephone
    phone = visit("/lv/tasks", TEACHER, 390)
    began = time.monotonic()
    phone.locator("tr", has_text=plan).get_by_role("link", name="Ierakstīt konsultāciju").click()
    phone.get_by_label("Sākums", exact=True).fill("14:20")
    phone.get_by_role("button", name="Saglabāt").click()
    assert time.monotonic() - began < SECONDS_FOR_AN_ENTRY
    assert "īstenošanā" in phone.locator(".verdict").inner_text()
    assert "14:20" in phone.locator("#consultations ~ table, section:has(#consultations)").first.inner_text()
    phone.goto(phone.url + "/consultation")
    phone.get_by_label("Sākums", exact=True).fill("14:30")
    phone.get_by_role("button", name="Saglabāt").click()
    assert "Izlabojiet dienu vai laiku" in phone.get_by_role("alert").inner_text()

    # a remote one, by an order of the director and its way of acknowledging
    phone.get_by_label("Sākums", exact=True).fill("16:00")
    phone.get_by_label("attālināti").check()
    phone.get_by_role("button", name="Saglabāt").click()
    assert "remote_order" in phone.get_by_role("alert").inner_text()
    head.goto(f"{school.address}/lv/school/{OWN}/orders")
    head.get_by_text("Ierakstīt rīkojumu").click()
    head.locator("#o-number").fill("1-9/17")
    head.locator("#o-kind").select_option("remote_consultations")
    head.locator("#o-how").fill("E-klasē un videozvanā")
    head.locator("#o-who").fill(TEACHER)
    head.locator("#o-plans").fill(plan)
    head.get_by_label("ieraksts E-klasē").check()
    head.locator("#o-act").fill("MK noteikumi")
    head.locator("#o-when").fill("tajā pašā dienā")
    head.get_by_role("button", name="Saglabāt rīkojumu").click()
    assert "1-9/17" in head.locator("main").inner_text()
    phone.get_by_label("Saņemšana apliecināta ar").select_option("email")
    phone.get_by_label("Kur glabājas apliecinājums").fill("E-klase, 14:40")
    phone.get_by_role("button", name="Saglabāt").click()
    assert "remote_ack_kind" in phone.get_by_role("alert").inner_text()
    phone.get_by_label("Saņemšana apliecināta ar").select_option("e_klase")
    phone.get_by_role("button", name="Saglabāt").click()
    assert "2 konsultācijas" in phone.locator("main").inner_text()

    # a compensation: asked for, granted, closed with its document
    page = visit(f"/lv/plan/{plan}", SUPPORT)
    page.get_by_text("Pieteikt kompensāciju").click()
    page.get_by_label("Summa (EUR)").first.fill("12,50")
    page.get_by_role("button", name="Nosūtīt pašvaldībai").click()
    place.goto(f"{school.address}/lv/tasks")
    place.locator(".todo").get_by_role("link", name=f"Plāns {plan}").click()
    place.get_by_role("button", name="Piešķirt").click()
    page.reload()
    page.get_by_text("Noslēgt ar dokumentiem").click()
    page.get_by_label("Dokumenta numurs").fill("Biļete 4711")
    page.get_by_role("button", name="Noslēgt mēnesi").click()
    assert "noslēgts ar dokumentiem" in page.locator("main").inner_text()

    # the result
    page = visit(f"/lv/plan/{plan}", TEACHER)
    page.get_by_label("Lēmums semestra beigās").select_option("no_longer_needed")
    page.get_by_role("button", name="Noslēgt plānu").click()
    assert "evaluation_before_closing" in page.get_by_role("alert").inner_text()
    page.get_by_text("Ierakstīt vērtējumu").click()
    page.get_by_label("mācību sasniegumi").select_option("better")
    page.get_by_label("Izglītojamajam ir mērķis").check()
    page.locator("form[action$='/assessment']").get_by_role("button", name="Saglabāt").click()
    page.get_by_label("Lēmums semestra beigās").select_option("no_longer_needed")
    page.get_by_role("button", name="Noslēgt plānu").click()
    assert "atbalsts vairs nav nepieciešams" in page.locator(".verdict").inner_text()

    # what the register kept: support as the next run reads it, and nothing left to do
    store = school.store
    with open_register(register_of(store)) as register, register.database.reading() as connection:
        given = {one.measure_code: one for one in given_in(connection)}
        assert set(given) == {"KA-PED", "KO-TRA"}
        assert given["KA-PED"].hours == pytest.approx(80 / 60)
        teacher = register.accounts.find(TEACHER)
        assert plan not in {
            one.plan.plan_code for one in tasks_of(connection, teacher, datetime.now(HERE).date()).plans
        }
        assert register.audit.verify().is_sound

    # in numbers: exact in the school; released above it, where so few are hidden
    head.goto(f"{school.address}/lv/statistics")
    assert "palīdzību saņēmuši 2 izglītojamie no 1 izglītības iestādes" in head.locator("main").inner_text()
    assert "atbalsts vairs nav nepieciešams" not in head.locator("main").inner_text()  # a status, not a decision
    with open_register(register_of(store)) as register, register.database.reading(Whole("file_exported")) as connection:
        released = release(connection, Period.of(served_portal.TERM), "own", "20260101T000000-own", ledger_of(store))
    keep(store, released, "20260101T000000-own", today)
    for page in (place, visit("/lv/statistics", f"state.{OWN}")):
        page.goto(f"{school.address}/lv/statistics")
        told = page.locator("main").inner_text()
        assert served_portal.TERM.in_language("lv") in told
        assert "nav parādīts, lai aizsargātu mazus skaitļus" in page.content()
        assert plan not in told
