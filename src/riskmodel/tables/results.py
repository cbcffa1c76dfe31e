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
    CALIBRATION,
    BAND,
    DRIFT,
    COVERAGE,
    SCHOOL_SUMMARY,
    MUNICIPALITY_SUMMARY,
    STATE_SUMMARY,
    RELEASED_CELL,
)
