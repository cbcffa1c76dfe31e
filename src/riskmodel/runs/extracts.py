"""One file per school, a list of schools and the findings: all that a page may open of a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskmodel.memory import give_back
from riskmodel.risk.doubt.coverage import ALL
from riskmodel.risk.evaluation import DEFAULT_MODEL
from riskmodel.risk.feature import Feature
from riskmodel.risk.features import FEATURES
from riskmodel.risk.trend import trend_days
from riskmodel.runs.cohorts import AUDITED
from riskmodel.runs.columns import json_object, json_text
from riskmodel.runs.manifest import code_of_this_process
from riskmodel.runs.parts import workers
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.told import REASON_COLUMNS, TABLES_OF_PUPILS, USUAL_OF, Told
from riskmodel.tables.result_columns import BANDS
from riskmodel.tables.scores import REASON, SCORE, TREND_MONTH, TREND_WEEK
from riskmodel.views.extract import Span, common_head, findings_extract, index_extract, school_head

SCHOOL_FIGURES = ("auc", "precision_at_capacity", "recall_at_capacity")
RESULT_TABLES = ("evaluation", "subgroup", "calibration", "band", "drift", "table_account")
LISTS_OF_METRICS = ("cohorts", "capacity_curve", "missingness", "assumptions", "notices")
SCHOOLS_AT_A_TIME = 64

CODED = {REASON.name: ("feature_code", "usual_of"), TREND_WEEK.name: ("pupil_id",), TREND_MONTH.name: ("pupil_id",)}
"""Most rows are of reasons, weeks and months: a text in each would fill the memory, and be looked up in each."""

Row = Mapping[str, Any]
Result = TypeVar("Result")


def write_extracts(run: SemesterRun) -> dict[str, Any]:
    """Write the extract of every school, the list of schools and the findings; return the findings."""
    give_back()  # what scoring took
    about, summary, contribution = about_run(run), records(run.read("school_summary")), run.read_arrow("contribution")
    by_code = {feature.code: feature for feature in FEATURES}
    read = [by_code[code] for code in contribution.column_names if code in by_code]
    importance = _importance(contribution, read)
    del contribution
    schools = Schools(about, read, records(run.read("band")), _figures(run), _span(run))
    folder = run.folder / "extracts" / "school"
    folder.mkdir(parents=True, exist_ok=True)
    for school_id, text in schools.texts(summary, _tables_of_pupils(run)):
        (folder / f"{school_id}.json").write_bytes(text)
    (folder.parent / "index.json").write_text(json_text(index_extract(about, summary)) + "\n", "utf-8")
    findings = findings_extract(
        about,
        **{name: records(run.read(name)) for name in RESULT_TABLES},
        **{name: run.read_json("metrics.json")[name] for name in LISTS_OF_METRICS},
        importance=importance,
        fairness_cause=records(_differences(run)),
        coverage=records(_of_everybody(run.read("coverage"))),
    )
    (folder.parent / "findings.json").write_text(json_text(findings) + "\n", "utf-8")
    return findings


def _tables_of_pupils(run: SemesterRun) -> dict[str, pa.Table]:
    tables = {
        table.name: run.read_arrow(
            table.name,
            REASON_COLUMNS if table is REASON else None,
            coded=CODED.get(table.name, ()),
        )
        for table in TABLES_OF_PUPILS
    }
    give_back()  # what unpacking took
    return tables


def _differences(run: SemesterRun) -> pd.DataFrame:
    """Return the flagged differences that the pages tell: by one trait, and not between municipalities.

    Pairs, and municipalities beside each other without what is known of them, are for the research notebooks.
    """
    causes = run.read("fairness_cause")
    return causes[causes["trait_code"].isin([trait for trait in AUDITED if trait != "municipality_code"])]


def _of_everybody(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return what sets held of all pupils of a cohort; single groups are for the research notebooks."""
    return coverage[coverage["trait_code"] == ALL]


@dataclass(frozen=True)
class Schools:
    """What the extracts of all schools say alike: the run, the features of the model, bands, figures and days."""

    about: Row
    features: Sequence[Feature]
    bands: Sequence[Row]
    figures: Sequence[Row]
    span: Span

    def texts(self, summary: Sequence[Row], tables: Mapping[str, pa.Table]) -> Iterator[tuple[str, bytes]]:
        """Yield id and file of each school of ``summary``, a row of ``school_summary`` each.

        ``tables`` are those named in ``TABLES_OF_PUPILS``, in the order of their keys; ``reason`` holds the same number
        of rows for each pupil of ``score``, and may leave out who they are. One that is not given has no rows.
        Columns become text in one go for some schools at a time, so that memory does not grow with the country.
        """
        by_id = {str(one["school_id"]): one for one in summary}
        school_ids, scores = sorted(by_id), tables[SCORE.name]
        school = pc.index_in(scores["school_id"].combine_chunks(), pa.array(school_ids, pa.string())).to_numpy()
        order = np.lexsort((scores["place"].to_numpy(), school))
        offsets = np.searchsorted(school[order], np.arange(len(school_ids) + 1))
        counts = _counts(scores, school, len(school_ids))
        told = Told(tables, [feature.code for feature in self.features], self.span)
        del tables, scores  # of the largest it has made columns of its own
        common = common_head(self.about, self._features(), self.bands, self.figures, self.span)
        alike = {name: json_text(value) for name, value in {**common, "usual_of": USUAL_OF}.items()}

        def of_some(first: int) -> list[tuple[str, bytes]]:
            some = school_ids[first : first + SCHOOLS_AT_A_TIME]
            mine = offsets[first : first + len(some) + 1]
            columns = told.columns(order[mine[0] : mine[-1]], mine - mine[0])
            files = []
            for number, school_id in enumerate(some):
                counted = {name: int(of_school[first + number]) for name, of_school in counts.items()}
                parts = {name: json_text(value) for name, value in school_head(by_id[school_id], counted).items()}
                for name, texts in columns.items():
                    parts[name] = json_object({column: text[number] for column, text in texts.items()})
                files.append((school_id, f"{json_object({**alike, **parts})}\n".encode()))
            return files

        for files in _ahead(of_some, range(0, len(school_ids), SCHOOLS_AT_A_TIME)):
            yield from files

    def _features(self) -> list[Row]:
        return [
            {"feature_code": feature.code, "group_code": feature.group, "is_malleable": feature.is_malleable}
            for feature in self.features
        ]


def _ahead(work: Callable[[int], Result], items: Iterable[int]) -> Iterator[Result]:
    """Yield ``work`` of each item in turn, while threads are at the next ones; no more of them than threads are kept."""
    number = workers()
    with ThreadPoolExecutor(number, thread_name_prefix="extract") as pool:
        begun: deque[Future[Result]] = deque()
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > number:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _counts(scores: pa.Table, school: NDArray[np.intp], schools: int) -> dict[str, NDArray[np.intp]]:
    """Return, for each count that a page shows, the pupils of each school."""
    chosen = {
        "pupils": np.ones(len(school), dtype=bool),
        **{f"band_{band}": pc.equal(scores["band_code"], band).to_numpy() for band in BANDS},
        **{state: pc.equal(scores["state_code"], state).to_numpy() for state in ("unsure", "too_little_data")},
        "within_capacity": scores["is_within_capacity"].to_numpy(),
    }
    return {name: np.bincount(school[which], minlength=schools) for name, which in chosen.items()}


def _span(run: SemesterRun) -> Span:
    days, before = trend_days(run.cut_off), run.inputs.get("previous_run")
    told = before and {name: before[name] for name in ("run_id", "cut_off_on")}
    return Span(days.weeks, days.months, told)


def about_run(run: SemesterRun) -> dict[str, Any]:
    """Return what every page says of the run. ``published_on`` is left to the manifest: it differs between reruns."""
    present = run.windows()[-1]
    described = run.read_json("model/model.json")
    return {
        "run_id": run.folder.name,
        "cut_off_on": run.cut_off,
        "horizon_on": present.horizon_on,
        "origin": run.origin,
        "model_code": described["model_code"],
        "code_version": code_of_this_process().version,
        "seed": described["seed"],
    }


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dictionaries; empty values, and what is beyond any number, as None."""
    known = rows.replace([np.inf, -np.inf], np.nan)
    plain = known.astype(object).where(known.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _figures(run: SemesterRun) -> list[dict[str, Any]]:
    metrics = run.read_json("metrics.json")
    evaluation = run.read("evaluation")
    chosen = evaluation[
        (evaluation["split_code"] == metrics["split_code"])
        & (evaluation["model_code"] == DEFAULT_MODEL)
        & (evaluation["subset_code"] == "all")
        & evaluation["metric_code"].isin(SCHOOL_FIGURES)
        & (evaluation["cohort_on"] == pd.Timestamp(metrics["cohort_on"] or 0))
    ]
    return records(chosen)


def _importance(contribution: pa.Table, features: Sequence[Feature]) -> list[dict[str, Any]]:
    means = [
        {
            "feature_code": feature.code,
            "group_code": feature.group,
            "mean_absolute_contribution": float(np.abs(contribution[feature.code].to_numpy()).mean()),
        }
        for feature in features
    ]
    return sorted(means, key=lambda row: (-row["mean_absolute_contribution"], row["feature_code"]))
