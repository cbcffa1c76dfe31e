"""The canonical tables: what every delivery is brought to, whatever its source.

Every fact carries two dates: ``happened_on`` (or its namesake) and ``known_on``, when the school or office
knew it. Features see ``known_on <= cut_off_date`` only. A corrected fact is a further row of the same key
with a later ``known_on``: an absence excused three weeks later was unexcused on the day of the cut-off.
"""

from __future__ import annotations

from dataclasses import replace

from riskmodel.messages import Words
from riskmodel.tables.schema import Column, Kind, Reference, RowRule, Sensitivity, Table

FIRST_STAGE, LAST_GRADE, LAST_VET_YEAR = 1, 12, 4
EARLIEST_DATE, LATEST_DATE = "1990-01-01", "2099-12-31"
LOWEST_MARK_POINTS, HIGHEST_MARK_POINTS = 1, 10
PASSING_MARK_POINTS = 4
"""Marks 1 to 3 of the ten-point scale are insufficient (Cabinet rules on general education)."""

PUPIL_ID = Column(
    "pupil_id",
    Kind.CODE,
    Words(
        "Pseudonym of the pupil (keyed HMAC of the register id)",
        "Izglītojamā pseidonīms (reģistra identifikatora HMAC ar atslēgu)",
    ),
    pattern="[0-9a-f]{32}",
    sensitivity=Sensitivity.PERSONAL,
    headers=("pupil_code", "person_code", "personas kods", "personas_kods", "izglītojamā kods", "skolēna kods"),
)
"""In a delivery this column holds the register id, which becomes the pseudonym at the border."""

SCHOOL_ID = Column(
    "school_id",
    Kind.CODE,
    Words("School: number in the register of institutions", "Izglītības iestāde: reģistra numurs"),
    pattern="[0-9]{1,10}",
    headers=("skola", "skolas kods", "iestādes reģistrācijas numurs", "school_code"),
)


def _happened(en: str, lv: str, *headers: str, may_be_future: bool = False) -> Column:
    return Column(
        "happened_on",
        Kind.DATE,
        Words(en, lv),
        unit="date",
        low=EARLIEST_DATE,
        high=LATEST_DATE,
        headers=("datums", "date", *headers),
        may_be_future=may_be_future,
    )


KNOWN_ON = Column(
    "known_on",
    Kind.DATE,
    Words("Date on which the school or office knew this", "Datums, kad tas kļuva zināms"),
    unit="date",
    low=EARLIEST_DATE,
    high=LATEST_DATE,
    headers=("zināms no", "ievadīts", "ierakstīts"),
)

KNOWN_AFTER_HAPPENED = RowRule(
    "known_before_happened",
    "known_on >= happened_on",
    "known_on",
    Words("A fact cannot be known before it happened.", "Faktu nevar zināt, pirms tas noticis."),
)

SCHOOL = Table(
    name="school",
    row=Words("school, as described from a date on", "izglītības iestāde (apraksts no noteikta datuma)"),
    columns=(
        SCHOOL_ID,
        Column(
            "school_name",
            Kind.TEXT,
            Words("Name of the school", "Izglītības iestādes nosaukums"),
            headers=("nosaukums", "skolas nosaukums"),
        ),
        Column(
            "school_kind",
            Kind.CODE,
            Words("Kind of school", "Iestādes veids"),
            codes={
                "general": Words("general education", "vispārējā izglītība"),
                "vocational": Words("vocational education (VET)", "profesionālā izglītība"),
                "evening": Words("evening or distance school", "vakara vai tālmācības skola"),
                "course": Words("course unit of a public data set", "publiskas datu kopas kursa vienība"),
            },
            headers=("veids", "iestādes veids"),
        ),
        Column(
            "municipality_code",
            Kind.CODE,
            Words("Municipality (ATVK code)", "Pašvaldība (ATVK kods)"),
            pattern="LV[0-9]{7}|[A-Z]{2}-[A-Z0-9-]{1,20}",
            example="LV0001000",
            required=False,
            headers=("pašvaldība", "atvk"),
        ),
        Column(
            "instruction_language",
            Kind.CODE,
            Words("Language of instruction", "Mācībvaloda"),
            required=False,
            pattern="[a-z]{2,3}",
            example="lv",
            headers=("mācībvaloda",),
        ),
        _happened("Date from which the description holds", "Datums, no kura apraksts ir spēkā", "spēkā no"),
        KNOWN_ON,
    ),
    key=("school_id", "happened_on"),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("known from the first day on which it holds", "zināms no spēkā stāšanās dienas"),
)

PUPIL = Table(
    name="pupil",
    row=Words("pupil (pseudonym)", "izglītojamais (pseidonīms)"),
    columns=(
        PUPIL_ID,
        Column(
            "birth_month",
            Kind.DATE,
            Words("First day of the month of birth", "Dzimšanas mēneša pirmā diena"),
            unit="date",
            required=False,
            low="1900-01-01",
            high=LATEST_DATE,
            sensitivity=Sensitivity.PERSONAL,
            headers=("dzimšanas datums", "dzimšanas mēnesis", "birth_date", "born_on"),
            whole_month=True,
        ),
        Column(
            "sex",
            Kind.CODE,
            Words("Sex in the register", "Dzimums reģistrā"),
            required=False,
            codes={
                "f": Words("female", "sieviete"),
                "m": Words("male", "vīrietis"),
            },
            sensitivity=Sensitivity.AUDIT,
            headers=("dzimums",),
        ),
        Column(
            "first_language",
            Kind.CODE,
            Words("First language", "Dzimtā valoda"),
            required=False,
            pattern="[a-z]{2,3}",
            example="lv",
            sensitivity=Sensitivity.AUDIT,
            headers=("dzimtā valoda",),
        ),
        Column(
            "has_special_needs",
            Kind.FLAG,
            Words("Special educational needs are recorded", "Reģistrētas speciālās vajadzības"),
            required=False,
            sensitivity=Sensitivity.AUDIT,
            headers=("speciālās vajadzības",),
        ),
        Column(
            "prior_level",
            Kind.INTEGER,
            Words("Level of earlier education, 0 (none) to 5", "Iepriekšējās izglītības līmenis, no 0 (nav) līdz 5"),
            required=False,
            low=0,
            high=5,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "prior_mark_points",
            Kind.DECIMAL,
            Words(
                "Mean mark of the earlier stage on the ten-point scale",
                "Iepriekšējās pakāpes vidējais vērtējums (10 ballu skala)",
            ),
            unit="points",
            required=False,
            low=LOWEST_MARK_POINTS,
            high=HIGHEST_MARK_POINTS,
            sensitivity=Sensitivity.PERSONAL,
        ),
        _happened("Date from which the description holds", "Datums, no kura apraksts ir spēkā", "spēkā no"),
        KNOWN_ON,
    ),
    key=("pupil_id", "happened_on"),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("known from the first day on which it holds", "zināms no spēkā stāšanās dienas"),
)

TERM = Table(
    name="term",
    row=Words("term (semester) of a school year", "mācību gada semestris"),
    columns=(
        Column(
            "school_year",
            Kind.CODE,
            Words("School year", "Mācību gads"),
            pattern="[0-9]{4}(/[0-9]{2}|[A-Z])",
            example="2024/25",
            headers=("mācību gads", "gads"),
        ),
        Column(
            "term_number",
            Kind.INTEGER,
            Words("Number of the term in the year", "Semestra numurs"),
            low=1,
            high=4,
            headers=("semestris",),
        ),
        Column(
            "school_id",
            Kind.CODE,
            Words(
                "School, where it has dates of its own; empty: all schools",
                "Iestāde, ja tai ir savi datumi; tukšs: visas iestādes",
            ),
            pattern="[0-9]{1,10}",
            required=False,
        ),
        _happened("First day", "Pirmā diena", "no", may_be_future=True),
        Column(
            "ends_on",
            Kind.DATE,
            Words("Last day", "Pēdējā diena"),
            unit="date",
            low=EARLIEST_DATE,
            high=LATEST_DATE,
            headers=("līdz",),
            may_be_future=True,
        ),
        KNOWN_ON,
    ),
    key=("school_year", "term_number", "school_id"),
    rules=(
        RowRule(
            "term_ends_before_start",
            "ends_on >= happened_on",
            "ends_on",
            Words("A term ends after it began.", "Semestris beidzas pēc tā sākuma."),
        ),
    ),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on - 30",
    known_words=Words("published 30 days before its first day", "publicēts 30 dienas pirms pirmās dienas"),
)
"""The calendar. A cohort of the past is cut as many days after its term began as the present one.

``school_year`` is ``2024/25``, or ``2013J`` for a presentation of OULAD.
"""

ENROLMENT = Table(
    name="enrolment",
    row=Words("stay of a pupil in a school and stage", "izglītojamā mācības vienā iestādē un posmā"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        Column(
            "stage_kind",
            Kind.CODE,
            Words("Kind of stage", "Posma veids"),
            codes={
                "grade": Words("grade", "klase"),
                "vet_year": Words("VET year", "kurss"),
                "course": Words("course of a public data set", "publiskas datu kopas kurss"),
            },
            headers=("posms",),
        ),
        Column(
            "stage_number",
            Kind.INTEGER,
            Words("Grade 1–12 or VET year 1–4", "Klase 1–12 vai kurss 1–4"),
            low=FIRST_STAGE,
            high=LAST_GRADE,
            headers=("klase", "kurss", "grade"),
        ),
        Column(
            "class_code",
            Kind.TEXT,
            Words("Class or group", "Klase vai grupa ar burtu"),
            required=False,
            max_length=20,
            headers=("klases kods", "klase ar burtu", "grupa"),
        ),
        _happened("First day of the stay", "Mācību sākums", "no", "from_on", "uzņemts"),
        Column(
            "ends_on",
            Kind.DATE,
            Words("Last day of the stay; empty while it lasts", "Mācību beigas; tukšs, kamēr mācās"),
            unit="date",
            required=False,
            low=EARLIEST_DATE,
            high=LATEST_DATE,
            headers=("līdz", "to_on", "atskaitīts"),
        ),
        Column(
            "exit_class",
            Kind.CODE,
            Words("How the stay ended", "Kā mācības beidzās"),
            required=False,
            codes={
                "completed": Words("completed the stage", "posms pabeigts"),
                "continuing": Words("goes on (next stage, same school)", "turpina (nākamais posms, tā pati iestāde)"),
                "transferred": Words("moved to another school", "pārgājis uz citu iestādi"),
                "abroad": Words("moved abroad", "izbraucis uz ārzemēm"),
                "left": Words("left without finishing", "pārtraucis, nepabeidzot"),
                "unknown": Words("unknown", "nav zināms"),
            },
            sensitivity=Sensitivity.PERSONAL,
            headers=("iemesls", "exit_reason", "atskaitīšanas iemesls"),
        ),
        Column(
            "repeat_count",
            Kind.INTEGER,
            Words("Earlier attempts at this stage", "Iepriekšējie mēģinājumi šajā posmā"),
            unit="attempts",
            required=False,
            low=0,
            high=20,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "registered_on",
            Kind.DATE,
            Words("Day of registration for the stay", "Pieteikšanās diena"),
            unit="date",
            required=False,
            low=EARLIEST_DATE,
            high=LATEST_DATE,
        ),
        Column(
            "credits",
            Kind.DECIMAL,
            Words("Credits taken in the stay", "Apgūstamie kredītpunkti"),
            unit="credits",
            required=False,
            low=0,
            high=1000,
        ),
        KNOWN_ON,
    ),
    key=("pupil_id", "school_id", "happened_on"),
    rules=(
        RowRule(
            "stay_ends_before_start",
            "ends_on >= happened_on",
            "ends_on",
            Words("A stay ends on or after its first day.", "Mācību beigas nav pirms to sākuma."),
        ),
        RowRule(
            "exit_without_end",
            "exit_class IS NULL OR ends_on IS NOT NULL",
            "exit_class",
            Words("A stay that ended has its last day.", "Ja mācības beigušās, jānorāda pēdējā diena."),
        ),
        RowRule(
            "end_without_exit",
            "ends_on IS NULL OR exit_class IS NOT NULL",
            "ends_on",
            Words(
                "A stay with a last day says how it ended (or 'unknown').",
                "Ja ir pēdējā diena, jānorāda, kā mācības beidzās (vai „nav zināms”).",
            ),
        ),
        RowRule(
            "vet_year_above_4",
            f"stage_kind <> 'vet_year' OR stage_number <= {LAST_VET_YEAR}",
            "stage_number",
            Words("VET years are 1 to 4.", "Profesionālajā izglītībā ir 1.–4. kurss."),
        ),
        RowRule(
            "known_before_end",
            "ends_on IS NULL OR known_on >= ends_on",
            "known_on",
            Words("An end cannot be known before it happened.", "Beigas nevar zināt, pirms tās notikušas."),
        ),
    ),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)), Reference(("school_id",), "school", ("school_id",))),
    happened="happened_on",
    known="known_on",
    known_rule="coalesce(ends_on, happened_on)",
    known_words=Words(
        "a stay is known on its first day, its end on its last day",
        "mācības zināmas no pirmās dienas, to beigas no pēdējās dienas",
    ),
)

ATTENDANCE = Table(
    name="attendance",
    row=Words("lesson or day missed or late", "kavēta vai nokavēta stunda vai diena"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        _happened("Day", "Diena"),
        Column(
            "lesson_number",
            Kind.INTEGER,
            Words("Lesson of the day; 0: the whole day", "Stunda pēc kārtas; 0: visa diena"),
            low=0,
            high=16,
            headers=("stunda", "stundas nr"),
        ),
        Column(
            "subject_code",
            Kind.TEXT,
            Words("Subject", "Mācību priekšmets"),
            required=False,
            max_length=60,
            headers=("priekšmets", "mācību priekšmets"),
        ),
        Column(
            "attendance_code",
            Kind.CODE,
            Words("What the register says", "Žurnāla ieraksts"),
            codes={
                "unexcused": Words("missed, unexcused", "neattaisnoti kavēts"),
                "excused": Words("missed, excused", "attaisnoti kavēts"),
                "absent": Words("missed, reason not entered", "kavēts, iemesls nav norādīts"),
                "late": Words("late", "nokavēts sākums"),
                "present": Words(
                    "present (in a correction, or folded into the lessons planned)",
                    "piedalījies (labojumā vai ieskaitīts plānotajās stundās)",
                ),
            },
            headers=("kavējums", "atzīme", "veids", "status"),
        ),
        Column(
            "lessons",
            Kind.INTEGER,
            Words("Lessons missed (1 for a lesson; those of the day for a day)", "Kavēto stundu skaits"),
            unit="lessons",
            low=1,
            high=16,
            headers=("stundu skaits",),
        ),
        KNOWN_ON,
    ),
    key=("pupil_id", "school_id", "happened_on", "lesson_number"),
    rules=(KNOWN_AFTER_HAPPENED,),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)), Reference(("school_id",), "school", ("school_id",))),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("entered in the register on the same day", "ierakstīts žurnālā tajā pašā dienā"),
)

LESSONS_PLANNED = Table(
    name="lessons_planned",
    row=Words("pupil and week (Monday to Sunday)", "izglītojamais un nedēļa (no pirmdienas līdz svētdienai)"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        _happened("Monday of the week", "Nedēļas pirmdiena", "nedēļa", may_be_future=True),
        Column(
            "lessons",
            Kind.INTEGER,
            Words("Lessons planned in the week", "Plānotās stundas nedēļā"),
            unit="lessons",
            low=0,
            high=80,
            headers=("stundas", "stundu skaits"),
        ),
        *(
            Column(
                f"lessons_{name}",
                Kind.INTEGER,
                Words(f"of them on {name.capitalize()}", f"no tām {lv}"),
                unit="lessons",
                required=False,
                low=0,
                high=16,
            )
            for name, lv in (
                ("monday", "pirmdien"),
                ("tuesday", "otrdien"),
                ("wednesday", "trešdien"),
                ("thursday", "ceturtdien"),
                ("friday", "piektdien"),
            )
        ),
        replace(KNOWN_ON, may_be_future=True),  # lessons are planned ahead; no run sees a week before it is over
    ),
    key=("pupil_id", "school_id", "happened_on"),
    rules=(
        RowRule(
            "week_starts_on_monday",
            "isodow(happened_on) = 1",
            "happened_on",
            Words("A week is named by its Monday.", "Nedēļu apzīmē ar tās pirmdienu."),
        ),
        RowRule(
            "known_before_week_ends",
            "known_on >= happened_on + 6",
            "known_on",
            Words("A week is known when it is over.", "Nedēļa ir zināma, kad tā beigusies."),
        ),
    ),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)), Reference(("school_id",), "school", ("school_id",))),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on + 6",
    known_words=Words("known on the Sunday of the week", "zināms nedēļas svētdienā"),
)
"""The denominator of every absence share. A week without a row is "no data", not "no absence"."""

MARK = Table(
    name="mark",
    row=Words("mark given, or piece of work due", "vērtējums vai nododams darbs"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        Column(
            "subject_code",
            Kind.TEXT,
            Words("Subject", "Mācību priekšmets"),
            max_length=60,
            headers=("priekšmets", "mācību priekšmets", "subject"),
        ),
        Column(
            "work_id",
            Kind.TEXT,
            Words("Piece of work, or number of the mark on that day", "Darbs vai vērtējuma kārtas numurs dienā"),
            max_length=60,
            headers=("darbs",),
        ),
        _happened(
            "Day of the mark, or day on which the work was due",
            "Vērtējuma diena vai darba termiņš",
            "due_on",
            may_be_future=True,
        ),
        Column(
            "mark_kind",
            Kind.CODE,
            Words("Kind of mark", "Vērtējuma veids"),
            codes={
                "daily": Words("daily work", "ikdienas darbs"),
                "test": Words("test", "pārbaudes darbs"),
                "exam": Words("examination", "eksāmens"),
                "converted": Words("converted from another scale", "pārrēķināts no citas skalas"),
            },
            headers=("vērtējuma veids",),
        ),
        Column(
            "mark_code",
            Kind.CODE,
            Words("Result", "Rezultāts"),
            codes={
                "points": Words("points on the ten-point scale", "balles (10 ballu skala)"),
                "nv": Words("no assessment: work not done (nv)", "nav vērtējuma (nv): darbs nav izpildīts"),
                "handed_in": Words("handed in, not yet marked", "nodots, vēl nav vērtēts"),
                "passed": Words("passed", "ieskaitīts"),
                "not_passed": Words("not passed", "neieskaitīts"),
                "exempt": Words("exempt", "atbrīvots"),
            },
            headers=("rezultāts",),
        ),
        Column(
            "mark_points",
            Kind.DECIMAL,
            Words(
                "Points on the ten-point scale; empty without a number", "Balles 10 ballu skalā; tukšs, ja nav skaitļa"
            ),
            unit="points",
            required=False,
            low=LOWEST_MARK_POINTS,
            high=HIGHEST_MARK_POINTS,
            sensitivity=Sensitivity.PERSONAL,
            headers=("vērtējums", "atzīme", "balles", "mark"),
        ),
        Column(
            "handed_in_on",
            Kind.DATE,
            Words("Day on which the work was handed in", "Darba nodošanas diena"),
            unit="date",
            required=False,
            low=EARLIEST_DATE,
            high=LATEST_DATE,
            headers=("nodots",),
        ),
        Column(
            "weight",
            Kind.DECIMAL,
            Words("Weight of the work in the result, percent", "Darba svars, procenti"),
            unit="percent",
            required=False,
            low=0,
            high=100,
        ),
        KNOWN_ON,
    ),
    key=("pupil_id", "school_id", "subject_code", "work_id", "happened_on"),
    rules=(
        RowRule(
            "points_without_number",
            "(mark_code = 'points') = (mark_points IS NOT NULL)",
            "mark_points",
            Words(
                "Points stand exactly where the result is 'points'; nv and words have none (nv is never zero).",
                "Balles norāda tikai tad, ja rezultāts ir ballēs; nv un vārdiem ballu nav (nv nav nulle).",
            ),
        ),
        RowRule(
            "mark_not_whole",
            "mark_kind = 'converted' OR mark_points = round(mark_points)",
            "mark_points",
            Words("Marks on the ten-point scale are whole numbers.", "Vērtējums 10 ballu skalā ir vesels skaitlis."),
        ),
        RowRule(
            "handed_in_unknown",
            "handed_in_on IS NULL OR known_on >= handed_in_on",
            "known_on",
            Words("Work handed in cannot be known before that day.", "Par nodotu darbu nevar zināt, pirms tas nodots."),
        ),
        RowRule(
            "mark_known_early",
            "mark_code NOT IN ('points', 'passed', 'not_passed') OR known_on >= coalesce(handed_in_on, happened_on)",
            "known_on",
            Words("A result cannot be known before the work.", "Rezultātu nevar zināt pirms darba."),
        ),
        RowRule(
            "missing_before_due",
            "mark_code <> 'nv' OR known_on >= happened_on",
            "known_on",
            Words(
                "Work is not missing (nv) before the day on which it was due.",
                "Pirms termiņa darbs nav neizpildīts (nv).",
            ),
        ),
    ),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)), Reference(("school_id",), "school", ("school_id",))),
    happened="happened_on",
    known="known_on",
    known_rule="greatest(happened_on, coalesce(handed_in_on, happened_on))",
    known_words=Words(
        "known on the day of the mark, or when the work was handed in if later",
        "zināms vērtējuma dienā vai darba nodošanas dienā, ja tā ir vēlāk",
    ),
)
"""Work not handed in when it was due is a row "nv" known on that day; work handed in later and its points
are further rows of the same key with later ``known_on``."""

TERM_RESULT = Table(
    name="term_result",
    row=Words("subject result of a term", "priekšmeta rezultāts semestrī"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        Column(
            "subject_code",
            Kind.TEXT,
            Words("Subject; * for all together", "Mācību priekšmets; * – visi kopā"),
            max_length=60,
            headers=("priekšmets", "mācību priekšmets", "subject"),
        ),
        Column(
            "result_kind",
            Kind.CODE,
            Words("Kind of result", "Rezultāta veids"),
            codes={
                "term": Words("of a term", "semestra"),
                "year": Words("of the year", "gada"),
                "final": Words("of the stay", "noslēguma"),
            },
            headers=("rezultāta veids",),
        ),
        _happened("Last day of the term", "Semestra pēdējā diena"),
        Column(
            "mark_points",
            Kind.DECIMAL,
            Words("Points on the ten-point scale", "Balles 10 ballu skalā"),
            unit="points",
            required=False,
            low=LOWEST_MARK_POINTS,
            high=HIGHEST_MARK_POINTS,
            sensitivity=Sensitivity.PERSONAL,
            headers=("vērtējums", "atzīme", "balles"),
        ),
        Column(
            "units_taken",
            Kind.INTEGER,
            Words("Course units taken", "Apgūstamās kursa vienības"),
            unit="units",
            required=False,
            low=0,
            high=100,
        ),
        Column(
            "units_passed",
            Kind.INTEGER,
            Words("Course units passed", "Nokārtotās kursa vienības"),
            unit="units",
            required=False,
            low=0,
            high=100,
        ),
        KNOWN_ON,
    ),
    key=("pupil_id", "school_id", "subject_code", "result_kind", "happened_on"),
    rules=(
        KNOWN_AFTER_HAPPENED,
        RowRule(
            "more_passed_than_taken",
            "units_passed <= units_taken",
            "units_passed",
            Words("No more units are passed than taken.", "Nokārtoto vienību nav vairāk par apgūstamajām."),
        ),
    ),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)), Reference(("school_id",), "school", ("school_id",))),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("known on the last day of the term", "zināms semestra pēdējā dienā"),
)

ECONOMIC_AREA = Table(
    name="economic_area",
    row=Words("municipality, period and indicator", "pašvaldība, periods un rādītājs"),
    columns=(
        Column(
            "municipality_code",
            Kind.CODE,
            Words("Municipality (ATVK code)", "Pašvaldība (ATVK kods)"),
            pattern="LV[0-9]{7}|[A-Z]{2}-[A-Z0-9-]{1,20}",
            example="LV0001000",
            headers=("pašvaldība", "atvk"),
        ),
        _happened("First day of the period described", "Aprakstītā perioda pirmā diena", "periods"),
        Column(
            "indicator_code",
            Kind.CODE,
            Words("Indicator", "Rādītājs"),
            codes={
                "unemployment_percent": Words("registered unemployment", "reģistrētais bezdarbs"),
                "gross_wage_eur": Words("mean gross wage per month", "vidējā bruto alga mēnesī"),
                "inflation_percent": Words("inflation", "inflācija"),
                "gdp_growth_percent": Words("growth of GDP", "IKP pieaugums"),
            },
            headers=("rādītājs",),
        ),
        Column(
            "value",
            Kind.DECIMAL,
            Words("Value in the unit of the row", "Vērtība rindā norādītajā mērvienībā"),
            low=-1_000_000,
            high=1_000_000,
            headers=("vērtība",),
        ),
        Column(
            "unit",
            Kind.CODE,
            Words("Unit", "Mērvienība"),
            codes={
                "percent": Words("percent", "procenti"),
                "eur": Words("EUR", "EUR"),
            },
            headers=("mērvienība",),
        ),
        Column(
            "known_on",
            Kind.DATE,
            Words("Day of publication", "Publicēšanas diena"),
            unit="date",
            low=EARLIEST_DATE,
            high=LATEST_DATE,
            headers=("published_on", "publicēts"),
        ),
    ),
    key=("municipality_code", "happened_on", "indicator_code"),
    rules=(KNOWN_AFTER_HAPPENED,),
    happened="happened_on",
    known="known_on",
    known_rule="",
)
"""An indicator counts from its day of publication, not from the month it describes: no rule replaces that date."""

ECONOMIC_PUPIL = Table(
    name="economic_pupil",
    row=Words("dated economic status of a pupil", "izglītojamā ekonomiskais statuss no datuma"),
    columns=(
        PUPIL_ID,
        _happened("Date from which it holds", "Datums, no kura tas ir spēkā", "spēkā no"),
        Column(
            "indicator_code",
            Kind.CODE,
            Words("Status", "Statuss"),
            codes={
                "low_income": Words(
                    "household of low income (1 yes, 0 no)", "trūcīga vai maznodrošināta mājsaimniecība (1 jā, 0 nē)"
                ),
                "distance_km": Words("distance from home to school", "attālums no mājām līdz skolai"),
                "dormitory": Words("lives in a dormitory (1 yes, 0 no)", "dzīvo dienesta viesnīcā (1 jā, 0 nē)"),
                "free_meals": Words("free meals (1 yes, 0 no)", "brīvpusdienas (1 jā, 0 nē)"),
                "deprivation_band": Words(
                    "deprivation of the home's place, 0 (most deprived tenth) to 9",
                    "dzīvesvietas sociālekonomiskais līmenis no 0 (vissliktākais) līdz 9",
                ),
                "scholarship": Words("receives a scholarship (1 yes, 0 no)", "saņem stipendiju (1 jā, 0 nē)"),
                "fees_paid": Words("fees paid up to date (1 yes, 0 no)", "mācību maksa samaksāta (1 jā, 0 nē)"),
                "debtor": Words("has debts to the institution (1 yes, 0 no)", "ir parāds iestādei (1 jā, 0 nē)"),
            },
            sensitivity=Sensitivity.PERSONAL,
            headers=("statuss", "rādītājs"),
        ),
        Column(
            "value",
            Kind.DECIMAL,
            Words("Value", "Vērtība"),
            low=0,
            high=1000,
            sensitivity=Sensitivity.PERSONAL,
            headers=("vērtība",),
        ),
        KNOWN_ON,
    ),
    key=("pupil_id", "indicator_code", "happened_on"),
    rules=(
        KNOWN_AFTER_HAPPENED,
        RowRule(
            "status_not_0_or_1",
            "indicator_code IN ('distance_km', 'deprivation_band') OR value IN (0, 1)",
            "value",
            Words("A yes-or-no status is 1 or 0.", "Jā/nē statuss ir 1 vai 0."),
        ),
    ),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)),),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("known from the date from which it holds", "zināms no spēkā stāšanās dienas"),
)

CAPACITY = Table(
    name="capacity",
    row=Words("school, period and provider of support", "izglītības iestāde, periods un atbalsta sniedzējs"),
    columns=(
        SCHOOL_ID,
        Column(
            "provider_code",
            Kind.CODE,
            Words("Provider; all: the whole school", "Sniedzējs; all – visa iestāde"),
            pattern="[a-z_]{1,40}",
            example="all",
            headers=("sniedzējs",),
        ),
        _happened("First day of the period", "Perioda pirmā diena", "no", may_be_future=True),
        Column(
            "ends_on",
            Kind.DATE,
            Words("Last day of the period", "Perioda pēdējā diena"),
            unit="date",
            low=EARLIEST_DATE,
            high=LATEST_DATE,
            headers=("līdz",),
            may_be_future=True,
        ),
        Column(
            "places",
            Kind.INTEGER,
            Words("Pupils who can be supported", "Izglītojamie, kurus var atbalstīt"),
            unit="pupils",
            low=0,
            high=100_000,
            headers=("vietas",),
        ),
        Column(
            "hours",
            Kind.DECIMAL,
            Words("Hours a week", "Stundas nedēļā"),
            unit="hours",
            required=False,
            low=0,
            high=100_000,
        ),
        KNOWN_ON,
    ),
    key=("school_id", "provider_code", "happened_on"),
    rules=(
        RowRule(
            "period_ends_before_start",
            "ends_on >= happened_on",
            "ends_on",
            Words("A period ends on or after its first day.", "Periods nebeidzas pirms tā sākuma."),
        ),
    ),
    references=(Reference(("school_id",), "school", ("school_id",)),),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("known from the first day of the period", "zināms no perioda pirmās dienas"),
)

SUPPORT = Table(
    name="support",
    row=Words("dated measure given to a pupil", "izglītojamam sniegts atbalsta pasākums"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        Column(
            "measure_code",
            Kind.CODE,
            Words("Measure of the catalogue", "Pasākums katalogā"),
            pattern="[A-Z]{2}-[A-Z]{3}",
            headers=("pasākums",),
        ),
        _happened("First day", "Pirmā diena", "no"),
        Column(
            "ends_on",
            Kind.DATE,
            Words("Last day; empty while it lasts", "Pēdējā diena; tukšs, kamēr notiek"),
            unit="date",
            required=False,
            low=EARLIEST_DATE,
            high=LATEST_DATE,
            headers=("līdz",),
            may_be_future=True,
        ),
        Column(
            "hours",
            Kind.DECIMAL,
            Words("Hours given", "Sniegtās stundas"),
            unit="hours",
            required=False,
            low=0,
            high=10_000,
        ),
        KNOWN_ON,
    ),
    key=("pupil_id", "school_id", "measure_code", "happened_on"),
    rules=(
        RowRule(
            "measure_ends_before_start",
            "ends_on >= happened_on",
            "ends_on",
            Words("A measure ends on or after its first day.", "Pasākums nebeidzas pirms tā sākuma."),
        ),
    ),
    references=(Reference(("pupil_id",), "pupil", ("pupil_id",)), Reference(("school_id",), "school", ("school_id",))),
    happened="happened_on",
    known="known_on",
    known_rule="happened_on",
    known_words=Words("known from its first day", "zināms no pirmās dienas"),
)

IDENTITY = Table(
    name="identity",
    row=Words("pupil, as the register names them (protected store)", "izglītojamais reģistrā (aizsargāta glabātuve)"),
    columns=(
        PUPIL_ID,
        Column(
            "register_id",
            Kind.TEXT,
            Words("Personal code or other register id", "Personas kods vai cits identifikators"),
            max_length=40,
            sensitivity=Sensitivity.IDENTITY,
        ),
        Column(
            "first_name",
            Kind.TEXT,
            Words("First name", "Vārds"),
            required=False,
            max_length=100,
            sensitivity=Sensitivity.IDENTITY,
            headers=("vārds",),
        ),
        Column(
            "last_name",
            Kind.TEXT,
            Words("Last name", "Uzvārds"),
            required=False,
            max_length=100,
            sensitivity=Sensitivity.IDENTITY,
            headers=("uzvārds",),
        ),
        Column(
            "earlier_register_id",
            Kind.TEXT,
            Words("Earlier personal code of the same pupil", "Tā paša izglītojamā agrākais personas kods"),
            required=False,
            max_length=40,
            sensitivity=Sensitivity.IDENTITY,
            headers=("agrākais personas kods", "iepriekšējais personas kods", "old_person_code"),
        ),
        Column(
            "key_id",
            Kind.CODE,
            Words("Key with which the pseudonym was made", "Pseidonīma atslēgas apzīmējums"),
            pattern="[0-9a-f]{8}",
        ),
    ),
    key=("pupil_id", "register_id"),
)
"""Made at ingest from the ``pupil`` file; joined by the portal alone; no notebook, run, log or extract sees it."""

CANONICAL: tuple[Table, ...] = (
    SCHOOL,
    PUPIL,
    TERM,
    ENROLMENT,
    ATTENDANCE,
    LESSONS_PLANNED,
    MARK,
    TERM_RESULT,
    ECONOMIC_AREA,
    ECONOMIC_PUPIL,
    CAPACITY,
    SUPPORT,
)
"""The tables of a delivery, in an order in which references point backwards."""

ALL_TABLES = tuple(declared.name for declared in CANONICAL)
"""Their names."""

REQUIRED_TABLES = ("school", "pupil", "term", "enrolment")
"""A delivery without one of these cannot be used; without the others it can, and the report says what is missing."""


def table(name: str) -> Table:
    """Return the canonical table ``name``; KeyError when there is none."""
    for declared in CANONICAL:
        if declared.name == name:
            return declared
    raise KeyError(name)
