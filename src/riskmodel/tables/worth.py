"""The result tables that ask whether it is worth it: ways to choose at equal places, and effects of measures."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.tables.canonical import SUPPORT
from riskmodel.tables.result_columns import COHORT_ON, HIGH, LEFT, LOW, MEMBERS, VALUE
from riskmodel.tables.schema import Column, Kind, Table

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
                    "does as well as the individual score", "atrod tikpat daudz, cik individuālais vērtējums"
                ),
                "finds_more": Words(
                    "finds more than the individual score", "atrod vairāk nekā individuālais vērtējums"
                ),
                "cannot_tell": Words("the data cannot tell", "pēc datiem to nevar noteikt"),
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
                "Mazākā ietekme, ko atrastu ar 80 % varbūtību",
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
            Words("Chance of such a result by the lots alone", "Šāda iznākuma varbūtība tikai izlozes dēļ"),
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
                "inconclusive": Words("inconclusive", "nevar noteikt"),
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
                "no_cases": Words("too few left, or too few stayed", "par maz mācības pārtraukušo vai turpinājušo"),
                "score_too_coarse": Words("scores are too coarse", "vērtējumi ir pārāk rupji"),
                "no_overlap": Words("nobody alike to compare with", "nav līdzīgu, ar ko salīdzināt"),
                "checks_failed": Words("a check of the comparison failed", "salīdzinājums neiztur pārbaudi"),
                "among_many": Words(
                    "does not hold among all measures asked about",
                    "neapstiprinās, ja visus aplūkotos pasākumus vērtē kopā",
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
