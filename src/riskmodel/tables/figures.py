"""The result tables about the model: how good it has been, what its scores have meant, what has drifted."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.canonical import SCHOOL, SCHOOL_ID
from riskmodel.tables.result_columns import BANDS, COHORT_ON, HIGH, LEFT, LOW, MEMBERS, MODEL_CODE, VALUE
from riskmodel.tables.schema import Column, Kind, Table
from riskmodel.tables.scores import PLACE, PREDICTION, REASON

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
