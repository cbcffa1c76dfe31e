"""What is counted of areas: pupils by school and municipality, from the tables of a run, before small numbers are hidden.

Each table of counts is a declared cut (:class:`riskmodel.disclosure.counted.Cut`) over schools, municipalities, regions and the
state. The cuts are a fixed list: no page filters freely, so that what can be worked out from all of them together is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.disclosure.counted import Counted, Cut, Hierarchy, part_of
from riskmodel.latvia import municipality_on
from riskmodel.runs.semester import SemesterRun

STATE = "LV"
NO_MUNICIPALITY, NO_REGION = "no_municipality", "no_region"
LEVELS = ("school", "municipality", "region", "state")
ABOVE_SCHOOLS = (1, 2, 3)
"""Bands are not shown of a school: nearly all of their cells would be hidden."""

SUPPORT_FEATURE = "support_measures_2y"
DOMAINS = ("attendance", "learning", "economic")
TABLES_OF_DOMAIN = {"attendance": ("attendance", "lessons_planned"), "learning": ("mark", "term_result")}
"""A school that sent no row of these tables in twelve months has sent nothing of the domain."""

COHORTS_SHOWN = 5

PUPILS = Cut("pupils", ("pupil",), {"pupils": ("pupil",)})
IDENTIFIED = Cut(
    "identified",
    ("high", "medium", "low"),
    {"pupils": ("high", "medium", "low"), "identified": ("high", "medium"), "high": ("high",), "medium": ("medium",)},
    wholes={"identified": "pupils", "high": "pupils", "medium": "pupils"},
    levels={"high": ABOVE_SCHOOLS, "medium": ABOVE_SCHOOLS},
)
KNOWN = Cut("known", ("known",), {"known": ("known",)})
LEFT = part_of("left", "known", "left")
SUPPORTED = part_of("supported", "pupils", "supported")
WITHOUT_DATA = {domain: part_of(f"no_data_{domain}", "pupils", f"no_data_{domain}") for domain in DOMAINS}


@dataclass(frozen=True)
class Subject:
    """A table of counts and of whom it tells: the pupils of a cut-off date, or the cohort of a school year.

    ``is_completeness``: it counts pupils about whom the school sent nothing, which says nothing of a pupil. ``silent`` are
    leaves for which there are no data.
    """

    on: date
    counted: Counted
    is_completeness: bool = False
    silent: frozenset[str] = frozenset()


def present_subjects(run: SemesterRun) -> list[Subject]:
    """Return the tables of the present cohort; the first counts the pupils alone."""
    scores = run.read_arrow("score", ["school_id", "band_code", *(f"has_{domain}_data" for domain in DOMAINS)])
    place = run.read("place")
    codes = dict(zip(place["school_id"], place["municipality_code"], strict=True))
    schools = sorted(str(school) for school in pc.unique(scores["school_id"]).to_pylist())
    hierarchy = hierarchy_of(schools, codes, run.cut_off)
    number = pc.index_in(scores["school_id"].combine_chunks(), pa.array(schools, pa.string())).to_numpy()

    def count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.bincount(number[which], minlength=len(schools)).astype(np.int64)
        return found

    everyone = count(np.ones(len(number), dtype=bool))
    bands = np.column_stack([count(pc.equal(scores["band_code"], band).to_numpy()) for band in IDENTIFIED.kinds])
    subjects = [
        Subject(run.cut_off, Counted(PUPILS, hierarchy, everyone[:, None])),
        Subject(run.cut_off, Counted(IDENTIFIED, hierarchy, bands)),
    ]
    silent = silent_schools(run, schools)
    for domain, cut in WITHOUT_DATA.items():
        has_data: NDArray[np.bool_] = scores[f"has_{domain}_data"].to_numpy().astype(bool)
        nothing = silent.get(domain, frozenset())
        counted = Counted(cut, hierarchy, _beside(count(~has_data), everyone), known=_flags(schools, nothing))
        subjects.append(Subject(run.cut_off, counted, is_completeness=True, silent=nothing))
    subjects += _supported(run, hierarchy, everyone)
    return subjects


def _supported(run: SemesterRun, hierarchy: Hierarchy, everyone: NDArray[np.int64]) -> Iterator[Subject]:
    """Yield the table of pupils with a measure of support, when any school records measures."""
    schools = hierarchy.codes[0]
    members = run.read("cohort", run.cut_off, ["pupil_id", "school_id"])
    measures = run.read("feature", run.cut_off, ["pupil_id", SUPPORT_FEATURE]).set_index("pupil_id")[SUPPORT_FEATURE]
    own = members.assign(measures=members["pupil_id"].map(measures) if len(measures) else np.nan)
    records = own["measures"].notna().groupby(own["school_id"]).any()
    silent = frozenset(str(school) for school in records.index[~records])
    if len(silent) == len(schools):
        return
    with_support = own["measures"].gt(0).groupby(own["school_id"]).sum().reindex(list(schools)).astype(int)
    counted = Counted(SUPPORTED, hierarchy, _beside(with_support.to_numpy(), everyone), known=_flags(schools, silent))
    yield Subject(run.cut_off, counted, silent=silent)


def past_subjects(run: SemesterRun) -> list[list[Subject]]:
    """Return the tables of each of the newest past cohorts: whose outcome is known, and who of them left early.

    A school year has one cohort: of two runs in a year, the second tells of nearly the same pupils, and is compared
    with what the first released.
    """
    columns = ["cohort_on", "school_year_on", "school_id", "municipality_code", "label"]
    rows = run.read_arrow("cohort", columns).filter(pc.field("label").is_valid())
    counted = rows.group_by(columns).aggregate([([], "count_all")]).to_pandas(date_as_object=False)
    days = sorted(counted["cohort_on"].unique())[-COHORTS_SHOWN:]
    return [_past_subjects(counted[counted["cohort_on"] == day]) for day in days]


def _past_subjects(rows: pd.DataFrame) -> list[Subject]:
    schools = sorted(str(school) for school in rows["school_id"].unique())
    codes = dict(zip(rows["school_id"], rows["municipality_code"], strict=True))
    wide = rows.pivot_table(index="school_id", columns="label", values="count_all", aggfunc="sum", fill_value=0)
    counts: NDArray[np.int64] = wide.reindex(index=schools, columns=[1, 0], fill_value=0).to_numpy(dtype=np.int64)
    hierarchy = hierarchy_of(schools, codes, rows["cohort_on"].iloc[0].date())
    on = rows["school_year_on"].iloc[0].date()
    return [
        Subject(on, Counted(KNOWN, hierarchy, counts.sum(axis=1, keepdims=True))),
        Subject(on, Counted(LEFT, hierarchy, counts)),
    ]


def hierarchy_of(schools: Sequence[str], codes: Mapping[str, str | None], on: date) -> Hierarchy:
    """Return schools under the municipality to which their code belonged on a day, its planning region, and the state."""
    paths = []
    for school in schools:
        code = codes.get(school)
        municipality, region = (NO_MUNICIPALITY, NO_REGION) if pd.isna(code) else area_of(str(code), on)
        paths.append((school, municipality, region, STATE))
    return Hierarchy.of(paths)


def area_of(code: str, on: date) -> tuple[str, str]:
    """Return the municipality to which a code belongs on a day, and its planning region.

    >>> area_of("LV0055000", date(2025, 9, 1))
    ('LV0038000', 'Vidzeme')
    """
    try:
        found = municipality_on(code, on)
    except KeyError:
        return code, NO_REGION
    return found.code, found.planning_region


def silent_schools(run: SemesterRun, schools: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return, by domain, the schools of which no row of the domain's tables became known in the last twelve months."""
    rows = run.read("school_rows")
    return {
        domain: frozenset(schools) - set(rows.loc[rows["table_name"].isin(tables) & (rows["rows"] > 0), "school_id"])
        for domain, tables in TABLES_OF_DOMAIN.items()
    }


def _beside(part: NDArray[np.integer[Any]], everyone: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.column_stack([part, everyone - part])


def _flags(schools: Sequence[str], chosen: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([school in chosen for school in schools], dtype=bool)
