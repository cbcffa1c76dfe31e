"""The result tables about single pupils: cohorts, predictions, scores and their reasons, changes, weeks and months."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.canonical import ENROLMENT, PUPIL_ID, SCHOOL, SCHOOL_ID, SUPPORT
from riskmodel.tables.result_columns import BANDS, COHORT_ON, GROUPS, MEMBERS, MODEL_CODE, PROBABILITY, RAW_SCORE
from riskmodel.tables.schema import Column, Kind, Sensitivity, Table

PLACE = Table(
    name="place",
    row=Words("school with pupils on the cut-off date, and its places", "iestāde robeždatumā un tās vietas"),
    columns=(
        SCHOOL_ID,
        SCHOOL.column("school_name"),
        SCHOOL.column("school_kind"),
        SCHOOL.column("municipality_code"),
        MEMBERS,
        Column(
            "places",
            Kind.INTEGER,
            Words("Places delivered; empty: nothing delivered", "Piegādātais vietu skaits; tukšs – nav datu"),
            unit="pupils",
            required=False,
            low=0,
        ),
        Column(
            "has_support_data",
            Kind.FLAG,
            Words("Measures of support were delivered", "Ir piegādāti dati par atbalsta pasākumiem"),
        ),
    ),
    key=("school_id",),
)

COHORT = Table(
    name="cohort",
    row=Words("pupil enrolled on a cut-off date", "izglītojamais, kas mācās robeždatumā"),
    columns=(
        COHORT_ON,
        PUPIL_ID,
        SCHOOL_ID,
        ENROLMENT.column("stage_kind"),
        ENROLMENT.column("stage_number"),
        ENROLMENT.column("class_code"),
        SCHOOL.column("municipality_code"),
        Column(
            "school_year_on",
            Kind.DATE,
            Words("First day of the school year of the cohort", "Mācību gada pirmā diena"),
            unit="date",
        ),
        Column(
            "horizon_on", Kind.DATE, Words("Last day of the label window", "Iznākuma loga pēdējā diena"), unit="date"
        ),
        Column(
            "label_known_on",
            Kind.DATE,
            Words("Day from which the outcome is known", "Diena, no kuras iznākums ir zināms"),
            unit="date",
        ),
        Column(
            "outcome_class",
            Kind.CODE,
            Words("Outcome", "Iznākums"),
            codes={
                **ENROLMENT.column("exit_class").codes,
                "open": Words("not yet known", "vēl nav zināms"),
            },
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "label",
            Kind.INTEGER,
            Words(
                "1 left, 0 did not; empty: censored or not yet known",
                "1 – pārtrauca, 0 – nē; tukšs – cenzēts vai vēl nav zināms",
            ),
            required=False,
            low=0,
            high=1,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "left_on",
            Kind.DATE,
            Words("Day of leaving", "Pārtraukšanas diena"),
            unit="date",
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
    ),
    key=("cohort_on", "pupil_id"),
)

PREDICTION = Table(
    name="prediction",
    row=Words(
        "out-of-time prediction for a pupil of a past cohort", "prognoze agrākas grupas izglītojamajam no tobrīd zināmā"
    ),
    columns=(
        COHORT_ON,
        Column(
            "split_code",
            Kind.CODE,
            Words("How training and test were parted", "Mācīšanas un pārbaudes dalījums"),
            codes={
                "mature": Words(
                    "trained on outcomes known by the cut-off", "mācīts no robeždatumā zināmiem iznākumiem"
                ),
                "strict": Words(
                    "trained on outcomes known before the test's school year",
                    "mācīts no iznākumiem, kas zināmi pirms mācību gada",
                ),
                "school_disjoint": Words("trained on other schools", "mācīts citās iestādēs"),
            },
        ),
        MODEL_CODE,
        PUPIL_ID,
        SCHOOL_ID,
        Column(
            "raw_score",
            Kind.DECIMAL,
            Words("Raw score, or the rule's order", "Vērtējums vai kārtulas secība"),
            sensitivity=Sensitivity.PERSONAL,
        ),
        PROBABILITY,
        Column(
            "label",
            Kind.INTEGER,
            Words("1 left, 0 did not; empty: censored", "1 – pārtrauca, 0 – nē; tukšs – cenzēts"),
            required=False,
            low=0,
            high=1,
            sensitivity=Sensitivity.PERSONAL,
        ),
    ),
    key=("cohort_on", "split_code", "model_code", "pupil_id"),
)

SCORE = Table(
    name="score",
    row=Words("pupil enrolled on the cut-off date", "izglītojamais, kas mācās robeždatumā"),
    columns=(
        PUPIL_ID,
        SCHOOL_ID,
        ENROLMENT.column("stage_kind"),
        ENROLMENT.column("stage_number"),
        ENROLMENT.column("class_code"),
        RAW_SCORE,
        Column(
            "base_score",
            Kind.DECIMAL,
            Words(
                "Raw score of the average pupil: the sum of the reasons starts here",
                "Vidējais vērtējums, no kura sākas iemeslu summa",
            ),
            unit="log-odds",
        ),
        PROBABILITY,
        Column(
            "probability_low",
            Kind.DECIMAL,
            Words("Lower end of the interval", "Intervāla apakšējā robeža"),
            required=False,
            low=0,
            high=1,
        ),
        Column(
            "probability_high",
            Kind.DECIMAL,
            Words("Upper end of the interval", "Intervāla augšējā robeža"),
            required=False,
            low=0,
            high=1,
        ),
        Column(
            "band_code", Kind.CODE, Words("Risk band", "Riska līmenis"), codes=BANDS, sensitivity=Sensitivity.PERSONAL
        ),
        Column(
            "state_code",
            Kind.CODE,
            Words("How far the score can be used", "Cik vērtējums izmantojams"),
            codes={
                "scored": Words("scored", "novērtēts"),
                "unsure": Words("unsure", "nav droši"),
                "too_little_data": Words("too little data", "par maz datu"),
            },
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "place",
            Kind.INTEGER,
            Words("Place in the school's order of need, from 1", "Vieta iestādes sarakstā pēc vajadzības, no 1"),
            low=1,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "is_within_capacity",
            Kind.FLAG,
            Words("There is a place for this pupil", "Izglītojamajam pietiek vietu"),
            sensitivity=Sensitivity.PERSONAL,
        ),
        *(
            Column(f"has_{group}_data", Kind.FLAG, Words(f"There are data on: {words.en}", f"Ir dati par: {words.lv}"))
            for group, words in GROUPS.items()
            if group != "context"
        ),
    ),
    key=("pupil_id",),
)

CONTRIBUTION = Table(
    name="contribution",
    row=Words(
        "pupil, with the Shapley value of each feature in log-odds: one further column per feature of the model",
        "izglītojamais ar katras pazīmes Šeplija vērtību log-izredzēs: katrai modeļa pazīmei vēl sava kolonna",
    ),
    columns=(PUPIL_ID,),
    key=("pupil_id",),
)
"""All features of a pupil: base score plus contributions equals the raw score."""

REASON = Table(
    name="reason",
    row=Words(
        "one of the largest contributions to a pupil's raw score",
        "viens no lielākajiem ieguldījumiem izglītojamā vērtējumā",
    ),
    columns=(
        PUPIL_ID,
        Column(
            "place",
            Kind.INTEGER,
            Words("Place by size of the contribution, from 1", "Vieta pēc ieguldījuma lieluma, no 1"),
            low=1,
        ),
        Column("feature_code", Kind.CODE, Words("Feature", "Pazīme"), pattern="[a-z0-9_]{1,60}"),
        Column("group_code", Kind.CODE, Words("Group of features", "Pazīmju grupa"), codes=GROUPS),
        Column("is_malleable", Kind.FLAG, Words("A school can change it", "Skola to var ietekmēt")),
        Column(
            "contribution",
            Kind.DECIMAL,
            Words("Shapley value", "Šeplija vērtība"),
            unit="log-odds",
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "own_value",
            Kind.DECIMAL,
            Words("The pupil's value; empty: no data", "Izglītojamā vērtība; tukšs – nav datu"),
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "usual_value",
            Kind.DECIMAL,
            Words(
                "Median of those compared with; empty: fewer than ten of them",
                "Salīdzināmo mediāna; tukšs – mazāk par desmit",
            ),
            required=False,
        ),
        Column(
            "usual_of",
            Kind.CODE,
            Words("Compared with", "Salīdzināts ar"),
            codes={
                "class": Words("class", "klasē"),
                "stage": Words("same stage in the school", "tajā pašā posmā iestādē"),
                "all": Words("same stage in all schools", "tajā pašā posmā visās iestādēs"),
            },
            required=False,
        ),
    ),
    key=("pupil_id", "place"),
)

SCORE_CHANGE = Table(
    name="score_change",
    row=Words(
        "pupil whose score can be compared with that of the run before",
        "izglītojamais, kura vērtējumu var salīdzināt ar iepriekšējās izpildes vērtējumu",
    ),
    columns=(
        PUPIL_ID,
        Column(
            "change_code",
            Kind.CODE,
            Words("Change since the run before", "Izmaiņa kopš iepriekšējās izpildes"),
            codes={
                "new": Words("was not in it", "tajā nebija"),
                "up": Words("more support needed", "atbalsts vajadzīgs vairāk"),
                "down": Words("less support needed", "atbalsts vajadzīgs mazāk"),
                "same": Words("about the same", "aptuveni tāpat"),
            },
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "previous_band_code",
            Kind.CODE,
            Words("Risk band then; empty: was not in it", "Riska līmenis toreiz; tukšs – tajā nebija"),
            codes=BANDS,
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "previous_place",
            Kind.INTEGER,
            Words(
                "Place in the order of the same school then; empty: was not in it",
                "Vieta tās pašas iestādes sarakstā toreiz; tukšs – tajā nebija",
            ),
            required=False,
            low=1,
            sensitivity=Sensitivity.PERSONAL,
        ),
    ),
    key=("pupil_id",),
)
"""A pupil with too little data, now or then, has no row; nobody has one when there is no run before."""

CHANGE_REASON = Table(
    name="change_reason",
    row=Words(
        "feature that moved a pupil's score most since the run before",
        "pazīme, kas kopš iepriekšējās izpildes visvairāk mainījusi izglītojamā vērtējumu",
    ),
    columns=(
        PUPIL_ID,
        Column("place", Kind.INTEGER, Words("Place by size, from 1", "Vieta pēc lieluma, no 1"), low=1),
        REASON.column("feature_code"),
        Column(
            "contribution_change",
            Kind.DECIMAL,
            Words("Shapley value now minus then", "Šeplija vērtība tagad mīnus toreiz"),
            unit="log-odds",
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "before_value",
            Kind.DECIMAL,
            Words("The pupil's value then; empty: no data", "Izglītojamā vērtība toreiz; tukšs – nav datu"),
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "now_value",
            Kind.DECIMAL,
            Words("The pupil's value now; empty: no data", "Izglītojamā vērtība tagad; tukšs – nav datu"),
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
    ),
    key=("pupil_id", "place"),
)

WHAT_IF = Table(
    name="what_if",
    row=Words(
        "what the model would say if a value were the usual one",
        "ko teiktu modelis, ja vērtība būtu tāda, kāda ir ierasta",
    ),
    columns=(
        PUPIL_ID,
        Column("place", Kind.INTEGER, Words("Place, from 1", "Vieta, no 1"), low=1),
        Column(
            "feature_code",
            Kind.CODE,
            Words(
                "Feature; empty: all of the pupil's others together", "Pazīme; tukšs – visas pārējās izglītojamā kopā"
            ),
            pattern="[a-z0-9_]{1,60}",
            required=False,
        ),
        Column(
            "own_value",
            Kind.DECIMAL,
            Words("The pupil's value", "Izglītojamā vērtība"),
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "assumed_value",
            Kind.DECIMAL,
            Words("Assumed: the usual value of those compared with", "Pieņemtā – salīdzināmo ierastā vērtība"),
            required=False,
        ),
        PROBABILITY,
        SCORE.column("band_code"),
    ),
    key=("pupil_id", "place"),
)
"""For pupils of the bands *medium* and *high* or with a place, and features that a school can change. No promise: the
model tells what such pupils have done, not what a measure would do."""

TREND_WEEK = Table(
    name="trend_week",
    row=Words("complete week with planned lessons of a pupil", "pilna nedēļa ar izglītojamā plānotām stundām"),
    columns=(
        PUPIL_ID,
        Column("week_on", Kind.DATE, Words("Monday of the week", "Nedēļas pirmdiena"), unit="date"),
        *(
            Column(
                f"{code}_lessons",
                Kind.INTEGER,
                words,
                unit="lessons",
                low=0,
                sensitivity=Sensitivity.PERSONAL,
            )
            for code, words in (
                ("unexcused", Words("Missed without an excuse", "Kavētas bez attaisnojoša iemesla")),
                ("excused", Words("Missed with an excuse", "Kavētas ar attaisnojošu iemeslu")),
            )
        ),
    ),
    key=("pupil_id", "week_on"),
)
"""A week without a row is no data."""

TREND_MONTH = Table(
    name="trend_month",
    row=Words("month with marks of a pupil", "mēnesis, kurā izglītojamajam ir vērtējumi"),
    columns=(
        PUPIL_ID,
        Column("month_on", Kind.DATE, Words("First day of the month", "Mēneša pirmā diena"), unit="date"),
        Column(
            "mark_mean_points",
            Kind.DECIMAL,
            Words("Mean of the marks", "Vidējais vērtējums"),
            unit="points",
            low=0,
            high=10,
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column("marks", Kind.INTEGER, Words("Marks with points", "Vērtējumi ballēs"), low=1),
    ),
    key=("pupil_id", "month_on"),
)

SUPPORT_KNOWN = Table(
    name="support_known",
    row=Words("measure given to a pupil, as known on the cut-off date", "robeždatumā zināms atbalsta pasākums"),
    columns=(
        PUPIL_ID,
        SUPPORT.column("measure_code"),
        Column(
            "from_on",
            Kind.DATE,
            Words("First day", "Pirmā diena"),
            unit="date",
            sensitivity=Sensitivity.PERSONAL,
        ),
        Column(
            "to_on",
            Kind.DATE,
            Words("Last day; empty while it lasts", "Pēdējā diena; tukšs, kamēr notiek"),
            unit="date",
            required=False,
            sensitivity=Sensitivity.PERSONAL,
        ),
    ),
    key=("pupil_id", "measure_code", "from_on"),
)
