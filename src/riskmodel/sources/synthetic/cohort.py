"""A Latvian cohort of invented pupils, as a delivery, with the planted truth beside it.

Municipalities, calendar and area indicators are real; schools, names, codes and every fact about a pupil are invented
from a seed. The same plan gives the same bytes. ``truth/`` holds the true log-odds of leaving, their parts and the
true probability for each cohort; the pipeline never reads it. Pages drawn from this cohort are no evidence about Latvia.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.sources.fetch import new_folder
from riskmodel.sources.latvia import SchoolYear, school_year
from riskmodel.sources.synthetic.files import DeliveryFiles
from riskmodel.sources.synthetic.truth import BASE_LOG_ODDS, PLANTED, SCHOOL_EFFECT_SD, SUPPORT_LOG_ODDS
from riskmodel.sources.synthetic.year import World

Say = Callable[[Message], None]

LAST_FIRST_YEAR = 2024
"""By default the last school year is 2024/25, the newest with a published calendar."""

FEWEST_PUPILS, FEWEST_SCHOOLS, MOST_YEARS = 200, 3, 15
DAYS_TO_DELIVERY = 3
"""A delivery is made so many days after semester 1: the Monday after its last Friday."""


@dataclass(frozen=True)
class Plan:
    """What to synthesise.

    ``pupils`` are enrolled at a time (those of all years together are about half as many again). The last school year
    is the one of ``first_year + years - 1``. ``delivered_on``: what became known later is not in the delivery; default
    is the Monday after semester 1 of the last year (23 December 2024), so that the last day of the semester
    (20 December 2024) can be the cut-off date. A plan that differs in ``delivered_on`` alone gives an earlier or later
    delivery of the same cohort.
    """

    pupils: int = 4000
    schools: int = 24
    years: int = 5
    seed: int = 7
    first_year: int | None = None
    delivered_on: date | None = None

    @property
    def school_years(self) -> list[SchoolYear]:
        """The school years, oldest first."""
        first = LAST_FIRST_YEAR - self.years + 1 if self.first_year is None else self.first_year
        return [school_year(year) for year in range(first, first + self.years)]

    @property
    def day_of_delivery(self) -> date:
        """The day on which the delivery is made."""
        return self.delivered_on or self.school_years[-1].semester_1_ends_on + timedelta(days=DAYS_TO_DELIVERY)

    @property
    def cut_off_date(self) -> date:
        """The day for which the truth holds in the last school year: the last day of its semester 1.

        In earlier years it is the day that lies as many days after the start of the year.
        """
        return self.school_years[-1].semester_1_ends_on


def synthesise(plan: Plan, folder: Path, say: Say) -> None:
    """Write a delivery of the cohort into ``folder`` (new or empty), with ``truth/`` in it.

    Raises
    ------
    UsageError
        For a plan out of range, or a folder that holds something already.
    """
    _check(plan, folder)
    years = plan.school_years
    with new_folder(folder) as part, DeliveryFiles(part, plan.day_of_delivery) as files:
        world = World(files, plan.pupils, plan.schools, plan.seed, years, plan.cut_off_date)
        for year in years:
            pupils = world.live(year)
            say(
                message(
                    "{school_year}: pupils {pupils}, rows of absence so far {rows}.",
                    school_year=year.name,
                    pupils=pupils,
                    rows=files.rows.get("attendance", 0),
                )
            )
        world.describe()
        _write_truth(world, part)
        files.finish()
    say(message("The delivery is complete: {folder}.", folder=folder.name))


def _check(plan: Plan, folder: Path) -> None:
    if plan.pupils < FEWEST_PUPILS or plan.schools < FEWEST_SCHOOLS or not 1 <= plan.years <= MOST_YEARS:
        raise UsageError(
            message(
                "A cohort must have at least {pupils} pupils, {schools} schools and 1 to {years} years.",
                pupils=FEWEST_PUPILS,
                schools=FEWEST_SCHOOLS,
                years=MOST_YEARS,
            ),
            found=message(
                "Asked for: pupils {pupils}, schools {schools}, years {years}.",
                pupils=plan.pupils,
                schools=plan.schools,
                years=plan.years,
            ),
            remedy=message("Give other numbers."),
            where="synthesise",
        )
    last = plan.school_years[-1]
    earliest, latest = last.starts_on, date(last.first_year + 1, 8, 31)
    if not earliest <= plan.day_of_delivery <= latest:
        raise UsageError(
            message("The day of delivery must lie in the last school year or the summer after it."),
            found=message("It is {day}.", day=plan.day_of_delivery.isoformat()),
            remedy=message("Choose a day from {first} to {last}.", first=earliest.isoformat(), last=latest.isoformat()),
            where="delivered_on",
        )
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(
            message("The folder for the delivery must be new or empty."),
            found=message("Something is there already."),
            remedy=message("Name another folder with --out, or remove this one."),
            where=str(folder),
        )


def _write_truth(world: World, folder: Path) -> None:
    planted = {
        "log_odds": asdict(PLANTED),
        "base_log_odds": BASE_LOG_ODDS,
        "school_effect_sd": SCHOOL_EFFECT_SD,
        "support_log_odds": SUPPORT_LOG_ODDS,
        "cohorts": [day.isoformat() for day in world.cohort_dates],
    }
    text = json.dumps(planted, indent=2, ensure_ascii=False) + "\n"
    (folder / "truth").mkdir(exist_ok=True)
    (folder / "truth" / "planted.json").write_text(text, "utf-8")
    schools = world.schools
    world.files.add_truth("school", {"school_id": pa.array(schools.school_id), "log_odds": pa.array(schools.effect)})
