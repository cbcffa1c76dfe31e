"""Invented names and personal codes of the synthetic cohort: plausible to read, and nobody's.

Surnames are made of two words that no family bears together. A code of the old form carries a valid date and check
digit, but the date lies sixty years after the pupil's birth: nobody alive can have it. A code of the new form is drawn
from the last of its ranges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.latvia import Municipality

Integers = npt.NDArray[np.int64]

YEARS_AHEAD = 60
"""Dates in invented old codes lie this many years after birth (a multiple of four keeps 29 February valid)."""

NEW_CODE_RANGE = "39"
SPREAD = 387_420_489
"""3 to the 18th: coprime to the powers of ten below, so that multiples of it run through all numbers once."""

CHECK_WEIGHTS = np.array([1, 6, 3, 7, 9, 10, 5, 8, 4, 2])

FEMALE_NAMES = (
    *("Anna", "Elza", "Marta", "Alise", "Emīlija", "Sofija", "Katrīna", "Paula", "Elīna", "Laura", "Līva", "Estere"),
    *("Madara", "Zane", "Ieva", "Dārta", "Rūta", "Grieta", "Amēlija", "Keita", "Darja", "Viktorija", "Karīna", "Santa"),
)
MALE_NAMES = (
    *("Roberts", "Gustavs", "Markuss", "Oskars", "Jēkabs", "Kārlis", "Emīls", "Daniels", "Ralfs", "Tomass", "Rihards"),
    *("Jānis", "Artūrs", "Matīss", "Kristaps", "Edgars", "Rūdolfs", "Maksims", "Artjoms", "Deniss", "Toms", "Mārtiņš"),
)
SURNAME_BEGINNINGS = (
    *("Pasaku", "Teiku", "Sapņu", "Burvju", "Zvaigžņu", "Mākoņu", "Spārnu", "Brīnumu", "Dzirkstu", "Pūķu", "Rūķu"),
    "Laumu",
)
SURNAME_ENDINGS = (
    *(("kalns", "kalna"), ("lauks", "lauka"), ("bērzs", "bērza"), ("ezers", "ezera"), ("tilts", "tilta")),
    *(("zars", "zara"), ("avots", "avota"), ("krasts", "krasta"), ("mežs", "meža"), ("vējš", "vēja")),
    *(("dārzs", "dārza"), ("ceļš", "ceļa"), ("putns", "putna")),
)

SCHOOL_WORDS = (
    *("Bērzu", "Kļavu", "Ozolu", "Liepu", "Priežu", "Egļu", "Vītolu", "Ievu", "Ceriņu", "Pīlādžu", "Dzērvju"),
    *("Stārķu", "Cīruļu", "Lakstīgalu", "Saulgriežu", "Vizbuļu", "Pieneņu", "Rudzu", "Dzirnavu", "Ābeļu", "Kadiķu"),
)
CITY_GENITIVES = {"Rīga": "Rīgas", "Jelgava": "Jelgavas", "Jūrmala": "Jūrmalas", "Liepāja": "Liepājas"} | {
    "Rēzekne": "Rēzeknes"
}
SCHOOL_TYPES = {
    "basic": "pamatskola (izdomāta)",
    "secondary": "vidusskola (izdomāta)",
    "vocational": "tehnikums (izdomāts)",
}


def school_name(municipality: Municipality, type_code: str, number: int, shift: int) -> str:
    """Return the invented name of the school ``number`` (from 0) of its type in a municipality.

    ``type_code`` is ``basic``, ``secondary`` or ``vocational``; ``shift`` turns the list of words.
    """
    place = CITY_GENITIVES.get(municipality.name, municipality.name.replace("novads", "novada"))
    word = SCHOOL_WORDS[(number + shift) % len(SCHOOL_WORDS)]
    round_number = number // len(SCHOOL_WORDS)
    ordinal = f"{round_number + 1}. " if round_number else ""
    return f"{place} {word} {ordinal}{SCHOOL_TYPES[type_code]}"


def pupil_names(rng: np.random.Generator, is_male: npt.NDArray[np.bool_]) -> tuple[list[str], list[str]]:
    """Return invented first names and surnames, one of each per pupil."""
    count = len(is_male)
    first = rng.integers(0, 10_000, count)
    beginning = rng.integers(0, len(SURNAME_BEGINNINGS), count)
    ending = rng.integers(0, len(SURNAME_ENDINGS), count)
    first_names, last_names = [], []
    for male, name, start, end in zip(
        is_male.tolist(), first.tolist(), beginning.tolist(), ending.tolist(), strict=True
    ):
        names = MALE_NAMES if male else FEMALE_NAMES
        first_names.append(names[name % len(names)])
        last_names.append(SURNAME_BEGINNINGS[start] + SURNAME_ENDINGS[end][0 if male else 1])
    return first_names, last_names


def old_personal_codes(born: npt.NDArray[Any], serial: Integers) -> list[str]:
    """Return codes of the old form ``DDMMYY-CNNNK``, with a date sixty years after birth and a right check digit.

    Parameters
    ----------
    born
        Dates of birth, ``datetime64[D]``, of this century.
    serial
        Running number of the pupil among those born on the same day, 0 to 999.
    """
    months = born.astype("datetime64[M]")
    day = (born - months.astype("datetime64[D]")).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    year = (born.astype("datetime64[Y]").astype(np.int64) + 1970 + YEARS_AHEAD) % 100
    number = (serial * SPREAD + born.astype(np.int64) * 7919) % 1000
    body = ((day * 100 + month) * 100 + year) * 10_000 + 2000 + number  # 2: born in the 2000s
    digits = body[:, None] // 10 ** np.arange(9, -1, -1) % 10
    check = (1101 - digits @ CHECK_WEIGHTS) % 11 % 10
    return [
        f"{value // 10_000:06d}-{value % 10_000:04d}{last}"
        for value, last in zip(body.tolist(), check.tolist(), strict=True)
    ]


def new_personal_codes(number: Integers, shift: int) -> list[str]:
    """Return codes of the new form (eleven digits that say nothing), one per running number of a pupil."""
    digits = (number * SPREAD + shift) % 1_000_000_000
    return [f"{NEW_CODE_RANGE}{value // 100_000:04d}-{value % 100_000:05d}" for value in digits.tolist()]
