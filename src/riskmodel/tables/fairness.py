"""The result tables of the audit: whom the model misses and flags in vain, by group and pair of groups, and why."""

from __future__ import annotations

from riskmodel.messages import Words
from riskmodel.settings import FLAG_LEVELS
from riskmodel.tables.figures import SUBGROUP
from riskmodel.tables.result_columns import COHORT_ON, HIGH, LEFT, LOW, MEMBERS, VALUE
from riskmodel.tables.schema import Column, Kind, Table

_PAIR = "[a-z_]{1,40}(\\+[a-z_]{1,40})?"

_ERRORS = ("missed_share", "false_alarm_share", "precision")


def _levels(point: str, last: str) -> str:
    """Return the levels of a flag in a row, with the decimal sign and the "or" of a language."""
    *first, end = (f"{level:.2f}".replace(".", point) for level in FLAG_LEVELS)
    return f"{', '.join(first)} {last} {end}"


_CAUSES = {
    "risk": Words("other risks: the base rate differs", "citi riski: atšķiras pārtraukšanas biežums"),
    "places": Words(
        "places: at an equal score a place is given more or less often",
        "vietas: ar vienādu vērtējumu vietu piešķir biežāk vai retāk",
    ),
    "measurement": Words(
        "measurement or model: at an equal score more or fewer leave",
        "mērījums vai modelis: ar vienādu vērtējumu mācības pārtrauc biežāk vai retāk",
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
        f"Level of the difference that is reached beyond chance: {_levels('.', 'or')}; 0: no flag",
        f"Pārsniegtais atšķirības līmenis, ja tā nav nejauša: {_levels(',', 'vai')}; 0 – nav atzīmes",
    ),
    low=0,
    high=FLAG_LEVELS[-1],
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
                "Par cik biežāk nekā pārējie ar vienādu vērtējumu mācības pārtrauc šī grupa",
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
