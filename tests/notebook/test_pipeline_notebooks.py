"""The semester run as it is: six notebooks on an invented cohort, killed once on the way, published."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pyarrow.parquet as pq
import pytest
import semester_run
from semester_run import CUT_OFF, LATER, SETTINGS, plan, pupils_of

from riskmodel.messages import LANGUAGES
from riskmodel.risk.explanation import REASONS_KEPT
from riskmodel.runs import cohorts, journal
from riskmodel.runs.failure import marks_of
from riskmodel.runs.law import PAPERS
from riskmodel.runs.manifest import Manifest, verify
from riskmodel.runs.papermilling import prepare
from riskmodel.runs.parameters import check
from riskmodel.runs.publish import Store, current_run
from riskmodel.runs.runner import Done, Plan, run, semester_pipeline
from riskmodel.runs.semester import SemesterRun
from riskmodel.runs.staging import kernel_environment, parameters_of
from riskmodel.runs.steps import INPUTS, SEMESTER, Step, makers
from riskmodel.support.catalogue import catalogue
from riskmodel.views.extract import unfolded

HEADLINES = ("auc", "average_precision", "brier", "ece", "precision_at_capacity", "recall_at_capacity")


@pytest.fixture(scope="session")
def delivery(shared_semester: Path) -> Path:
    return semester_run.made_delivery(shared_semester)


@pytest.fixture(scope="session")
def done(shared_semester: Path) -> Done:
    return semester_run.killed_and_resumed(shared_semester)


@pytest.fixture(scope="session")
def manifest(done: Done) -> Manifest:
    return verify(done.folder)


@pytest.mark.parametrize("step", SEMESTER, ids=lambda step: step.notebook)
def test_a_notebook_declares_what_its_step_gives_it(step):
    pipeline = semester_pipeline()
    check(pipeline.notebook(step), parameters_of(step, SETTINGS, Path("run")))


def test_a_killed_run_was_resumed_and_published(done: Done):
    assert (done.state, [gate for gate in done.gates if not gate.is_passed]) == ("published", [])
    assert current_run(Store(done.folder.parent.parent)) == done.run_id
    events = [(line["event"], line.get("step")) for line in journal.read(done.folder / journal.LOG_NAME)]
    assert [step for event, step in events if event == "step_kept"] == ["10_tables", "20_features", "30_model"]


def test_the_run_killed_on_the_way_has_the_bytes_of_one_that_was_not(
    done: Done, manifest: Manifest, delivery: Path, tmp_path: Path
):
    # The key makes the pseudonyms, so it goes along.
    store = done.folder.parent.parent
    shutil.copy(store.with_name("store.key"), tmp_path / "elsewhere.key")
    again = run(plan(delivery, tmp_path / "elsewhere"), lambda text: None)
    assert verify(again.folder).digests() == manifest.digests()
    assert again.run_id == done.run_id
    assert len(manifest.digests()) > 30


def steps_before(step: Step) -> set[str]:
    """Return the steps that must be done before ``step`` begins."""
    by_name = {one.notebook: one for one in SEMESTER}
    found = makers(step, SEMESTER)
    return found.union(*(steps_before(by_name[name]) for name in found))


ABREAST = [step for number, step in enumerate(SEMESTER) if len(steps_before(step)) < number]


@pytest.mark.parametrize("step", ABREAST, ids=lambda step: step.notebook)
def test_a_step_makes_the_same_when_only_those_are_done_that_it_waits_for(done: Done, step: Step, tmp_path: Path):
    """Steps side by side: what one reads and does not declare as needed may not be there yet."""
    shutil.copytree(done.folder.parent.parent, tmp_path / "store", symlinks=True)
    folder = shutil.copytree(done.folder, tmp_path / "store" / "staging" / done.run_id)
    remove_all_but(
        folder, {INPUTS, *(path for one in SEMESTER if one.notebook in steps_before(step) for path in one.makes)}
    )
    pipeline, environment = semester_pipeline(), kernel_environment(SETTINGS.threads)
    execution = prepare(pipeline.notebook(step), parameters_of(step, SETTINGS, folder), environment)
    execution.begin()
    assert execution.result().error_kind == ""
    made = {path: file.read_bytes() for name in step.makes for path, file in files_at(folder, name).items()}
    published = {path: file.read_bytes() for name in step.makes for path, file in files_at(done.folder, name).items()}
    assert made == published


def remove_all_but(folder: Path, kept: set[str]) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        name = path.relative_to(folder)
        path.parent.chmod(0o750)
        if str(name) in kept or name.parts[0] in kept:
            path.chmod(0o640)
        else:
            path.unlink()


def files_at(folder: Path, name: str) -> dict[str, Path]:
    found = [path for path in [folder / name, *(folder / name).rglob("*")] if path.is_file()]
    return {str(path.relative_to(folder)): path for path in found}


def test_the_same_plan_again_does_nothing(done: Done, delivery: Path):
    before = written(done.folder)
    again = run(plan(delivery, done.folder.parent.parent), lambda text: None)
    assert (again.run_id, again.state) == (done.run_id, "unchanged")
    assert written(done.folder) == before


def written(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Of every file: which one it is, how long, and when it was last written (not when it was last read)."""
    return {path: ((stat := path.stat()).st_ino, stat.st_size, stat.st_mtime_ns) for path in folder.rglob("*")}


def test_the_figures_stand_under_their_names(done: Done):
    metrics = json.loads((done.folder / "metrics.json").read_text("utf-8"))
    for name in HEADLINES:
        assert set(metrics[name]) == {"value", "low", "high"}
        assert 0 <= metrics[name]["value"] <= 1
    assert {"random", "school_rate", "logistic"} <= metrics["baselines"].keys()
    assert "ebm" not in metrics["baselines"]
    assert metrics["baselines"]["random"]["auc"]["value"] == 0.5
    assert set(metrics["subgroups"]["sex"]) >= {"f", "m"}
    for account in metrics["rows"].values():
        assert account["read"] == account["used"] + account["quarantined"] + account["merged"]
    assert metrics["rows"]["enrolment"]["used"] > 0


def test_base_and_reasons_of_every_pupil_add_up_to_the_score(done: Done):
    score = pd.read_parquet(done.folder / "tables" / "score.parquet").set_index("pupil_id")
    contribution = pd.read_parquet(done.folder / "tables" / "contribution.parquet").set_index("pupil_id")
    gap = score["raw_score"] - score["base_score"] - contribution.sum(axis=1)
    assert gap.abs().max() < 1e-5
    assert not gap.isna().any()


def test_the_reasons_of_every_pupil_are_the_largest_contributions(done: Done):
    contribution = pd.read_parquet(done.folder / "tables" / "contribution.parquet").set_index("pupil_id")
    reason = pd.read_parquet(done.folder / "tables" / "reason.parquet")
    largest = contribution.abs().apply(lambda row: row.nlargest(REASONS_KEPT).to_numpy(), axis=1)
    for pupil_id, told in reason.groupby("pupil_id"):
        np.testing.assert_array_equal(told["contribution"].abs().to_numpy(), largest[pupil_id])


def test_places_are_given_by_school_in_the_order_of_need(done: Done):
    score = pd.read_parquet(done.folder / "tables" / "score.parquet")
    summary = pd.read_parquet(done.folder / "tables" / "school_summary.parquet").set_index("school_id")
    chosen = score[score["is_within_capacity"]].groupby("school_id").size()
    assert (chosen == summary.loc[chosen.index, "places"]).all()
    for _, school in score.groupby("school_id"):
        in_order = school.sort_values("place")
        assert in_order["raw_score"].is_monotonic_decreasing
        assert in_order["place"].tolist() == list(range(1, len(school) + 1))


def test_each_school_has_its_extract_and_stands_in_the_list(done: Done):
    index = json.loads((done.folder / "extracts" / "index.json").read_text("utf-8"))
    score = pd.read_parquet(done.folder / "tables" / "score.parquet")
    assert {school["school_id"] for school in index["schools"]} == set(score["school_id"])
    for school in index["schools"]:
        extract = json.loads((done.folder / "extracts" / school["file"]).read_text("utf-8"))
        own = set(score[score["school_id"] == school["school_id"]]["pupil_id"])
        assert {pupil["pupil_id"] for pupil in unfolded(extract)["pupils"]} == own


def test_a_run_before_which_there_is_none_compares_nothing(done: Done, manifest: Manifest):
    assert manifest.previous_run is None
    for name in ("score_change", "change_reason"):
        assert pq.read_table(done.folder / "tables" / f"{name}.parquet").num_rows == 0
    for pupil in pupils_of(done):
        assert pupil["change"] is None


def test_a_later_run_tells_what_changed_and_both_commands_find_their_runs_again(
    done: Done, delivery: Path, tmp_path: Path
):
    store = tmp_path / "store"
    shutil.copytree(done.folder.parent.parent, store, symlinks=True)
    later_plan = Plan(store, SETTINGS.model_copy(update={"cut_off_date": LATER}))
    later = run(later_plan, lambda text: None)
    manifest = verify(later.folder)
    assert manifest.previous_run is not None
    assert (manifest.previous_run.run_id, manifest.previous_run.cut_off_on) == (done.run_id, CUT_OFF)
    assert manifest.previous_run.result_sha256 == verify(done.folder).result_sha256
    assert run(Plan(store, SETTINGS), lambda text: None).run_id == done.run_id
    assert run(later_plan, lambda text: None).run_id == later.run_id

    change, reason, before, now = (
        pd.read_parquet(folder / "tables" / f"{name}.parquet")
        for folder, name in ((later.folder, "score_change"), (later.folder, "change_reason"), *both(done, later))
    )
    change, before, now = (table.set_index("pupil_id") for table in (change, before, now))
    assert set(change["change_code"]) >= {"up", "down", "same"}
    known = change[change["change_code"] != "new"].index
    assert (change.loc[known, "previous_band_code"] == before.loc[known, "band_code"]).all()
    same_school = known[now.loc[known, "school_id"] == before.loc[known, "school_id"]]
    assert (change.loc[same_school, "previous_place"] == before.loc[same_school, "place"]).all()
    assert set(reason["pupil_id"]) <= set(change[change["change_code"].isin(["up", "down"])].index)
    moved = [
        pd.read_parquet(run.folder / "tables" / "contribution.parquet").set_index("pupil_id") for run in (done, later)
    ]
    for row in reason.to_dict("records"):
        value = moved[1].loc[row["pupil_id"], row["feature_code"]] - moved[0].loc[row["pupil_id"], row["feature_code"]]
        assert row["contribution_change"] == pytest.approx(value)
        assert (value > 0) == (change.loc[row["pupil_id"], "change_code"] == "up")
        assert row["before_value"] != row["now_value"]
    told = [pupil["change"] for pupil in pupils_of(later)]
    assert {one["kind"] for one in told if one} == set(change["change_code"])
    assert sum(len(one["reasons"]) for one in told if one) == len(reason) > 0


def both(done: Done, later: Done) -> list[tuple[Path, str]]:
    return [(done.folder, "score"), (later.folder, "score")]


def test_what_if_is_told_of_those_who_need_support_and_never_of_a_higher_probability(done: Done):
    score = pd.read_parquet(done.folder / "tables" / "score.parquet").set_index("pupil_id")
    assumed = pd.read_parquet(done.folder / "tables" / "what_if.parquet")
    of_pupil = score.loc[assumed["pupil_id"]]
    assert (of_pupil["band_code"].isin(["medium", "high"]) | of_pupil["is_within_capacity"]).all()
    assert (assumed["probability"].to_numpy() < of_pupil["probability"].to_numpy()).all()
    assert assumed.groupby("pupil_id").size().max() <= 5
    assert len(assumed) > 50
    for pupil in pupils_of(done):
        several = [one for one in pupil["what_if"] if len(one["feature_codes"]) > 1]
        assert pupil["what_if"][-1:] == several or not several


def test_weeks_months_and_measures_are_told_of_every_pupil_of_the_present_cohort(done: Done):
    tables = {
        name: pd.read_parquet(done.folder / "tables" / f"{name}.parquet")
        for name in ("score", "trend_week", "trend_month", "support_known")
    }
    present = set(tables["score"]["pupil_id"])
    for name, rows in tables.items():
        assert len(rows) > 0, name
        assert set(rows["pupil_id"]) <= present, name
    pupils = pupils_of(done)
    weeks = [week for pupil in pupils for week in pupil["trend"]["unexcused_lessons"] if week is not None]
    assert len(weeks) == len(tables["trend_week"])
    assert sum(weeks) == tables["trend_week"]["unexcused_lessons"].sum()
    assert sum(sum(pupil["trend"]["marks"]) for pupil in pupils) == tables["trend_month"]["marks"].sum()
    assert {len(pupil["trend"]["unexcused_lessons"]) for pupil in pupils} == {24}
    assert {len(pupil["trend"]["mark_mean_points"]) for pupil in pupils} == {10}
    assert sum(len(pupil["support"] or []) for pupil in pupils) == len(tables["support_known"])


def test_the_last_weeks_of_the_trend_are_those_of_the_feature(done: Done):
    """The same lessons are counted twice, for the page and for the model: eight weeks of one are the other."""
    feature = pd.read_parquet(
        done.folder / "tables" / "feature.parquet", columns=["cohort_on", "pupil_id", "unexcused_lessons_8w"]
    )
    now = (
        feature[pd.to_datetime(feature["cohort_on"]) == pd.Timestamp(CUT_OFF)]
        .set_index("pupil_id")["unexcused_lessons_8w"]
        .dropna()
    )
    week = pd.read_parquet(done.folder / "tables" / "trend_week.parquet")
    last = week[pd.to_datetime(week["week_on"]) >= pd.Timestamp("2024-10-21")]
    sums = last.groupby("pupil_id")["unexcused_lessons"].sum()
    pd.testing.assert_series_equal(now, sums.astype(float), check_names=False)


def test_the_report_and_the_card_are_there_in_both_languages_and_say_that_the_data_are_invented(done: Done):
    for name in ("report", "model_card"):
        assert "zdomāti dati" in (done.folder / "report" / f"{name}_lv.html").read_text("utf-8")
        assert "nvented data" in (done.folder / "report" / f"{name}_en.html").read_text("utf-8")


@pytest.mark.parametrize("step", SEMESTER, ids=lambda step: step.notebook)
def test_an_executed_notebook_shows_something_and_no_error(done: Done, step):
    executed = nbformat.read(done.folder / "notebooks" / f"{step.notebook}.ipynb", as_version=4)
    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert not [
        output for output in outputs if output.output_type in {"error", "stream"} and output.get("name") != "stdout"
    ]


def test_the_manifest_says_sources_settings_durations_rows_and_sensitivity(manifest: Manifest):
    assert [source.origin for source in manifest.sources] == ["synthetic"]
    assert manifest.parameters["seed"] == manifest.seed == SETTINGS.seed
    assert [step.name for step in manifest.steps] == [step.notebook for step in SEMESTER]
    assert all(step.seconds > 0 and step.cpu_seconds > 0 and step.peak_mb > 50 for step in manifest.steps)
    assert manifest.files["tables/score.parquet"].sensitivity == "personal"
    assert not manifest.files["timings.json"].is_deterministic
    rows = {table: count for step in manifest.steps for table, count in step.rows.items()}
    assert rows["reason"] == REASONS_KEPT * rows["score"] > 0
    assert rows["contribution"] == rows["score"]
    assert all(0 < step.start_seconds < step.seconds for step in manifest.steps)


def test_no_name_and_no_personal_code_is_anywhere_in_a_run(done: Done, delivery: Path):
    with (delivery / "pupil.csv").open(encoding="utf-8-sig", newline="") as file:
        sample = file.readline()
        file.seek(0)
        pupils = list(csv.DictReader(file, delimiter=";" if ";" in sample else ","))
    codes = {pupil["pupil_code"] for pupil in pupils} | {pupil["pupil_code"].replace("-", "") for pupil in pupils}
    names = {f"{pupil['first_name']} {pupil['last_name']}" for pupil in pupils}
    assert len(codes) > 400
    assert len(names) > 200
    for path in sorted(done.folder.rglob("*")):
        if path.is_dir():
            continue
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            texts = {
                str(value)
                for column in table.columns
                for value in column.unique().to_pylist()
                if isinstance(value, str)
            }
            assert not texts & (codes | names), path.name
        else:
            text = path.read_text("utf-8")
            assert not [one for one in codes | names if one and one in text], path.name


def test_the_research_notebook_on_fairness_takes_the_audit_of_a_run_apart(done: Done, tmp_path: Path):
    executed = papermill.execute_notebook(
        Path(__file__).parents[2] / "notebooks" / "research" / "fairness.ipynb",
        tmp_path / "fairness.ipynb",
        parameters={"run_folder": str(done.folder), "cut_off_date": str(CUT_OFF)},
        progress_bar=False,
    )
    shown = "".join(
        "".join(output.get("data", {}).values()) for cell in executed.cells for output in cell.get("outputs", [])
    )
    for told in ("missed_share", "needed_false_alarm_share", "entering_left", "OULAD was left out."):
        assert told in shown


def test_a_run_says_what_is_known_of_measures_and_whether_the_score_is_needed(done: Done):
    told = json.loads((done.folder / "effects.json").read_text("utf-8"))
    effect = pd.read_parquet(done.folder / "tables" / "effect.parquet")
    grade = pd.read_parquet(done.folder / "tables" / "measure_grade.parquet")
    assert len(told["effect"]) == len(effect)
    assert {"XX-ANY", *(measure.code for measure in catalogue().measures)} == set(grade["measure_code"])
    claimed = effect[effect["verdict_code"].isin(["helps", "harms"])]
    assert claimed["failed_checks"].isna().all()
    assert {"en", "lv", "verdict_code"} == set(told["verdicts"]["state"])
    assert "effects.json" in json.loads((done.folder / "manifest.json").read_text("utf-8"))["files"]


def test_a_run_leaves_the_file_for_the_law_in_both_languages(done: Done):
    for name in PAPERS:
        for language in LANGUAGES:
            page = (done.folder / "report" / f"{name}_{language}.html").read_text("utf-8")
            assert done.run_id in page
            assert 'class="to-write"' in page


def test_cohorts_in_groups_of_whole_schools_are_those_of_the_whole_country(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = tmp_path / "store"
    shutil.copytree(done.folder.parent.parent, store)
    inputs = json.loads((done.folder / INPUTS).read_text("utf-8"))
    in_groups = SemesterRun(store / "staging" / "groups", SETTINGS.cut_off_date, inputs)
    (in_groups.tables).mkdir(parents=True)
    marks_of(in_groups.folder).mkdir(parents=True)
    monkeypatch.setattr(cohorts, "PUPILS_PER_GROUP", 100)
    monkeypatch.setattr(cohorts, "PUPILS_PER_PART", 150)
    cohorts.make_cohorts(in_groups, "", SETTINGS.label_delay_days)
    parts_made = [line["part"] for line in journal.read(in_groups.folder / journal.LOG_NAME)]
    assert sum(name.startswith("cohort-") for name in parts_made) > 2 * len(in_groups.windows())
    assert sum(name.startswith("pupils-") for name in parts_made) > 2
    for name in ("cohort", "feature", "trait", "place", "trend_week", "trend_month", "support_known"):
        assert in_groups.read_arrow(name).equals(pq.read_table(done.folder / "tables" / f"{name}.parquet")), name
