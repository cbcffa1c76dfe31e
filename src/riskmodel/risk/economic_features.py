"""Features from the economic situation of the pupil and of the municipality.

A status of the pupil holds from its date until the next one. An indicator of an area counts from its day of
publication; the newest period published by the cut-off date stands for "now".
"""

from __future__ import annotations

from riskmodel.risk.feature import ECONOMIC, FALLS, FREE, RISES, Block, Feature

YEAR_BEFORE_DAYS = 360
"""A period that began at least so long before the newest one is a year older (periods begin on the first)."""

STATUS = Block(
    "status",
    """
    SELECT
        member_id,
        arg_max(value, happened_on) FILTER (indicator_code = 'low_income') AS low_income,
        arg_max(value, happened_on) FILTER (indicator_code = 'free_meals') AS free_meals,
        arg_max(value, happened_on) FILTER (indicator_code = 'distance_km') AS distance_km,
        arg_max(value, happened_on) FILTER (indicator_code = 'dormitory') AS dormitory,
        arg_max(value, happened_on) FILTER (indicator_code = 'deprivation_band') AS deprivation_band,
        arg_max(value, happened_on) FILTER (indicator_code = 'scholarship') AS scholarship,
        arg_max(value, happened_on) FILTER (indicator_code = 'fees_paid') AS fees_paid,
        arg_max(value, happened_on) FILTER (indicator_code = 'debtor') AS debtor
    FROM known.economic_pupil
    JOIN member USING (pupil_id)
    WHERE happened_on <= $cut_off
    GROUP BY member_id
    """,
)

AREA = Block(
    "area",
    f"""
    WITH published AS (
        SELECT *, max(happened_on) OVER (PARTITION BY municipality_code, indicator_code) AS newest_on
        FROM known.economic_area
        WHERE happened_on <= $cut_off
    ),
    compared AS (
        SELECT
            municipality_code,
            indicator_code,
            arg_max(value, happened_on) AS value,
            arg_max(value, happened_on) FILTER (happened_on <= newest_on - {YEAR_BEFORE_DAYS}) AS value_year_before
        FROM published
        GROUP BY ALL
    ),
    of_municipality AS (
        SELECT
            municipality_code,
            any_value(value) FILTER (indicator_code = 'unemployment_percent') AS unemployment_percent,
            any_value(value - value_year_before) FILTER (indicator_code = 'unemployment_percent')
                AS unemployment_change,
            any_value(value) FILTER (indicator_code = 'gross_wage_eur') AS gross_wage_eur,
            any_value(value) FILTER (indicator_code = 'inflation_percent') AS inflation_percent,
            any_value(value) FILTER (indicator_code = 'gdp_growth_percent') AS gdp_growth_percent
        FROM compared
        GROUP BY municipality_code
    )
    SELECT member_id, of_municipality.* EXCLUDE (municipality_code)
    FROM member
    JOIN of_municipality USING (municipality_code)
    """,  # noqa: S608  (constants)
)

ECONOMIC_BLOCKS = (STATUS, AREA)


def _of_pupil(code: str, unit: str, direction: int, *, is_malleable: bool = False) -> Feature:
    return Feature(code, ECONOMIC, unit, "now", f"status.{code}", direction, ("economic_pupil",), is_malleable)


def _of_area(code: str, unit: str, period: str, sql: str) -> Feature:
    return Feature(code, ECONOMIC, unit, period, f"area.{sql}", FREE, needs=("economic_area",))


ECONOMIC_FEATURES = (
    _of_pupil("low_income", "yes_no", FREE),
    _of_pupil("free_meals", "yes_no", FREE),
    _of_pupil("distance_km", "km", FREE),
    _of_pupil("dormitory", "yes_no", FREE),
    _of_pupil("deprivation_band", "band", FREE),
    _of_pupil("scholarship", "yes_no", FALLS),
    _of_pupil("fees_paid", "yes_no", FALLS, is_malleable=True),
    _of_pupil("debtor", "yes_no", RISES, is_malleable=True),
    _of_area("area_unemployment_percent", "percent", "published", "unemployment_percent"),
    _of_area("area_unemployment_change_percent", "percent_change", "against_last_year", "unemployment_change"),
    _of_area("area_gross_wage_eur", "eur", "published", "gross_wage_eur"),
    _of_area("area_inflation_percent", "percent", "published", "inflation_percent"),
    _of_area("area_gdp_growth_percent", "percent", "published", "gdp_growth_percent"),
)
