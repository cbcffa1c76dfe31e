"""Tables of a run on disk: in the order of their key, as declared, and counted without being read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskmodel.errors import RunFailedError
from riskmodel.runs.parquet import (
    CohortWriter,
    RowsWriter,
    empty_values,
    read_numbers,
    read_rows,
    read_table,
    write_rows,
)
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.scores import CONTRIBUTION, REASON

OLDER, NEWER = date(2022, 12, 20), date(2023, 12, 20)


def reasons(pupils: list[str], places: list[int], **changed: object) -> pa.Table:
    count = len(pupils)
    coded = {"feature_code": "late_share_year", "group_code": "attendance", "usual_of": "class"}
    columns = {
        "pupil_id": pupils,
        "place": places,
        "is_malleable": [True] * count,
        "contribution": [0.5] * count,
        "own_value": [None] * count,
        "usual_value": [1.0] * count,
        **{name: pa.array([code] * count).dictionary_encode() for name, code in coded.items()},
    }
    table = pa.table(columns | changed)
    return table.set_column(table.column_names.index("own_value"), "own_value", table["own_value"].cast(pa.float64()))


def test_coded_columns_are_written_as_plain_ones_and_read_back(tmp_path: Path) -> None:
    write_rows(tmp_path, REASON, reasons(["a", "a", "b"], [1, 2, 1]))
    assert pq.read_schema(tmp_path / "reason.parquet").equals(REASON.arrow_schema())
    found = read_table(tmp_path, "reason")
    assert found["feature_code"].tolist() == ["late_share_year"] * 3
    assert found["own_value"].isna().all()


@pytest.mark.parametrize(("pupils", "places"), [(["b", "a"], [1, 1]), (["a", "a"], [2, 1]), (["a", "a"], [1, 1])])
def test_rows_out_of_order_or_with_one_key_are_refused(tmp_path: Path, pupils: list[str], places: list[int]) -> None:
    with pytest.raises(RunFailedError, match="order of their key"):
        write_rows(tmp_path, REASON, reasons(pupils, places))
    assert not (tmp_path / "reason.parquet").exists()


def test_a_required_value_may_not_be_empty(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="group_code has empty values"):
        write_rows(tmp_path, REASON, reasons(["a"], [1], group_code=pa.array([None], pa.string())))


def test_a_wide_table_has_plain_numbers_beside_its_key(tmp_path: Path) -> None:
    write_rows(tmp_path, CONTRIBUTION, pa.table({"pupil_id": ["a", "b"], "late_share_year": [0.5, -0.25]}))
    assert read_table(tmp_path, "contribution")["late_share_year"].tolist() == [0.5, -0.25]
    for wrong in (pa.array([0.5, None]), pa.array([1, 2])):
        with pytest.raises(RunFailedError, match="another type"):
            write_rows(tmp_path, CONTRIBUTION, pa.table({"pupil_id": ["a", "b"], "late_share_year": wrong}))


def cohorts() -> pa.Table:
    days = [OLDER, OLDER, OLDER, NEWER, NEWER]
    return pa.table(
        {
            "cohort_on": pa.array(days, pa.date32()),
            "pupil_id": ["a", "b", "c", "a", "d"],
            "late_share_year": [0.5, None, -0.0, 1.0, 0.25],
            "marks_year": pa.array([None] * 5, pa.float64()),
        }
    )


@pytest.mark.parametrize("row_group_size", [1, 2, 5])
@pytest.mark.parametrize("has_statistics", [True, False])
def test_a_cohort_is_read_however_its_rows_lie_in_the_file(
    tmp_path: Path, row_group_size: int, has_statistics: bool
) -> None:
    path = tmp_path / "feature.parquet"
    pq.write_table(cohorts(), path, row_group_size=row_group_size, write_statistics=has_statistics)
    for day, rows in ((OLDER, cohorts()[:3]), (NEWER, cohorts()[3:]), (date(2023, 1, 1), cohorts()[:0])):
        assert read_rows(path, day).equals(rows)
        assert (
            read_rows(path, day, ["pupil_id"], coded=["pupil_id"])["pupil_id"].to_pylist()
            == rows["pupil_id"].to_pylist()
        )


def test_a_cohort_is_read_by_its_row_groups_alone_where_they_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = CohortWriter(tmp_path, "feature")
    writer.write(cohorts()[:3])
    writer.write(cohorts()[3:])
    writer.close()
    monkeypatch.setattr(pq, "read_table", None)
    assert read_rows(tmp_path / "feature.parquet", NEWER).equals(cohorts()[3:])


def test_numbers_of_a_cohort_are_read_with_gaps_as_nan(tmp_path: Path) -> None:
    pq.write_table(cohorts().append_column("whole", [[1, 2, 3, 4, None]]), tmp_path / "feature.parquet")
    found = read_numbers(tmp_path, "feature", NEWER, ["late_share_year", "marks_year", "whole"], np.zeros(9))
    np.testing.assert_array_equal(found, [[1.0, np.nan, 4.0], [0.25, np.nan, np.nan]])


@pytest.mark.parametrize("has_statistics", [True, False])
def test_empty_values_are_counted_over_row_groups_with_and_without_statistics(
    tmp_path: Path, has_statistics: bool
) -> None:
    path = tmp_path / "file.parquet"
    rows = pa.table({"full": [1, 2, 3, 4, 5], "gaps": ["a", None, None, "b", None]})
    pq.write_table(rows, path, row_group_size=2, write_statistics=has_statistics)
    assert empty_values(path) == (5, {"full": 0, "gaps": 3})


def test_a_table_without_rows_has_no_empty_values(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table({"none": pa.array([], pa.string())}), path)
    assert empty_values(path) == (0, {"none": 0})


def test_rows_written_some_at_a_time_are_those_written_at_once(tmp_path: Path) -> None:
    for name in ("some", "once"):
        (tmp_path / name).mkdir()
    with RowsWriter(tmp_path / "some", REASON) as writer:
        writer.write(reasons(["a", "a"], [1, 2]))
        writer.write(reasons([], []))
        writer.write(reasons(["a", "b"], [3, 1]))
    write_rows(tmp_path / "once", REASON, reasons(["a", "a", "a", "b"], [1, 2, 3, 1]))
    some, once = (pq.read_table(tmp_path / name / "reason.parquet") for name in ("some", "once"))
    assert some.equals(once)


@pytest.mark.parametrize(("pupils", "places"), [(["a"], [2]), (["a"], [1]), (["b", "a"], [1, 1])])
def test_rows_that_do_not_go_on_behind_those_before_are_refused(
    tmp_path: Path, pupils: list[str], places: list[int]
) -> None:
    with RowsWriter(tmp_path, REASON) as writer:
        writer.write(reasons(["a", "a"], [1, 2]))
        with pytest.raises(RunFailedError, match="order of their key"):
            writer.write(reasons(pupils, places))


def test_a_table_of_which_nothing_was_written_has_its_columns(tmp_path: Path) -> None:
    with RowsWriter(tmp_path, REASON):
        pass
    found = pq.read_table(tmp_path / "reason.parquet")
    assert found.schema.equals(REASON.arrow_schema())
    assert found.num_rows == 0


@pytest.mark.parametrize(
    "asked",
    [
        pd.Series(["a", "b", "d"]),
        pd.concat([pd.Series(["d"]), pd.Series(["a", "b"])]),
        pd.Series(["b", "z"]),
        pd.Series(["a"])[[False]],
        pa.chunked_array([["b"], ["a"]]).to_pandas(),
    ],
    ids=["all", "pieces", "one of no cohort", "nobody", "other order"],
)
def test_rows_stand_beside_whoever_is_asked_for(tmp_path: Path, asked: pd.Series) -> None:
    run = SemesterRun(tmp_path, date(2024, 1, 1), {})
    writer = CohortWriter(run.tables, "feature")
    values = {"a": 1.0, "b": 2.0, "d": 4.0}
    day = pa.array([date(2023, 1, 1)] * 3, pa.date32())
    writer.write(pa.table({"cohort_on": day, "pupil_id": [*values], "size": [*values.values()]}))
    writer.close()
    found = run.read_beside(asked, "feature", date(2023, 1, 1), ["size"])["size"]
    assert [None if np.isnan(value) else value for value in found] == [values.get(pupil) for pupil in asked]
