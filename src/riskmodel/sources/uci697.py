"""UCI 697, "Predict Students' Dropout and Academic Success", as an ordinary delivery with nominal dates.

4,424 students of 17 courses of one Portuguese polytechnic. The file holds no date at all. Every date of the
delivery is therefore nominal and stated as such in its notes: the three economic figures tell ten cohorts apart,
and each gets the school year in which Portugal had this growth of GDP. A course stands for a school. Nothing that
is measured in time on this delivery says anything about real time.

Source: Realinho, Vieira Martins, Machado, Baptista 2021, UCI Machine Learning Repository, doi 10.24432/C5MC89.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from riskmodel.messages import Message, message, plural
from riskmodel.sources.fetch import RAW_FOLDER, PublicData, PublicFile, Say, new_folder, obtain
from riskmodel.sources.public_delivery import write_delivery

DELIVERED_ON = date(2021, 12, 12)
"""The day on which the data set was given to the repository."""

UCI697 = PublicData(
    name="UCI 697",
    folder="uci697_dropout",
    address="https://archive.ics.uci.edu/static/public/697/predict+students+dropout+and+academic+success.zip",
    citation="Realinho, Vieira Martins, Machado, Baptista 2021, doi 10.24432/C5MC89",
    licence="CC BY 4.0",
    files=(
        PublicFile(
            "data.csv",
            4_424,
            "3ef126de5cefff26eb11fbb4237f1a1401cb64b488e2f1d598c23cedeb4c45ae",
            "18eb8eb1d17e03cc2467026d004cbca72a922dde5f4cd7225abe8faef10d126c",
            member="data.csv",
            delimiter=";",
        ),
    ),
)

YEAR_BY_GDP_GROWTH = {
    "0.32": 2008,
    "-3.12": 2009,
    "1.74": 2010,
    "-1.7": 2011,
    "-4.06": 2012,
    "-0.92": 2013,
    "0.79": 2014,
    "1.79": 2015,
    "2.02": 2016,
    "3.51": 2017,
}
"""Growth of Portugal's GDP, percent, and its year. The file gives the figure and not the year."""

COURSES = {
    "33": "Biofuel Production Technologies",
    "171": "Animation and Multimedia Design",
    "8014": "Social Service (evening attendance)",
    "9003": "Agronomy",
    "9070": "Communication Design",
    "9085": "Veterinary Nursing",
    "9119": "Informatics Engineering",
    "9130": "Equinculture",
    "9147": "Management",
    "9238": "Social Service",
    "9254": "Tourism",
    "9500": "Nursing",
    "9556": "Oral Hygiene",
    "9670": "Advertising and Marketing Management",
    "9773": "Journalism and Communication",
    "9853": "Basic Education",
    "9991": "Management (evening attendance)",
}
"""Names of the courses, as the repository lists them."""

PRIOR_LEVELS = {
    1: (9, 10, 12, 14, 15, 19, 38),  # basic education, or secondary education not completed
    2: (1,),  # secondary education
    3: (6, 39, 42),  # technological specialisation, or higher education not completed
    4: (2, 3, 40),  # a first degree
    5: (4, 5, 43),  # a master's degree or doctorate
}
"""Level of earlier education by the codes of "Previous qualification"."""

HIGHEST_ADMISSION_GRADE, HIGHEST_COURSE_GRADE = 200, 20


def fetch(to: Path, source: Path | None, say: Say) -> None:
    """Make the folder ``to`` a delivery of UCI 697: the verified raw file, canonical tables, mapping and notes.

    Parameters
    ----------
    source
        A folder with a local copy, or with the publisher's archive. None: download it.

    Raises
    ------
    DeliveryError
        When the file is missing or is not the published one, or the publisher cannot be reached.
    UsageError
        When ``to`` holds something already.
    """
    with new_folder(to) as part:
        obtain(UCI697, part / RAW_FOLDER, source, say)
        deliver(part / RAW_FOLDER, part, say)


def deliver(raw: Path, folder: Path, say: Say) -> None:
    """Write the canonical tables of the verified file in ``raw`` into ``folder``."""
    connection = duckdb.connect()
    connection.execute("SET VARIABLE highest_admission_grade = ?", [HIGHEST_ADMISSION_GRADE])
    connection.execute("SET VARIABLE highest_course_grade = ?", [HIGHEST_COURSE_GRADE])
    connection.execute("CREATE TABLE year (gdp_growth DECIMAL(6, 2), starts_in INTEGER)")
    connection.executemany("INSERT INTO year VALUES (?, ?)", [list(pair) for pair in YEAR_BY_GDP_GROWTH.items()])
    connection.execute("CREATE TABLE course (school_id VARCHAR, school_name VARCHAR)")
    connection.executemany("INSERT INTO course VALUES (?, ?)", [list(pair) for pair in COURSES.items()])
    connection.execute("CREATE TABLE qualification (code INTEGER, prior_level INTEGER)")
    levels = [[code, level] for level, codes in PRIOR_LEVELS.items() for code in codes]
    connection.executemany("INSERT INTO qualification VALUES (?, ?)", levels)
    file = connection.read_csv(str(raw / "data.csv"), header=True, sep=";", normalize_names=True, parallel=False)
    file.create("file")
    connection.execute(STUDENTS)
    write_delivery(connection, folder, TABLES, DELIVERED_ON, _notes(connection), say)


STUDENTS = """
CREATE TABLE student AS
SELECT row_number() OVER () AS row_number,
       row_number::VARCHAR AS pupil_code,
       file.*,
       year.starts_in,
       make_date(starts_in, 9, 1) AS starts_on,
       make_date(starts_in + 1, 1, 31) AS first_term_ends_on,
       make_date(starts_in + 1, 6, 30) AS second_term_ends_on,
       make_date(starts_in + 1, 8, 31) AS outcome_on,
       file.course::VARCHAR AS school_id
FROM file JOIN year ON year.gdp_growth = file.gdp::DECIMAL(6, 2);

CREATE TABLE result AS
SELECT pupil_code, school_id, first_term_ends_on AS happened_on,
       curricular_units_1st_sem_enrolled AS units_taken, curricular_units_1st_sem_approved AS units_passed,
       curricular_units_1st_sem_grade AS grade
FROM student
UNION ALL
SELECT pupil_code, school_id, second_term_ends_on, curricular_units_2nd_sem_enrolled,
       curricular_units_2nd_sem_approved, curricular_units_2nd_sem_grade
FROM student;

CREATE TABLE status AS
SELECT pupil_code, starts_on AS happened_on, 'scholarship' AS indicator_code, scholarship_holder AS value,
       starts_on AS known_on
FROM student
UNION ALL
SELECT pupil_code, starts_on, 'fees_paid', tuition_fees_up_to_date, second_term_ends_on FROM student
UNION ALL
SELECT pupil_code, starts_on, 'debtor', debtor, second_term_ends_on FROM student;
"""

TABLES = {
    "school": """
        SELECT course.*, 'course' AS school_kind, 'PT-COUNTRY' AS municipality_code, 'pt' AS instruction_language,
               first.happened_on, first.happened_on AS known_on
        FROM course, (SELECT min(starts_on) AS happened_on FROM student) AS first ORDER BY school_id::INTEGER""",
    "term": """
        SELECT starts_in || '/' || right((starts_in + 1)::VARCHAR, 2) AS school_year, term_number,
               CASE term_number WHEN 1 THEN make_date(starts_in, 9, 1) ELSE make_date(starts_in + 1, 2, 1) END AS happened_on,
               CASE term_number WHEN 1 THEN make_date(starts_in + 1, 1, 31) ELSE make_date(starts_in + 1, 6, 30) END AS ends_on,
               happened_on - 30 AS known_on
        FROM year, (VALUES (1), (2)) AS numbers (term_number) ORDER BY happened_on""",
    "pupil": """
        SELECT pupil_code, make_date(starts_in - age_at_enrollment::INTEGER, 9, 1) AS birth_month,
               CASE gender WHEN 1 THEN 'm' ELSE 'f' END AS sex,
               educational_special_needs = 1 AS has_special_needs, prior_level,
               round(1 + 9 * previous_qualification_grade / getvariable('highest_admission_grade'), 4) AS prior_mark_points,
               starts_on AS happened_on, starts_on AS known_on
        FROM student JOIN qualification ON code = previous_qualification ORDER BY row_number""",
    "enrolment": """
        WITH version AS (
            SELECT *, starts_on AS known_on, FALSE AS has_ended FROM student
            UNION ALL SELECT *, outcome_on, TRUE FROM student
        )
        SELECT pupil_code, school_id, 'course' AS stage_kind, 1 AS stage_number, starts_on AS happened_on,
               CASE WHEN has_ended THEN outcome_on END AS ends_on,
               CASE WHEN has_ended THEN
                   CASE _target WHEN 'Dropout' THEN 'left' WHEN 'Graduate' THEN 'completed' ELSE 'continuing' END
               END AS exit_class,
               known_on
        FROM version ORDER BY row_number, known_on""",
    "mark": """
        SELECT pupil_code, school_id, 'admission' AS subject_code, 'admission' AS work_id, starts_on AS happened_on,
               'converted' AS mark_kind, 'points' AS mark_code,
               round(1 + 9 * admission_grade / getvariable('highest_admission_grade'), 4) AS mark_points, starts_on AS known_on
        FROM student ORDER BY row_number""",
    "term_result": """
        SELECT pupil_code, school_id, '*' AS subject_code, 'term' AS result_kind, happened_on,
               CASE WHEN grade > 0 THEN round(1 + 9 * grade / getvariable('highest_course_grade'), 4) END AS mark_points,
               units_taken, units_passed, happened_on AS known_on
        FROM result ORDER BY pupil_code::INTEGER, happened_on""",
    "economic_pupil": "SELECT * FROM status ORDER BY pupil_code::INTEGER, indicator_code",
    "economic_area": """
        WITH figure AS (SELECT DISTINCT starts_in, starts_on, unemployment_rate, inflation_rate, gdp FROM student)
        SELECT 'PT-COUNTRY' AS municipality_code, make_date(starts_in, 1, 1) AS happened_on, indicator_code, value,
               'percent' AS unit, starts_on AS known_on
        FROM (
            SELECT *, 'unemployment_percent' AS indicator_code, unemployment_rate AS value FROM figure
            UNION ALL SELECT *, 'inflation_percent', inflation_rate FROM figure
            UNION ALL SELECT *, 'gdp_growth_percent', gdp FROM figure
        ) ORDER BY happened_on, indicator_code""",
}
"""The canonical tables as queries over ``student``, ``result`` and ``status``."""


def _notes(connection: duckdb.DuckDBPyConnection) -> list[Message]:
    """Return what was decided where the source is silent, with the rows concerned."""

    def count(rows: str) -> int:
        answer = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608  (texts of this module)
        return int(answer[0][0])

    return [
        message(
            "The source holds no dates. All dates are nominal: the school year by the growth of GDP given for the student, "
            "terms from September to January and from February to June, the outcome on 31 August."
        ),
        message("A course stands for a school; the row number in the file stands for the register id."),
        plural(
            "{count} student is still enrolled at the end of the course's usual length: continuing, and not a success.",
            "{count} students are still enrolled at the end of the course's usual length: continuing, and not a success.",
            count("student WHERE _target = 'Enrolled'"),
        ),
        message(
            "Whether fees were paid and whether there is a debt has no date in the source: both count as known at the end "
            "of the second term, the safe rule."
        ),
        message(
            "The month of birth is nominal: September, as many years before the start as the student was old at enrolment."
        ),
        plural(
            "{count} result of a term has the grade 0, which means none: it is missing, and not the lowest mark.",
            "{count} results of a term have the grade 0, which means none: it is missing, and not the lowest mark.",
            count("result WHERE grade = 0"),
        ),
        message(
            "Grades are converted to ten points: 1 + 9 · grade / 20 for the courses, 1 + 9 · grade / 200 for admission and "
            "earlier education."
        ),
        message(
            "Credited and evaluated units, mode and order of application, marital status, nationality and the parents' "
            "education and work have no place in the canonical tables and are not delivered."
        ),
    ]
