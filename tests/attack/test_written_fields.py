"""A46, A47: what is written is written by whom it concerns, once, and stays a value whatever it looks like."""

from __future__ import annotations

import json

import pytest

from riskmodel.register.store import open_register

NOT_NUMBERS = [
    "-1",
    "+3",
    "3.0",
    "3,0",
    "1e1",
    "0x1",
    "٣",
    "３",
    "Ⅲ",
    "3\n4",
    "3 4",
    "31",
    "999999",
    "9" * 400,
    "",
    " ",
    "null",
    "[3]",
    "NaN",
    "3;4",
]
PAYLOADS = {
    "sql": "' OR '1'='1' --",
    "sql that ends": "x'; DROP TABLE account; --",
    "template": "{{ 7 * 191 }}{% include '/etc/passwd' %}",
    "format": "%s%s%n{0.__class__}",
    "header": "x\r\nSet-Cookie: stolen=1\r\n\r\n<h1>owned</h1>",
    "log": 'x"}\n{"event": "started", "forged": "yes"}',
    "terminal": "\x1b]0;owned\x07\x1b[2J",
    "nothing": "\x00",
    "half of a letter": "\udc80",
}
FORGED = ("forged", "stolen", "DROP TABLE", "owned", "1337")


@pytest.fixture(scope="module")
def director(own):
    return own.reader("director.101")


def _entered(own, school_id: str) -> int | None:
    with open_register(own.register_file) as register:
        found = register.capacity.get(school_id)
    return None if found is None else found.places


def _form(reader, **fields: str) -> dict[str, str]:
    return {"token": reader.token_on("/lv/school/101"), **fields}


def test_a46_the_director_enters_the_places_of_the_own_school(own, director):
    assert director.post("/lv/school/101/places", _form(director, places="7")).status == 303
    assert _entered(own, "101") == 7


@pytest.mark.parametrize(
    ("login", "school_id", "status"),
    [
        ("director.101", "102", 404),
        ("director.101", "999", 404),
        ("director.102", "101", 404),
        ("class_teacher.101", "101", 403),
        ("support_staff.101", "101", 403),
        ("municipality.101", "101", 403),
        ("state.101", "101", 403),
        ("steward.101", "101", 403),
        ("nobody", "101", 403),
    ],
)
def test_a46_nobody_else_does(own, login, school_id, status):
    before = _entered(own, school_id)
    reader = own.reader(login)
    token = reader.token_on("/lv/about" if login != "nobody" else "/lv/nothing")
    answer = reader.post(f"/lv/school/{school_id}/places", {"token": token, "places": "5"})
    assert answer.status == status
    assert _entered(own, school_id) == before


@pytest.mark.parametrize(
    "more",
    [
        {"school_id": "102"},
        {"entered_by": "director.102"},
        {"entered_at": "2020-01-01"},
        {"PLACES": "9"},
        {"places[]": "9"},
    ],
)
def test_a46_a_field_that_the_form_does_not_have_is_refused(own, director, more):
    before = _entered(own, "101"), _entered(own, "102")
    assert director.post("/lv/school/101/places", _form(director, places="6", **more)).status == 400
    assert (_entered(own, "101"), _entered(own, "102")) == before


def test_a46_a_field_sent_twice_is_refused(own, director):
    before = _entered(own, "101")
    body = f"token={director.token_on('/lv/school/101')}&places=6&places=9"
    answer = director.ask(
        "/lv/school/101/places",
        "POST",
        body,
        **{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status == 400
    assert _entered(own, "101") == before


def test_a46_a_form_sent_again_changes_nothing_more(own, director):
    form = _form(director, places="4")
    for _ in range(3):
        assert director.post("/lv/school/101/places", form).status == 303
    assert _entered(own, "101") == 4


@pytest.mark.parametrize("places", NOT_NUMBERS)
def test_a46_what_is_no_number_of_pupils_is_refused_in_words(own, director, places):
    before = _entered(own, "101")
    answer = director.post("/lv/school/101/places", _form(director, places=places), Accept="application/json")
    assert answer.status == 400
    assert json.loads(answer.body)["problem"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert _entered(own, "101") == before


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a47_a_payload_in_a_field_stays_a_text_and_reaches_no_log(own, director, kind):
    payload = PAYLOADS[kind].encode("utf-8", "surrogateescape")
    stranger = own.reader()
    token = stranger.token_on("/lv/login")
    answers = [
        director.post("/lv/school/101/places", {"token": director.token_on("/lv/school/101"), "places": payload}),
        # Each time one more field, so that the tries stay few enough not to be slowed down.
        stranger.post("/lv/login", {"token": token, "login": payload, "password": "", "next": payload}),
    ]
    for answer in answers:
        assert answer.status == 400
        assert [word for word in FORGED if word in str(answer.headers)] == []
        assert "<h1>owned" not in answer.body
        assert "1337" not in answer.body
    assert answers[0].headers["Set-Cookie"] is None
    lines = own.log.read_text("utf-8").splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert [line for line in lines if any(word in line for word in FORGED)] == []
    assert all("event" in line for line in told)
    assert own.reader("director.102").ask("/lv/").status == 302  # the accounts are still there


@pytest.mark.parametrize(
    "onward", ["/lv/%0d%0aSet-Cookie:%20stolen=1", "/lv/\r\nSet-Cookie: stolen=1", "/lv/school/101\x00", "/lv/ü"]
)
def test_a47_where_a_login_leads_cannot_split_the_answer(own, onward):
    answer = own.reader().log_in("director.101", onward=onward)
    assert answer.status == 303
    assert answer.location == "/lv/"
    assert "stolen" not in str(answer.headers)
