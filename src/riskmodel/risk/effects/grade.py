"""The evidence for a measure in one word, with its interval, pupils and price: what a catalogue shows beside it.

The grade is that of the strongest kind of comparison, over all groups and years, that was estimated, passed its checks and
had data enough: randomised, discontinuity, adjusted. Without one it is *opinion* where people who know the measure have said
what they expect of it, and otherwise *none yet*. A grade says how good the evidence is, not that the measure helps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from riskmodel.risk.effects.effect_table import ALL, GRADES
from riskmodel.risk.effects.estimate import Kind
from riskmodel.tables.worth import MEASURE_GRADE

UNUSABLE = ("not_estimated", "not_enough_data", "descriptive")
STRONGEST_FIRST = (Kind.LOTTERY, Kind.DISCONTINUITY, Kind.ADJUSTED)


def grades(
    effects: pd.DataFrame,
    measures: Collection[str],
    opinions: Collection[str] = (),
    costs_eur: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.worth.MEASURE_GRADE`: one row per measure of the catalogue.

    Parameters
    ----------
    effects
        A table ``effect``.
    measures
        All measures of the catalogue, estimated or not.
    opinions
        Those of which people have said what they expect.
    costs_eur
        What a plan with the measure costs, where it is known.
    """
    costs_eur = costs_eur or {}
    is_usable = (
        (effects["group_code"] == ALL)
        & (effects["school_year_code"] == ALL)
        & effects["failed_checks"].isna()
        & ~effects["verdict_code"].isin(UNUSABLE)
    )
    usable = {(row["measure_code"], row["kind_code"]): row for row in effects[is_usable].to_dict("records")}
    rows = []
    for measure in sorted(measures):
        kind = next((kind for kind in STRONGEST_FIRST if (measure, kind.value) in usable), None)
        row: dict[str, object] = {"measure_code": measure, "cost_eur": costs_eur.get(measure)}
        if kind is None:
            row["grade_code"] = "opinion" if measure in opinions else "none_yet"
        else:
            found = usable[measure, kind.value]
            row |= {name: found[name] for name in ("verdict_code", "value", "low", "high")}
            row |= {"grade_code": GRADES[kind], "pupils": found["pupils_given"] + found["pupils_compared"]}
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(MEASURE_GRADE.column_names))
    table["pupils"] = table["pupils"].astype("Int64")
    return table
