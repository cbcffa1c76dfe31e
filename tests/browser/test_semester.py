"""A semester of one pupil in a real browser: the list, consent, plan, approvals, consultations, compensation, result."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
import semester_run
import served_otherwise
import served_portal
from semester_run import LATER, SETTINGS
from visiting import Visit, login

from riskmodel.commands.schools import enter_schools
from riskmodel.register.people import Grant
from riskmodel.register.places import register_file, register_of
from riskmodel.register.store import open_register
from riskmodel.register.units import Whole
from riskmodel.runs.runner import Plan, run
from riskmodel.runs.supported import given_in
from riskmodel.support.periods import Period
from riskmodel.support.reading import tasks_of
from riskmodel.support.released import keep, ledger_of
from riskmodel.support.semesters import semester_of
from riskmodel.support.small_numbers import release

pytestmark = pytest.mark.browser

TODAY = date(2025, 1, 10)
"""In the first week of a semester: after the run whose list is looked at, before the next one."""
TERM = semester_of(TODAY)
TEACHER, SUPPORT, HEAD, PLACE, STATE = "teacher", "psychologist", "head", "municipality", "state"
SECONDS_FOR_AN_ENTRY = 30


@dataclass(frozen=True)
class School:
    """The school in which the semester is played, and the pupil in whose situation support is needed first."""

    served: served_portal.Served
    number: str
    municipality: str
    pupil: dict
    pupil_page: str

    @property
    def address(self) -> str:
        return self.served.address


@pytest.fixture(scope="module")
def school(shared_semester: Path, tmp_path_factory: pytest.TempPathFactory):
    """A portal on a real run, whose register this module changes."""
    done = semester_run.killed_and_resumed(shared_semester)
    folder = tmp_path_factory.mktemp("played")
    store = folder / "store"
    shutil.copytree(done.folder.parent.parent, store, symlinks=True)
    shutil.copy2(shared_semester / "store.key", folder / "store.key")
    number, extract, pupil = next(
        (number, extract, pupil)
        for number, extract in sorted(semester_run.schools_of(done).items())
        for pupil in extract["pupils"]
        if pupil["class_code"] and pupil["stage_kind"] == "grade" and not pupil["support"]
    )
    place = str(extract["school"]["municipality_code"])
    people = {
        TEACHER: [Grant("class_teacher", number, class_code=pupil["class_code"])],
        SUPPORT: [Grant("support_staff", number)],
        HEAD: [Grant("director", number)],
        PLACE: [Grant("municipality", municipality_code=place)],
        STATE: [Grant("state")],
    }
    with open_register(register_file(store), may_create=True) as register:
        served_portal.add_people(register, people)
        enter_schools(register, store, "tests")
    before = served_otherwise.on_a_day(TODAY)
    served = served_portal.start(store, folder / "log", before=before)
    yield School(served, number, place, pupil, f"/lv/school/{number}/pupil/{pupil['code']}")
    served.stop()


@pytest.fixture
def visit(chromium, school):
    """Open a page as somebody; the test fails on any console error, dialog or foreign request."""
    opened: list[Visit] = []
    readers = served_portal.readers_of(school.served)

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


@pytest.mark.requirement("R6", "R24", "R82", "R84")
def test_a_semester_from_the_list_to_the_result(visit, school, tmp_path):  # noqa: PLR0915  (a semester is long)
    today = TODAY.isoformat()

    # identify, and answer the proposal
    page = visit(school.pupil_page, TEACHER)
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
    page.get_by_label("Deklarētā dzīvesvieta").select_option(school.municipality)
    page.get_by_role("button", name="Saglabāt piekrišanu").click()

    # the plan
    page.get_by_label("Programma").select_option("own")
    page.get_by_role("button", name="Uzsākt plānu").click()
    plan = code_of(page)
    page.locator("#w-MI9").fill("Pats saka, ka skolā nav ko darīt.")
    page.get_by_label("Pasākums 1", exact=True).select_option("KA-PED")
    page.get_by_label("Mācību priekšmets 1", exact=True).select_option("matematika")
    page.get_by_label("Kas sniedz 1", exact=True).select_option(TEACHER)
    page.get_by_label("Reizes 1", exact=True).fill("16")
    page.get_by_role("button", name="Saglabāt saturu").click()
    assert f"Sagatavotājs: Vārds {TEACHER}" in page.locator(".verdict").inner_text()  # a name, not a login

    # on paper: the plan with its code, without any form
    page.emulate_media(media="print")
    assert plan in page.locator("h1").inner_text()
    assert page.locator("form:visible button:visible").count() == 0
    page.emulate_media(media="screen")

    # economic support: entered by support staff, with its certificate first; teachers neither see it nor lose it
    support = visit(f"/lv/plan/{plan}", SUPPORT)
    support.get_by_text("Ierakstīt apliecinājumu par finansējuma nepieejamību").click()
    support.get_by_label("Izdots").fill(today)
    support.get_by_label("Spēkā no").fill(f"{TERM.first_on}")
    support.get_by_label("Pirmā diena, uz kuru tas vairs neattiecas").fill(f"{TERM.next.first_on}")
    support.get_by_label("Deklarētās un faktiskās").fill(school.municipality)
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
    assert school.pupil["code"] not in place.content()
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
    head.goto(f"{school.address}/lv/school/{school.number}/orders")
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
    store = school.served.store
    with open_register(register_of(store)) as register, register.database.reading() as connection:
        given = {one.measure_code: one for one in given_in(connection)}
        assert set(given) == {"KA-PED", "KO-TRA"}
        assert given["KA-PED"].hours == pytest.approx(80 / 60)
        teacher = register.accounts.find(TEACHER)
        assert plan not in {one.plan.plan_code for one in tasks_of(connection, teacher, TODAY).plans}
        assert register.audit.verify().is_sound

    # in numbers: exact in the school; released above it, where so few are hidden
    head.goto(f"{school.address}/lv/statistics")
    assert "palīdzību saņēmis 1 izglītojamais no 1 izglītības iestādes" in head.locator("main").inner_text()
    assert "atbalsts vairs nav nepieciešams" not in head.locator("main").inner_text()  # a status, not a decision
    with open_register(register_of(store)) as register, register.database.reading(Whole("file_exported")) as connection:
        released = release(connection, Period.of(TERM), "own", "20250110T120000-own", ledger_of(store))
    keep(store, released, "20250110T120000-own", today)
    for above in (place, visit("/lv/statistics", STATE)):
        above.goto(f"{school.address}/lv/statistics")
        told = above.locator("main").inner_text()
        assert TERM.in_language("lv") in told
        assert "nav parādīts, lai aizsargātu mazus skaitļus" in above.content()
        assert plan not in told

    # the next run reads it as support, and its report tells what was answered
    newer = semester_run.synthesised(tmp_path / "delivery", delivered_on=LATER + timedelta(days=3))
    later = run(Plan(store, SETTINGS.model_copy(update={"cut_off_date": LATER}), newer), lambda text: None)
    assert later.state == "published", [gate for gate in later.gates if not gate.is_passed]
    page = visit(school.pupil_page, TEACHER)
    given = page.locator("ul.given").inner_text()
    assert "Pedagoga konsultācija mācību priekšmetā" in given
    assert "10.01.2025." in given
    assert "MI9 motivācijas trūkums" in (later.folder / "report" / "report_lv.html").read_text("utf-8")
