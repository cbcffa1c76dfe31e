"""The codebook for researchers: the columns of a delivery and the features, as tables."""

from __future__ import annotations

import pandas as pd

from riskmodel.messages import Language
from riskmodel.risk.features import FEATURES
from riskmodel.tables.canonical import CANONICAL
from riskmodel.tables.schema import Column
from riskmodel.views.texts import feature_name, meaning


def columns(language: Language) -> pd.DataFrame:
    """Return one row per column of every canonical table: kind, unit, range or codes, whether needed, meaning."""
    rows = [
        {
            "table": table.name,
            "column": column.name,
            "kind": column.kind.value,
            "unit": column.unit,
            "allowed": _allowed(column),
            "is_required": column.required,
            "sensitivity": column.sensitivity.value,
            "meaning": column.words.in_language(language),
        }
        for table in CANONICAL
        for column in table.columns
    ]
    return pd.DataFrame(rows).set_index(["table", "column"])


def features(language: Language) -> pd.DataFrame:
    """Return one row per feature: group, unit, direction, whether a school can change it, name and meaning."""
    rows = [
        {
            "feature": declared.code,
            "group": declared.group,
            "unit": declared.unit,
            "direction": declared.direction,
            "is_malleable": declared.is_malleable,
            "is_protected": declared.is_protected,
            "name": feature_name(declared.code, language),
            "meaning": meaning(declared.code, language),
        }
        for declared in FEATURES
    ]
    return pd.DataFrame(rows).set_index("feature")


def _allowed(column: Column) -> str:
    if column.codes:
        return ", ".join(column.codes)
    if column.low is not None or column.high is not None:
        return f"{'' if column.low is None else column.low} … {'' if column.high is None else column.high}"
    return column.pattern
