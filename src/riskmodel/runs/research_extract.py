"""An extract of a published run for researchers: no name, no code of the store, no small cell, and a codebook beside it.

One row is a pupil in one cohort. Its code is drawn with a key that is thrown away, and is another one in each cohort: the way
through the stages of several years would make a child stand out. What may leave is listed here; all else stays.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from riskmodel.errors import UsageError
from riskmodel.latvia import REFORM_ON, municipalities
from riskmodel.messages import LANGUAGES, Message, message
from riskmodel.register.places import is_there, register_of
from riskmodel.register.store import open_register
from riskmodel.risk.anonymity import SMALLEST_CELL, Anonymous, Quasi, drawn_in, without_small_cells
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.feature import ATTENDANCE, LEARNING, Feature
from riskmodel.risk.features import FEATURES
from riskmodel.runs.cohorts import SUPPORTED, TRAITS
from riskmodel.runs.durable import canonical_json, write_file
from riskmodel.runs.manifest import Manifest, verify
from riskmodel.runs.publish import Store, published_run
from riskmodel.runs.research_codebook import Told, codebook
from riskmodel.runs.semester import SemesterRun, open_run
from riskmodel.tables.research import ENROLMENT_STAGES, QUASI_IDENTIFIERS, RESEARCH_PUPIL, RESEARCH_REASON
from riskmodel.tables.schema import Table

Say = Callable[[Message], None]

SMALL_SCHOOL_PUPILS = 100
"""A school with fewer pupils in any of its cohorts has no code of its own."""

OPEN_TRAITS = (*(name for name in TRAITS if name != "stage_kind"), SUPPORTED)
"""The stage stands in the cohort, too. The school's own traits stay out: with them, few pupils are alike."""

OPEN_GROUPS = {ATTENDANCE, LEARNING}
OPEN_OF_CONTEXT = {"repeat_count", "moves_3y", "support_measures_2y"}
"""Other features would name the household, the area, the class or the school, or repeat a quasi-identifier more exactly."""
DIGITS = {"share": 2, "share_change": 2, "share_per_week": 3, "points": 1, "points_change": 1, "points_per_week": 2}
"""Decimals by unit; other units are whole. An exact value is as good as a name to who has the register."""
SCORE_DIGITS = {"raw_score": 2, "probability": 3}
FORM = "riskmodel/research/1"


def _stage_group(stage: str) -> str:
    kind, _, number = stage.partition("_")
    if kind != "grade":
        return kind
    return next(
        group
        for last, group in ((4, "grades_1_4"), (6, "grades_5_6"), (9, "grades_7_9"), (99, "grades_10_12"))
        if int(number) <= last
    )


def _stage_level(stage: str) -> str:
    group = _stage_group(stage)
    return "after_basic" if group in {"grades_10_12", "vet"} else "basic" if group.startswith("grades") else group


QUASIS = (
    Quasi("school_code", is_given_up_first=True),
    Quasi("born_years", is_given_up_first=True),
    Quasi("region", (lambda region: region if region == "riga" else "elsewhere",)),
    Quasi("first_language", (lambda language: language if language == "lv" else "not_lv",)),
    Quasi("school_kind"),
    Quasi("has_special_needs"),
    Quasi("low_income"),
    Quasi("stage", (_stage_group, _stage_level)),
    Quasi("sex"),
)
"""In the order in which they are hidden where a cell is small."""
assert {quasi.name for quasi in QUASIS} == set(QUASI_IDENTIFIERS)


@dataclass(frozen=True)
class Asked:
    """Who asks for which extract: the run (None: the current one), where to, by whom, under which agreement."""

    store: Path
    run_id: str | None
    to: Path
    by: str
    reference: str = ""
    seed: int | None = None


def open_features() -> tuple[Feature, ...]:
    """Return the features that may leave with an extract."""
    return tuple(
        feature
        for feature in FEATURES
        if not feature.is_protected and (feature.group in OPEN_GROUPS or feature.code in OPEN_OF_CONTEXT)
    )


def write_extract(asked: Asked, say: Say) -> Told:
    """Write the extract of a published run into a new or empty folder, and an entry into the audit where there is a register.

    Nothing is left in the folder when anything fails, the entry included.

    Raises
    ------
    UsageError
        When the run is not published, or the folder is not empty.
    RunFailedError
        When the run was changed.
    """
    _check_empty(asked.to)
    store = Store(asked.store.absolute())
    folder = published_run(store, asked.run_id, message("Only a published run can be given to researchers."))
    say(message("Verifying the run {run_id} …", run_id=folder.name))
    manifest = verify(folder)
    run = open_run(str(folder), manifest.cut_off_date.isoformat())
    key = secrets.token_bytes(32) if asked.seed is None else hashlib.sha256(str(asked.seed).encode()).digest()
    say(message("Looking for small cells …"))
    rows, merged = _pupils(run, key)
    anonymous = without_small_cells(rows, QUASIS, "cohort_on")
    pupils, reasons = _as_they_leave(anonymous.rows), _reasons(run, anonymous.rows)
    told = _told(manifest, run, anonymous, merged, pupils)
    asked.to.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{asked.to.name}.", dir=asked.to.absolute().parent) as work:
        made = Path(work) / "extract"
        made.mkdir(mode=0o700)
        _write_tables(made, pupils, reasons)
        for language in LANGUAGES:
            write_file(made / f"codebook_{language}.md", codebook(told, language).encode())
        write_file(made / "report.json", canonical_json(told.report))
        _note(store, told, asked)
        made.rename(asked.to.absolute())
    return told


def _check_empty(to: Path) -> None:
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(
            message("An extract is written into a new or empty folder."),
            found=message("Something lies there already."),
            remedy=message("Give another folder with --to, or clear this one."),
            where=str(to),
        )


def _pupils(run: SemesterRun, key: bytes) -> tuple[pd.DataFrame, int]:
    """Return the rows as they are in the run, with codes of the extract, and the number of schools that have none of their own."""
    on = ["cohort_on", "pupil_id"]
    features = [feature.code for feature in open_features()]
    cohort = run.read("cohort")
    rows = (
        cohort.drop(columns=["class_code", "school_year_on", "horizon_on", "label_known_on", "left_on"])
        .merge(run.read("trait", columns=[*on, *OPEN_TRAITS]), on=on, how="left", validate="1:1")
        .merge(run.read("feature", columns=[*on, "age_years", *features]), on=on, how="left", validate="1:1")
        .merge(_scores(run), on=on, how="left", validate="1:1")
    )
    codes = _school_codes(rows, key)
    kinds = run.read("school_summary").set_index("school_id")["school_kind"]
    cohort_on = pd.to_datetime(rows["cohort_on"])
    born = cohort_on - pd.to_timedelta(rows["age_years"] * 365.2425, unit="D")
    first = (born.dt.year // 2) * 2
    rows = rows.assign(
        row_code=[
            hashlib.blake2b(f"{on_day:%Y-%m-%d} {pupil_id}".encode(), key=key, digest_size=8).hexdigest()
            for on_day, pupil_id in zip(cohort_on, rows["pupil_id"], strict=True)
        ],
        school_code=rows["school_id"].map(codes),
        school_kind=rows["school_id"].map(kinds),
        born_years=[None if pd.isna(year) else f"{int(year)}-{int(year) + 1}" for year in first],
        region=rows["municipality_code"].map(_regions()),
        first_language=rows["first_language"].map(
            lambda code: code if code in {"lv", "ru"} else "other", na_action="ignore"
        ),
        stage=[_stage(kind, number) for kind, number in zip(rows["stage_kind"], rows["stage_number"], strict=True)],
        has_special_needs=_flag_texts(rows["has_special_needs"]),
        low_income=_flag_texts(rows["low_income"]),
    )
    rows = rows.astype(dict.fromkeys(QUASI_IDENTIFIERS, object))
    unneeded = ["school_id", "municipality_code", "stage_kind", "stage_number", "age_years"]
    return rows.drop(columns=unneeded).sort_values("row_code"), sum(code == "merged" for code in codes.values())


def _flag_texts(flags: pd.Series) -> pd.Series:
    return flags.map(lambda flag: str(bool(flag)).lower(), na_action="ignore")


def _stage(kind: str, number: float) -> str:
    name = ENROLMENT_STAGES[kind]
    return name if name == "course" else f"{name}_{int(number)}"


def _scores(run: SemesterRun) -> pd.DataFrame:
    """Return the scores of the current cohort, and for past ones those that were made out of time."""
    columns = ["cohort_on", "pupil_id", "raw_score", "probability"]
    now = run.read("score", columns=["pupil_id", "raw_score", "probability", "band_code"])
    now = now.assign(cohort_on=run.read("cohort", columns=["cohort_on"])["cohort_on"].max(), score_kind="current")
    past = run.read("prediction")
    split = run.read_json("metrics.json")["split_code"]
    past = past[(past["model_code"] == DEFAULT_MODEL) & (past["split_code"] == split)]
    past = past[columns].assign(score_kind="out_of_time")
    return pd.concat([now, past], ignore_index=True) if len(past) else now


def _school_codes(rows: pd.DataFrame, key: bytes) -> dict[str, str]:
    fewest = rows.groupby(["school_id", "cohort_on"]).size().groupby("school_id").min()
    return {
        str(school_id): "merged"
        if count < SMALL_SCHOOL_PUPILS
        else "s" + hashlib.blake2b(str(school_id).encode(), key=key, digest_size=6).hexdigest()
        for school_id, count in fewest.items()
    }


def _regions() -> Mapping[str, str]:
    plain = {"Rīga": "riga", "Vidzeme": "vidzeme", "Kurzeme": "kurzeme", "Zemgale": "zemgale", "Latgale": "latgale"}
    before = REFORM_ON.replace(year=REFORM_ON.year - 1)
    return {unit.code: plain[unit.planning_region] for on in (before, REFORM_ON) for unit in municipalities(on)}


def _as_they_leave(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with rounded numbers whose ends are drawn in, and without the pseudonyms of the store."""
    digits = {feature.code: DIGITS.get(feature.unit, 0) for feature in open_features()} | SCORE_DIGITS
    rounded = {
        name: drawn_in(np.round(rows[name].to_numpy(np.float64, na_value=np.nan), places))
        for name, places in digits.items()
    }
    columns = [*RESEARCH_PUPIL.column_names, *(feature.code for feature in open_features())]
    return rows.assign(**rounded)[columns]


def _reasons(run: SemesterRun, kept: pd.DataFrame) -> pd.DataFrame:
    """Return the reasons of the current cohort that speak of features that may leave, numbered anew: no gap tells of others."""
    codes = kept.loc[kept["score_kind"] == "current", ["pupil_id", "row_code"]]
    reasons = run.read("reason").merge(codes, on="pupil_id", how="inner", validate="m:1")
    reasons = reasons[reasons["feature_code"].isin([feature.code for feature in open_features()])]
    reasons = reasons.assign(contribution=drawn_in(reasons["contribution"].round(2).to_numpy(np.float64)))
    reasons = reasons.sort_values(["row_code", "place"])
    reasons["place"] = reasons.groupby("row_code").cumcount() + 1
    return reasons[list(RESEARCH_REASON.column_names)]


def _write_tables(folder: Path, pupils: pd.DataFrame, reasons: pd.DataFrame) -> None:
    extra = [pa.field(feature.code, pa.float64()) for feature in open_features()]
    for table, rows, more in ((RESEARCH_PUPIL, pupils, extra), (RESEARCH_REASON, reasons, [])):
        written = _as_declared(table, rows, more)
        pq.write_table(written, folder / f"{table.name}.parquet", compression="zstd")
        pa.csv.write_csv(written, folder / f"{table.name}.csv")


def _as_declared(table: Table, rows: pd.DataFrame, more: Sequence[pa.Field]) -> pa.Table:
    schema = pa.schema([*table.arrow_schema(), *more])
    return pa.Table.from_pandas(rows, schema=schema, preserve_index=False).replace_schema_metadata(None)


def _told(manifest: Manifest, run: SemesterRun, anonymous: Anonymous, merged: int, pupils: pd.DataFrame) -> Told:
    open_codes = {feature.code for feature in open_features()}
    empty = [code for code in sorted(open_codes) if pupils[code].isna().all()]
    report = {
        "form": FORM,
        "run_id": manifest.run_id,
        "cut_off_on": manifest.cut_off_date.isoformat(),
        "origin": run.origin,
        "code_version": manifest.code.version,
        "smallest_cell_allowed": SMALLEST_CELL,
        "smallest_cell": anonymous.smallest_cell,
        "cells": anonymous.cells,
        "rows": len(anonymous.rows),
        "rows_left_out": anonymous.left_out,
        "made_coarser": dict(anonymous.levels),
        "hidden": dict(anonymous.hidden),
        "schools_merged": merged,
        "features_without_data": empty,
        "features_withheld": [feature.code for feature in FEATURES if feature.code not in open_codes],
    }
    return Told(report, run.windows(), open_features())


def _note(store: Store, told: Told, asked: Asked) -> None:
    place = register_of(store.folder)
    if not is_there(place):
        return
    details: dict[str, str | int] = {"run_id": told.report["run_id"], "rows": told.report["rows"]}
    if asked.reference:
        details["reference"] = asked.reference
    with open_register(place) as register:
        register.audit.write(asked.by, "extract_made", "state", details=details)
