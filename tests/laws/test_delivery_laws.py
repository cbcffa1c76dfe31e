"""What holds for every delivery, whatever is in it."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import tempfile
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskmodel.errors import DeliveryError
from riskmodel.sources import abreast, border, buckets, deliveries, distinct, intake, lookups, overlay, weeks
from riskmodel.sources.decoding import Limits, decode
from riskmodel.sources.reading import Sheet, _read_at_once, _read_row_by_row

FACTS = "delivery: {delivered_on: 2025-01-31, origin: real, complete: %s}\n%s"
SCHOOL = "school_id;school_name;school_kind;happened_on\n1;Rīgas skola;general;2020-09-01\n"
TERM = "school_year;term_number;happened_on;ends_on\n2024/25;1;2024-09-02;2024-12-20\n"
PUPIL_HEADER = ["pupil_code", "first_name", "last_name", "birth_month", "happened_on"]
STAY_HEADER = ["pupil_code", "school_id", "stage_kind", "stage_number", "happened_on"]
CODES = [f"{day:02d}0190-0000{day}" for day in range(1, 9)]
PUPILS = [[code, "Ēriks", f"Šķēle-{'ABCDEFGH'[at]}", "2010-03-01", "2020-09-01"] for at, code in enumerate(CODES)]
STAYS = [[code, "1", "grade", "8", "2024-09-02"] for code in CODES]


def silent(_text):
    return None


def text_of(header, rows, separator=";", ends="\n"):
    told = io.StringIO()
    csv.writer(told, delimiter=separator, lineterminator=ends).writerows([header, *rows])
    return told.getvalue()


def stored(folder, pupils, stays, key, *, entries=""):
    """Receive a delivery into a new store; return its accounts and the rows of its tables by digest."""
    source = folder / "in"
    source.mkdir(parents=True)
    (source / "mapping.yaml").write_text(FACTS % ("true", entries), "utf-8")
    for name, content in {
        "school": SCHOOL.encode(),
        "term": TERM.encode(),
        "pupil": pupils,
        "enrolment": stays,
    }.items():
        (source / f"{name}.csv").write_bytes(content)
    got = deliveries.receive(source, folder / "store", key, silent)
    tables = folder / "store" / "deliveries" / got.delivery_id
    digests = {
        name: hashlib.sha256((tables / f"{name}.parquet").read_bytes()).hexdigest()
        for name in ("school", "pupil", "term", "enrolment")
    }
    return got.accounts, digests, tables


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    key = folder / "key"
    _, digests, _ = stored(folder, text_of(PUPIL_HEADER, PUPILS).encode(), text_of(STAY_HEADER, STAYS).encode(), key)
    return key, digests


def turned(header, rows):
    order = list(reversed(range(len(header))))
    return [header[at] for at in order], [[row[at] for at in order] for row in rows]


FORMS = {
    "rows in another order": lambda header, rows: text_of(header, rows[::-1]).encode(),
    "columns in another order": lambda header, rows: text_of(*turned(header, rows)).encode(),
    "windows-1257": lambda header, rows: text_of(header, rows).encode("cp1257"),
    "utf-16": lambda header, rows: text_of(header, rows).encode("utf-16"),
    "byte order mark": lambda header, rows: text_of(header, rows).encode("utf-8-sig"),
    "line ends of Windows": lambda header, rows: text_of(header, rows, ends="\r\n").encode(),
    "old line ends": lambda header, rows: text_of(header, rows, ends="\r").encode(),
    "commas": lambda header, rows: text_of(header, rows, ",").encode(),
    "tabs and quotes": lambda header, rows: b"\n".join(
        b"\t".join(b'"' + cell.encode() + b'"' for cell in row) for row in [header, *rows]
    ),
    "blank lines": lambda header, rows: text_of(header, rows, ends="\n\n").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_file_does_not_change_what_is_stored(tmp_path, usual, form):
    key, digests = usual
    make = FORMS[form]
    assert stored(tmp_path, make(PUPIL_HEADER, PUPILS), make(STAY_HEADER, STAYS), key)[1] == digests


BAD_STAYS = {
    "a day that is none": ["010190-00001", "1", "grade", "8", "2024-09-32"],
    "an unknown school": ["010190-00001", "77", "grade", "8", "2023-09-01"],
    "a code that lost its nought": ["10190-00001", "1", "grade", "8", "2023-09-01"],
    "a missing field": ["010190-00001", "1", "grade", "8"],
    "a NUL byte": ["\x00", "1", "grade", "8", "2024-09-02"],
}


@pytest.mark.parametrize("fault", BAD_STAYS)
def test_a_bad_row_never_changes_what_is_stored_of_other_rows(tmp_path, usual, fault):
    key, digests = usual
    rows = [*STAYS[:4], BAD_STAYS[fault], *STAYS[4:]]
    pupils, stays = text_of(PUPIL_HEADER, PUPILS).encode(), text_of(STAY_HEADER, rows).encode()
    accounts, found, _ = stored(tmp_path, pupils, stays, key)
    account = accounts["enrolment"]
    assert (account.read, account.used, account.quarantined, account.merged) == (9, 8, 1, 0)
    assert found == digests


def test_a_row_that_contradicts_another_takes_no_other_pupil_with_it(tmp_path, usual):
    key, _ = usual
    rows = [*STAYS, ["010190-00001", "1", "grade", "9", "2024-09-02"]]
    pupils, stays = text_of(PUPIL_HEADER, PUPILS).encode(), text_of(STAY_HEADER, rows).encode()
    accounts, _, tables = stored(tmp_path, pupils, stays, key)
    assert accounts["enrolment"].quarantined == 2
    assert pq.read_table(tables / "enrolment.parquet").num_rows == 7


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 7),
            st.integers(0, 4),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6),
        ),
        max_size=6,
    )
)
def test_every_row_is_used_put_aside_or_merged_whatever_a_cell_holds(changes):
    rows = [list(row) for row in PUPILS]
    for row, column, text in changes:
        rows[row][column] = text
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mapping.yaml").write_text(FACTS % ("false\n  , latvian_letters: false", ""), "utf-8")
        (folder / "pupil.csv").write_bytes(text_of(PUPIL_HEADER, rows).encode())
        report = deliveries.check(folder, silent)
    account = report.accounts["pupil"]
    assert account.read == len(rows) == account.used + account.quarantined + account.merged
    named = {row["row_number"] for row in report.rejected.to_pylist()}
    assert len(named) == account.quarantined
    assert named <= set(range(2, len(rows) + 2))
    if not changes:
        assert account.used == len(rows)


CONNECTION = duckdb.connect()
CELL = st.text(st.sampled_from(['"', ";", "\n", " ", "a", "ē", "'", "\t", "1"]), max_size=5)


def both_ways(content):
    """Return what the fast and the careful reader make of a file; None for a reader that passes it on or refuses it."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "x.csv").write_bytes(content)
        try:
            decoded = decode(scratch / "x.csv", None, scratch, Limits(), latvian=False)
        except DeliveryError:
            return None, None
        fast, careful = (Sheet("x.csv", ("a", "b", "c"), "", 0, "utf-8") for _ in range(2))
        copy = scratch / "copy.parquet"
        survey = decoded.survey
        told = None
        plain = not (survey.has_blank_lines or survey.has_spaced_quotes or survey.undecodable_lines)
        if plain and _read_at_once(CONNECTION, decoded, fast, ";", copy):
            told = sorted(CONNECTION.execute(fast.relation).fetchall(), key=lambda row: row[0]), fast.rows
        try:
            _read_row_by_row(decoded, careful, ";", scratch / "careful.parquet", Limits())
        except DeliveryError:
            return told, "refused"
        rows = CONNECTION.execute(f"SELECT * FROM read_parquet('{scratch}/careful.parquet')").fetchall()
        return told, (rows, careful.rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_whole_tables_are_read_the_same_by_the_fast_and_the_careful_reader(rows, ends, all_quoted):
    told = io.StringIO()
    writer = csv.writer(
        told, delimiter=";", lineterminator=ends, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    )
    writer.writerows([["a", "b", "c"], *rows])
    fast, careful = both_ways(told.getvalue().encode())
    assert fast is None or fast == careful
    if careful not in (None, "refused"):
        assert [[cell or "" for cell in row[1:]] for row in careful[0]] == rows


@settings(max_examples=60, deadline=None)
@given(st.lists(CELL, max_size=12))
def test_broken_tables_are_read_the_same_by_the_fast_reader_or_passed_on(pieces):
    fast, careful = both_ways(("a;b;c\n" + "".join(pieces)).encode())
    assert fast is None or fast == careful


DAYS = [f"2024-09-{day:02d}" for day in (2, 3, 5, 6, 7, 9, 10, 30)] + ["2024-08-30", "2024-08-31", "2024-09-01"]
JOURNAL_HEADER = ["pupil_code", "school_id", "happened_on", "lesson_number", "attendance_code", "lessons", "known_on"]
WEEK_HEADER = ["pupil_code", "school_id", "happened_on", "lessons", "lessons_monday"]
MARK_HEADER = [
    "pupil_code",
    "school_id",
    "subject_code",
    "work_id",
    "happened_on",
    "mark_kind",
    "mark_code",
    "mark_points",
]
ODD_CELLS = [
    "",
    "2024-09-32",
    "02.09.2024",
    "1900-01-01",
    "77",
    "x",
    "Šķēle\u200b",
    "10190-00001",
    "150190-00099",
    "17",
    "-1",
]


def mixed(chance):
    """Return rows of a journal, of planned weeks and of marks: most sound, some said twice, some spoilt."""
    codes = ["present"] * 6 + ["unexcused", "excused", "late", "absent"]
    pupils = [*CODES[:4], CODES[0].replace("-", "")]
    if chance.random() < 0.3:  # as figures alone: whole numbers in a typed file
        pupils = [code.replace("-", "") for code in pupils]
    journal = []
    for _ in range(chance.choice([0, 150])):
        day = chance.choice(DAYS)
        known = max(day, chance.choice(DAYS))
        lessons = "16" if chance.random() < 0.03 else "1"
        row = [
            chance.choice(pupils),
            chance.choice("12"),
            day,
            str(chance.randint(0, 4)),
            chance.choice(codes),
            lessons,
            known,
        ]
        journal.append(row)
    if chance.random() < 0.5:  # a week too full
        journal += [[CODES[5], "1", "2024-09-16", str(one), "present", "9", "2024-09-16"] for one in range(9)]
    weeks = [
        [pupil, school, monday, str(chance.choice([2, 20])), ""]
        for pupil in CODES[:3]
        for school in "12"
        for monday in ("2024-08-26", "2024-09-02", "2024-09-09")
        if chance.random() < 0.4
    ]
    marks = [
        [
            chance.choice(pupils),
            "1",
            chance.choice("AB"),
            str(chance.randint(1, 3)),
            chance.choice(DAYS),
            "daily",
            *points,
        ]
        for points in chance.choices(
            [("points", "7"), ("nv", ""), ("points", ""), ("points", "7.5")], [6, 2, 1, 1], k=60
        )
    ]
    tables = []
    for header, rows in ((JOURNAL_HEADER, journal), (WEEK_HEADER, weeks), (MARK_HEADER, marks)):
        rows += [list(row) for row in chance.sample(rows, min(4, len(rows)))]
        for row in chance.sample(rows, min(6, len(rows))):
            row[chance.randrange(len(row))] = chance.choice(ODD_CELLS)
        order = chance.choice([chance.shuffle, list.sort])
        order(rows)
        tables.append(text_of(header, rows) if rows else "")
    return dict(zip(("attendance.csv", "lessons_planned.csv", "mark.csv"), tables, strict=True))


def as_parquet(folder):
    """Turn the large tables of a delivery into Parquet files, typed where every cell can be."""
    for name in ("attendance", "mark"):
        path = folder / f"{name}.csv"
        if path.exists():
            CONNECTION.execute(
                f"COPY (SELECT * FROM read_csv('{path}', delim=';')) TO '{path.with_suffix('.parquet')}'"
            )
            path.unlink()


def tree_of(store):
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9), typed=st.booleans())
def test_tables_read_as_numbers_are_stored_as_the_general_path_alone_stores_them(monkeypatch, seed, typed):
    chance = random.Random(seed)
    common = {
        "school.csv": SCHOOL + "2;Skola;general;2020-09-01\n",
        "pupil.csv": text_of(PUPIL_HEADER, PUPILS[:6]),
        "term.csv": TERM,
        "enrolment.csv": text_of(STAY_HEADER, STAYS[:6]),
    }
    tables, corrections = mixed(chance), mixed(chance)
    for module, size, sizes in (
        (distinct, "ROWS_AT_ONCE", [3, 40, 1 << 20]),
        (lookups, "MOST_COMBINATIONS", [0, 1 << 21]),
        (buckets, "ROWS_A_BUCKET", [5, 40, 250_000]),
        (buckets, "ROWS_A_PART", [7, 60, 131_072]),
        (buckets, "KEPT_BYTES", [1, 999, 8 << 20]),
        (weeks, "FIRST_LOOK", [1, 256]),
        (abreast, "READERS", [1, 2, 3]),
        (border, "MOST_ROWS_BESIDE", [0, 500_000]),
        (overlay, "ROWS_OF_A_RANGE", [4, 1 << 18]),
    ):
        monkeypatch.setattr(module, size, chance.choice(sizes))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, day, complete, files in (
            ("first", "2025-01-31", "true", common | tables),
            ("second", "2025-02-28", "false", {"attendance.csv": corrections["attendance.csv"]}),
        ):
            (folder / place).mkdir()
            (folder / place / "mapping.yaml").write_text(
                f"delivery: {{delivered_on: {day}, origin: real, complete: {complete}}}\n", "utf-8"
            )
            for file, text in files.items():
                if text:
                    (folder / place / file).write_text(text, "utf-8")
            if typed:
                as_parquet(folder / place)
        for store, fewest in (("numbers", 0), ("alone", 10**9)):
            monkeypatch.setattr(intake, "FEWEST_ROWS", fewest)
            for place in ("first", "second") if corrections["attendance.csv"] else ("first",):
                deliveries.receive(folder / place, folder / store, folder / "key", silent)
        assert tree_of(folder / "numbers") == tree_of(folder / "alone")
