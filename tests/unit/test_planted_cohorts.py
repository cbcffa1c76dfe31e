"""Whole cohorts of several worlds: each switch does what it says there, the truth adds up, and nothing else changes."""

import hashlib
import json
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pytest

from riskmodel.sources.synthetic.cohort import Plan, synthesise
from riskmodel.sources.synthetic.oracle import SCORES
from riskmodel.sources.synthetic.planted import (
    Late,
    Leaving,
    LogOdds,
    Planted,
    Recording,
    Silence,
    Twice,
    When,
    read_world,
)
from riskmodel.sources.synthetic.support_rule import MEASURES

TINY = Plan(pupils=300, schools=6, years=2, seed=3, vet_share=0.3)
LARGER = Plan(pupils=3000, schools=16, years=2, seed=7, vet_share=0.3, delivered_on=date(2025, 8, 31))
ROOM = 4
"""Standard errors of room for chance; the seeds are fixed, so a test passes always or never."""


def quiet(_):
    pass


class Cohort:
    """A synthesised cohort: SQL over its delivery and truth, with each table under its name."""

    def __init__(self, plan, world, folder):
        self.folder = folder
        synthesise(replace(plan, world=world), folder, quiet)
        self.planted = json.loads((folder / "truth" / "planted.json").read_text("utf-8"))
        self.digests = {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in {".csv", ".parquet"}
        }
        self._connection = duckdb.connect()
        for path in (*folder.glob("*.csv"), *folder.glob("*.parquet"), *folder.glob("truth/*.parquet")):
            name = f"true_{path.stem}" if path.parent.name == "truth" else path.stem
            rows = f"read_csv('{path}', all_varchar = true)" if path.suffix == ".csv" else f"'{path}'"
            self._connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {rows}")

    def rows(self, sql):
        return self._connection.execute(sql).fetchall()

    def one(self, sql):
        return self.rows(sql)[0][0]

    def truth(self, columns):
        """Columns of the truth as arrays, cohort by cohort in the order in which they were written."""
        return self._connection.execute(f"SELECT {columns} FROM true_cohort").fetchnumpy()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    made = {}

    def make(name, plan=LARGER, world=None):
        if (name, plan.pupils) not in made:
            folder = tmp_path_factory.mktemp("worlds") / "delivery"
            made[(name, plan.pupils)] = Cohort(plan, read_world(name) if world is None else world, folder)
        return made[(name, plan.pupils)]

    return make


def share_within(count, whole, expected):
    assert count / whole == pytest.approx(expected, abs=ROOM * (expected * (1 - expected) / whole) ** 0.5)


# One switch at a time

WITH_SCHOOL = (
    *("school.csv", "capacity.csv", "enrolment.parquet", "attendance.parquet", "lessons_planned.parquet"),
    *("mark.parquet", "term_result.parquet", "support.parquet"),
)
WITH_PUPIL = (*(name for name in WITH_SCHOOL[2:]), "pupil.csv", "economic_pupil.parquet")
SWITCHES = {
    "excused": ({"excused": {"ru": 0.7}}, {"attendance.parquet"}),
    "abroad_as_left": ({"abroad_as_left": {"lv": 1.0}}, {"enrolment.parquet", "truth/outcome.parquet"}),
    "confusion": ({"confusion": {"left": {"unknown": 0.9}}}, {"enrolment.parquet", "truth/outcome.parquet"}),
    "silent": (
        {"silent": (Silence(tables=("attendance", "lessons_planned")),)},
        {"attendance.parquet", "lessons_planned.parquet"},
    ),
    "absences only": ({"absences_only_school_share": 0.3}, {"mark.parquet", "term_result.parquet"}),
    "late": ({"late": (Late("attendance", 0.1, 60),)}, {"attendance.parquet"}),
    "twice": ({"twice": (Twice("mark", 0.1),)}, {"mark.parquet"}),
    "leading zeros": ({"leading_zero_school_share": 0.3}, set(WITH_SCHOOL)),
    "no hyphen": ({"undashed_code_share": 0.3}, set(WITH_PUPIL)),
    "overlaps": ({"overlapping_transfer_share": 1.0}, {"enrolment.parquet"}),
    "passed": ({"passed_instead_of_points_from": When(0, 1)}, {"mark.parquet"}),
    "no reason": ({"absent_instead_of_unexcused_from": When(0, 1)}, {"attendance.parquet"}),
    "absences lost": ({"absences_kept_share": 0.5, "absences_lost_in": When(1, 1)}, {"attendance.parquet"}),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_an_error_of_the_registers_changes_the_tables_it_is_about_and_no_other(cohort, switch):
    sizes, expected = SWITCHES[switch]
    plain = cohort("default", TINY)
    recording = Recording(**{"confusion": plain_confusion()} | sizes)
    other = cohort(switch, TINY, Planted(recording=recording))
    assert set(other.digests) == set(plain.digests)
    assert {name for name in plain.digests if plain.digests[name] != other.digests[name]} == expected
    assert other.planted["oracle"].keys() == plain.planted["oracle"].keys()


def plain_confusion():
    return Planted().recording.confusion


def test_another_reason_to_leave_changes_what_comes_after_the_first_cut_off_only(cohort):
    plain = cohort("default", TINY)
    other = cohort("driver", TINY, Planted(leaving=Leaving(log_odds=LogOdds(free_meals=2.0), base_shift=1.0)))
    for name in ("school.csv", "term.csv", "economic_area.csv"):
        assert plain.digests[name] == other.digests[name]
    first_autumn = "SELECT * FROM {} WHERE happened_on <= DATE '2023-12-19' ORDER BY ALL"
    for table in ("attendance", "lessons_planned", "mark", "support"):
        sql = first_autumn.format(table)
        assert plain.rows(sql) == other.rows(sql), table
    same = "SELECT pupil_code, need_points, recent_unexcused_lessons, male, measure_code FROM true_cohort WHERE year(cohort_on) = 2023 ORDER BY ALL"
    assert plain.rows(same) == other.rows(same)
    assert plain.one("SELECT sum(probability) FROM true_cohort") < other.one("SELECT sum(probability) FROM true_cohort")


def test_effects_move_the_outcomes_with_support_and_leave_those_without_as_they_were(cohort):
    without = read_world("effects")
    without = replace(without, support=replace(without.support, effects={}))
    effects, none = cohort("effects"), cohort("effects without effect", LARGER, without)
    columns = "pupil_code, probability, leaves_without_support, meant_measure_code, need_points, allocation"
    first = f"SELECT {columns} FROM true_cohort WHERE year(cohort_on) = 2023 ORDER BY ALL"
    assert effects.rows(first) == none.rows(first)
    assert none.one("SELECT count(*) FROM true_cohort WHERE leaves_with_plan <> leaves_without_support") == 0
    assert effects.one("SELECT count(*) FROM true_cohort WHERE leaves_with_plan <> leaves_without_support") > 0


# The truth adds up


@pytest.mark.parametrize("name", ["default", "effects"])
def test_the_outcome_is_the_potential_one_of_the_support_received(cohort, name):
    made = cohort(name)
    wrong = """
        SELECT count(*) FROM true_cohort WHERE outcome NOT IN ('abroad', 'unknown') AND (outcome = 'left') <>
            (CASE WHEN measure_code IS NULL THEN leaves_without_support ELSE leaves_with_plan END)
    """
    assert made.one(wrong) == 0
    assert made.one("SELECT count(*) FROM true_cohort WHERE leaves_with_plan AND NOT leaves_without_support") == 0
    assert made.one("SELECT max(probability_with_plan - probability) FROM true_cohort") < 1e-12
    received = "CASE WHEN measure_code IS NULL THEN probability ELSE probability_with_plan END"
    assert made.one(f"SELECT max(abs(probability_with_support - {received})) FROM true_cohort") == 0


def test_true_effects_average_to_what_is_told_and_outcomes_follow_them(cohort):
    made = cohort("effects")
    for day, figures in made.planted["oracle"].items():
        for code in MEASURES:
            told = figures["measures"][code]
            for way, rows in (("cut", "<> 'teachers'"), ("teachers", "= 'teachers'")):
                count, mean = made.rows(
                    f"SELECT count(*), avg(\"effect_{code}\") FROM true_cohort WHERE cohort_on = DATE '{day}' "
                    f"AND allocation {rows} AND (measure_code = '{code}' OR second_measure_code = '{code}')"
                )[0]
                assert told[way]["supported"] == count
                assert told[way]["true_effect_on_supported"] == pytest.approx(mean, abs=1e-6)
    expected, variance, count, moved = made.rows(
        "SELECT avg(d), avg(-d * (1 + d)), count(*), avg(leaves_with_plan::INT - leaves_without_support::INT) "
        "FROM (SELECT *, probability_with_plan - probability AS d FROM true_cohort)"
    )[0]
    assert abs(moved - expected) < ROOM * (variance / count) ** 0.5


def test_one_measure_takes_five_points_on_average_one_nothing_and_one_helps_the_middle_only(cohort):
    made = cohort("effects")
    effect = "SELECT avg(\"effect_{0}\") FROM true_cohort WHERE measure_code = '{0}'"
    assert made.one(effect.format("KA-PED")) == pytest.approx(-0.05, abs=0.006)
    assert made.one(effect.format("KO-TRA")) == 0
    middle = made.rows(
        'SELECT probability >= 0.1 AND probability < 0.3, min("effect_KA-SOC"), max("effect_KA-SOC") '
        "FROM true_cohort GROUP BY ALL ORDER BY ALL"
    )
    assert middle[0] == (False, 0.0, 0.0)
    assert middle[1][1:] == pytest.approx((-0.1, -0.1))
    small = cohort("small_effects")
    assert small.one(effect.format("KA-PED")) == pytest.approx(-0.005, abs=0.0005)


def test_where_teachers_choose_the_supported_leave_more_often_though_support_helps(cohort):
    made = cohort("effects")
    naive, effect, without = made.rows(
        """
        SELECT avg((outcome = 'left')::INT) FILTER (measure_code IS NOT NULL) - avg((outcome = 'left')::INT) FILTER (measure_code IS NULL),
            avg(probability_with_support - probability) FILTER (measure_code IS NOT NULL),
            avg(probability) FILTER (measure_code IS NOT NULL) - avg(probability) FILTER (measure_code IS NULL)
        FROM true_cohort WHERE allocation = 'teachers' AND outcome NOT IN ('abroad', 'unknown')
        """
    )[0]
    assert effect < -0.02
    assert naive > 0  # support looks harmful
    assert without > 0.05  # because those who get it would have left more often
    hidden = (
        "SELECT avg(hidden_trouble) FILTER (measure_code IS NOT NULL) FROM true_cohort WHERE allocation {} 'teachers'"
    )
    size = read_world("effects").leaving.log_odds.hidden_trouble
    assert made.one(hidden.format("=")) > 0.5 * size
    assert abs(made.one(hidden.format("<>"))) < 0.3 * size  # the rule sees none of it


def auc(score, weight_leave, weight_stay):
    """The chance that one who leaves stands above one who stays, another pupil; by all pairs."""
    wins = (score[:, None] > score[None, :]) + 0.5 * (score[:, None] == score[None, :])
    np.fill_diagonal(wins, 0)
    pairs = weight_leave[:, None] * weight_stay[None, :]
    np.fill_diagonal(pairs, 0)
    return (wins * pairs).sum() / pairs.sum()


def test_the_figures_of_the_oracle_are_those_of_all_pairs_of_pupils(cohort):
    made = cohort("effects")
    day = made.planted["cohorts"][0]
    columns = "log_odds, school_effect, hidden_trouble, probability_with_support AS lived, outcome, stage, probability"
    truth = made.truth(columns)
    first = made.truth("cohort_on = DATE '" + day + "' AS is_first")["is_first"]
    truth = {name: np.asarray(values)[first] for name, values in truth.items()}
    scores = {"log_odds": truth["log_odds"], "without_school_effect": truth["log_odds"] - truth["school_effect"]}
    scores["observable"] = scores["without_school_effect"] - truth["hidden_trouble"]
    told = made.planted["oracle"][day]
    labelled = ~np.isin(truth["outcome"], ["abroad", "unknown"])
    left = (truth["outcome"] == "left").astype(float)
    for name in SCORES:
        expected = auc(scores[name], truth["lived"], 1 - truth["lived"])
        assert told["auc"][name]["expected"] == pytest.approx(expected, abs=0.0005)
        lived = auc(scores[name][labelled], left[labelled], 1 - left[labelled])
        assert told["auc"][name]["lived"] == pytest.approx(lived, abs=0.0005)
    assert told["auc"]["observable"]["expected"] < told["auc"]["log_odds"]["expected"]
    assert told["base_rate_without_support"] == pytest.approx(truth["probability"].mean(), abs=1e-6)
    assert told["base_rate_lived"] == pytest.approx(left[labelled].mean(), abs=1e-6)
    between = made.one(
        f"SELECT var_pop(mean) / any_value(total) FROM (SELECT avg(probability) OVER (PARTITION BY school_id) AS mean, "
        f"var_pop(probability) OVER () AS total FROM true_cohort WHERE cohort_on = DATE '{day}')"
    )
    assert told["variance_share_between_schools"] == pytest.approx(between, abs=1e-6)
    best = np.sort(truth["lived"][np.argsort(-truth["log_odds"], kind="stable")[: round(len(left) / 10)]]).sum()
    assert told["reached_at_a_tenth"]["log_odds"] == pytest.approx(best / truth["lived"].sum(), abs=0.005)


# Worlds


def test_nothing_ranks_in_the_world_without_signal_but_the_stage(cohort):
    made = cohort("no_signal")
    for figures in made.planted["oracle"].values():
        for name in SCORES:
            assert figures["auc"][name]["expected_inside_stages"] == pytest.approx(0.5, abs=1e-6)
    assert made.one("SELECT max(n) FROM (SELECT count(DISTINCT log_odds) AS n FROM true_cohort GROUP BY stage)") == 1
    assert made.one("SELECT count(*) FROM true_cohort WHERE leaves_with_plan <> leaves_without_support") == 0


def test_decoys_go_with_a_driver_and_add_nothing(cohort):
    made = cohort("default")
    for figures in made.planted["oracle"].values():
        together = figures["correlations"]
        assert together["low_marks"]["failed_subjects"] >= 0.6
        assert together["free_meals"]["low_income"] >= 0.6
        assert together["recent_late"]["recent_unexcused"] >= 0.6
    assert made.one("SELECT max(abs(low_marks) + abs(free_meals) + abs(recent_late)) FROM true_cohort") == 0


def test_the_school_rate_wins_in_one_world_and_the_score_in_the_other(cohort):
    for name, winner, loser in (
        ("school_rate_wins", "school_rate", "observable"),
        ("score_wins", "observable", "school_rate"),
    ):
        for figures in cohort(name).planted["oracle"].values():
            reached = figures["reached_at_a_tenth"]
            assert reached[winner] > reached[loser] + 0.02 > reached["random"]


def test_one_group_s_absences_are_excused_another_s_moves_are_leaving_and_both_errors_are_expected(cohort):
    made, plain = cohort("unfair"), cohort("default")
    unexcused = """
        SELECT first_language, avg((attendance_code = 'unexcused')::INT) FROM attendance
        JOIN pupil USING (pupil_code) WHERE attendance_code IN ('unexcused', 'excused', 'absent') GROUP BY ALL
    """
    unfair, fair = dict(made.rows(unexcused)), dict(plain.rows(unexcused))
    assert unfair["ru"] < 0.45 * fair["ru"]
    assert unfair["lv"] == pytest.approx(fair["lv"], rel=0.05)
    assert (
        made.one(
            "SELECT count(*) FROM true_outcome JOIN pupil USING (pupil_code) WHERE exit_class = 'abroad' AND recorded_class = 'left' AND first_language <> 'uk'"
        )
        == 0
    )
    moved, recorded = made.rows(
        "SELECT count(*), count(*) FILTER (recorded_class = 'left') FROM true_outcome JOIN pupil USING (pupil_code) "
        "WHERE exit_class = 'abroad' AND first_language = 'uk'"
    )[0]
    share_within(recorded, moved, 0.8)
    for figures in made.planted["oracle"].values():
        groups = figures["groups"]
        assert groups["ru"]["false_negative_rate_change"] > 0
        assert groups["uk"]["false_positive_rate_change"] > 0
        # Places are limited: those that one group takes without need are missing elsewhere, a little.
        assert abs(groups["lv"]["false_negative_rate_change"]) < groups["ru"]["false_negative_rate_change"] / 2
    assert all(
        group["false_negative_rate_change"] == 0
        for figures in plain.planted["oracle"].values()
        for group in figures["groups"].values()
        if group["false_negative_rate_change"] is not None
    )


def test_exit_classes_are_confused_as_planted_and_the_truth_keeps_the_real_ones(cohort):
    made = cohort("noisy")
    confusion = read_world("noisy").recording.confusion
    seen = made.rows("SELECT exit_class, recorded_class, count(*) FROM true_outcome GROUP BY ALL")
    ended = made.rows("SELECT exit_class, count(*) FROM true_outcome GROUP BY ALL")
    counts = {(true, recorded): count for true, recorded, count in seen}
    for true, whole in ended:
        for recorded, chance in confusion.get(true, {}).items():
            share_within(counts.get((true, recorded), 0), whole, chance)
        assert confusion.get(true) or counts[(true, true)] == whole
    recorded = made.rows(
        "SELECT exit_class, count(DISTINCT pupil_code || happened_on) FROM enrolment WHERE exit_class IS NOT NULL GROUP BY ALL"
    )
    # Ends that became known after the delivery are in the truth alone.
    assert all(count <= sum(n for (_, seen_as), n in counts.items() if seen_as == code) for code, count in recorded)


def test_a_silent_municipality_delivers_nothing_and_marks_are_missing_where_only_absences_come(cohort):
    made = cohort("silent")
    told = made.planted["recorded"]
    for silence in told["silent"]:
        codes = ", ".join(f"'{code}'" for code in silence["municipality_codes"])
        schools = f"SELECT school_id FROM true_school_place WHERE code IN ({codes})"
        made._connection.execute(
            "CREATE OR REPLACE VIEW true_school_place AS SELECT school_id, arg_max(municipality_code, happened_on) AS code "
            "FROM school GROUP BY ALL"
        )
        assert made.one(f"SELECT count(*) FROM ({schools})") > 0
        for table in set(silence["tables"]) - {"economic_pupil", "capacity"}:
            for first, after in silence["days"]:
                inside = f"CAST(happened_on AS DATE) >= DATE '{first}' AND CAST(happened_on AS DATE) < DATE '{after}'"
                assert made.one(f"SELECT count(*) FROM {table} WHERE {inside} AND school_id IN ({schools})") == 0
                assert made.one(f"SELECT count(*) FROM {table} WHERE {inside}") > 0
    only = told["absences_only_schools"]
    assert only
    assert made.one(f"SELECT count(*) FROM mark WHERE school_id IN ({str(only)[1:-1]})") == 0
    assert made.one(f"SELECT count(*) FROM attendance WHERE school_id IN ({str(only)[1:-1]})") > 0


def test_the_newest_cohorts_have_another_base_rate_and_the_newest_semester_half_the_absences(cohort):
    made, plain = cohort("drift"), cohort("default")
    base = "SELECT cohort_on, stage, max(base) FROM true_cohort GROUP BY ALL ORDER BY ALL"
    assert {round(drift[2] - usual[2], 6) for drift, usual in zip(made.rows(base), plain.rows(base), strict=True)} == {
        0.6
    }
    older = replace(read_world("drift").leaving, prior_shift_cohorts=1)
    shifted = cohort("one shift", TINY, Planted(leaving=older))
    by_year = "SELECT year(cohort_on), max(base) FROM true_cohort WHERE stage = 'grade_5' GROUP BY ALL ORDER BY ALL"
    (_, before), (_, after) = shifted.rows(by_year)
    assert after - before == pytest.approx(0.6)
    autumn = "SELECT count(*) FROM attendance WHERE happened_on BETWEEN DATE '{0}-09-01' AND DATE '{0}-12-20'"
    half = made.one(autumn.format(2024)) / plain.one(autumn.format(2024))
    assert half == pytest.approx(0.5, abs=0.02)
    assert made.one(autumn.format(2023)) / plain.one(autumn.format(2023)) == pytest.approx(1.0, abs=0.02)
    kinds = made.rows(
        "SELECT DISTINCT mark_code FROM mark WHERE happened_on >= DATE '2024-09-02' AND mark_kind = 'daily'"
    )
    assert {code for (code,) in kinds} == {"passed", "not_passed", "nv"}


# Support


def test_plans_never_exceed_the_places_of_a_school(cohort):
    made = cohort("effects")
    most = """
        SELECT max(plans - places::INT) FROM (SELECT school_id, school_year, semester, count(*) AS plans FROM true_plan GROUP BY ALL)
        JOIN (SELECT school_id, year(happened_on::DATE) AS first_year, places FROM capacity) AS room USING (school_id)
        WHERE left(school_year, 4)::INT = first_year
    """
    assert made.one(most) <= 0
    assert made.one("SELECT count(*) FROM capacity") > 0


def test_every_measure_of_a_plan_is_a_row_of_support_and_no_row_is_without_plan(cohort):
    made = cohort("default")
    planned = """
        SELECT pupil_code, school_id, measure_code, starts_on FROM true_plan UNION ALL
        SELECT pupil_code, school_id, second_measure_code, starts_on FROM true_plan WHERE second_measure_code IS NOT NULL
    """
    given = "SELECT pupil_code, school_id, measure_code, happened_on FROM support WHERE ends_on IS NULL"
    assert sorted(made.rows(given)) == sorted(made.rows(planned))
    assert {row[0] for row in made.rows("SELECT semester FROM true_plan GROUP BY ALL")} == {1, 2}


def test_about_a_tenth_of_the_places_by_the_rule_is_given_otherwise(cohort):
    made = cohort("default")
    overrides, places = made.rows(
        "SELECT count(*) FILTER (allocation = 'override'), count(*) FROM true_cohort "
        "WHERE allocation <> 'teachers' AND measure_code IS NOT NULL"
    )[0]
    share_within(overrides, places, 0.10)
    assert (
        made.one("SELECT count(*) FROM true_cohort WHERE allocation = 'not_in_line' AND measure_code IS NOT NULL") == 0
    )


def test_without_overrides_the_score_alone_decides_but_for_ties(cohort):
    world = Planted()
    world = replace(world, support=replace(world.support, override_share=0.0, rule_school_share=1.0, has_lottery=True))
    made = cohort("rule alone", TINY, world)
    against = """
        SELECT count(*) FROM true_cohort WHERE NOT is_tied_at_cut
        AND (measure_code IS NOT NULL) <> (need_points >= cut_points)
    """
    assert made.one(against) == 0
    assert made.one("SELECT count(*) FROM true_cohort WHERE is_tied_at_cut AND need_points <> cut_points") == 0
    assert made.one("SELECT count(*) FROM true_cohort WHERE measure_code IS NOT NULL") > 0


def test_those_whose_absence_has_just_risen_leave_soon_if_in_spring(cohort):
    made = cohort("effects")
    late = """
        SELECT count(*) FILTER (o.ends_on > c.cohort_on + 56), count(*) FROM true_cohort AS c
        JOIN true_outcome AS o ON o.pupil_code = c.pupil_code AND o.ends_on > c.cohort_on AND o.ends_on < c.cohort_on + 300
        WHERE unexcused_rise > 0 AND o.exit_class = 'left' AND o.ends_on < make_date(year(c.cohort_on) + 1, 6, 1)
    """
    after, leavers = made.rows(late)[0]
    assert after == 0
    assert leavers > 5
