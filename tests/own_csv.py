"""Writes the files of ``data/examples/own_csv``: an invented municipality's export, one row per pupil and school year.

    python tests/own_csv.py data/examples/own_csv

Nobody in it exists: names are drawn from short lists, register numbers are the export's own. Whether a pupil leaves
depends on the absences and marks that the rows show, and on chance, so that a run on them has something to find.
"""

from __future__ import annotations

import csv
import io
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

SEED = 2024
FIRST_YEAR, LAST_YEAR = 2020, 2024
PUPILS = 400
LEAVING_SHARE_AT_MEAN = 0.05
SCHOOLS = (
    ("901", "Liepu pamatskola", "vispārējā", "klase", 7, 9),
    ("902", "Upes vidusskola", "vispārējā", "klase", 10, 12),
    ("903", "Kalna vidusskola", "vispārējā", "klase", 7, 12),
    ("904", "Ezera tehnikums", "profesionālā", "kurss", 1, 4),
)
FIRST_NAMES = (
    "Ādams",
    "Beāte",
    "Dāvis",
    "Elīna",
    "Ģirts",
    "Ieva",
    "Jānis",
    "Kārlis",
    "Laima",
    "Mārtiņš",
    "Ņina",
    "Ūna",
)
LAST_NAMES = (
    "Āboliņš",
    "Bērziņa",
    "Čakste",
    "Kļava",
    "Ķirsis",
    "Liepa",
    "Ošs",
    "Priede",
    "Šmits",
    "Vītola",
    "Žagars",
    "Egle",
)
HEADER = (
    "Mācību gads", "Skola", "Posms", "Klase", "Grupa", "Izgl. Nr.", "Vārds", "Uzvārds", "Dzimis", "Dzimums", "Sākums",
    "Beigas", "Iemesls", "Kavēts attaisnoti", "Kavēts neattaisnoti", "Latviešu valoda", "Matemātika", "Angļu valoda",
    "Brīvpusdienas", "Attālums km", "Piezīmes",
)  # fmt: skip


@dataclass
class Pupil:
    """An invented pupil and where the pupil is."""

    number: str
    first_name: str
    last_name: str
    born: tuple[int, int, int]
    sex: str
    school: tuple[str, str, str, str, int, int]
    stage: int
    trouble: float
    has_meals: bool
    distance: float


def invent() -> dict[str, bytes]:
    """Return the files of the export by name."""
    chance = random.Random(SEED)
    pupils = [_newcomer(chance, FIRST_YEAR, number, anywhere=True) for number in range(PUPILS)]
    files = {"skolas.csv": _schools()}
    number = PUPILS
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        rows, staying = [], []
        for pupil in pupils:
            row, is_staying = _year(chance, pupil, year)
            rows.append(row)
            if is_staying:
                staying.append(pupil)
        files[f"skoleni_{year}.csv"] = _text((HEADER, *sorted(rows, key=lambda row: (row[1], row[2], row[3], row[5]))))
        while len(staying) < PUPILS:
            staying.append(_newcomer(chance, year + 1, number, anywhere=False))
            number += 1
        pupils = staying
    return files


def _newcomer(chance: random.Random, year: int, number: int, *, anywhere: bool) -> Pupil:
    school = chance.choice(SCHOOLS)
    stage = chance.randint(school[4], school[5]) if anywhere else school[4]
    age = stage + (6 if school[3] == "klase" else 15)
    return Pupil(
        number=f"L-{number:05d}",
        first_name=chance.choice(FIRST_NAMES),
        last_name=chance.choice(LAST_NAMES),
        born=(year - age, chance.randint(1, 12), chance.randint(1, 28)),
        sex=chance.choice("SV"),
        school=school,
        stage=stage,
        trouble=chance.gauss(0, 1),
        has_meals=chance.random() < 0.25,
        distance=round(chance.expovariate(1 / 6), 1),
    )


def _year(chance: random.Random, pupil: Pupil, year: int) -> tuple[tuple[str, ...], bool]:
    """Return a pupil's row of a school year and whether the pupil comes back; moves the pupil a stage on."""
    pupil.trouble = 0.3 * pupil.trouble + 0.95 * chance.gauss(0, 1)
    unexcused = min(200, max(0, round(math.exp(1.6 + 0.9 * pupil.trouble + 0.4 * chance.gauss(0, 1))) - 2))
    excused = max(0, round(14 + 9 * chance.gauss(0, 1) + 4 * pupil.trouble))
    marks = [_mark(chance, pupil.trouble) for _ in range(3)]
    risk = math.log(LEAVING_SHARE_AT_MEAN / (1 - LEAVING_SHARE_AT_MEAN)) + 1.1 * pupil.trouble
    is_leaving = chance.random() < 1 / (1 + math.exp(-risk))
    is_last_stage = pupil.stage == pupil.school[5]
    ends, reason = "", ""
    if year < LAST_YEAR:
        if is_leaving:
            ends, reason = f"{chance.randint(1, 28):02d}.{chance.randint(2, 5):02d}.{year + 1}", "pārtraucis mācības"
        elif is_last_stage:
            ends, reason = f"14.06.{year + 1}", "beidzis"
        else:
            ends, reason = f"31.08.{year + 1}", "pārcelts"
    year_of_birth, month, day = pupil.born
    row = (
        f"{year}./{(year + 1) % 100}.", pupil.school[0], pupil.school[3], str(pupil.stage), f"{pupil.stage}{chance.choice('AB')}",
        pupil.number, pupil.first_name, pupil.last_name, f"{day:02d}.{month:02d}.{year_of_birth}", pupil.sex, f"01.09.{year}", ends,
        reason, str(excused), str(unexcused), *marks, "jā" if pupil.has_meals else "nē", str(pupil.distance).replace(".", ","), "",
    )  # fmt: skip
    pupil.stage += 1
    return row, not (is_leaving or is_last_stage)


def _mark(chance: random.Random, trouble: float) -> str:
    points = min(10.0, max(1.0, 6.3 - 0.9 * trouble + 1.1 * chance.gauss(0, 1)))
    return "nv" if points < 2.5 else f"{points:.1f}".replace(".", ",")


def _schools() -> bytes:
    rows = [(number, name, kind, "XX-PIEMERS") for number, name, kind, *_ in SCHOOLS]
    return _text((("Nr.", "Iestāde", "Veids", "Pašvaldība"), *rows))


def _text(rows: object) -> bytes:
    """Return rows as a Latvian office saves them: semicolons, Windows-1257, line ends of Windows."""
    told = io.StringIO()
    csv.writer(told, delimiter=";", lineterminator="\r\n").writerows(rows)
    return told.getvalue().encode("cp1257")


if __name__ == "__main__":
    for name, content in invent().items():
        (Path(sys.argv[1]) / name).write_bytes(content)
