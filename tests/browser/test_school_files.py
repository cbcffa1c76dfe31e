"""What leaves the portal as a file, and the number of places that comes in: who gets what, and what the audit knows of it."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import tempfile
from pathlib import Path

import invented_run
import openpyxl
import pdf_text
import pyarrow as pa
import pytest
import served_portal
from served_portal import CODES, FOREIGN, OWN, PUPIL_IDS, codes_of_class

from riskmodel.portal.printing import FOLDER_PREFIX
from riskmodel.register.store import open_register
from riskmodel.sources.identity_table import write_identities
from riskmodel.tables.canonical import IDENTITY

FIRST = CODES[OWN][0]
NAMES = {code: f"Ān{number} =Bērziņ{number}" for number, code in enumerate(PUPIL_IDS)}
LIST, SHEET, NOTICE = (
    f"/lv/school/{OWN}/list",
    f"/lv/school/{OWN}/pupil/{FIRST}/sheet",
    f"/lv/school/{OWN}/pupil/{FIRST}",
)
FILES = [f"{LIST}.csv", f"{LIST}.xlsx", f"{SHEET}.csv", f"{SHEET}.xlsx"]
PAPERS = [f"{LIST}.pdf", f"{SHEET}.pdf", f"{NOTICE}/notice.pdf"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A portal with names, for this module alone."""
    folder = tmp_path_factory.mktemp("files")
    invented_run.publish(folder / "store")
    rows = [
        {
            "pupil_id": PUPIL_IDS[code],
            "register_id": f"id{code}",
            "key_id": "k",
            "first_name": name.split()[0],
            "last_name": name.split()[1],
        }
        for code, name in NAMES.items()
    ]
    schema = IDENTITY.arrow_schema()
    write_identities(
        folder / "store", pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)
    )
    served_portal.make_register(folder / "store")
    served = served_portal.start(folder / "store", folder / "log")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def as_(place):
    """Give the reader of a login."""
    return served_portal.readers_of(place)


def _bytes(reader: served_portal.Reader, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", reader.served.port, timeout=60)
    connection.request("GET", path, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in reader.cookies.items())})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, answer.status
    return body


def _rows(reader, path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(reader.ask(path).body.removeprefix("\ufeff")), delimiter=";"))


def _audit(place, **wanted) -> list[dict]:
    with open_register(place.register_file) as register:
        entries = list(register.audit.read(1, 100_000))
    return [entry for entry in entries if all(getattr(entry, key) == value for key, value in wanted.items())]


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_sent_to_be_kept_under_a_plain_name_and_kept_by_no_cache(as_, path):
    answer = as_(f"director.{OWN}").ask(path)
    assert answer.status == 200
    ending = path.rsplit(".", 1)[1]
    named = re.fullmatch(rf'attachment; filename="([a-zA-Z0-9-]+\.{ending})"', answer.headers["Content-Disposition"])
    assert named
    assert "2026-11-22" in named[1]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("login", ["municipality", "state", "researcher", "steward"])
@pytest.mark.parametrize("path", [*FILES, *PAPERS, f"{NOTICE}/notice"])
def test_who_has_nothing_to_do_with_pupils_gets_no_file_and_no_notice(as_, login, path):
    answer = as_(f"{login}.{OWN}").ask(path)
    assert answer.status in {403, 404}
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize("login", ["class_teacher", "subject_teacher", "support_staff", "director"])
@pytest.mark.parametrize("path", [*FILES, *PAPERS, f"{NOTICE}/notice"])
def test_files_of_another_school_do_not_exist(as_, login, path):
    assert as_(f"{login}.{FOREIGN}").ask(path).status == 404


def test_nobody_gets_a_file_without_coming_in(place):
    for path in [*FILES, *PAPERS]:
        assert place.reader().ask(path, Sec_Fetch_Mode="cors").status == 401


@pytest.mark.parametrize("path", [f"{LIST}.html", f"{LIST}.pdf.csv", f"{LIST}", f"{NOTICE}/notice.csv", f"{SHEET}.PDF"])
def test_other_kinds_of_file_do_not_exist(as_, path):
    assert as_(f"director.{OWN}").ask(path).status == 404


def test_a_director_takes_the_whole_school_along_and_a_class_teacher_the_own_class(as_):
    whole = _rows(as_(f"director.{OWN}"), f"{LIST}.csv")
    assert [row["Izglītojamā kods"] for row in whole] == CODES[OWN]
    assert {row["Izglītojamā kods"]: row["Vārds, uzvārds"] for row in whole} == {
        code: NAMES[code] for code in CODES[OWN]
    }
    own = _rows(as_(f"class_teacher.{OWN}"), f"{LIST}.csv")
    assert [row["Izglītojamā kods"] for row in own] == codes_of_class(OWN, "9.a")
    assert "ekonomisk" not in as_(f"class_teacher.{OWN}").ask(f"{LIST}.csv").body.lower()
    assert as_(f"class_teacher.{OWN}").ask(f"/lv/school/{OWN}/pupil/{CODES[OWN][1]}/sheet.csv").status == 404


def test_a_teacher_s_sheet_tells_nothing_of_a_family_s_money_and_support_staff_s_does(as_):
    told = as_(f"support_staff.{OWN}").ask(f"{SHEET}.csv").body
    assert "Attālums" in told
    cut = as_(f"class_teacher.{OWN}").ask(f"{SHEET}.csv").body
    assert "Attālums" not in cut
    assert "Ekonomisk" not in cut


def test_a_spreadsheet_holds_the_same_list_and_no_formula(as_):
    book = openpyxl.load_workbook(io.BytesIO(_bytes(as_(f"director.{OWN}"), f"{LIST}.xlsx")))
    first, *rows = book.worksheets[0].iter_rows(values_only=True)
    assert [row[first.index("Izglītojamā kods")] for row in rows] == CODES[OWN]
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}


def test_every_file_is_in_the_audit_with_its_kind_and_its_pupil(place, as_):
    before = len(_audit(place, action="file_exported"))
    as_(f"support_staff.{OWN}").ask(f"{LIST}.csv")
    as_(f"support_staff.{OWN}").ask(f"{SHEET}.xlsx")
    listed, sheet = _audit(place, action="file_exported")[before:]
    assert (listed.unit, listed.subject, json.loads(listed.details)["file_kind"]) == (f"school:{OWN}", "", "csv")
    assert (sheet.unit, sheet.subject, json.loads(sheet.details)["file_kind"]) == (
        f"school:{OWN}",
        PUPIL_IDS[FIRST],
        "xlsx",
    )


def test_a_notice_names_the_pupil_and_tells_no_level(as_):
    page = as_(f"class_teacher.{OWN}").ask(f"{NOTICE}/notice")
    assert page.status == 200
    words = re.sub(r"<[^>]*>", " ", page.body[page.body.index('id="notice"') :].split("</article>")[0])
    assert NAMES[FIRST] in words
    assert not re.search(r"\brisk|augst|no 30", words)
    assert [code for code in CODES[OWN] if code != FIRST and code in page.body] == []


@pytest.mark.browser
def test_papers_hold_the_names_of_their_reader_s_pupils_alone_and_leave_no_folder(chromium, place, as_):
    del chromium  # it says why, where there is none
    pages = pdf_text.texts(_bytes(as_(f"class_teacher.{OWN}"), f"{LIST}.pdf"))
    text = " ".join(pages)
    own = codes_of_class(OWN, "9.a")
    assert [code for code in own if NAMES[code] not in text] == []
    others = set(NAMES) - set(own)
    assert [code for code in others if re.search(rf"{re.escape(NAMES[code])}(?!\d)", text) or code in text] == []
    assert f"1 / {len(pages)}" in pages[0]
    assert "Izdrukāja Vārds class_teacher.101" in pages[-1]

    (notice,) = pdf_text.texts(_bytes(as_(f"class_teacher.{OWN}"), f"{NOTICE}/notice.pdf"))
    assert NAMES[FIRST] in notice
    assert "Izdrukāja" not in notice
    assert list(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")) == []


@pytest.fixture(scope="module")
def without_chromium(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")
    invented_run.publish(folder / "store")
    served_portal.make_register(folder / "store", {"head": served_portal.PEOPLE[f"director.{OWN}"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKMODEL_CHROMIUM", str(folder / "none"))
        served = served_portal.start(folder / "store", folder / "log")
    yield served
    served.stop()


def test_where_nothing_can_print_a_page_says_so_and_no_file_is_recorded(without_chromium):
    head = without_chromium.reader("head")
    answer = head.ask(f"{LIST}.pdf")
    assert answer.status == 501
    assert "Lūdzu, drukājiet pārlūkā" in answer.body
    assert f'href="/lv/school/{OWN}"' in answer.body
    assert _audit(without_chromium, action="file_exported") == []
    assert f'href="{NOTICE}/notice"' in head.ask(f"{NOTICE}/notice.pdf").body


def _enter(reader, places: str, school_id: str = OWN, **headers):
    fields = {"places": places, "token": reader.token_on(f"/lv/school/{school_id}")}
    return reader.post(f"/lv/school/{school_id}/places", fields, **headers)


def test_the_head_enters_the_places_and_everybody_of_the_school_sees_them(place, as_):
    head = as_(f"director.{FOREIGN}")
    answer = _enter(head, "12", FOREIGN)
    assert (answer.status, answer.location) == (303, f"/lv/school/{FOREIGN}")
    page = head.ask(answer.location).body
    assert 'value="12"' in page
    assert page.count('data-within="yes"') == 12
    for login in ("class_teacher", "support_staff"):
        seen = as_(f"{login}.{FOREIGN}").ask(f"/lv/school/{FOREIGN}").body
        assert "vietu pietiek 12 izglītojamajiem" in seen
        assert 'id="places-form"' not in seen
    twelfth, thirteenth = CODES[FOREIGN][11:13]
    assert "vieta ir" in as_(f"support_staff.{FOREIGN}").ask(f"/lv/school/{FOREIGN}/pupil/{twelfth}").body
    assert "vietu nepietiek" in as_(f"support_staff.{FOREIGN}").ask(f"/lv/school/{FOREIGN}/pupil/{thirteenth}").body
    rows = _rows(head, f"/lv/school/{FOREIGN}/list.csv")
    assert [row["Atbalsta vieta"] for row in rows] == ["jā"] * 12 + ["nē"] * (len(rows) - 12)
    (entry,) = _audit(place, action="capacity_set", unit=f"school:{FOREIGN}")
    assert (entry.actor, json.loads(entry.details)["places"]) == (f"director.{FOREIGN}", 12)


def test_a_script_is_answered_in_words(as_):
    told = json.loads(_enter(as_("three.schools"), "21", "103", Accept="application/json").body)
    assert (told["places"], told["state"], told["line"]) == (21, "entered", "vietu pietiek 21 izglītojamajam")
    schools = re.sub(r"<[^>]*>", "", as_("three.schools").ask("/lv/").body)
    assert "atbalsta vietas: 21" in schools
    assert "atbalsta vietas: 3 (pieņēmums)" in schools


@pytest.mark.parametrize("places", ["", "-1", "31", "3.5", "1e1", "٣", "999999", "<b>"])
def test_what_is_no_number_of_places_is_refused_in_words_and_changes_nothing(as_, places):
    head = as_(f"director.{OWN}")
    answer = _enter(head, places)
    assert answer.status == 400
    assert "Vietu skaits ir vesels skaitlis no 0 līdz 30" in answer.body
    assert f'href="/en/school/{OWN}"' in answer.body
    assert "Skolas vadītāja ievadīts" not in head.ask(f"/lv/school/{OWN}").body
    told = _enter(head, places, Accept="application/json")
    assert (told.status, list(json.loads(told.body))) == (400, ["problem"])


@pytest.mark.parametrize("login", ["class_teacher", "subject_teacher", "support_staff", "municipality", "steward"])
def test_nobody_else_enters_places(as_, login):
    reader = as_(f"{login}.{OWN}")
    token = reader.token_on("/lv/about")
    assert reader.post(f"/lv/school/{OWN}/places", {"places": "5", "token": token}).status == 403


def test_a_head_of_another_school_finds_no_such_place_and_a_foreign_form_is_refused(as_):
    other = as_(f"director.{FOREIGN}")
    token = other.token_on(f"/lv/school/{FOREIGN}")
    assert other.post(f"/lv/school/{OWN}/places", {"places": "5", "token": token}).status == 404
    assert other.post(f"/lv/school/{FOREIGN}/places", {"places": "5", "token": "0" * 64}).status == 403
    assert (
        other.post(f"/lv/school/{FOREIGN}/places", {"places": "5", "token": token}, Sec_Fetch_Site="cross-site").status
        == 403
    )
    assert other.ask(f"/lv/school/{FOREIGN}/places").status == 405
