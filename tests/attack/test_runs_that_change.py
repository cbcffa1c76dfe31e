"""A43, A44: another run is published, a pupil or a name is gone: each page is of one run, and no page keeps what is gone."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import invented_run
import pytest
import served_portal

RUN_ID = re.compile(r"2026-11-22-0{10}[0-9a-f]{2}")
"""A run of these tests; the pages of areas name earlier ones too."""
READERS, RUNS = 15, 4
AREAS = (f"/lv/municipality/{served_portal.MUNICIPALITY}",)
SCHOOLS = ("101", "102", "103")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    folder = tmp_path_factory.mktemp("changing")
    invented_run.publish(folder / "store", _run_id(0), schools=_named(0))
    own = ("three.schools", "state.101")
    served_portal.make_register(folder / "store", {login: served_portal.PEOPLE[login] for login in own})
    served = served_portal.start(folder / "store", folder / "log")
    yield served
    served.stop()


def _run_id(number: int) -> str:
    return f"2026-11-22-{number:012x}"


def _named(number: int) -> dict[str, str]:
    return {school_id: f"Skola {school_id} no {_run_id(number)}" for school_id in SCHOOLS}


def test_a43_a_page_is_wholly_of_one_run_while_runs_are_published(own):
    teacher, analyst = own.reader("three.schools"), own.reader("state.101")
    paths = [
        *(f"/lv/school/{school_id}" for school_id in SCHOOLS),
        *(f"/en/school/{school_id}/pupil/{served_portal.CODES[school_id][0]}" for school_id in SCHOOLS),
        *(f"/lv/school/{school_id}/pupil/{served_portal.CODES[school_id][0]}/sheet.csv" for school_id in SCHOOLS),
        "/lv/",
        "/lv/about",
        *AREAS,
    ]

    def ask(path: str) -> served_portal.Answer:
        return (analyst if path in AREAS else teacher).ask(path)

    is_over, has_read = threading.Event(), threading.Condition()
    seen: list[tuple[str, int, frozenset[str]]] = []

    def read(number: int) -> None:
        asked = number
        while not is_over.is_set():
            path = paths[asked % len(paths)]
            answer = ask(path)
            with has_read:
                seen.append((path, answer.status, frozenset(RUN_ID.findall(answer.body))))
                has_read.notify_all()
            asked += 1

    with ThreadPoolExecutor(READERS) as threads:
        reading = [threads.submit(read, number) for number in range(READERS)]
        try:
            for number in range(1, RUNS + 1):
                invented_run.publish(own.store, _run_id(number), schools=_named(number))
                with has_read:
                    enough = len(seen) + 2 * READERS  # everybody has read under way and afterwards
                    assert has_read.wait_for(lambda least=enough: len(seen) >= least, timeout=60)
        finally:
            is_over.set()
        for one in reading:
            one.result()
    assert {status for _, status, _ in seen} <= {200, 503}
    assert [path for path, status, runs in seen if status == 200 and len(runs) != 1] == []
    assert {run for _, _, runs in seen for run in runs} >= {_run_id(number) for number in range(1, RUNS + 1)}
    newest = {frozenset(RUN_ID.findall(ask(path).body)) for path in paths}
    assert newest == {frozenset({_run_id(RUNS)})}


def test_a44_a_pupil_who_is_gone_from_the_new_run_is_on_no_page(own):
    reader = own.reader("three.schools")
    invented_run.publish(own.store, _run_id(20), schools=_named(20))
    gone = served_portal.CODES["101"][29]
    of_pupil = [f"/lv/school/101/pupil/{gone}{end}" for end in ("", "/panel", "/notice", "/sheet.csv", "/sheet.xlsx")]
    of_school = ["/lv/school/101", "/en/school/101", "/lv/school/101/list.csv"]
    assert [reader.ask(path).status for path in of_pupil] == [200] * len(of_pupil)
    assert all(gone in reader.ask(path).body for path in of_school)
    invented_run.publish(own.store, _run_id(21), schools=_named(21), pupils=29)
    assert [reader.ask(path).status for path in of_pupil] == [404] * len(of_pupil)
    assert not any(gone in reader.ask(path).body for path in of_school)


def test_a44_a_name_that_is_erased_is_on_no_page(own):
    reader = own.reader("three.schools")
    invented_run.publish(own.store, _run_id(30), schools=_named(30))
    one, other = served_portal.CODES["102"][:2]
    paths = [
        "/lv/school/102",
        f"/lv/school/102/pupil/{one}",
        "/lv/school/102/list.csv",
        f"/lv/school/102/pupil/{one}/notice",
    ]
    served_portal.give_names(own.store, {one: ("Anna", "Kanārija"), other: ("Jānis", "Paliek")})
    assert all("Anna Kanārija" in reader.ask(path).body for path in paths)
    served_portal.give_names(own.store, {other: ("Jānis", "Paliek")})
    assert not any("Kanārija" in reader.ask(path).body for path in paths)
    assert "Jānis Paliek" in reader.ask(paths[0]).body
