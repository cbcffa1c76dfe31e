"""Who may download everything that the portal tells of areas still cannot work out a small number (A10)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import invented_country
import numpy as np
import pytest
import served_portal
from attacker import Published, narrowest
from invented_country import BANDS

from riskmodel.register.people import Grant
from riskmodel.runs import publish

N_MIN, OF = 10, 7
COUNTRY = invented_country.drawn(5, 4, (30, 140), of=OF)
OWN = COUNTRY.schools[0].municipality_code
FOREIGN = COUNTRY.schools[-1].municipality_code
PEOPLE = {
    "own": [Grant("municipality", municipality_code=OWN)],
    "old": [Grant("municipality", municipality_code="LV0055000")],  # Varakļāni: part of Madona on the cut-off date
    "madona": [Grant("municipality", municipality_code="LV0038000")],
    "state": [Grant("state")],
    "steward": [Grant("steward")],
    "researcher": [Grant("researcher")],
    "director": [Grant("director", "1000")],
}


@pytest.fixture(scope="module")
def portal(tmp_path_factory) -> Iterator[served_portal.Served]:
    folder = tmp_path_factory.mktemp("areas")
    (folder / "store").mkdir()
    invented_country.publish(folder / "store", "2026-11-22-0123456789ab", COUNTRY)
    served_portal.make_register(folder / "store", PEOPLE)
    served = served_portal.start(folder / "store", folder / "log")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def readers(portal) -> dict[str, served_portal.Reader]:
    return {who: portal.reader(who) for who in PEOPLE}


def table(reader: served_portal.Reader, path: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names of their columns."""
    answer = reader.ask(path)
    assert answer.status == 200
    return list(csv.DictReader(io.StringIO(answer.body.lstrip("\ufeff")), delimiter=";"))


@dataclass
class Seen:
    """All cells of all files: of which schools and kinds each is a sum, and its number, or None where it is hidden."""

    schools: list[str] = field(default_factory=list)
    cells: list[tuple[set[str], set[str], str]] = field(default_factory=list)

    def published(self) -> Published:
        atoms = [(school, kind) for school in self.schools for kind in BANDS]
        sums = [
            [float(school in schools and kind in kinds) for school, kind in atoms] for schools, kinds, _ in self.cells
        ]
        hidden = np.array([shown == "hidden" for *_, shown in self.cells])
        values = [0.0 if shown == "hidden" else float(shown) for *_, shown in self.cells]
        return Published(np.array(sums), np.array(values), hidden)


FIGURES = {
    "Pupils": set(BANDS),
    "Identified": {"high", "medium"},
    "Risk high": {"high"},
    "Risk medium": {"medium"},
}


def all_that_is_served(reader: served_portal.Reader) -> Seen:
    seen, below = Seen(), {}
    state = table(reader, "/en/state/table.csv")
    for row in state:
        if row["Code"].startswith("LV") and row["Code"] != "LV" and int(row["Schools"]):
            *schools, _ = table(reader, f"/en/municipality/{row['Code']}/table.csv")
            below[row["Code"]] = {one["School"] for one in schools}
            seen.schools += sorted(below[row["Code"]])
            for one in schools:
                seen.cells += [({one["School"]}, FIGURES[name], one[name]) for name in ("Pupils", "Identified")]
    for row in state:
        if not int(row["Schools"]):
            continue
        parts = [
            schools
            for code, schools in below.items()
            if row["Code"] in {"LV", code}
            or row["Territory"] == next(one["Region"] for one in state if one["Code"] == code)
        ]
        schools = set().union(*parts)
        seen.cells += [(schools, kinds, row[name]) for name, kinds in FIGURES.items()]
    return seen


def test_no_hidden_number_of_the_served_files_can_be_narrowed_below_the_threshold(readers):
    seen = all_that_is_served(readers["state"]).published()
    truth = np.array([count for school in COUNTRY.schools for count in school.bands], dtype=float)
    assert len(truth) == seen.sums.shape[1]
    assert np.allclose((seen.sums @ truth)[~seen.hidden], seen.values[~seen.hidden])  # the files tell the truth …
    assert seen.hidden.sum() > OF  # … and leave something out
    assert narrowest(seen) > N_MIN - 1e-4


def test_no_small_number_stands_in_any_file(readers):
    for who, path in (("own", f"/en/municipality/{OWN}/table.csv"), ("state", "/en/state/table.csv")):
        shown = [row[name] for row in table(readers[who], path) for name in ("Identified", "Had support")]
        assert "hidden" in shown
        assert [count for count in shown if count not in {"hidden", "no data"} and int(count) < N_MIN] == []


def test_page_and_file_show_the_same_numbers_in_both_languages(readers):
    for language, hidden in (("lv", "slēpts"), ("en", "hidden")):
        page = readers["own"].ask(f"/{language}/municipality/{OWN}").body
        rows = readers["own"].ask(f"/{language}/municipality/{OWN}/table.csv").body.lstrip("\ufeff").splitlines()
        total = rows[-1].split(";")
        for cell in total[2:6]:
            assert f">{cell}</td>" in page
        assert f">{hidden}</td>" in page


@pytest.mark.parametrize("ending", ["", "/table.csv", "/table.xlsx"])
@pytest.mark.parametrize(
    ("who", "code", "status"),
    [
        ("own", OWN, 200),
        ("own", FOREIGN, 404),
        ("own", "LV9999999", 404),
        ("own", "LV000100", 404),
        ("old", "LV0055000", 404),
        ("madona", "LV0038000", 200),
        ("state", OWN, 200),
        ("state", FOREIGN, 200),
        ("steward", OWN, 403),
        ("researcher", OWN, 403),
        ("director", OWN, 403),
    ],
)
def test_a_municipality_is_seen_by_itself_and_by_the_state(readers, who, code, ending, status):
    assert readers[who].ask(f"/lv/municipality/{code}{ending}").status == status


@pytest.mark.parametrize("path", ["/lv/state", "/en/state/table.csv", "/lv/state/table.xlsx"])
def test_the_state_is_seen_by_nobody_else(readers, path):
    found = {who: reader.ask(path).status for who, reader in readers.items()}
    assert found == {who: 200 if who == "state" else 403 for who in PEOPLE}


@pytest.mark.parametrize(
    "query", ["?school=1000", "?school=1000&school=1001", "?band=high", "?from=2026-01-01", "?municipality=LV0001000"]
)
def test_nobody_filters_freely(readers, query):
    for path in ("/lv/state", "/lv/state/table.csv", f"/lv/municipality/{OWN}", f"/lv/municipality/{OWN}/table.csv"):
        assert readers["state"].ask(path + query).status == 400


def test_a_page_of_counts_holds_no_pupil(readers):
    pages = [readers["state"].ask(path).body for path in ("/lv/state", f"/lv/municipality/{OWN}")]
    assert [page for page in pages if "data-code" in page or "p0000001" in page] == []


def test_who_took_a_file_is_in_the_log_and_who_was_refused_too(portal, readers):
    from riskmodel.register.store import open_register

    assert readers["own"].ask(f"/lv/municipality/{OWN}/table.xlsx").status == 200
    assert readers["own"].ask(f"/lv/municipality/{FOREIGN}/table.xlsx").status == 404
    with open_register(portal.register_file) as register:
        entries = [one for one in register.audit.read(count=500) if one.actor == "own"]
    told = {(one.action, one.unit) for one in entries}
    assert ("file_exported", f"municipality:{OWN}") in told
    assert ("access_denied", f"municipality:{FOREIGN}") in told


def test_each_begins_where_their_work_is(readers):
    assert readers["own"].ask("/lv/").location == f"/lv/municipality/{OWN}"
    assert readers["state"].ask("/en/").location == "/en/state"
    assert 'href="/lv/state"' in readers["state"].ask("/lv/about").body
    assert 'href="/lv/state"' not in readers["own"].ask("/lv/about").body


def test_the_state_is_told_of_a_held_run_as_soon_as_there_is_one_and_of_who_released_it(portal, readers):
    """It is told on its own page and led nowhere: the list of all runs is the steward's."""
    assert "Neviena izpilde nav aizturēta" in readers["state"].ask("/lv/state").body
    served_portal.add_held_run(portal.store, "2026-11-22-0123456789cd")
    page = readers["state"].ask("/lv/state").body
    assert "2026-11-22-0123456789cd" in page
    assert "aizturēta" in page
    assert 'href="/lv/runs"' not in page
    assert readers["state"].ask("/lv/runs").status == 403
    current = (portal.store / "current").readlink()
    publish.release(publish.Store(portal.store), "2026-11-22-0123456789cd", by="Ilze Kalniņa", reason="Jauns reģistrs")
    publish.switch(publish.Store(portal.store), current.name)
    page = readers["state"].ask("/lv/state").body
    assert "Ilze Kalniņa" in page
    assert "Jauns reģistrs" in page
