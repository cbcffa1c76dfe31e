"""An invented country as the step of areas reads it: pupils with bands in schools of real municipalities, and what became of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import invented_run
import numpy as np
import pandas as pd

from riskmodel.latvia import municipalities
from riskmodel.runs import manifest
from riskmodel.runs.areas import write_areas
from riskmodel.runs.semester import SemesterRun
from riskmodel.tables.schema import Sensitivity

BANDS = ("high", "medium", "low")
CUT_OFF = date(2026, 11, 22)
DECISION = "decision of the test"


@dataclass(frozen=True)
class School:
    """A school in numbers: its pupils by band, of whom so many had support (None: nobody records it), and the past cohort."""

    school_id: str
    municipality_code: str | None
    bands: tuple[int, int, int]
    supported: int | None = 0
    without_marks: int = 0
    left: int = 0
    stayed: int = 0
    is_silent: bool = False

    @property
    def pupils(self) -> int:
        return sum(self.bands)


@dataclass(frozen=True)
class Country:
    """Schools on a cut-off date; the past cohort is that of the school year before."""

    schools: list[School]
    cut_off: date = CUT_OFF
    past_year_on: date = field(default=date(2025, 9, 1))

    def corrected(self, school_id: str, **changes: object) -> Country:
        """Return the same with one school changed."""
        schools = [replace(one, **changes) if one.school_id == school_id else one for one in self.schools]
        return replace(self, schools=schools)


def drawn(seed: int, schools_of_each: int, pupils: tuple[int, int], on: date = CUT_OFF, of: int = 100) -> Country:
    """Return a country with about as many schools in each of the first ``of`` municipalities, a tenth of the pupils identified."""
    source = np.random.default_rng(seed)
    found = []
    for municipality in municipalities(on)[:of]:
        for _ in range(schools_of_each):
            size = int(source.integers(*pupils))
            bands = source.multinomial(size, [0.03, 0.08, 0.89])
            supported = None if source.random() < 0.3 else int(source.binomial(size, 0.06))
            left = int(source.binomial(size, 0.03))
            found.append(
                School(
                    f"{len(found) + 1000}",
                    municipality.code,
                    (int(bands[0]), int(bands[1]), int(bands[2])),
                    supported,
                    int(source.binomial(size, 0.05)),
                    left,
                    size - left,
                )
            )
    return Country(found, on)


def write(store: Path, run_id: str, country: Country) -> SemesterRun:
    """Write the tables of a run in a store and return it, before the step of areas."""
    folder = invented_run.publish(store, run_id, schools={})
    for file in (folder / "extracts").rglob("*.json"):
        if file.name == "state.json" or file.parent.name == "municipality":
            file.unlink()
    (folder / "tables").mkdir()
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text('{"model_code": "boosting", "seed": 7}', "utf-8")
    for name, rows in _tables(country).items():
        rows.to_parquet(folder / "tables" / f"{name}.parquet", index=False)
    return SemesterRun(folder, country.cut_off, {"sources": [{"delivery_id": "d1", "origin": "synthetic"}]})


def publish(store: Path, run_id: str, country: Country, n_min: int = 10) -> SemesterRun:
    """Write a run with its areas into a store, sealed as a semester run leaves it, and let ``current`` name it."""
    run = write(store, run_id, country)
    write_areas(run, n_min, DECISION)
    files = {
        path.relative_to(run.folder).as_posix(): manifest.FileEntry(
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            bytes=path.stat().st_size,
            sensitivity=Sensitivity.PERSONAL,
            is_deterministic=True,
        )
        for path in [*sorted((run.folder / "extracts").rglob("*.json")), run.tables / "released_cell.parquet"]
    }
    sealed = manifest.read_manifest(run.folder).model_copy(
        update={
            "files": files,
            "cut_off_date": country.cut_off,
            "finished_at": f"{country.cut_off.isoformat()}T20:00:00+00:00",
        }
    )
    (run.folder / "manifest.json").write_bytes(sealed.to_bytes())
    return run


def state_of(run: SemesterRun) -> dict:
    """Return the extract of the state."""
    return json.loads((run.folder / "extracts" / "state.json").read_text("utf-8"))


def municipality_of(run: SemesterRun, code: str) -> dict:
    """Return the extract of a municipality."""
    return json.loads((run.folder / "extracts" / "municipality" / f"{code}.json").read_text("utf-8"))


def _tables(country: Country) -> dict[str, pd.DataFrame]:
    schools = country.schools
    ids, codes = [one.school_id for one in schools], [one.municipality_code for one in schools]
    sizes = [one.pupils for one in schools]
    school = np.repeat(ids, sizes)
    pupil = np.array([f"p{number:07d}" for number in range(len(school))])
    place = np.concatenate([np.arange(size) for size in sizes])  # number of a pupil in the school
    marks = place >= np.repeat([one.without_marks for one in schools], sizes)
    band = np.repeat(np.tile(BANDS, len(schools)), [count for one in schools for count in one.bands])
    supported = np.repeat([-1 if one.supported is None else one.supported for one in schools], sizes)
    measures = np.where(supported < 0, np.nan, (place < supported).astype(float))
    has_attendance = ~np.repeat([one.is_silent for one in schools], sizes)
    score = pd.DataFrame({"pupil_id": pupil, "school_id": school, "band_code": band})
    domains = {"attendance": has_attendance, "learning": marks, "economic": place % 4 > 0}
    score = score.assign(**{f"has_{domain}_data": flags for domain, flags in domains.items()})
    of_past = [one.left + one.stayed for one in schools]
    labels = np.concatenate([np.repeat([1, 0], [one.left, one.stayed]) for one in schools])
    dated = [
        (country.cut_off, _autumn(country.cut_off), pupil, school, np.repeat(codes, sizes), [None] * len(pupil)),
        (
            country.past_year_on.replace(month=11, day=22),
            country.past_year_on,
            np.array([f"o{number:07d}" for number in range(len(labels))]),
            np.repeat(ids, of_past),
            np.repeat(codes, of_past),
            labels,
        ),
    ]
    cohort = pd.concat([_cohort(*one) for one in dated if len(one[2])])
    sent = [
        {"school_id": one.school_id, "table_name": table, "rows": 0 if one.is_silent and table == "attendance" else 9}
        for one in schools
        for table in ("attendance", "mark")
    ]
    summary = pd.DataFrame(
        {
            "school_id": ids,
            "school_name": [f"{one}. skola" for one in ids],
            "school_kind": "general",
            "municipality_code": codes,
            "pupils": sizes,
            "places": [size // 10 for size in sizes],
            "is_capacity_assumed": [number % 2 == 0 for number in range(len(ids))],
        }
    )
    return {
        "score": score,
        "place": pd.DataFrame({"school_id": ids, "municipality_code": codes}),
        "cohort": cohort,
        "feature": pd.DataFrame({"pupil_id": pupil, "cohort_on": country.cut_off, "support_measures_2y": measures}),
        "school_rows": pd.DataFrame(sent),
        "school_summary": summary,
    }


def _cohort(on: date, year_on: date, pupils: object, schools: object, codes: object, labels: object) -> pd.DataFrame:
    horizon = date(year_on.year + 1, 9, 30)
    rows = pd.DataFrame({"pupil_id": pupils, "school_id": schools, "municipality_code": codes})
    return rows.assign(
        cohort_on=on,
        school_year_on=year_on,
        horizon_on=horizon,
        label_known_on=date(year_on.year + 1, 10, 30),
        label=pd.array(labels, dtype="Int8"),
    )


def _autumn(on: date) -> date:
    return date(on.year if on.month >= 9 else on.year - 1, 9, 1)
