"""Numbers, dates and counts as a Latvian or an English reader writes them.

Whatever is not known is shown as "nav datu" / "no data", never as zero.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal

from riskmodel.messages import Day, Language, message, plural

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
LATVIAN_MONTHS_DATIVE = [
    "janvārim",
    "februārim",
    "martam",
    "aprīlim",
    "maijam",
    "jūnijam",
    "jūlijam",
    "augustam",
    "septembrim",
    "oktobrim",
    "novembrim",
    "decembrim",
]
LATVIAN_MONTHS_LOCATIVE = [
    "janvārī",
    "februārī",
    "martā",
    "aprīlī",
    "maijā",
    "jūnijā",
    "jūlijā",
    "augustā",
    "septembrī",
    "oktobrī",
    "novembrī",
    "decembrī",
]
FIRST_MONTH_OF_SCHOOL_YEAR = 9


def no_data(language: Language) -> str:
    """Return the words for a value that is not known."""
    return message("no data").in_language(language)


def number(value: float | None, language: Language, digits: int = 0) -> str:
    """Return a number with at most ``digits`` decimals, trailing zeros left out.

    >>> number(27.0, "lv"), number(6.25, "lv", 1), number(None, "lv"), number(12345, "en")
    ('27', '6,2', 'nav datu', '12,345')
    """
    if value is None:
        return no_data(language)
    return _written(_rounded(value, digits), "#,##0." + "#" * digits if digits else "#,##0", language)


def fixed(value: float | None, language: Language, digits: int) -> str:
    """Return a number with exactly ``digits`` decimals, as figures in a table need it.

    >>> fixed(0.8, "lv", 3), fixed(0.8, "en", 3)
    ('0,800', '0.800')
    """
    if value is None:
        return no_data(language)
    return _written(_rounded(value, digits), "#,##0." + "0" * digits if digits else "#,##0", language)


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits))


@lru_cache(maxsize=10_000)
def _written(value: Decimal, form: str, language: Language) -> str:
    """Return a rounded number as text; a page of a school has thousands of them, and most are the same few."""
    text = str(format_decimal(value, format=form, locale=language))
    # A hyphen is too short for a minus, and "-0" is zero.
    return text.removeprefix("-") if text.strip("-0,.") == "" else text.replace("-", MINUS)


def _between(low: float) -> str:
    return " … " if low < 0 else "–"


def percent(share: float | None, language: Language, digits: int = 0) -> str:
    r"""Return a share (0–1) in percent; a share above zero that would be rounded to zero is "less than".

    >>> percent(0.125, "en", 1), percent(0.0004, "en"), percent(0, "en")
    ('12.5%', '<\xa01%', '0%')
    """
    if share is None:
        return no_data(language)
    sign = f"{NO_BREAK_SPACE}%" if language == "lv" else "%"
    smallest = 10.0**-digits
    if 0 < share * 100 < smallest / 2:
        return f"<{NO_BREAK_SPACE}{number(smallest, language, digits)}{sign}"
    return number(share * 100, language, digits) + sign


def interval(low: float | None, high: float | None, language: Language, digits: int) -> str:
    """Return the two ends of an interval; "no data" when it is not known.

    >>> interval(0.81, 0.874, "lv", 2), interval(-0.004, 0.02, "lv", 3)
    ('0,81–0,87', '−0,004 … 0,020')
    """
    if low is None or high is None:
        return no_data(language)
    return f"{fixed(low, language, digits)}{_between(low)}{fixed(high, language, digits)}"


def percent_interval(low: float | None, high: float | None, language: Language, digits: int = 0) -> str:
    """Return the two ends of an interval of a share, in percent.

    >>> percent_interval(0.02, 0.051, "en")
    '2–5%'
    """
    if low is None or high is None:
        return no_data(language)
    return f"{number(low * 100, language, digits)}{_between(low)}{percent(high, language, digits)}"


def as_date(value: str | date) -> date:
    """Return the date of an ISO text (of a moment: its day)."""
    return value if isinstance(value, date) else datetime.fromisoformat(value).date()


def long_day(value: str | date | None, language: Language) -> str:
    """Return a date in words.

    >>> long_day("2026-11-22", "lv"), long_day("2026-11-22", "en")
    ('2026. gada 22. novembris', '22 November 2026')
    """
    if value is None:
        return no_data(language)
    return str(format_date(as_date(value), format="long", locale="lv" if language == "lv" else "en_GB"))


def short_day(value: str | date | None, language: Language) -> str:
    """Return a date for a narrow column.

    >>> short_day("2026-11-02", "lv"), short_day("2026-11-02", "en")
    ('02.11.2026.', '2 Nov 2026')
    """
    if value is None:
        return no_data(language)
    return Day(as_date(value)).in_language(language)


def day_after_until(value: str | date, language: Language) -> str:
    """Return a date in the case that follows "līdz" (until).

    >>> day_after_until("2027-09-30", "lv"), day_after_until("2027-09-30", "en")
    ('2027. gada 30. septembrim', '30 September 2027')
    """
    on = as_date(value)
    return (
        f"{on.year}. gada {on.day}. {LATVIAN_MONTHS_DATIVE[on.month - 1]}" if language == "lv" else long_day(on, "en")
    )


def day_on_which(value: str | date, language: Language) -> str:
    """Return a date in the case that says on which day something was so.

    >>> day_on_which("2026-11-22", "lv"), day_on_which("2026-11-22", "en")
    ('2026. gada 22. novembrī', 'on 22 November 2026')
    """
    on = as_date(value)
    if language == "lv":
        return f"{on.year}. gada {on.day}. {LATVIAN_MONTHS_LOCATIVE[on.month - 1]}"
    return f"on {long_day(on, 'en')}"


def school_year(value: str | date, language: Language) -> str:
    """Return the school year in which a day lies.

    >>> school_year("2026-03-01", "lv"), school_year("2026-09-01", "en")
    ('2025./2026. m. g.', '2026/27')
    """
    on = as_date(value)
    first = on.year if on.month >= FIRST_MONTH_OF_SCHOOL_YEAR else on.year - 1
    return f"{first}./{first + 1}. m. g." if language == "lv" else f"{first}/{(first + 1) % 100:02d}"


def stage(kind: str | None, stage_number: int | None, language: Language) -> str:
    """Return a grade or a year of vocational education.

    >>> stage("grade", 5, "lv"), stage("vet_year", 1, "lv"), stage("vet_year", 1, "en")
    ('5. klase', '1. kurss', 'VET year 1')
    """
    if kind is None or stage_number is None:
        return no_data(language)
    text = {
        "grade": message("grade {number}", number=stage_number),
        "vet_year": message("VET year {number}", number=stage_number),
    }.get(kind, message("course {number}", number=stage_number))
    return text.in_language(language)


def pupils(count: int, language: Language) -> str:
    """Return a count of pupils.

    >>> [pupils(count, "lv") for count in (1, 2, 10, 11, 21)]
    ['1 izglītojamais', '2 izglītojamie', '10 izglītojamo', '11 izglītojamo', '21 izglītojamais']
    """
    return plural("{n} pupil", "{n} pupils", count, n=number(count, language)).in_language(language)


def natural_frequency(of_pupils: int, left_of_them: int, horizon_on: str | date, language: Language) -> str:
    """Return how often such a score was followed by early leaving, as a count of people.

    ``horizon_on`` is the last day of the window; its day and month are named, because the figure is of past cohorts.

    >>> natural_frequency(100, 3, "2027-09-30", "lv")
    'no 100 izglītojamajiem ar šādu vērtējumu mācības līdz 30. septembrim pārtrauca 3'
    """
    on = as_date(horizon_on)
    day = f"{on.day}. {LATVIAN_MONTHS_DATIVE[on.month - 1]}" if language == "lv" else format_date(on, "d MMMM", "en_GB")
    if left_of_them == 0:
        text = plural(
            "of {of} pupil with such a score, none left early by {day}",
            "of {of} pupils with such a score, none left early by {day}",
            of_pupils,
            of=number(of_pupils, language),
            day=day,
        )
    else:
        text = plural(
            "of {of} pupil with such a score, {left} left early by {day}",
            "of {of} pupils with such a score, {left} left early by {day}",
            of_pupils,
            of=number(of_pupils, language),
            left=number(left_of_them, language),
            day=day,
        )
    return text.in_language(language)
