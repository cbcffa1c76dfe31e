"""OULAD, the Open University Learning Analytics Dataset, as an ordinary delivery.

28,785 adult students of seven modules in four presentations (2013B, 2013J, 2014B, 2014J). A module stands for a
school, a presentation for a school year of one term, a student in a module for an enrolment. Day n of a
presentation is its first day plus n; presentations B begin on 1 February, J on 1 October. The rules by which the
source was brought to the canonical tables, and how many rows each concerns, go with the delivery as notes.

Source: Kuzilek, Hlosta, Zdrahal 2017, Open University Learning Analytics dataset, Scientific Data 4:170171.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from riskmodel.messages import Message, message, plural
from riskmodel.sources.fetch import RAW_FOLDER, PublicData, PublicFile, Say, new_folder, obtain
from riskmodel.sources.public_delivery import write_delivery

MARKING_DAYS = 14
"""The source has no day on which a mark was returned: it counts as known this long after the work was due or
handed in, whichever was later."""

DELIVERED_ON = date(2017, 11, 28)
"""The day on which the data set was published."""

SCHOOLS_KNOWN_ON = date(2012, 9, 1)
"""Nominal: before the earliest registration."""

CLICKS_COMPLETE_TO_DAY = {("AAA", "2013J"): 268, ("AAA", "2014J"): 269, ("BBB", "2013B"): 240, ("BBB", "2013J"): 132}
"""Last day of each presentation up to which the click file at hand holds every click. It has the first 1,048,575 of
10,655,280 rows; on all other days a missing click says nothing."""

SETTINGS_FILE = "settings.toml"
SETTINGS = """\
# Settings for a run on OULAD: riskmodel run --delivery THIS_FOLDER --settings THIS_FILE --cut-off 2014-11-30 --store STORE

# The last presentation ends here; the default, 30 September, is the end of a Latvian school year.
horizon_on = 2015-06-28

# A known fault of this delivery: the click file at hand is cut after a tenth of its rows, so that hardly anybody
# in 2014J has clicks. The gate against lost data would hold every run for it.
max_missing_rise = 1.0
"""
"""Known faults of a delivery are data with a reason."""

OULAD = PublicData(
    name="OULAD",
    folder="oulad",
    address="https://archive.ics.uci.edu/static/public/349/open+university+learning+analytics+dataset.zip",
    citation="Kuzilek, Hlosta, Zdrahal 2017, Scientific Data 4:170171",
    licence="CC BY 4.0",
    files=(
        PublicFile(
            "studentInfo.csv",
            32_593,
            "77fd79ba61213627c6fd64019edbf367e3028c9c3e16e086244d2ba06e09a8cf",
            "48370c8d4883dddfc39254009d13eb95fb467f8751884d10bcac3b5727c92837",
            member="studentInfo.csv",
        ),
        PublicFile(
            "studentRegistration.csv",
            32_593,
            "0ba10651fc9461569d9f5252fb80158f1cf3377059e39148df05dff480bef0ec",
            "2a890d7a9d1f31a7f1793d9e4fa58ceaa4d31133aaa6cb465090cd3381ea7ddd",
            member="studentRegistration.csv",
        ),
        PublicFile(
            "studentAssessment.csv",
            173_912,
            "05ac3ae53007f25ad1b1dacf355967220cb10bf9876a42f23d20197cf4a1d64b",
            "b8098a67de88f5b73ee00a2d3d41a236fd9c4421031e9b97ee4aee2c4d62641c",
            member="studentAssessment.csv",
        ),
        PublicFile(
            "assessments.csv",
            206,
            "7e0a2c661de25b66951aa056615acd16d6fe14a1458f2a78aa43b5c68f557468",
            "77e1dd6a46bee70ccd2cefa2787c16e894c057fe10c1a9c41ba7c4848fd509b6",
            member="assessments.csv",
        ),
        PublicFile(
            "courses.csv",
            22,
            "3c294831570b40ce69b010172a1268e36e4881f1f1c9a5ad88902cf59a13f690",
            "0d084687508b4909bfd0c8f19d19f34878b35867ed7ef3aedf4bfe85db6e8b24",
            member="courses.csv",
        ),
        PublicFile(
            "vle.csv",
            6_364,
            "efea9fa1ec2e2eecf7ff2c860e9c44a379702f06267bd9dc3c1bb67cef216d04",
            "0823ada3cd2c0d5aff85ace051e93592cc5b986b75060dd3a7d64515c744afaa",
            member="vle.csv",
        ),
        PublicFile(
            "studentVle_first1048575.csv.gz",
            1_048_575,
            "f16e27283491b32367a8e7e5620d2864649b9c2de15819958ac780a4b7a9c9ca",
            "012bc2644f5fbeffaf8b17c92fe8227bc01640a98186ef469239e3176550afa6",
            member="studentVle.csv",
        ),
        PublicFile(
            "vle_pre_course_features.csv",
            23_809,
            "a1bd355f2c19b7bbf40e6f595ef7df12719d48410014e6156f1014a0b974db52",
            "767c3178622eb6ef893de1afa66d698db1e096c33e3312732ef988d3af88e925",
            member="",
        ),
    ),
)


def fetch(to: Path, source: Path | None, say: Say) -> None:
    """Make the folder ``to`` a delivery of OULAD: verified raw files, canonical tables, mapping, notes and settings.

    Parameters
    ----------
    source
        A folder with a local copy, or with the publisher's archive. None: download it.

    Raises
    ------
    DeliveryError
        When a file is missing or is not the published one, or the publisher cannot be reached.
    UsageError
        When ``to`` holds something already.
    """
    with new_folder(to) as part:
        obtain(OULAD, part / RAW_FOLDER, source, say)
        deliver(part / RAW_FOLDER, part, say)
        (part / SETTINGS_FILE).write_text(SETTINGS, "utf-8")


def deliver(raw: Path, folder: Path, say: Say) -> None:
    """Write the canonical tables of the verified files in ``raw`` into ``folder``."""
    connection = duckdb.connect()
    _read(connection, raw)
    connection.execute("SET VARIABLE marking_days = ?", [MARKING_DAYS])
    connection.execute("SET VARIABLE schools_known_on = ?", [SCHOOLS_KNOWN_ON])
    connection.execute(STAYS)
    connection.execute(WORKS)
    write_delivery(connection, folder, TABLES, DELIVERED_ON, _notes(connection), say)


def _read(connection: duckdb.DuckDBPyConnection, raw: Path) -> None:
    for name in ("studentInfo", "studentRegistration", "studentAssessment", "assessments", "courses"):
        rows = connection.read_csv(str(raw / f"{name}.csv"), header=True, all_varchar=True, na_values=["", "?"])
        rows.create(name)
    clicks = connection.read_csv(str(raw / "studentVle_first1048575.csv.gz"), header=True, all_varchar=True)
    clicks.create("clicks")
    connection.execute("CREATE TABLE complete (module VARCHAR, presentation VARCHAR, to_day INTEGER)")
    rows_complete = [(*key, day) for key, day in CLICKS_COMPLETE_TO_DAY.items()]
    connection.executemany("INSERT INTO complete VALUES (?, ?, ?)", rows_complete)


STAYS = """
CREATE TABLE presentation AS
SELECT code_module AS module,
       code_presentation AS presentation,
       (ascii(code_module) - ascii('A') + 1)::VARCHAR AS school_id,  -- AAA is 1, GGG is 7
       make_date(code_presentation[1:4]::INTEGER, CASE code_presentation[5] WHEN 'B' THEN 2 ELSE 10 END, 1) AS starts_on,
       starts_on + module_presentation_length::INTEGER AS ends_on
FROM courses;

CREATE TABLE registered AS
SELECT student.*,
       presentation.*,
       date_registration::INTEGER AS registered_day,
       date_unregistration::INTEGER AS withdrawn_day,
       starts_on + registered_day AS registered_on,
       starts_on + greatest(coalesce(registered_day, 0), 0) AS from_on,
       CASE
           WHEN final_result = 'Withdrawn' THEN 'left'
           WHEN withdrawn_day IS NOT NULL THEN 'unknown'  -- failed, and yet with a day of withdrawal
           ELSE 'completed'
       END AS exit_class,
       coalesce(starts_on + withdrawn_day, ends_on) AS until_on
FROM studentInfo AS student
JOIN studentRegistration USING (code_module, code_presentation, id_student)
JOIN presentation ON module = code_module AND presentation = code_presentation;

CREATE TABLE stay AS SELECT * FROM registered WHERE until_on >= from_on;
"""
"""``stay``: one row per student who was still registered on the first day, or registered later."""

WORKS = """
CREATE TABLE work AS
SELECT code_module AS module,
       code_presentation AS presentation,
       id_assessment AS work_id,
       assessment_type AS subject_code,
       weight::DOUBLE AS weight,
       -- The publisher: an examination without a day is at the end of the last week of the presentation.
       coalesce(starts_on + date::INTEGER, ends_on) AS due_on,
       id_assessment IN (SELECT id_assessment FROM studentAssessment) AS has_results
FROM assessments
JOIN presentation ON module = code_module AND presentation = code_presentation;

CREATE TABLE handed_in AS
SELECT stay.id_student, stay.school_id, work.work_id,
       is_banked = '1' AS is_banked,
       starts_on + date_submitted::INTEGER AS handed_in_on,
       greatest(handed_in_on, due_on) + getvariable('marking_days') AS marked_on,
       score::DOUBLE AS score
FROM studentAssessment AS result
JOIN work ON work.work_id = result.id_assessment
JOIN stay USING (module, presentation, id_student);

CREATE TABLE due AS
SELECT stay.id_student AS pupil_code, stay.school_id, stay.from_on, stay.until_on,
       work.subject_code, work.work_id, work.due_on AS happened_on, 'converted' AS mark_kind, work.weight,
       handed_in.is_banked, handed_in.handed_in_on, handed_in.marked_on, handed_in.score
FROM stay
JOIN work USING (module, presentation)
LEFT JOIN handed_in USING (id_student, school_id, work_id)
WHERE work.has_results;
"""
"""``due``: one row per stay and piece of work, with what was handed in."""

TABLES = {
    "school": """
        SELECT DISTINCT school_id, module AS school_name, 'course' AS school_kind, 'en' AS instruction_language,
               getvariable('schools_known_on') AS happened_on, happened_on AS known_on
        FROM presentation ORDER BY school_id""",
    "term": """
        SELECT presentation AS school_year, 1 AS term_number, starts_on AS happened_on,
               max(ends_on) AS ends_on, starts_on - 30 AS known_on
        FROM presentation GROUP BY presentation, starts_on ORDER BY starts_on""",
    "pupil": """
        SELECT id_student AS pupil_code, lower(any_value(gender)) AS sex,
               any_value(disability) = 'Y' AS has_special_needs,
               any_value(CASE highest_education
                   WHEN 'No Formal quals' THEN 0
                   WHEN 'Lower Than A Level' THEN 1
                   WHEN 'A Level or Equivalent' THEN 2
                   WHEN 'HE Qualification' THEN 3
                   WHEN 'Post Graduate Qualification' THEN 4
               END) AS prior_level,
               starts_on AS happened_on, min(from_on) AS known_on
        FROM stay GROUP BY id_student, starts_on ORDER BY id_student, starts_on""",
    "enrolment": """
        WITH version AS (
            SELECT *, from_on AS known_on, FALSE AS has_ended FROM stay WHERE until_on > from_on
            UNION ALL SELECT *, until_on, TRUE FROM stay
        )
        SELECT id_student AS pupil_code, school_id, 'course' AS stage_kind, 1 AS stage_number,
               presentation AS class_code, from_on AS happened_on,
               CASE WHEN has_ended THEN until_on END AS ends_on,
               CASE WHEN has_ended THEN version.exit_class END AS exit_class,
               num_of_prev_attempts::INTEGER AS repeat_count, registered_on,
               studied_credits::DOUBLE AS credits, known_on
        FROM version ORDER BY id_student, school_id, from_on, known_on""",
    "attendance": """
        WITH active AS (
            SELECT DISTINCT code_module AS module, code_presentation AS presentation, id_student,
                   date::INTEGER AS day
            FROM clicks
        ), planned AS (
            SELECT id_student, school_id, module, presentation, starts_on,
                   unnest(range((from_on - starts_on), least(until_on - starts_on, to_day) + 1)) AS day
            FROM stay JOIN complete USING (module, presentation)
        )
        SELECT id_student AS pupil_code, school_id, starts_on + day::INTEGER AS happened_on,
               0 AS lesson_number, 'absent' AS attendance_code, 1 AS lessons, happened_on AS known_on
        FROM planned ANTI JOIN active USING (module, presentation, id_student, day)
        ORDER BY id_student, school_id, happened_on""",
    "lessons_planned": """
        WITH planned AS (
            SELECT id_student, school_id,
                   starts_on + unnest(range((from_on - starts_on), least(until_on - starts_on, to_day) + 1))::INTEGER AS day_on
            FROM stay JOIN complete USING (module, presentation)
        )
        SELECT id_student AS pupil_code, school_id, date_trunc('week', day_on)::DATE AS happened_on,
               count(*) AS lessons,
               count(*) FILTER (isodow(day_on) = 1) AS lessons_monday,
               count(*) FILTER (isodow(day_on) = 2) AS lessons_tuesday,
               count(*) FILTER (isodow(day_on) = 3) AS lessons_wednesday,
               count(*) FILTER (isodow(day_on) = 4) AS lessons_thursday,
               count(*) FILTER (isodow(day_on) = 5) AS lessons_friday,
               date_trunc('week', day_on)::DATE + 6 AS known_on
        FROM planned GROUP BY ALL ORDER BY id_student, school_id, happened_on""",
    "mark": """
        WITH version AS (
            SELECT *, 'nv' AS mark_code, happened_on AS known_on FROM due
            WHERE happened_on BETWEEN from_on AND until_on AND is_banked IS NOT TRUE
              AND (handed_in_on IS NULL OR handed_in_on > happened_on)
            UNION ALL
            SELECT *, 'exempt', greatest(happened_on, from_on) FROM due WHERE is_banked
            UNION ALL
            SELECT *, 'handed_in', handed_in_on FROM due WHERE NOT is_banked
            UNION ALL
            SELECT *, 'points', marked_on FROM due WHERE NOT is_banked AND score IS NOT NULL
        )
        SELECT pupil_code, school_id, subject_code, work_id, happened_on, mark_kind, mark_code,
               CASE WHEN mark_code = 'points' THEN round(1 + 9 * score / 100, 4) END AS mark_points,
               CASE WHEN mark_code IN ('handed_in', 'points') THEN handed_in_on END AS handed_in_on,
               weight, known_on
        FROM version ORDER BY pupil_code, school_id, happened_on, work_id, known_on""",
    "term_result": """
        SELECT id_student AS pupil_code, school_id, '*' AS subject_code, 'final' AS result_kind,
               until_on AS happened_on, NULL::DOUBLE AS mark_points, 1 AS units_taken,
               (final_result <> 'Fail')::INTEGER AS units_passed, until_on AS known_on
        FROM stay WHERE exit_class = 'completed' ORDER BY id_student, school_id, until_on""",
    "economic_pupil": """
        SELECT id_student AS pupil_code, starts_on AS happened_on, 'deprivation_band' AS indicator_code,
               any_value(split_part(imd_band, '-', 1)::DOUBLE) / 10 AS value, min(from_on) AS known_on
        FROM stay WHERE imd_band IS NOT NULL
        GROUP BY id_student, starts_on ORDER BY id_student, starts_on""",
}
"""The canonical tables as queries over ``stay``, ``work`` and ``due``."""


def _notes(connection: duckdb.DuckDBPyConnection) -> list[Message]:
    """Return what was decided where the source is silent or contradicts itself, with the rows concerned."""

    def count(rows: str) -> int:
        answer = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608  (texts of this module)
        return int(answer[0][0])

    return [
        message(
            "Day n of a presentation is its first day plus n; B begins on 1 February and J on 1 October. "
            "A module stands for a school and a presentation for a school year."
        ),
        plural(
            "{count} registration ended before its presentation began: it is no stay and is not delivered.",
            "{count} registrations ended before their presentation began: they are no stays and are not delivered.",
            count("registered WHERE until_on < from_on"),
        ),
        plural(
            "{count} stay begins after the first day: the student registered late.",
            "{count} stays begin after the first day: the students registered late.",
            count("stay WHERE from_on > starts_on"),
        ),
        plural(
            "{count} stay has no day of registration: it begins with the presentation.",
            "{count} stays have no day of registration: they begin with the presentation.",
            count("stay WHERE registered_day IS NULL"),
        ),
        plural(
            "{count} student withdrew on an unknown day: the last day of the presentation stands for it.",
            "{count} students withdrew on an unknown day: the last day of the presentation stands for it.",
            count("stay WHERE exit_class = 'left' AND withdrawn_day IS NULL"),
        ),
        plural(
            "{count} stay has a day of withdrawal and the result Fail: how it ended counts as unknown.",
            "{count} stays have a day of withdrawal and the result Fail: how they ended counts as unknown.",
            count("stay WHERE exit_class = 'unknown'"),
        ),
        message(
            "Pass, Distinction and Fail are stays to the end (completed). The result stands in term_result as units "
            "passed; Pass and Distinction are not told apart there."
        ),
        plural(
            "{count} piece of work has no due day: the last day of its presentation stands for it, as the publisher says.",
            "{count} pieces of work have no due day: the last day of their presentation stands for it, as the publisher says.",
            count("assessments WHERE date IS NULL"),
        ),
        plural(
            "{count} piece of work has no result of anybody: it is not delivered, and nobody missed it.",
            "{count} pieces of work have no result of anybody: they are not delivered, and nobody missed them.",
            count("work WHERE NOT has_results"),
        ),
        message(
            "Scores from 0 to 100 are converted: points = 1 + 9 · score / 100. The source has no day of marking: a mark "
            "counts as known {days} days after the work was due or handed in, whichever was later.",
            days=MARKING_DAYS,
        ),
        plural(
            "{count} result was carried over from an earlier attempt: the work is exempt, without points.",
            "{count} results were carried over from an earlier attempt: the work is exempt, without points.",
            count("due WHERE is_banked"),
        ),
        plural(
            "{count} piece of work was handed in and has no score: it stays handed in, without points.",
            "{count} pieces of work were handed in and have no score: they stay handed in, without points.",
            count("due WHERE handed_in_on IS NOT NULL AND score IS NULL AND NOT is_banked"),
        ),
        plural(
            "{count} stay has clicks for every day (BBB of 2013J to day {day}): a day without a click counts as a missed day, and the days of the "
            "week as planned. For all other stays attendance is missing, which is not the same as none missed.",
            "{count} stays have clicks for every day (BBB of 2013J to day {day}): a day without a click counts as a missed day, and the days of the "
            "week as planned. For all other stays attendance is missing, which is not the same as none missed.",
            count("stay JOIN complete USING (module, presentation)"),
            day=CLICKS_COMPLETE_TO_DAY["BBB", "2013J"],
        ),
        plural(
            "{count} stay has no deprivation band of the home's place: it is missing.",
            "{count} stays have no deprivation band of the home's place: it is missing.",
            count("stay WHERE imd_band IS NULL"),
        ),
        message("Age band and region have no place in the canonical tables and are not delivered."),
    ]
