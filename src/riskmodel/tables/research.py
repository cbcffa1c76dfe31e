"""The declared tables of an extract for researchers: what leaves the store, in the words of its codebook.

``research_pupil`` has, besides the columns here, one column per feature that may leave.
"""

from __future__ import annotations

from dataclasses import replace

from riskmodel.messages import Words
from riskmodel.tables.canonical import ENROLMENT, PUPIL, SCHOOL
from riskmodel.tables.schema import Column, Kind, Sensitivity, Table
from riskmodel.tables.scores import COHORT, REASON, SCORE

LAST_GRADE, LAST_VET_YEAR = 12, 4

ROW_CODE = Column(
    "row_code",
    Kind.CODE,
    Words(
        "Pupil in one cohort: drawn for this extract alone; the same pupil has another one in each cohort",
        "Izglītojamais vienā grupā: kods veidots tikai šim izrakstam; katrā grupā tam pašam izglītojamajam ir cits kods",
    ),
    pattern="[0-9a-f]{16}",
    sensitivity=Sensitivity.PERSONAL,
)
STAGES = {
    **{f"grade_{n}": Words(f"grade {n}", f"{n}. klase") for n in range(1, LAST_GRADE + 1)},
    **{f"vet_{n}": Words(f"VET year {n}", f"{n}. kurss") for n in range(1, LAST_VET_YEAR + 1)},
    "course": Words("course of a public data set", "publiskas datu kopas kurss"),
    "grades_1_4": Words("grades 1–4", "1.–4. klase"),
    "grades_5_6": Words("grades 5–6", "5.–6. klase"),
    "grades_7_9": Words("grades 7–9", "7.–9. klase"),
    "grades_10_12": Words("grades 10–12", "10.–12. klase"),
    "vet": Words("vocational education, any year", "profesionālā izglītība, jebkurš kurss"),
    "basic": Words("grades 1–9", "1.–9. klase"),
    "after_basic": Words("grades 10–12 or vocational education", "10.–12. klase vai profesionālā izglītība"),
}
REGIONS = {
    "riga": Words("Rīga planning region", "Rīgas plānošanas reģions"),
    "vidzeme": Words("Vidzeme", "Vidzeme"),
    "kurzeme": Words("Kurzeme", "Kurzeme"),
    "zemgale": Words("Zemgale", "Zemgale"),
    "latgale": Words("Latgale", "Latgale"),
    "elsewhere": Words("outside the Rīga planning region", "ārpus Rīgas plānošanas reģiona"),
}
FLAGS = {"true": Words("yes", "jā"), "false": Words("no", "nē")}


def _quasi(name: str, words: Words, codes: dict[str, Words] | None = None, pattern: str = "") -> Column:
    return Column(
        name,
        Kind.CODE,
        words,
        required=False,
        codes=codes or {},
        pattern=pattern,
        sensitivity=Sensitivity.PERSONAL,
    )


RESEARCH_PUPIL = Table(
    name="research_pupil",
    row=Words("pupil enrolled on the cut-off date of a cohort", "izglītojamais, kas mācās grupas robeždatumā"),
    columns=(
        ROW_CODE,
        COHORT.column("cohort_on"),
        _quasi(
            "school_code",
            Words(
                "School, drawn for this extract alone; small schools are 'merged'",
                "Iestāde: kods veidots tikai šim izrakstam; mazās iestādes ir 'merged'",
            ),
            pattern="s[0-9a-f]{12}|merged",
        ),
        _quasi(
            "born_years",
            Words("Two years in one of which the pupil was born", "Divi gadi, no kuriem vienā izglītojamais dzimis"),
            pattern="[0-9]{4}-[0-9]{4}",
        ),
        _quasi("region", Words("Planning region of the school", "Iestādes plānošanas reģions"), REGIONS),
        _quasi("school_kind", SCHOOL.column("school_kind").words, dict(SCHOOL.column("school_kind").codes)),
        _quasi(
            "first_language",
            PUPIL.column("first_language").words,
            {
                "lv": Words("Latvian", "latviešu"),
                "ru": Words("Russian", "krievu"),
                "other": Words("another one", "cita"),
                "not_lv": Words("not Latvian", "nav latviešu"),
            },
        ),
        _quasi("has_special_needs", PUPIL.column("has_special_needs").words, FLAGS),
        _quasi("low_income", Words("Low-income household", "Maznodrošināta mājsaimniecība"), FLAGS),
        _quasi("stage", Words("Stage", "Posms"), STAGES),
        _quasi("sex", PUPIL.column("sex").words, dict(PUPIL.column("sex").codes)),
        COHORT.column("outcome_class"),
        COHORT.column("label"),
        Column(
            "was_supported",
            Kind.FLAG,
            Words("New support began in the label window", "Iznākuma logā sākts jauns atbalsts"),
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "score_kind",
            Kind.CODE,
            Words("How the score was made", "Kā veidots vērtējums"),
            required=False,
            codes={
                "current": Words("by the model of this run", "ar šīs izpildes modeli"),
                "out_of_time": Words(
                    "by a model that learnt from outcomes known by the cut-off date",
                    "ar modeli, kas mācīts no robeždatumā zināmiem iznākumiem",
                ),
            },
        ),
        *(replace(SCORE.column(name), required=False) for name in ("raw_score", "probability", "band_code")),
    ),
    key=("row_code",),
)
QUASI_IDENTIFIERS = (
    "school_code",
    "born_years",
    "region",
    "school_kind",
    "first_language",
    "has_special_needs",
    "low_income",
    "stage",
    "sex",
)
"""What somebody may know of a child from elsewhere."""

RESEARCH_REASON = Table(
    name="research_reason",
    row=Words(
        "one of the largest contributions to the score of a pupil of the current cohort",
        "viens no lielākajiem ieguldījumiem pašreizējās grupas izglītojamā vērtējumā",
    ),
    columns=(
        ROW_CODE,
        REASON.column("place"),
        REASON.column("feature_code"),
        REASON.column("group_code"),
        REASON.column("is_malleable"),
        REASON.column("contribution"),
    ),
    key=("row_code", "place"),
)

RESEARCH_TABLES = (RESEARCH_PUPIL, RESEARCH_REASON)
ENROLMENT_STAGES = {"grade": "grade", "vet_year": "vet", "course": "course"}
"""How a stage of each kind begins here."""
assert set(ENROLMENT_STAGES) == set(ENROLMENT.column("stage_kind").codes)
