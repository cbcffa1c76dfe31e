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
from riskmodel.tables.results import MEASURE_GRADE

UNUSABLE = ("not_estimated", "not_enough_data", "descriptive")
STRONGEST_FIRST = (Kind.LOTTERY, Kind.DISCONTINUITY, Kind.ADJUSTED)


def grades(
    effects: pd.DataFrame,
    measures: Collection[str],
    opinions: Collection[str] = (),
    costs_eur: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.results.MEASURE_GRADE`: one row per measure of the catalogue.

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
    usable = effects[is_usable].set_index(["measure_code", "kind_code"])
    rows = []
    for measure in sorted(measures):
        cost = costs_eur.get(measure)
        kind = next((kind for kind in STRONGEST_FIRST if (measure, kind.value) in usable.index), None)
        if kind is None:
            grade = "opinion" if measure in opinions else "none_yet"
            rows.append((measure, grade, None, None, None, None, None, cost))
            continue
        row = usable.loc[(measure, kind.value)]
        pupils = int(row["pupils_given"] + row["pupils_compared"])
        rows.append((measure, GRADES[kind], row["verdict_code"], row["value"], row["low"], row["high"], pupils, cost))
    table = pd.DataFrame(rows, columns=list(MEASURE_GRADE.column_names))
    table["pupils"] = table["pupils"].astype("Int64")
    return table
