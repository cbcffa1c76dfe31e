"""The worked example goes from a foreign CSV through its mapping to stored tables, and every file of it is fresh."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from riskmodel.sources import deliveries

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "data" / "examples" / "own_csv"


def _script():
    spec = importlib.util.spec_from_file_location("own_csv", CHECKOUT / "tests" / "own_csv.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks its own module up
    spec.loader.exec_module(module)
    return module


def _cells(content):
    header, *rows = [line.split(";") for line in content.decode("cp1257").splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    got = deliveries.receive(EXAMPLE, folder / "store", folder / "key", lambda text: None)
    return got, folder / "store" / "deliveries" / got.delivery_id


def test_the_files_are_those_that_the_script_makes():
    for name, content in _script().invent().items():
        assert (EXAMPLE / name).read_bytes() == content, name


def test_the_example_is_small():
    assert sum(path.stat().st_size for path in EXAMPLE.iterdir()) <= 400_000


def test_every_row_is_used(received):
    for table, account in received[0].accounts.items():
        assert account.used == account.read > 0, table


def test_the_absences_of_the_files_are_all_there_and_no_more(received):
    files = [_cells(path.read_bytes()) for path in sorted(EXAMPLE.glob("skoleni_*.csv"))]
    stored = pq.read_table(received[1] / "attendance.parquet").to_pandas()
    lessons = stored.groupby("attendance_code")["lessons"].sum()
    for header, code in (("Kavēts attaisnoti", "excused"), ("Kavēts neattaisnoti", "unexcused")):
        assert lessons[code] == sum(int(row[header]) for rows in files for row in rows)


def test_a_mark_that_was_not_given_is_no_mark_and_never_nought(received):
    files = [_cells(path.read_bytes()) for path in sorted(EXAMPLE.glob("skoleni_*.csv"))]
    subjects = ("Latviešu valoda", "Matemātika", "Angļu valoda")
    given = sum(row[subject] != "nv" for rows in files for row in rows for subject in subjects)
    stored = pq.read_table(received[1] / "term_result.parquet")["mark_points"]
    assert len(stored) - stored.null_count == given
    assert min(points.as_py() for points in stored.drop_null()) >= 1


def test_nobody_s_name_leaves_the_protected_folder(received):
    script = _script()
    words = (*script.FIRST_NAMES, *script.LAST_NAMES, "L-00")
    for path in received[1].iterdir():
        is_table = path.suffix == ".parquet" and path.stem != "school"
        told = (
            str(pq.read_table(path).to_pylist())
            if is_table
            else path.read_text("utf-8")
            if path.suffix == ".json"
            else ""
        )
        assert not any(word in told for word in words), path.name
