"""An extract for researchers: what leaves, what stays, and when none is made."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from small_run import NAME, RUN_ID, SCHOOLS, publish_small

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.messages import LANGUAGES
from riskmodel.register.store import open_register, register_file
from riskmodel.risk.anonymity import HIDDEN, SMALLEST_CELL
from riskmodel.risk.features import FEATURES
from riskmodel.runs.research_extract import Asked, open_features, write_extract
from riskmodel.tables.research import QUASI_IDENTIFIERS, RESEARCH_PUPIL, RESEARCH_REASON


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place") / "store"
    publish_small(folder)
    return folder


@pytest.fixture(scope="module")
def made(store: Path) -> Path:
    to = store.parent / "extract"
    write_extract(Asked(store, None, to, "anna"), lambda text: None)
    return to


def pupils(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "research_pupil.parquet").to_pandas()


def test_every_cell_of_quasi_identifiers_has_five_rows_in_each_cohort(made: Path):
    rows = pupils(made)
    sizes = rows.groupby(["cohort_on", *QUASI_IDENTIFIERS], dropna=False).size()
    report = json.loads((made / "report.json").read_bytes())
    assert sizes.min() >= SMALLEST_CELL
    assert (report["smallest_cell"], report["cells"], report["rows"]) == (sizes.min(), len(sizes), len(rows))
    assert report["rows"] + report["rows_left_out"] == 2 * sum(count for _, _, count in SCHOOLS.values())
    assert {name: int((rows[name] == HIDDEN).sum()) for name in QUASI_IDENTIFIERS} == report["hidden"]


def test_nothing_of_the_store_that_names_a_pupil_school_class_or_day_leaves_with_it(made: Path, store: Path):
    text = b"".join(path.read_bytes() for path in made.iterdir() if path.suffix != ".parquet").decode()
    text += "".join(pq.read_table(path).to_pandas().to_csv() for path in made.glob("*.parquet"))
    run = store / "runs" / RUN_ID / "tables"
    for pupil_id in pq.read_table(run / "score.parquet")["pupil_id"].to_pylist():
        assert pupil_id not in text
    assert NAME not in text
    columns = {name for path in made.glob("*.parquet") for name in pq.read_schema(path).names}
    assert not columns & {"pupil_id", "school_id", "class_code", "municipality_code", "left_on", "age_years"}
    assert set(pupils(made)["school_code"]) & set(SCHOOLS) == set()


def test_only_features_of_the_list_leave_and_reasons_speak_of_no_other(made: Path):
    released = {feature.code for feature in open_features()}
    declared = {feature.code for feature in FEATURES}
    assert set(pupils(made).columns) & declared == (released & declared) | {"low_income", "has_special_needs"}
    reasons = pq.read_table(made / "research_reason.parquet").to_pandas()
    assert set(reasons["feature_code"]) == {"absent_share_8w", "mark_mean_points_year"}
    assert set(reasons["place"]) == {1, 2}  # no gap tells that something stayed behind
    assert set(reasons["row_code"]) <= set(pupils(made)["row_code"])


def test_numbers_are_rounded_and_the_ends_belong_to_five_rows(made: Path):
    rows = pupils(made)
    for feature in open_features():
        known = rows[feature.code].dropna()
        assert (known == known.max()).sum() >= SMALLEST_CELL, feature.code
        assert (known == known.min()).sum() >= SMALLEST_CELL, feature.code
        assert (known == known.round(3)).all()
    assert (rows["probability"].dropna() == rows["probability"].dropna().round(3)).all()


def test_small_schools_share_one_code_and_the_codes_of_rows_join_no_cohorts_and_no_extracts(made: Path, store: Path):
    rows = pupils(made)
    assert rows["row_code"].is_unique
    assert "merged" in set(rows["school_code"])
    assert len(set(rows["school_code"]) - {"merged", HIDDEN}) <= 2
    other = store.parent / "another"
    write_extract(Asked(store, RUN_ID, other, "anna"), lambda text: None)
    assert not set(pupils(other)["row_code"]) & set(rows["row_code"])
    assert set(pupils(other)["school_code"]) & set(rows["school_code"]) <= {"merged", HIDDEN}


def test_the_same_seed_gives_the_same_bytes(store: Path, tmp_path: Path):
    texts = []
    for name in ("one", "two"):
        write_extract(Asked(store, None, tmp_path / name, "anna", seed=3), lambda text: None)
        texts.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert texts[0] == texts[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_codebook_names_every_column_outcome_date_and_missing_code(made: Path, language: str):
    text = (made / f"codebook_{language}.md").read_text("utf-8")
    for column in (*RESEARCH_PUPIL.columns, *RESEARCH_REASON.columns):
        assert f"| `{column.name}` | {column.words.in_language(language)} |" in text
    for name in pupils(made).columns:
        assert f"`{name}`" in text
    assert all(day in text for day in ("2023-12-19", "2024-12-20", "2025-09-30", "2025-10-30"))
    assert RUN_ID in text
    assert f"`{HIDDEN}`" in text
    shown = {"lv": "cenzēts", "en": "censored"}
    assert shown[language] in text


def test_csv_and_parquet_hold_the_same_rows(made: Path):
    read = pd.read_csv(made / "research_pupil.csv", dtype={"has_special_needs": str, "low_income": str})
    rows = pupils(made)
    assert list(read.columns) == list(rows.columns)
    assert read["row_code"].tolist() == rows["row_code"].tolist()
    assert read["absent_share_8w"].isna().sum() == rows["absent_share_8w"].isna().sum()
    assert set(read["has_special_needs"].dropna()) <= {"true", "false", HIDDEN}


def test_an_entry_of_the_audit_is_written_where_there_is_a_register_and_nothing_is_left_where_it_cannot_be(
    tmp_path: Path,
):
    store = tmp_path / "store"
    publish_small(store)
    file = register_file(store)
    open_register(file, may_create=True).close()
    write_extract(Asked(store, None, tmp_path / "first", "anna", reference="12/2026"), lambda text: None)
    with open_register(file) as register:
        (entry,) = [entry for entry in register.audit.read() if entry.action == "extract_made"]
    assert entry.actor == "operator:anna"
    assert json.loads(entry.details).items() >= {"run_id": RUN_ID, "reference": "12/2026"}.items()
    file.chmod(0o644)
    with pytest.raises(UsageError):
        write_extract(Asked(store, None, tmp_path / "second", "anna"), lambda text: None)
    assert {path.name for path in tmp_path.iterdir() if "register" not in path.name} == {"store", "first"}


@pytest.mark.parametrize("what", ["held", "unknown", "nothing published"])
def test_no_extract_is_made_of_a_run_that_is_not_published(tmp_path: Path, what: str):
    store = tmp_path / "store"
    publish_small(store, state="held" if what == "held" else "passed", is_current=False)
    run_id = {"held": RUN_ID, "unknown": "2024-12-20-ffffffffffff", "nothing published": None}[what]
    with pytest.raises(UsageError, match="Only a published run"):
        write_extract(Asked(store, run_id, tmp_path / "to", "anna"), lambda text: None)
    assert not (tmp_path / "to").exists()


def test_a_held_run_that_was_released_may_be_given(tmp_path: Path):
    store = tmp_path / "store"
    publish_small(store, state="held", is_current=False)
    (store / "releases").mkdir()
    (store / "releases" / f"{RUN_ID}.json").write_text("{}")
    write_extract(Asked(store, RUN_ID, tmp_path / "to", "anna"), lambda text: None)
    assert (tmp_path / "to" / "report.json").exists()


def test_no_extract_is_made_of_a_run_that_was_changed_or_into_a_folder_with_something_in_it(tmp_path: Path):
    store = tmp_path / "store"
    folder = publish_small(store)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "own.txt").write_text("mine")
    with pytest.raises(UsageError, match="new or empty folder"):
        write_extract(Asked(store, None, tmp_path / "full", "anna"), lambda text: None)
    (folder / "metrics.json").write_text('{"split_code": "strict"}')
    with pytest.raises(RunFailedError):
        write_extract(Asked(store, None, tmp_path / "to", "anna"), lambda text: None)
    assert {path.name for path in tmp_path.iterdir()} == {"store", "full"}
