import ast
import hashlib
import json
import re
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from riskmodel.errors import UsageError
from riskmodel.latvia import municipalities, school_year_of
from riskmodel.risk.label import cohort, cohort_windows
from riskmodel.settings import resource
from riskmodel.sources import synthetic
from riskmodel.sources.synthetic.cohort import Plan, synthesise
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.checks import check_references, check_table
from riskmodel.tables.fields import Formats
from riskmodel.tables.relations import lay_out
from riskmodel.tables.schema import SQL_TYPES

SMALL = Plan(pupils=300, schools=4, years=2, seed=3)
PLAN = Plan(pupils=3000, schools=16, years=3, seed=7)


def quiet(_):
    pass


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def open_delivery(folder):
    """A connection in which each table of the delivery, and the truth of its cohorts, is a view."""
    connection = duckdb.connect()
    for table in CANONICAL:
        path = folder / f"{table.name}.csv"
        rows = f"read_csv('{path}', all_varchar = true)" if path.exists() else f"'{folder}/{table.name}.parquet'"
        connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {rows}")
    connection.execute(f"CREATE VIEW truth AS SELECT * FROM '{folder}/truth/cohort.parquet'")
    return connection


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    to = tmp_path_factory.mktemp("synthetic") / "delivery"
    synthesise(PLAN, to, quiet)
    return to


@pytest.fixture
def delivery(folder):
    return open_delivery(folder)


def one(connection, sql):
    return connection.execute(sql).fetchone()[0]


# The delivery


def test_the_same_plan_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, plan in (("a", SMALL), ("b", SMALL), ("c", Plan(pupils=300, schools=4, years=2, seed=4))):
        synthesise(plan, tmp_path / name, quiet)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["attendance.parquet"] != digests(tmp_path / "c")["attendance.parquet"]


def test_every_row_passes_the_checks_of_the_border(tmp_path):
    synthesise(SMALL, tmp_path / "delivery", quiet)
    connection = open_delivery(tmp_path / "delivery")
    for table in CANONICAL:
        names = [name for name, *_ in connection.sql(f"DESCRIBE {table.name}").fetchall()]
        columns = ", ".join(
            "md5(pupil_code) AS pupil_id" if name == "pupil_code" else f"CAST({name} AS VARCHAR) AS {name}"
            for name in names
            if name not in {"first_name", "last_name", "earlier_register_id"}
        )
        connection.execute(
            f"CREATE TABLE raw_{table.name} AS SELECT {columns}, 'file' AS file_name, "
            f"row_number() OVER () + 1 AS row_number FROM {table.name}"
        )
        account = check_table(connection, table, f"raw_{table.name}", Formats(), delivered_on=SMALL.day_of_delivery)
        orphans = check_references(connection, table)
        assert account.read > 0, table.name
        assert (account.quarantined, account.merged, orphans, account.warnings) == (0, 0, 0, ()), table.name


def test_the_mapping_says_that_the_delivery_is_synthetic_and_the_mark_that_it_is_whole(folder):
    mapping = yaml.safe_load((folder / "mapping.yaml").read_text("utf-8"))
    assert mapping == {
        "delivery": {"delivered_on": date(2024, 12, 23), "origin": "synthetic", "register_ids": "personal_code"}
    }
    assert (folder / ".complete").exists()


def test_nothing_is_delivered_that_nobody_knew_yet(delivery):
    for table in CANONICAL:
        latest = one(delivery, f"SELECT max(CAST(known_on AS DATE)) FROM {table.name}")
        assert latest <= date(2024, 12, 23), table.name


def test_a_later_delivery_of_the_same_cohort_holds_the_earlier_one(tmp_path):
    earlier = Plan(**{**SMALL.__dict__, "delivered_on": date(2024, 11, 4)})
    synthesise(earlier, tmp_path / "earlier", quiet)
    synthesise(SMALL, tmp_path / "later", quiet)
    connection = duckdb.connect()
    for table in ("enrolment", "attendance", "lessons_planned", "mark", "support"):
        before, after = (f"'{tmp_path}/{name}/{table}.parquet'" for name in ("earlier", "later"))
        assert one(connection, f"SELECT count(*) FROM (FROM {before} EXCEPT ALL FROM {after})") == 0, table
        more = one(connection, f"SELECT count(*) FROM {after}") - one(connection, f"SELECT count(*) FROM {before}")
        assert more > 0 or table in {"enrolment", "support"}, table  # nobody may have moved or got support in between


# Schools and pupils


def test_schools_are_invented_and_lie_in_real_municipalities(delivery):
    rows = delivery.execute("SELECT school_name, municipality_code, school_kind FROM school").fetchall()
    real = {each.code for each in municipalities(date(2024, 12, 23))}
    assert len({name for name, _, _ in rows}) == len(rows) == 16
    assert all(re.search(r"\(izdomāt[as]\)$", name) for name, _, _ in rows)
    assert {code for _, code, _ in rows} <= real
    assert {kind for _, _, kind in rows} == {"general", "vocational"}


def test_each_pupil_has_one_code_and_it_can_be_nobody_s(delivery):
    rows = delivery.execute("SELECT DISTINCT pupil_code, earlier_register_id FROM pupil").fetchall()
    codes = [code for row in rows for code in row if code]
    assert len(set(codes)) == len(codes)
    old = [code for code in codes if not code.startswith("39")]
    assert 0 < len(codes) - len(old) < len(codes) / 2
    assert all(re.fullmatch(r"39\d{4}-\d{5}", code) for code in set(codes) - set(old))
    for code in old:
        digits = [int(figure) for figure in code.replace("-", "")]
        weights = (1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        assert (1101 - sum(w * d for w, d in zip(weights, digits, strict=False))) % 11 % 10 == digits[10]
        assert digits[6] == 2
        born_on = date(2000 + int(code[4:6]), int(code[2:4]), int(code[:2]))
        assert born_on > date(2050, 1, 1)  # not born yet


def test_whoever_has_a_new_code_has_an_earlier_one(delivery):
    assert one(delivery, "SELECT count(*) FROM pupil WHERE pupil_code LIKE '39%' AND earlier_register_id IS NULL") == 0
    assert (
        one(delivery, "SELECT count(*) FROM pupil WHERE pupil_code NOT LIKE '39%' AND earlier_register_id <> ''") == 0
    )


def test_the_number_of_pupils_is_the_one_asked_for(delivery):
    for year in (2022, 2023, 2024):
        count = one(
            delivery,
            f"SELECT count(DISTINCT pupil_code) FROM enrolment WHERE year(happened_on) = {year} AND month(happened_on) = 9",
        )
        assert 0.95 * PLAN.pupils < count < 1.1 * PLAN.pupils


def test_pupils_go_on_repeat_move_finish_and_enter_vocational_schools(delivery):
    classes = {row[0] for row in delivery.execute("SELECT DISTINCT exit_class FROM enrolment").fetchall()}
    assert classes == {None, "completed", "continuing", "transferred", "abroad", "left", "unknown"}
    assert one(delivery, "SELECT max(repeat_count) FROM enrolment") >= 1
    after_grade_9 = """
        SELECT count(DISTINCT pupil_code) FROM enrolment AS earlier JOIN enrolment AS later USING (pupil_code)
        WHERE earlier.stage_kind = 'grade' AND earlier.stage_number = 9 AND later.stage_kind = 'vet_year'
    """
    assert one(delivery, after_grade_9) > 0
    assert one(delivery, "SELECT count(*) FROM enrolment WHERE class_code SIMILAR TO '8\\.[a-z]'") > 0


def test_a_pupil_is_never_in_two_schools_on_a_day(delivery):
    overlaps = """
        WITH stay AS (SELECT * FROM enrolment QUALIFY row_number() OVER (
            PARTITION BY pupil_code, school_id, happened_on ORDER BY known_on DESC) = 1)
        SELECT count(*) FROM stay AS one JOIN stay AS other USING (pupil_code)
        WHERE one.happened_on < other.happened_on AND coalesce(one.ends_on, DATE '2099-01-01') >= other.happened_on
          AND one.ends_on IS NOT NULL
    """
    assert one(delivery, overlaps) == 0


# Lessons


def test_lessons_are_missed_on_school_days_only_and_where_they_were_planned(delivery):
    days = [row[0] for row in delivery.execute("SELECT DISTINCT happened_on FROM attendance").fetchall()]
    assert all(school_year_of(day).is_school_day(day) for day in days)
    beyond = """
        SELECT count(*) FROM attendance LEFT JOIN lessons_planned AS planned ON
            planned.pupil_code = attendance.pupil_code AND planned.school_id = attendance.school_id
            AND planned.happened_on = date_trunc('week', attendance.happened_on)
        WHERE lesson_number > coalesce([lessons_monday, lessons_tuesday, lessons_wednesday, lessons_thursday,
            lessons_friday][isodow(attendance.happened_on)], 0)
    """
    weeks_known = "AND attendance.happened_on < DATE '2024-12-16'"
    assert one(delivery, beyond + weeks_known) == 0


def test_an_excuse_that_came_later_is_a_further_row_of_the_same_lesson(delivery):
    versions = delivery.execute(
        """
        SELECT list(attendance_code ORDER BY known_on), min(known_on - happened_on), max(known_on) - min(known_on)
        FROM attendance GROUP BY pupil_code, school_id, happened_on, lesson_number HAVING count(*) > 1
        """
    ).fetchall()
    assert {tuple(codes) for codes, _, _ in versions} == {("absent", "excused"), ("unexcused", "excused")}
    assert all(days > 0 for _, _, days in versions)


def test_a_school_without_attendance_in_a_semester_has_no_row_rather_than_a_zero(delivery):
    silent = delivery.execute(
        """
        SELECT DISTINCT school_id FROM enrolment WHERE happened_on = DATE '2024-09-02' AND school_id NOT IN
            (SELECT school_id FROM lessons_planned WHERE happened_on >= DATE '2024-09-02')
        """
    ).fetchall()
    assert len(silent) == 1
    (school_id,) = silent[0]
    assert one(delivery, f"SELECT count(*) FROM attendance WHERE school_id = '{school_id}'") > 0
    assert (
        one(
            delivery,
            f"SELECT count(*) FROM attendance WHERE school_id = '{school_id}' AND happened_on >= DATE '2024-09-02'",
        )
        == 0
    )


def test_nobody_misses_a_lesson_but_during_a_stay(delivery):
    outside = """
        WITH stay AS (SELECT * FROM enrolment QUALIFY row_number() OVER (
            PARTITION BY pupil_code, school_id, happened_on ORDER BY known_on DESC) = 1)
        SELECT count(*) FROM attendance ANTI JOIN stay ON stay.pupil_code = attendance.pupil_code
            AND stay.school_id = attendance.school_id AND attendance.happened_on >= stay.happened_on
            AND attendance.happened_on <= coalesce(stay.ends_on, DATE '2099-01-01')
    """
    assert one(delivery, outside) == 0


def test_some_who_were_gone_for_a_year_are_back(delivery):
    back = """
        SELECT count(*) FROM enrolment AS earlier JOIN enrolment AS later USING (pupil_code)
        WHERE earlier.exit_class IN ('left', 'unknown', 'abroad') AND later.happened_on > earlier.ends_on
            AND later.ends_on IS NULL
    """
    too_soon = back + " AND later.happened_on - earlier.ends_on < 330"
    assert one(delivery, back) > 0
    assert one(delivery, too_soon) == 0


def test_work_not_done_has_no_points_and_may_be_made_up_for_later(delivery):
    assert one(delivery, "SELECT count(*) FROM mark WHERE (mark_code = 'nv') <> (mark_points IS NULL)") == 0
    codes = delivery.execute(
        "SELECT DISTINCT list(mark_code ORDER BY known_on) FROM mark "
        "GROUP BY pupil_code, school_id, subject_code, work_id, happened_on HAVING count(*) > 1"
    ).fetchall()
    assert codes == [(["nv", "points"],)]


def test_measures_are_those_of_the_catalogue(delivery):
    catalogue = yaml.safe_load(resource("support", "catalogue.yaml").read_text("utf-8"))
    known = {measure["code"] for measure in catalogue["measures"]}
    used = {row[0] for row in delivery.execute("SELECT DISTINCT measure_code FROM support").fetchall()}
    assert used
    assert used <= known


# The planted truth


def test_the_true_probability_is_calibrated(delivery):
    expected, variance, left = delivery.execute(
        """
        SELECT sum(probability_with_support), sum(probability_with_support * (1 - probability_with_support)),
            count(*) FILTER (outcome = 'left')
        FROM truth WHERE outcome NOT IN ('abroad', 'unknown')
        """
    ).fetchone()
    assert abs(left - expected) < 4 * variance**0.5


def test_the_log_odds_are_the_sum_of_their_parts_and_decoys_add_nothing(folder, delivery):
    planted = json.loads((folder / "truth" / "planted.json").read_text("utf-8"))
    parts = ["base", "school_effect", *planted["log_odds"]]
    assert one(delivery, f"SELECT max(abs(log_odds - ({' + '.join(parts)}))) FROM truth") < 1e-9
    assert one(delivery, "SELECT max(abs(free_meals) + abs(recent_late)) FROM truth") == 0


def test_the_truth_can_rank_well_but_not_perfectly(delivery):
    """The chance that a pupil who left has a higher true probability than one who stayed (AUC, by ranks)."""
    auc = one(
        delivery,
        """
        WITH ranked AS (SELECT outcome = 'left' AS has_left,
            rank() OVER (ORDER BY probability) + (count(*) OVER (PARTITION BY probability) - 1) / 2.0 AS place
            FROM truth WHERE outcome NOT IN ('abroad', 'unknown'))
        SELECT (sum(place) FILTER (has_left) - count(*) FILTER (has_left) * (count(*) FILTER (has_left) + 1) / 2.0)
            / (count(*) FILTER (has_left) * count(*) FILTER (NOT has_left)) FROM ranked
        """,
    )
    assert 0.80 < auc < 0.93


def test_the_label_that_the_registers_give_is_the_planted_one_but_for_the_planted_noise(folder):
    connection = open_delivery(folder)
    given = {}
    for table in CANONICAL[:4]:
        names = {name for name, *_ in connection.sql(f"DESCRIBE {table.name}").fetchall()}
        columns = ", ".join(
            f"CAST({'pupil_code' if column.name == 'pupil_id' else column.name} AS {SQL_TYPES[column.kind]}) AS {column.name}"
            if column.name in names or column.name == "pupil_id"
            else f"CAST(NULL AS {SQL_TYPES[column.kind]}) AS {column.name}"
            for column in table.columns
        )
        given[table.name] = connection.sql(f"SELECT {columns} FROM {table.name}")
    lay_out(connection, given)
    windows = cohort_windows(connection, PLAN.cut_off_date, None, 30)
    cohort_dates = {row[0] for row in connection.execute("SELECT DISTINCT cohort_on FROM truth").fetchall()}
    assert {window.cut_off for window in windows} == cohort_dates
    found = cohort(connection, windows[0], as_of=PLAN.cut_off_date).set_index("pupil_id")
    planted = connection.execute(
        "SELECT pupil_code, outcome FROM truth WHERE cohort_on = ?", [windows[0].cut_off]
    ).fetchall()
    pairs = [(outcome, found.outcome_class.get(code)) for code, outcome in planted]
    expected = {"stays": {"continuing", "transferred", "completed"}, "left": {"left", "unknown"}}
    assert all(seen in expected.get(outcome, {outcome}) for outcome, seen in pairs)
    left = [seen for outcome, seen in pairs if outcome == "left"]
    assert left.count("left") > 0.8 * len(left)
    # Those who are in the cohort but not in the truth had left already, and nobody knew.
    unreported = found[~found.index.isin([code for code, _ in planted])]
    assert (unreported.label.isna()).all()
    assert len(unreported) < 0.01 * len(found)


def test_the_generator_shares_no_code_with_features_and_label():
    sources = Path(synthetic.__file__).parent.glob("*.py")
    imported = {
        name
        for path in sources
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert not {name for name in imported if name.startswith("riskmodel.risk")}


# Refusals


@pytest.mark.parametrize(
    "plan",
    [
        Plan(pupils=50),
        Plan(pupils=3_000_000),
        Plan(schools=2),
        Plan(pupils=20_000, schools=12),
        Plan(vet_share=0.9),
        Plan(years=0),
        Plan(years=40),
        Plan(delivered_on=date(2024, 8, 31)),
        Plan(delivered_on=date(2025, 9, 1)),
    ],
    ids=[
        "few pupils",
        "many pupils",
        "few schools",
        "large schools",
        "vocational share",
        "no year",
        "many years",
        "early delivery",
        "late delivery",
    ],
)
def test_a_plan_out_of_range_is_refused_and_nothing_is_written(plan, tmp_path):
    with pytest.raises(UsageError):
        synthesise(plan, tmp_path / "delivery", quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="new or empty"):
        synthesise(SMALL, tmp_path, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_the_default_delivery_comes_the_monday_after_the_semester():
    plan = Plan()
    assert (plan.cut_off_date, plan.day_of_delivery) == (date(2024, 12, 20), date(2024, 12, 23))
    assert plan.school_years[0].name == "2020/21"
    assert (
        Plan(years=1, first_year=2022).cut_off_date + timedelta(days=3)
        == Plan(years=1, first_year=2022).day_of_delivery
    )
