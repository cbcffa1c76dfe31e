"""The output tables of a run: what is published, and all that the views read."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.areas import MUNICIPALITY_SUMMARY, RELEASED_CELL, STATE_SUMMARY
from riskmodel.tables.canonical import ENROLMENT, PUPIL_ID, SCHOOL, SCHOOL_ID, SUPPORT
from riskmodel.tables.schema import Column, Kind, Sensitivity, Table

COHORT_ON = Column("cohort_on", Kind.DATE, Words("Cut-off date of the cohort", "Grupas robeždatums"), unit="date")
MODEL_CODE = Column("model_code", Kind.CODE, Words("Model or rule", "Modelis vai kārtula"), pattern="[a-z0-9_]{1,40}")
MEMBERS = Column("pupils", Kind.INTEGER, Words("Pupils counted", "Izglītojamo skaits"), unit="pupils", low=0)
LEFT = Column("left", Kind.INTEGER, Words("Of them left early", "No tiem pārtrauca mācības"), unit="pupils", low=0)
VALUE = Column(
    "value", Kind.DECIMAL, Words("Value; empty: not defined", "Vērtība; tukšs – nav nosakāma"), required=False
)
LOW = Column(
    "low", Kind.DECIMAL, Words("Lower end of the 95 % interval", "95 % intervāla apakšējā robeža"), required=False
)
HIGH = Column(
    "high", Kind.DECIMAL, Words("Upper end of the 95 % interval", "95 % intervāla augšējā robeža"), required=False
)
PROBABILITY = Column(
    "probability",
    Kind.DECIMAL,
    Words("Calibrated probability of leaving within the window", "Kalibrēta varbūtība pārtraukt mācības logā"),
    low=0,
    high=1,
    sensitivity=Sensitivity.PERSONAL,
)
RAW_SCORE = Column(
    "raw_score",
    Kind.DECIMAL,
    Words("Raw score of the model, log-odds", "Modeļa vērtējums, log-izredzes"),
    unit="log-odds",
    sensitivity=Sensitivity.PERSONAL,
)

BANDS = {
    "low": Words("low", "zems"),
    "medium": Words("medium", "vidējs"),
    "high": Words("high", "augsts"),
}
GROUPS = {
    "attendance": Words("attendance", "apmeklējums"),
    "learning": Words("learning", "mācības"),
    "economic": Words("economic situation", "ekonomiskā situācija"),
    "context": Words("context", "apstākļi"),
}

TABLE_ACCOUNT = Table(
    name="table_account",
    row=Words("canonical table: what became of its rows", "kanoniskā tabula: kas notika ar tās rindām"),
    columns=(
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        *(
            Column(name, Kind.INTEGER, Words(en, lv), unit="rows", low=0)
            for name, en, lv in (
                ("read_rows", "Rows read", "Nolasītas rindas"),
                ("used_rows", "Rows used", "Izmantotas rindas"),
                ("quarantined_rows", "Rows put aside", "Atliktas rindas"),
                ("merged_rows", "Rows merged (repeated, or folded)", "Apvienotas rindas (atkārtotas vai summētas)"),
            )
        ),
    ),
    key=("table_name",),
)

REJECTED_ROW = Table(
    name="rejected_row",
    row=Words("row put aside, with the reason", "atlikta rinda ar iemeslu"),
    columns=(
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        Column("file_name", Kind.TEXT, Words("File", "Datne"), max_length=400),
        Column(
            "row_number",
            Kind.INTEGER,
            Words("Row in the file; the header is row 1", "Rinda datnē; galvene ir 1. rinda"),
            low=0,
        ),
        Column(
            "column_name",
            Kind.TEXT,
            Words("Column; empty: the whole row", "Kolonna; tukšs – visa rinda"),
            required=False,
        ),
        Column("rule_code", Kind.CODE, Words("Rule", "Kārtula"), pattern="[a-z0-9_]{1,60}"),
        Column(
            "reason_lv",
            Kind.TEXT,
            Words("What must hold, and what to do (Latvian)", "Kam jābūt un ko darīt"),
            max_length=600,
        ),
        Column(
            "reason_en",
            Kind.TEXT,
            Words("What must hold, and what to do (English)", "Kam jābūt un ko darīt (angliski)"),
            max_length=600,
        ),
    ),
    key=("table_name", "file_name", "row_number", "column_name", "rule_code"),
)

MISSINGNESS = Table(
    name="missingness",
    row=Words("column of a canonical table: how much of it is empty", "kanoniskās tabulas kolonna: cik tajā tukšā"),
    columns=(
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        Column("column_name", Kind.CODE, Words("Column", "Kolonna"), pattern="[a-z_]{1,40}"),
        Column("rows", Kind.INTEGER, Words("Rows", "Rindas"), unit="rows", low=0),
        Column("missing_share", Kind.DECIMAL, Words("Share of empty values", "Tukšo vērtību daļa"), low=0, high=1),
    ),
    key=("table_name", "column_name"),
)

SCHOOL_ROWS = Table(
    name="school_rows",
    row=Words("school and table: rows of the last twelve months", "iestāde un tabula: pēdējo divpadsmit mēnešu rindas"),
    columns=(
        SCHOOL_ID,
        Column("table_name", Kind.CODE, Words("Table", "Tabula"), pattern="[a-z_]{1,40}"),
        Column("rows", Kind.INTEGER, Words("Rows", "Rindas"), unit="rows", low=0),
    ),
    key=("school_id", "table_name"),
)
"""What the next run is compared with: a school whose rows fall or rise by a lot is looked at."""

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

EVALUATION = Table(
    name="evaluation",
    row=Words("figure of a model or rule on a past cohort", "modeļa vai kārtulas rādītājs agrākā grupā"),
    columns=(
        COHORT_ON,
        PREDICTION.column("split_code"),
        MODEL_CODE,
        Column(
            "subset_code",
            Kind.CODE,
            Words("Who is counted", "Kas ieskaitīti"),
            codes={
                "all": Words("all with a known outcome", "visi ar zināmu iznākumu"),
                "not_seen_before": Words(
                    "pupils who are not in the training data", "izglītojamie, kuru nav mācīšanas datos"
                ),
                "unsupported": Words("pupils without new support in the window", "bez jauna atbalsta logā"),
                "supported": Words("pupils with new support in the window", "ar jaunu atbalstu logā"),
                "all_censored_left": Words("bound: every censored pupil left", "robeža: visi cenzētie pārtrauca"),
                "all_censored_stayed": Words("bound: every censored pupil stayed", "robeža: visi cenzētie palika"),
            },
        ),
        Column(
            "metric_code",
            Kind.CODE,
            Words("Figure", "Rādītājs"),
            codes={
                "auc": Words("area under the ROC curve", "laukums zem ROC līknes"),
                "average_precision": Words("average precision", "vidējā precizitāte"),
                "brier": Words("Brier score", "Braiera rādītājs"),
                "log_loss": Words("log loss", "logaritmiskie zudumi"),
                "ece": Words(
                    "expected calibration error (10 quantile bins)", "sagaidāmā kalibrācijas kļūda (10 kvantiļu grupas)"
                ),
                "calibration_gap": Words(
                    "mean prediction minus share who left", "vidējā prognoze mīnus pārtraukušo daļa"
                ),
                "precision_at_capacity": Words(
                    "of those with a place, share who left", "no tiem, kam ir vieta, pārtraukušo daļa"
                ),
                "recall_at_capacity": Words(
                    "of those who left, share with a place", "no pārtraukušajiem, cik daļai bija vieta"
                ),
                "lead_days_median": Words(
                    "days from cut-off to leaving, median of those reached",
                    "dienas no robeždatuma līdz pārtraukšanai (mediāna)",
                ),
                "auc_gain": Words(
                    "AUC of the default model minus this one (paired)", "noklusētā modeļa AUC mīnus šis (pāros)"
                ),
                "recall_gain": Words(
                    "recall at capacity of the default model minus this one (paired)",
                    "noklusētā modeļa atsaukums pie kapacitātes mīnus šis (pāros)",
                ),
                "average_precision_gain": Words(
                    "average precision of the default model minus this one (paired)",
                    "noklusētā modeļa vidējā precizitāte mīnus šī (pāros)",
                ),
            },
        ),
        VALUE,
        LOW,
        HIGH,
        MEMBERS,
        LEFT,
    ),
    key=("cohort_on", "split_code", "model_code", "subset_code", "metric_code"),
)

SUBGROUP = Table(
    name="subgroup",
    row=Words("figure of the default model in a group", "noklusētā modeļa rādītājs grupā"),
    columns=(
        COHORT_ON,
        Column(
            "trait_code",
            Kind.CODE,
            Words("Trait", "Pazīme"),
            codes={
                "sex": Words("sex", "dzimums"),
                "first_language": Words("first language", "dzimtā valoda"),
                "has_special_needs": Words("special needs", "speciālās vajadzības"),
                "low_income": Words("household of low income", "trūcīga vai maznodrošināta mājsaimniecība"),
                "stage_kind": Words("kind of stage", "posma veids"),
            },
        ),
        Column("group_value", Kind.TEXT, Words("Group", "Grupa")),
        Column(
            "metric_code",
            Kind.CODE,
            Words("Figure", "Rādītājs"),
            codes={
                "missed_share": Words(
                    "missed: of those who left, share without a place (false negative rate)",
                    "nepamanīti: no pārtraukušajiem bez vietas",
                ),
                "false_alarm_share": Words(
                    "wrongly flagged: of those who stayed, share with a place (false positive rate)",
                    "lieki izcelti: no palikušajiem ar vietu",
                ),
                "precision": Words("of those with a place, share who left", "no tiem, kam ir vieta, pārtraukušo daļa"),
                "selected_share": Words("share with a place", "daļa, kam ir vieta"),
                "calibration_gap": Words(
                    "mean prediction minus share who left", "vidējā prognoze mīnus pārtraukušo daļa"
                ),
                "auc": Words("area under the ROC curve", "laukums zem ROC līknes"),
            },
        ),
        VALUE,
        LOW,
        HIGH,
        MEMBERS,
        LEFT,
        Column(
            "state_code",
            Kind.CODE,
            Words("State", "Stāvoklis"),
            codes={
                "enough": Words("enough data", "datu pietiek"),
                "not_enough": Words("not enough data", "datu nepietiek"),
            },
        ),
    ),
    key=("cohort_on", "trait_code", "group_value", "metric_code"),
)

_PAIR = "[a-z_]{1,40}(\\+[a-z_]{1,40})?"
_ERRORS = ("missed_share", "false_alarm_share", "precision")
_CAUSES = {
    "risk": Words("other risks: the base rate differs", "citi riski: atšķiras pārtraukšanas biežums"),
    "places": Words(
        "places: at an equal score a place is given more or less often",
        "vietas: pie vienāda vērtējuma vietu piešķir biežāk vai retāk",
    ),
    "measurement": Words(
        "measurement or model: at an equal score more or fewer leave",
        "mērījums vai modelis: pie vienāda vērtējuma pārtrauc vairāk vai mazāk",
    ),
}
_AUDITED_KEY = (
    COHORT_ON,
    Column(
        "trait_code",
        Kind.CODE,
        Words("Trait, or two of them", "Pazīme vai divas pazīmes"),
        pattern=_PAIR,
        example="sex+low_income",
    ),
    Column("group_value", Kind.TEXT, Words("Group; of a pair, both values", "Grupa; pārim – abas vērtības")),
)
_LEVEL = Column(
    "flag_level",
    Kind.DECIMAL,
    Words(
        "Level of the difference that is reached beyond chance: 0.05, 0.10 or 0.15; 0: no flag",
        "Pārsniegtais atšķirības līmenis, ja tā nav nejauša: 0,05, 0,10 vai 0,15; 0 – nav atzīmes",
    ),
    low=0,
    high=0.15,
)

FAIRNESS = Table(
    name="fairness",
    row=Words(
        "figure of the default model in a group, or in a pair of groups, beside all other pupils",
        "noklusētā modeļa rādītājs grupā vai divu grupu daļā līdzās visiem pārējiem",
    ),
    columns=(
        *_AUDITED_KEY,
        Column(
            "metric_code",
            Kind.CODE,
            Words("Figure", "Rādītājs"),
            codes={
                **{
                    code: SUBGROUP.column("metric_code").codes[code]
                    for code in (*_ERRORS, "selected_share", "calibration_gap")
                },
                "calibration_ratio": Words(
                    "those who left for one that was predicted", "pārtraukušie uz vienu prognozēto"
                ),
            },
        ),
        VALUE,
        LOW,
        HIGH,
        Column(
            "others_value",
            Kind.DECIMAL,
            Words("The same of all other pupils", "Tas pats visiem pārējiem"),
            required=False,
        ),
        Column(
            "difference",
            Kind.DECIMAL,
            Words("Value minus that of all others", "Vērtība mīnus pārējo vērtība"),
            required=False,
        ),
        Column(
            "adjusted_probability",
            Kind.DECIMAL,
            Words(
                "Chance of such a difference in any group if all are treated alike (Holm)",
                "Tādas atšķirības varbūtība kādā grupā, ja pret visiem izturas vienādi (Holms)",
            ),
            required=False,
            low=0,
            high=1,
        ),
        _LEVEL,
        MEMBERS,
        LEFT,
        Column(
            "drawn_code",
            Kind.CODE,
            Words("What the replicates of the interval draw", "Ko izvēlas intervāla atkārtojumi"),
            codes={
                "school": Words("schools", "izglītības iestādes"),
                "pupil": Words("pupils: the cohort has few schools", "izglītojamos: ir maz iestāžu"),
                "few_schools": Words(
                    "nothing: the group is in few schools, a binomial interval allows for them",
                    "neko: grupa ir nedaudzās iestādēs, binomiālajā intervālā tas ņemts vērā",
                ),
            },
        ),
        SUBGROUP.column("state_code"),
    ),
    key=("cohort_on", "trait_code", "group_value", "metric_code"),
)
"""Of the newest cohort with outcomes. A figure measured on fewer than 20 pupils is not given."""

FAIRNESS_CAUSE = Table(
    name="fairness_cause",
    row=Words("flagged difference and what causes it", "atzīmēta atšķirība un tās cēlonis"),
    columns=(
        *_AUDITED_KEY,
        Column(
            "metric_code",
            Kind.CODE,
            Words("Figure", "Rādītājs"),
            codes={code: SUBGROUP.column("metric_code").codes[code] for code in _ERRORS},
        ),
        _LEVEL,
        Column("difference", Kind.DECIMAL, Words("Difference from all others", "Atšķirība no pārējiem")),
        *(
            Column(f"{code}_part", Kind.DECIMAL, Words(f"Part of it: {words.en}", f"Tās daļa: {words.lv}"))
            for code, words in {**_CAUSES, "rest": Words("chance", "nejaušība")}.items()
        ),
        Column(
            "cause_code",
            Kind.CODE,
            Words("Largest cause that can be named", "Lielākais nosauktais cēlonis"),
            codes={**_CAUSES, "unclear": Words("unclear", "nav skaidrs")},
        ),
        *(
            Column(f"is_{code}", Kind.FLAG, Words(f"Named: {words.en}", f"Nosaukts: {words.lv}"))
            for code, words in _CAUSES.items()
        ),
        LEFT,
        Column(
            "expected_left",
            Kind.DECIMAL,
            Words(
                "So many of the group would have left if an equal score meant the same for all",
                "Tik daudz pārtrauktu, ja vienāds vērtējums visiem nozīmētu to pašu",
            ),
            unit="pupils",
            low=0,
        ),
        Column(
            "log_odds",
            Kind.DECIMAL,
            Words(
                "By how much more than all others the group leaves at an equal score",
                "Par cik biežāk nekā pārējie grupa pārtrauc pie vienāda vērtējuma",
            ),
            unit="log-odds",
            required=False,
        ),
        Column("log_odds_error", Kind.DECIMAL, Words("Its standard error", "Tās standartkļūda"), required=False, low=0),
        Column(
            "measurement_probability",
            Kind.DECIMAL,
            Words(
                "Chance of that in any flagged group if an equal score means the same for all (Holm)",
                "Tā varbūtība kādā atzīmētā grupā, ja vienāds vērtējums visiem nozīmē to pašu (Holms)",
            ),
            required=False,
            low=0,
            high=1,
        ),
    ),
    key=("cohort_on", "trait_code", "group_value", "metric_code"),
)
"""The rule stands in :mod:`riskmodel.risk.fairness.causes`."""

CALIBRATION = Table(
    name="calibration",
    row=Words("tenth of a past cohort by predicted probability", "agrākas grupas desmitā daļa pēc prognozes"),
    columns=(
        COHORT_ON,
        MODEL_CODE,
        Column("bin_number", Kind.INTEGER, Words("Tenth, from the lowest", "Desmitdaļa no zemākās"), low=1, high=10),
        Column("mean_probability", Kind.DECIMAL, Words("Mean predicted probability", "Vidējā prognoze"), low=0, high=1),
        Column("left_share", Kind.DECIMAL, Words("Share who left", "Pārtraukušo daļa"), low=0, high=1),
        LOW,
        HIGH,
        MEMBERS,
        LEFT,
    ),
    key=("cohort_on", "model_code", "bin_number"),
)

BAND = Table(
    name="band",
    row=Words("risk band and what it has meant", "riska līmenis un ko tas ir nozīmējis"),
    columns=(
        Column("band_code", Kind.CODE, Words("Risk band", "Riska līmenis"), codes=BANDS),
        Column("lowest_probability", Kind.DECIMAL, Words("From this probability", "No šīs varbūtības"), low=0, high=1),
        Column(
            "of_pupils",
            Kind.INTEGER,
            Words("Of so many pupils with such a score", "No tik izglītojamajiem ar šādu vērtējumu"),
            low=10,
        ),
        Column(
            "left_of_them",
            Kind.INTEGER,
            Words(
                "so many left by the end of the window; empty: no past cohort yet",
                "tik pārtrauca līdz loga beigām; tukšs – vēl nav agrākas grupas",
            ),
            required=False,
            low=0,
        ),
        LOW,
        HIGH,
        MEMBERS,
        LEFT,
    ),
    key=("band_code",),
)
"""``pupils`` and ``left`` count the past cohorts behind the figure; ``low`` and ``high`` bound the share that left."""

DRIFT = Table(
    name="drift",
    row=Words("feature: its distribution now against the past cohorts", "pazīmes sadalījums tagad un agrāk"),
    columns=(
        REASON.column("feature_code"),
        Column("psi", Kind.DECIMAL, Words("Population stability index", "Populācijas stabilitātes indekss"), low=0),
        Column(
            "shift_sd",
            Kind.DECIMAL,
            Words(
                "Mean now minus mean before, in standard deviations before",
                "Vidējais tagad mīnus vidējais agrāk, agrākajās standartnovirzēs",
            ),
            required=False,
        ),
        Column(
            "mean_ratio",
            Kind.DECIMAL,
            Words(
                "Mean now divided by mean before; empty: a feature that can be below zero, or no data",
                "Vidējais tagad, dalīts ar vidējo agrāk; tukšs – pazīme var būt negatīva, vai nav datu",
            ),
            required=False,
            low=0,
        ),
        Column("missing_share_now", Kind.DECIMAL, Words("Share without data now", "Bez datu tagad"), low=0, high=1),
        Column(
            "missing_share_before", Kind.DECIMAL, Words("Share without data before", "Bez datu agrāk"), low=0, high=1
        ),
    ),
    key=("feature_code",),
)

COVERAGE = Table(
    name="coverage",
    row=Words(
        "class and group of a past cohort: how often its prediction sets held what became of pupils",
        "agrākas grupas daļa: cik bieži prognozes kopa saturēja notikušo",
    ),
    columns=(
        COHORT_ON,
        Column("trait_code", Kind.CODE, Words("Trait; all: everybody", "Pazīme; all – visi"), pattern="[a-z_]{1,40}"),
        Column("group_value", Kind.TEXT, Words("Group", "Grupa")),
        Column(
            "class_code",
            Kind.CODE,
            Words("What became of the pupils", "Kas ar izglītojamajiem notika"),
            codes={"left": Words("left", "pārtrauca"), "stayed": Words("stayed", "palika")},
        ),
        Column("aimed_share", Kind.DECIMAL, Words("Share aimed at", "Mērķa daļa"), low=0, high=1),
        Column(
            "covered_share",
            Kind.DECIMAL,
            Words("Share whose set held it; empty: too few", "Daļa, kuru kopa to saturēja; tukšs – par maz"),
            required=False,
            low=0,
            high=1,
        ),
        LOW,
        HIGH,
        Column(
            "unsure_share",
            Kind.DECIMAL,
            Words("Share whose set held both or neither", "Daļa, kuru kopā bija abi iznākumi vai neviens"),
            required=False,
            low=0,
            high=1,
        ),
        MEMBERS,
    ),
    key=("cohort_on", "trait_code", "group_value", "class_code"),
)
"""A set says what may become of a pupil with such a score; its limits were learnt from cohorts known by then."""

TARGETING = Table(
    name="targeting",
    row=Words(
        "way to choose who is offered support, at one budget, in one area of a past cohort",
        "atbalsta saņēmēju izvēles veids ar noteiktu vietu skaitu agrākas grupas teritorijā",
    ),
    columns=(
        COHORT_ON,
        Column(
            "area_kind",
            Kind.CODE,
            Words("Kind of area, over which the places are shared out", "Teritorijas veids, kurā sadala vietas"),
            codes={
                "municipality": Words("municipality", "pašvaldība"),
                "state": Words("state", "valsts"),
            },
        ),
        Column("area_code", Kind.TEXT, Words("Area", "Teritorija")),
        Column(
            "budget_code",
            Kind.CODE,
            Words("Budget", "Vietu skaits"),
            codes={
                "as_delivered": Words("the places that there are", "esošās vietas"),
                "share_05": Words("places for 5 % of the pupils", "vietas 5 % izglītojamo"),
                "share_10": Words("places for 10 % of the pupils", "vietas 10 % izglītojamo"),
                "share_20": Words("places for 20 % of the pupils", "vietas 20 % izglītojamo"),
            },
        ),
        Column(
            "strategy_code",
            Kind.CODE,
            Words("Way to choose", "Izvēles veids"),
            codes={
                "score": Words("individual score", "individuālais vērtējums"),
                "score_in_school": Words(
                    "individual score, with each school's places kept in it",
                    "individuālais vērtējums, vietas paliek katrā iestādē",
                ),
                "school_rate": Words("the school's past rate", "iestādes agrākais rādītājs"),
                "class_rate": Words("past rate of the school and stage", "iestādes un posma agrākais rādītājs"),
                "abc": Words("absence and insufficient marks", "kavējumi un nepietiekami vērtējumi"),
                "absence_over_10": Words("a tenth of lessons missed", "kavēta desmitā daļa stundu"),
                "unexcused_over_20": Words(
                    "more than 20 lessons missed unexcused", "vairāk nekā 20 neattaisnoti kavētu stundu"
                ),
                "on_track": Words("more than one failed subject", "vairāk par vienu nesekmīgu priekšmetu"),
                "teacher_like": Words("points for what a teacher sees", "punkti par to, ko redz pedagogs"),
                "random": Words("by lot among all", "izloze starp visiem"),
                "middle_risk": Words("middle of the medium risk", "vidēja riska vidus"),
                "benefit": Words("estimated benefit", "aplēstais ieguvums"),
            },
        ),
        MEMBERS,
        LEFT,
        Column("places", Kind.INTEGER, Words("Places", "Vietas"), unit="pupils", low=0),
        Column(
            "drawn_code",
            Kind.CODE,
            Words("What the intervals draw", "Ko izlozē intervāliem"),
            codes={
                "school": Words("whole schools", "veselas iestādes"),
                "pupil": Words("pupils: there are fewer than ten schools", "izglītojamos: iestāžu ir mazāk par desmit"),
            },
        ),
        Column(
            "reached",
            Kind.DECIMAL,
            Words(
                "Of those who left, so many had a place (ties by expectation)",
                "No pārtraukušajiem tik daudziem bija vieta (sagaidāmais skaits)",
            ),
            unit="pupils",
            required=False,
            low=0,
        ),
        Column(
            "reached_share",
            Kind.DECIMAL,
            Words("The same as a share of those who left", "Tas pats kā pārtraukušo daļa"),
            required=False,
            low=0,
            high=1,
        ),
        LOW,
        HIGH,
        Column(
            "gain",
            Kind.DECIMAL,
            Words(
                "Share reached by the individual score minus this one (paired)",
                "Individuālā vērtējuma sasniegtā daļa mīnus šī (pāros)",
            ),
            required=False,
        ),
        Column(
            "gain_low",
            Kind.DECIMAL,
            Words("Lower end of its 95 % interval", "Tās 95 % intervāla sākums"),
            required=False,
        ),
        Column(
            "gain_high",
            Kind.DECIMAL,
            Words("Upper end of its 95 % interval", "Tās 95 % intervāla beigas"),
            required=False,
        ),
        Column(
            "averted",
            Kind.DECIMAL,
            Words(
                "Leavers averted, planted or estimated; empty: no effect is known",
                "Novērstie pārtraukšanas gadījumi (aplēse); tukšs – ietekme nav zināma",
            ),
            unit="pupils",
            required=False,
        ),
        Column(
            "averted_low",
            Kind.DECIMAL,
            Words("Lower end of its 95 % interval", "Tās 95 % intervāla sākums"),
            required=False,
        ),
        Column(
            "averted_high",
            Kind.DECIMAL,
            Words("Upper end of its 95 % interval", "Tās 95 % intervāla beigas"),
            required=False,
        ),
        Column(
            "verdict_code",
            Kind.CODE,
            Words(
                "Individual score against this one; empty: is the score",
                "Individuālais vērtējums pret šo; tukšs – pats vērtējums",
            ),
            codes={
                "score_finds_more": Words("the individual score finds more", "individuālais vērtējums atrod vairāk"),
                "does_as_well": Words(
                    "does as well as the individual score", "atrod tikpat, cik individuālais vērtējums"
                ),
                "finds_more": Words(
                    "finds more than the individual score", "atrod vairāk nekā individuālais vērtējums"
                ),
                "cannot_tell": Words("the data cannot tell", "dati to neatklāj"),
                "too_few": Words("too few to tell", "par maz gadījumu, lai spriestu"),
            },
            required=False,
        ),
    ),
    key=("cohort_on", "area_kind", "area_code", "budget_code", "strategy_code"),
)
"""``as_delivered`` are the places of the schools put together. Counts of an area are small: what of them may be shown is not
decided here."""

RISK_SPREAD = Table(
    name="risk_spread",
    row=Words(
        "level of schooling: its share of the variance of risk in an area",
        "izglītības līmenis: tā daļa riska dispersijā teritorijā",
    ),
    columns=(
        COHORT_ON,
        TARGETING.column("area_kind"),
        TARGETING.column("area_code"),
        Column(
            "risk_code",
            Kind.CODE,
            Words("Variance of what", "Kā dispersija"),
            codes={
                "predicted": Words("predicted probability", "prognozētā varbūtība"),
                "outcome": Words("who left", "kas pārtrauca mācības"),
                "true": Words("planted probability", "zināmā (izdomātā) varbūtība"),
            },
        ),
        Column(
            "level_code",
            Kind.CODE,
            Words("Level", "Līmenis"),
            codes={
                "school": Words("between schools", "starp iestādēm"),
                "class": Words("between stages of a school", "starp posmiem vienā iestādē"),
                "pupil": Words("between pupils of a school and stage", "starp viena posma izglītojamajiem"),
            },
        ),
        VALUE,
        LOW,
        HIGH,
        MEMBERS,
        LEFT,
    ),
    key=("cohort_on", "area_kind", "area_code", "risk_code", "level_code"),
)
"""Shares of one area and risk add up to 1. Of who left, nearly all lies between pupils, as chance does."""

SCHOOL_SUMMARY = Table(
    name="school_summary",
    row=Words("school in the run", "izglītības iestāde izpildē"),
    columns=(
        SCHOOL_ID,
        SCHOOL.column("school_name"),
        SCHOOL.column("school_kind"),
        SCHOOL.column("municipality_code"),
        MEMBERS,
        Column("places", Kind.INTEGER, Words("Places for support", "Atbalsta vietas"), unit="pupils", low=0),
        Column(
            "is_capacity_assumed", Kind.FLAG, Words("Places are assumed, not delivered", "Vietu skaits ir pieņēmums")
        ),
        *(
            Column(
                f"band_{code}",
                Kind.INTEGER,
                Words(f"Pupils in band: {words.en}", f"Izglītojamie ar līmeni: {words.lv}"),
                unit="pupils",
                low=0,
            )
            for code, words in BANDS.items()
        ),
        Column(
            "too_little_data",
            Kind.INTEGER,
            Words("Pupils with too little data", "Izglītojamie, par kuriem ir par maz datu"),
            unit="pupils",
            low=0,
        ),
        PLACE.column("has_support_data"),
    ),
    key=("school_id",),
)

ANY_MEASURE = "XX-ANY"
"""Stands in ``effect`` and ``measure_grade`` for any measure at all: that a pupil got support."""

EFFECT = Table(
    name="effect",
    row=Words(
        "measure, group, year and kind of comparison: what the measure did to leaving",
        "pasākums, grupa, gads un salīdzinājuma veids: ko pasākums mainīja mācību pārtraukšanā",
    ),
    columns=(
        SUPPORT.column("measure_code"),
        Column(
            "group_code",
            Kind.CODE,
            Words("Risk group or band; all: everybody", "Riska grupa vai līmenis; all – visi"),
            pattern="[A-Za-z_]{1,20}",
        ),
        Column(
            "school_year_code",
            Kind.CODE,
            Words("First year of the school year; all: all years", "Mācību gada pirmais gads; all – visi gadi"),
            pattern="all|[0-9]{4}",
        ),
        Column(
            "kind_code",
            Kind.CODE,
            Words("How the comparison came about", "Kā radies salīdzinājums"),
            codes={
                "lottery": Words("places given by lot", "vietas piešķirtas izlozē"),
                "discontinuity": Words(
                    "places given by a cut on the score", "vietas piešķirtas pēc vērtējuma sliekšņa"
                ),
                "adjusted": Words(
                    "measure given by judgement, adjusted", "pasākumu piešķīra cilvēki; salīdzināts ar līdzīgiem"
                ),
                "difference": Words(
                    "change over a semester: an association, no effect",
                    "izmaiņa semestra laikā: saistība, nevis ietekme",
                ),
            },
        ),
        Column(
            "value",
            Kind.DECIMAL,
            Words(
                "Share who left with the measure minus without it (below 0: it helps); empty: not estimated",
                "Pārtraukušo daļa ar pasākumu mīnus bez tā (zem 0 – palīdz); tukšs – nav novērtēts",
            ),
            required=False,
        ),
        LOW,
        HIGH,
        Column(
            "detectable",
            Kind.DECIMAL,
            Words(
                "Smallest effect that would be found with a chance of 80 %",
                "Mazākā ietekme, ko atrastu ar 80 % iespēju",
            ),
            required=False,
            low=0,
        ),
        Column(
            "pupils_given",
            Kind.INTEGER,
            Words("Pupils with a place or measure, of those compared", "Salīdzinātie ar vietu vai pasākumu"),
            unit="pupils",
            required=False,
            low=0,
        ),
        Column(
            "pupils_compared",
            Kind.INTEGER,
            Words("Pupils without it whom they are compared with", "Salīdzinātie bez vietas vai pasākuma"),
            unit="pupils",
            required=False,
            low=0,
        ),
        Column(
            "pupils_needed",
            Kind.INTEGER,
            Words(
                "Pupils with whom the smallest effect worth having would be found",
                "Ar cik izglītojamajiem atrastu mazāko vērā ņemamo ietekmi",
            ),
            unit="pupils",
            required=False,
            low=0,
        ),
        Column(
            "uptake",
            Kind.DECIMAL,
            Words("Jump at the cut in the share who got the measure", "Cik mainās pasākumu saņēmušo daļa pie sliekšņa"),
            required=False,
        ),
        *(
            Column(name, Kind.DECIMAL, Words(en, lv), required=False)
            for name, en, lv in (
                (
                    "per_given",
                    "Effect per pupil who got the measure because of the cut",
                    "Ietekme uz izglītojamo, kas pasākumu saņēma sliekšņa dēļ",
                ),
                ("per_given_low", "Its 95 % interval, lower end", "Tās 95 % intervāla apakšējā robeža"),
                ("per_given_high", "Its 95 % interval, upper end", "Tās 95 % intervāla augšējā robeža"),
            )
        ),
        Column(
            "bandwidth",
            Kind.DECIMAL,
            Words("How far from the cut pupils are compared, in points of the score", "Cik tālu no sliekšņa salīdzina"),
            required=False,
            low=0,
        ),
        Column(
            "exact_p_value",
            Kind.DECIMAL,
            Words("Chance of such a result by the lots alone", "Šāda iznākuma iespēja tikai izlozes dēļ"),
            required=False,
            low=0,
            high=1,
        ),
        Column(
            "robustness",
            Kind.DECIMAL,
            Words(
                "Share of the unexplained that something unseen must explain to undo the finding",
                "Cik no neizskaidrotā būtu jāizskaidro kam nezināmam, lai secinājums zustu",
            ),
            required=False,
            low=0,
            high=1,
        ),
        Column(
            "sparse_share",
            Kind.DECIMAL,
            Words("Pupils with hardly anybody like them to compare with", "Daļa, kam gandrīz nav līdzīgu salīdzināmo"),
            required=False,
            low=0,
            high=1,
        ),
        Column(
            "verdict_code",
            Kind.CODE,
            Words("Verdict by a rule set before the run", "Secinājums pēc iepriekš noteiktas kārtulas"),
            codes={
                "helps": Words("helps", "palīdz"),
                "harms": Words("harms", "kaitē"),
                "not_worth_having": Words("no effect worth having", "vērā ņemamas ietekmes nav"),
                "inconclusive": Words("inconclusive", "nevar pateikt"),
                "not_enough_data": Words("not enough data", "datu nepietiek"),
                "descriptive": Words("an association, no effect", "saistība, nevis ietekme"),
                "not_estimated": Words("not estimated", "nav novērtēts"),
            },
        ),
        Column(
            "grade_code",
            Kind.CODE,
            Words("Evidence", "Pierādījumi"),
            codes={
                "randomised": Words("randomised: places by lot", "randomizēti: vietas izlozētas"),
                "discontinuity": Words("at a cut", "pie sliekšņa"),
                "adjusted": Words("adjusted comparison", "koriģēts salīdzinājums"),
                "opinion": Words("opinion", "speciālistu viedoklis"),
                "none_yet": Words("none yet", "vēl nav"),
            },
        ),
        Column(
            "reason_code",
            Kind.CODE,
            Words("Why nothing is estimated, or no claim is made", "Kāpēc nav novērtēts vai nav secinājuma"),
            required=False,
            codes={
                "too_few_pupils": Words("too few pupils", "par maz izglītojamo"),
                "too_few_schools": Words("too few schools", "par maz iestāžu"),
                "no_cases": Words("too few left, or too few stayed", "par maz pārtraukušo vai palikušo"),
                "score_too_coarse": Words("scores are too coarse", "vērtējumi ir pārāk rupji"),
                "no_overlap": Words("nobody alike to compare with", "nav līdzīgu, ar ko salīdzināt"),
                "checks_failed": Words("a check of the comparison failed", "salīdzinājums neiztur pārbaudi"),
                "among_many": Words(
                    "does not hold among all measures asked about", "nenoturas starp visiem jautātajiem pasākumiem"
                ),
            },
        ),
        Column(
            "failed_checks",
            Kind.TEXT,
            Words(
                "Checks that failed: density, covariates, placebos, uptake, overlap, choice, robustness",
                "Neizturētās pārbaudes: density, covariates, placebos, uptake, overlap, choice, robustness",
            ),
            required=False,
        ),
    ),
    key=("measure_code", "group_code", "school_year_code", "kind_code"),
)
"""Never of one school. Effects are in shares: -0.02 is two points fewer who leave."""

MEASURE_GRADE = Table(
    name="measure_grade",
    row=Words("measure of the catalogue and the evidence for it", "kataloga pasākums un tā pierādījumi"),
    columns=(
        SUPPORT.column("measure_code"),
        EFFECT.column("grade_code"),
        Column(
            "verdict_code",
            Kind.CODE,
            Words("Verdict; empty: no comparison", "Secinājums; tukšs – nav salīdzinājuma"),
            required=False,
            codes=EFFECT.column("verdict_code").codes,
        ),
        EFFECT.column("value"),
        LOW,
        HIGH,
        Column(
            "pupils",
            Kind.INTEGER,
            Words("Pupils compared", "Salīdzinātie izglītojamie"),
            unit="pupils",
            required=False,
            low=0,
        ),
        Column(
            "cost_eur",
            Kind.DECIMAL,
            Words("Cost of a plan with it; empty: not known", "Plāna izmaksas; tukšs – nav zināmas"),
            unit="EUR",
            required=False,
            low=0,
        ),
    ),
    key=("measure_code",),
)

RESULTS: tuple[Table, ...] = (
    TABLE_ACCOUNT,
    REJECTED_ROW,
    MISSINGNESS,
    SCHOOL_ROWS,
    COHORT,
    PLACE,
    PREDICTION,
    SCORE,
    CONTRIBUTION,
    REASON,
    SCORE_CHANGE,
    CHANGE_REASON,
    WHAT_IF,
    TREND_WEEK,
    TREND_MONTH,
    SUPPORT_KNOWN,
    EVALUATION,
    SUBGROUP,
    FAIRNESS,
    FAIRNESS_CAUSE,
    CALIBRATION,
    BAND,
    DRIFT,
    COVERAGE,
    EFFECT,
    MEASURE_GRADE,
    TARGETING,
    RISK_SPREAD,
    SCHOOL_SUMMARY,
    MUNICIPALITY_SUMMARY,
    STATE_SUMMARY,
    RELEASED_CELL,
)
