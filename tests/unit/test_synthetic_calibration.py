"""Each figure of data/latvia/calibration.csv, measured in a cohort: four school years, the first of them remote."""

import csv
from datetime import date

import duckdb
import pytest

from riskmodel.settings import resource
from riskmodel.sources.synthetic.cohort import Plan, synthesise

PLAN = Plan(pupils=18_000, years=4, seed=11, first_year=2020, delivered_on=date(2024, 8, 31))
REMOTE_YEAR = 2020

with resource("latvia", "calibration.csv").open(encoding="utf-8", newline="") as file:
    TARGETS = list(csv.DictReader(file))

VIEWS = f"""
CREATE TABLE municipality AS FROM read_csv('{resource("latvia", "municipality.csv")}');
CREATE TABLE mark_of_plan AS SELECT risk_group FROM plan UNION ALL
    SELECT second_risk_group FROM plan WHERE second_risk_group IS NOT NULL;
CREATE TABLE stay AS SELECT * FROM enrolment QUALIFY row_number() OVER (
    PARTITION BY pupil_code, school_id, happened_on ORDER BY known_on DESC) = 1;
CREATE TABLE place AS SELECT school_id, any_value(school_kind) AS school_kind,
    arg_max(municipality_code, happened_on) AS code FROM school GROUP BY school_id;
CREATE TABLE pupil_year AS SELECT stay.*, year(happened_on) AS first_year, school_kind, code,
    coalesce(exit_class = 'left', false) AS has_left,
    CASE WHEN stage_kind = 'vet_year' THEN 'vet_' ELSE 'grade_' END || stage_number AS stage
    FROM stay JOIN place USING (school_id) WHERE month(happened_on) = 9;
CREATE TABLE missed AS SELECT pupil_code, attendance_code, happened_on,
    year(happened_on - INTERVAL 8 MONTH)::INTEGER AS first_year, month(happened_on) >= 8 AS is_first
    FROM attendance QUALIFY row_number() OVER (
        PARTITION BY pupil_code, school_id, happened_on, lesson_number ORDER BY known_on DESC) = 1;
CREATE TABLE unexcused AS SELECT pupil_code, first_year, is_first, count(*) AS lessons
    FROM missed WHERE attendance_code = 'unexcused' GROUP BY ALL;
CREATE TABLE planned AS SELECT pupil_code, year(happened_on - INTERVAL 8 MONTH)::INTEGER AS first_year,
    month(happened_on) >= 8 AS is_first, sum(lessons) AS lessons FROM lessons_planned GROUP BY ALL;
CREATE TABLE size AS SELECT school_id, any_value(school_kind) AS kind, count(*) AS pupils,
    count(*) FILTER (stage_number <= 9) * 9 / 5 + count(*) FILTER (stage_number >= 10) AS all_grades
    FROM pupil_year WHERE first_year = 2022 GROUP BY school_id;
CREATE TABLE expected AS SELECT *, avg(has_left::INTEGER) OVER (PARTITION BY stage) AS usual,
    type = 'novads' AS is_rural, planning_region = 'Latgale' AS is_latgale
    FROM pupil_year JOIN municipality ON atvk = code WHERE school_kind = 'general';
"""
SIZE = "SELECT {what} FROM size WHERE kind = 'general'"
LONG = """SELECT avg((coalesce(lessons, 0) > {more})::INTEGER) FROM pupil_year
    JOIN (SELECT DISTINCT pupil_code, first_year FROM planned WHERE is_first = {first}) USING (pupil_code, first_year)
    LEFT JOIN (FROM unexcused WHERE is_first = {first}) USING (pupil_code, first_year)
    WHERE first_year > 2020 AND {where}"""
BASIC, UPPER, VET = (
    "stage_kind = 'grade' AND stage_number <= 9",
    "stage_kind = 'grade' AND stage_number > 9",
    "stage_kind = 'vet_year'",
)
LEFT = "SELECT avg(has_left::INTEGER) FROM pupil_year WHERE {where}"
AS_EXPECTED = """SELECT (sum(has_left::INTEGER) FILTER ({a}) / sum(usual) FILTER ({a}))
    / (sum(has_left::INTEGER) FILTER ({b}) / sum(usual) FILTER ({b})) FROM expected"""
REMOTE = """WITH year AS (SELECT first_year > 2020 AS is_after, count(*) AS missed,
        count(*) FILTER (attendance_code = 'unexcused') AS unexcused
        FROM missed WHERE NOT is_first AND attendance_code <> 'late' GROUP BY ALL),
    total AS (SELECT first_year > 2020 AS is_after, sum(lessons) AS lessons FROM planned WHERE NOT is_first GROUP BY ALL)
    SELECT {what} FROM (FROM year JOIN total USING (is_after) WHERE NOT is_after) remote,
        (FROM year JOIN total USING (is_after) WHERE is_after) usual"""
AREA = """SELECT any_value(value::DOUBLE) FROM economic_area JOIN municipality ON atvk = municipality_code
    WHERE indicator_code = '{indicator}' AND happened_on = '{month}-01' AND name_lv = '{name}'"""
PLACES = {"riga_region": "Mārupes novads", "vidzeme": "Alūksnes novads", "kurzeme": "Talsu novads"} | {
    "zemgale": "Dobeles novads",
    "latgale": "Balvu novads",
}
"""A municipality of each region that has no figure of its own."""
SHARE_OF = "SELECT avg(({what})::INTEGER) FROM pupil_year"
MARKS = "SELECT avg((risk_group = '{group}')::INTEGER) FROM mark_of_plan"
GENERAL_SHARE_OF = SHARE_OF + " WHERE school_kind = 'general'"
LATGALE = "(SELECT atvk FROM municipality WHERE planning_region = 'Latgale')"

MEASURED = {
    "general_school_mean": SIZE.format(what="avg(all_grades)"),
    "general_school_quartile_1": SIZE.format(what="quantile_cont(all_grades, .25)"),
    "general_school_median": SIZE.format(what="quantile_cont(all_grades, .5)"),
    "general_school_quartile_3": SIZE.format(what="quantile_cont(all_grades, .75)"),
    "general_school_largest": SIZE.format(what="max(all_grades)"),
    "general_school_smallest": SIZE.format(what="min(all_grades)"),
    "vocational_school_mean": "SELECT avg(pupils) FROM size WHERE kind = 'vocational'",
    "schools_per_1000_pupils": "SELECT 1000 * count(*) / sum(pupils) FROM size",
    "vocational_share": SHARE_OF.format(what="stage_kind = 'vet_year'"),
    "riga_share": GENERAL_SHARE_OF.format(what="code = 'LV0001000'"),
    "latgale_share": GENERAL_SHARE_OF.format(what=f"code IN {LATGALE}"),
    "grade_12_to_grade_9": "SELECT count(*) FILTER (stage = 'grade_12') / count(*) FILTER (stage = 'grade_9') FROM pupil_year",
    "vocational_after_grade_9": """SELECT avg((after.stage_kind IS NOT DISTINCT FROM 'vet_year')::INTEGER)
        FROM pupil_year AS before LEFT JOIN pupil_year AS after
        ON after.pupil_code = before.pupil_code AND after.first_year = before.first_year + 1
        WHERE before.stage = 'grade_9' AND before.exit_class = 'completed' AND before.first_year < 2023""",
    "abroad_a_year": SHARE_OF.format(what="coalesce(exit_class = 'abroad', false)"),
    "repeated_a_year": SHARE_OF.format(what="repeat_count > 0") + " WHERE first_year > 2020",
    "back_after_a_year": """SELECT avg((EXISTS (SELECT 1 FROM stay later WHERE later.pupil_code = gone.pupil_code
        AND later.happened_on > gone.ends_on))::INTEGER) FROM pupil_year gone WHERE has_left AND first_year <= 2021""",
    "lessons_a_year": """SELECT avg(lessons) FROM (SELECT pupil_code, sum(lessons) AS lessons FROM planned
        WHERE first_year = 2022 GROUP BY pupil_code HAVING count(*) = 2)""",
    "long_unexcused_basic": LONG.format(more=20, first=True, where=BASIC),
    "long_unexcused_upper": LONG.format(more=20, first=True, where=UPPER),
    "long_unexcused_vocational": LONG.format(more=20, first=True, where=VET),
    "boys_among_long_unexcused_vocational": """SELECT avg((sex = 'm')::INTEGER) FROM unexcused
        JOIN (SELECT DISTINCT pupil_code, sex FROM pupil) USING (pupil_code)
        JOIN pupil_year USING (pupil_code, first_year) WHERE is_first AND lessons > 20 AND stage_kind = 'vet_year'""",
    "some_unexcused_semester_1": LONG.format(more=0, first=True, where="stage_kind = 'grade'"),
    "some_unexcused_semester_2": LONG.format(more=0, first=False, where="stage_kind = 'grade'"),
    "longest_unexcused": "SELECT max(lessons) FROM (SELECT sum(lessons) AS lessons FROM unexcused GROUP BY pupil_code, first_year)",
    "remote_absences": REMOTE.format(what="(remote.missed / remote.lessons) / (usual.missed / usual.lessons)"),
    "remote_unexcused_share": REMOTE.format(
        what="(remote.unexcused / remote.missed) / (usual.unexcused / usual.missed)"
    ),
    "leaving_grades_5_8": LEFT.format(where="stage_kind = 'grade' AND stage_number <= 8"),
    "leaving_grade_9": LEFT.format(where="stage = 'grade_9'"),
    "leaving_grades_10_12": LEFT.format(where=UPPER),
    "leaving_vocational_year_1": LEFT.format(where="stage = 'vet_1'"),
    "leaving_vocational_later": LEFT.format(where="stage_kind = 'vet_year' AND stage_number > 1"),
    "vocational_never_finished": """SELECT 1 - product(1 - share) FROM (
        SELECT avg(has_left::INTEGER) AS share FROM pupil_year WHERE stage_kind = 'vet_year' GROUP BY stage)""",
    "leaving_boys_to_girls": """SELECT avg(has_left::INTEGER) FILTER (sex = 'm') / avg(has_left::INTEGER) FILTER (sex = 'f')
        FROM pupil_year JOIN (SELECT DISTINCT pupil_code, sex FROM pupil) USING (pupil_code)""",
    "leaving_rural_to_city": AS_EXPECTED.format(a="is_rural", b="NOT is_rural"),
    "leaving_latgale_to_others": AS_EXPECTED.format(a="is_latgale", b="NOT is_latgale"),
    "plans_per_school_and_year": """SELECT (SELECT count(*) FROM plan) / (SELECT count(DISTINCT (school_id, first_year))
        FROM pupil_year WHERE first_year IN (SELECT DISTINCT left(school_year, 4)::INTEGER FROM plan))""",
    "marks_per_plan": "SELECT count(risk_group) / (SELECT count(*) FROM plan) FROM mark_of_plan",
    "marks_learning": MARKS.format(group="MI"),
    "marks_economic": MARKS.format(group="EK"),
    "marks_family": MARKS.format(group="GI"),
    "marks_social_and_health": MARKS.format(group="SV"),
    **{
        f"unemployment_{region}": AREA.format(indicator="unemployment_percent", month="2023-12", name=name)
        for region, name in PLACES.items()
    },
    **{
        f"wage_{region}": AREA.format(indicator="gross_wage_eur", month="2017-12", name=PLACES[region])
        for region in ("vidzeme", "latgale")
    },
}


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration") / "delivery"
    synthesise(PLAN, folder, lambda text: None)
    connection = duckdb.connect(config={"threads": 1})
    for path in [*folder.glob("*.parquet"), *folder.glob("*.csv"), folder / "truth" / "plan.parquet"]:
        connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
    connection.execute(VIEWS)
    return connection


def test_every_figure_of_the_table_is_measured_and_has_its_source():
    assert [row["figure"] for row in TARGETS] == list(MEASURED)
    assert {row["kind"] for row in TARGETS} == {"published", "derived", "assumed"}
    assert all(row["source"] and row["unit"] for row in TARGETS)
    assert all(float(row["low"]) <= float(row["target"]) <= float(row["high"]) for row in TARGETS)


@pytest.mark.parametrize("row", TARGETS, ids=[row["figure"] for row in TARGETS])
def test_the_cohort_is_like_the_country(cohort, row):
    value = float(cohort.execute(MEASURED[row["figure"]]).fetchone()[0])
    assert float(row["low"]) <= value <= float(row["high"]), value
