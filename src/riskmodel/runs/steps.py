"""The steps of a semester run, in order: what each notebook takes, needs and makes, and how far that may travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from riskmodel.messages import Words
from riskmodel.tables.schema import Sensitivity

OPEN, PERSONAL, AUDIT = Sensitivity.OPEN, Sensitivity.PERSONAL, Sensitivity.AUDIT


@dataclass(frozen=True)
class Step:
    """One notebook of a run.

    ``takes`` names settings that it is given beside the run folder; ``needs`` are files of earlier steps, and it may begin
    as soon as they are made; ``makes`` are files, or whole folders, below the run folder. A file that is not declared fails the run.
    """

    notebook: str
    words: Words
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    makes: Mapping[str, Sensitivity] = field(default_factory=dict)


INPUTS = "inputs.json"
"""Which deliveries and which earlier run the run reads, and their row accounts: written by the runner before the first step."""

SEMESTER: tuple[Step, ...] = (
    Step(
        "10_tables",
        Words("what was delivered", "kas ir piegādāts"),
        takes=("cut_off_date",),
        needs=(INPUTS,),
        makes={
            "tables/table_account.parquet": OPEN,
            "tables/rejected_row.parquet": PERSONAL,
            "tables/missingness.parquet": OPEN,
            "tables/school_rows.parquet": OPEN,
        },
    ),
    Step(
        "20_features",
        Words("cohorts, outcomes and features", "grupas, iznākumi un pazīmes"),
        takes=("cut_off_date", "horizon_on", "label_delay_days", "threads"),
        needs=(INPUTS,),
        makes={
            "tables/cohort.parquet": PERSONAL,
            "tables/feature.parquet": PERSONAL,
            "tables/trait.parquet": AUDIT,
            "tables/place.parquet": OPEN,
            "tables/trend_week.parquet": PERSONAL,
            "tables/trend_month.parquet": PERSONAL,
            "tables/support_known.parquet": PERSONAL,
        },
    ),
    Step(
        "30_model",
        Words("model, challengers and rules on past cohorts", "modelis un salīdzinājumi agrākās grupās"),
        takes=(
            "cut_off_date",
            "seed",
            "threads",
            "score_with_protected",
            "support_aware",
            "support_method",
            "full",
            "most_training_rows",
        ),
        needs=("tables/cohort.parquet", "tables/feature.parquet", "tables/trait.parquet"),
        makes={"tables/prediction.parquet": PERSONAL, "model": PERSONAL},
    ),
    Step(
        "40_evaluation",
        Words("figures with intervals, groups, drift", "rādītāji ar intervāliem, grupas, nobīde"),
        takes=(
            "cut_off_date",
            "seed",
            "bootstrap_replicates",
            "capacity_share",
            "capacity_places",
            "unsure_share",
            "new_pupil_days",
            "support_aware",
        ),
        needs=(
            "tables/cohort.parquet",
            "tables/feature.parquet",
            "tables/trait.parquet",
            "tables/place.parquet",
            "tables/prediction.parquet",
            "tables/table_account.parquet",
        ),
        makes={
            "tables/evaluation.parquet": OPEN,
            "tables/calibration.parquet": OPEN,
            "tables/subgroup.parquet": AUDIT,
            "tables/fairness.parquet": AUDIT,
            "tables/fairness_cause.parquet": AUDIT,
            "tables/band.parquet": OPEN,
            "tables/drift.parquet": OPEN,
            "tables/coverage.parquet": AUDIT,
            "metrics.json": AUDIT,
        },
    ),
    Step(
        "50_explanation",
        Words("scores and their reasons", "vērtējumi un to iemesli"),
        takes=("cut_off_date", "capacity_share", "capacity_places", "new_pupil_days", "n_min", "n_min_decision"),
        needs=(
            "tables/school_rows.parquet",
            INPUTS,
            "tables/trend_week.parquet",
            "tables/trend_month.parquet",
            "tables/support_known.parquet",
            "tables/cohort.parquet",
            "tables/feature.parquet",
            "tables/place.parquet",
            "tables/prediction.parquet",
            "tables/band.parquet",
            "metrics.json",
            "model/model.json",
            "model/model.txt",
        ),
        makes={
            "tables/score.parquet": PERSONAL,
            "tables/contribution.parquet": PERSONAL,
            "tables/reason.parquet": PERSONAL,
            "tables/score_change.parquet": PERSONAL,
            "tables/change_reason.parquet": PERSONAL,
            "tables/what_if.parquet": PERSONAL,
            "tables/school_summary.parquet": PERSONAL,
            "tables/municipality_summary.parquet": OPEN,
            "tables/state_summary.parquet": OPEN,
            "tables/released_cell.parquet": PERSONAL,
            "extracts": PERSONAL,
        },
    ),
    Step(
        "60_effects",
        Words("effects of measures", "pasākumu ietekme"),
        takes=("cut_off_date", "seed", "full", "worth_having", "hour_eur", "capacity_share", "capacity_places"),
        needs=(
            INPUTS,
            "tables/place.parquet",
            "tables/cohort.parquet",
            "tables/feature.parquet",
            "tables/prediction.parquet",
            "tables/band.parquet",
        ),
        makes={
            "tables/targeting.parquet": PERSONAL,
            "tables/risk_spread.parquet": PERSONAL,
            "tables/effect.parquet": OPEN,
            "tables/measure_grade.parquet": OPEN,
            "effects.json": OPEN,
        },
    ),
    Step(
        "70_report",
        Words("report, model card and file for the law", "pārskats, modeļa apraksts un dokumenti pēc likuma"),
        takes=("cut_off_date", "most_training_rows", "score_with_protected"),
        needs=(INPUTS, "extracts/findings.json", "effects.json", "metrics.json", "model/model.json"),
        makes={"report": OPEN},
    ),
)

RECORDS: Mapping[str, Sensitivity] = {
    "log.jsonl": OPEN,
    "timings.json": OPEN,
    "gates.json": OPEN,
    "notebooks": PERSONAL,
}
"""Files of the runner: hashed, but not compared between reruns."""


def makers(step: Step, steps: tuple[Step, ...]) -> set[str]:
    """Return the notebooks of the steps that make what ``step`` needs: it may begin when they are done.

    >>> sorted(makers(SEMESTER[-1], SEMESTER))
    ['30_model', '40_evaluation', '50_explanation', '60_effects']
    """
    made = {path: one.notebook for one in steps for path in one.makes}
    needed = {path for name in step.needs for path in (name, name.partition("/")[0])}
    return {made[path] for path in needed & made.keys()}


def known_files(steps: tuple[Step, ...]) -> dict[str, tuple[Sensitivity, bool]]:
    """Return sensitivity and "is deterministic" of every file or folder that a run may hold.

    >>> known_files(SEMESTER)["metrics.json"][1], known_files(SEMESTER)["timings.json"][1]
    (True, False)
    """
    made = {path: (sensitivity, True) for step in steps for path, sensitivity in step.makes.items()}
    return {INPUTS: (OPEN, True), **made, **{path: (sensitivity, False) for path, sensitivity in RECORDS.items()}}
