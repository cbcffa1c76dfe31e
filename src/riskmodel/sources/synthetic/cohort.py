"""A Latvian cohort of invented pupils, as a delivery, with the planted truth beside it.

Municipalities, calendar and area indicators are real; schools, names, codes and every fact about a pupil are invented
from a seed. The same plan gives the same bytes. ``truth/`` holds the true log-odds of leaving, their parts and the
true probability for each cohort; the pipeline never reads it. Pages drawn from this cohort are no evidence about Latvia.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from riskmodel.errors import UsageError
from riskmodel.latvia import SchoolYear, school_year
from riskmodel.messages import Message, message
from riskmodel.sources.fetch import new_folder
from riskmodel.sources.synthetic.files import DeliveryFolders
from riskmodel.sources.synthetic.oracle import Oracle
from riskmodel.sources.synthetic.people import FIRST_LANGUAGES, Codes
from riskmodel.sources.synthetic.planted import Planted
from riskmodel.sources.synthetic.recording import Recorder
from riskmodel.sources.synthetic.rows import add_areas, add_terms
from riskmodel.sources.synthetic.schools import VET_PUPIL_SHARE, District, make_districts, usual_school_count
from riskmodel.sources.synthetic.truth import BASE_LOG_ODDS
from riskmodel.sources.synthetic.year import Calendar, World

Say = Callable[[Message], None]

LAST_FIRST_YEAR = 2024
"""By default the last school year is 2024/25, the newest with a published calendar."""

FEWEST_PUPILS, FEWEST_SCHOOLS, MOST_YEARS = 200, 3, 15
MOST_PUPILS = 2_000_000
PUPILS_OF_THE_LARGEST_SCHOOL = 1600
LEAST_VET_SHARE, MOST_VET_SHARE = 0.05, 0.5
DAYS_TO_DELIVERY = 3
"""A delivery is made so many days after semester 1: the Monday after its last Friday."""


@dataclass(frozen=True)
class Plan:
    """What to synthesise.

    ``pupils`` are enrolled at a time (those of all years together are about half as many again); ``schools`` is as in
    Latvia for so many pupils if None, and ``vet_share`` the share of pupils in vocational schools. The last school
    year is the one of ``first_year + years - 1``. ``delivered_on``: what became known later is not in the delivery;
    default is the Monday after semester 1 of the last year (23 December 2024), so that the last day of the semester
    (20 December 2024) can be the cut-off date. A plan that differs in ``delivered_on``, ``lessons`` or ``deliveries``
    alone gives other deliveries of the same cohort.
    """

    pupils: int = 4000
    schools: int | None = None
    years: int = 5
    seed: int = 7
    first_year: int | None = None
    delivered_on: date | None = None
    vet_share: float = VET_PUPIL_SHARE
    world: Planted = field(default_factory=Planted)
    """What is planted."""
    lessons: Literal["missed", "all"] = "missed"
    """``all``: of the last school year every lesson is delivered, attended ones too, and no planned weeks."""
    deliveries: Literal["one", "yearly"] = "one"
    """``yearly``: one folder per school year, delivered on the last day before the next, with what was new then."""

    @property
    def school_years(self) -> list[SchoolYear]:
        """The school years, oldest first."""
        first = LAST_FIRST_YEAR - self.years + 1 if self.first_year is None else self.first_year
        return [school_year(year) for year in range(first, first + self.years)]

    @property
    def school_count(self) -> int:
        """The number of schools."""
        return usual_school_count(self.pupils) if self.schools is None else self.schools

    @property
    def day_of_delivery(self) -> date:
        """The day on which the (last) delivery is made."""
        return self.delivered_on or self.school_years[-1].semester_1_ends_on + timedelta(days=DAYS_TO_DELIVERY)

    @property
    def cut_off_date(self) -> date:
        """The day for which the truth holds in the last school year: the last day of its semester 1.

        In earlier years it is the day that lies as many days after the start of the year.
        """
        return self.school_years[-1].semester_1_ends_on

    def folders(self, folder: Path) -> list[tuple[Path, date]]:
        """Return folder and day of each delivery, oldest first."""
        if self.deliveries == "one":
            return [(folder, self.day_of_delivery)]
        years = self.school_years
        ends = [following.starts_on - timedelta(days=1) for following in years[1:]] + [self.day_of_delivery]
        return [(folder / year.name.replace("/", "-"), day) for year, day in zip(years, ends, strict=True)]


def synthesise(plan: Plan, folder: Path, say: Say) -> None:
    """Write the deliveries of the cohort into ``folder`` (new or empty), with ``truth/`` in it.

    Districts live one after the other: memory is that of one (with a semester of all its lessons) and its largest school, whatever
    the number of pupils; rows that wait to be written lie on disk.

    Raises
    ------
    UsageError
        For a plan out of range, or a folder that holds something already.
    """
    _check(plan, folder)
    years = plan.school_years
    rng = np.random.default_rng([plan.seed, 0])
    districts = make_districts(rng, plan.pupils, plan.school_count, plan.vet_share, years[-1].starts_on)
    calendar = Calendar(
        years,
        plan.cut_off_date - years[-1].starts_on,
        plan.vet_share,
        years[-1].first_year if plan.lessons == "all" else None,
        plan.world,
        Oracle(FIRST_LANGUAGES, [school_id for district in districts for school_id in district.schools.school_id]),
    )
    recorder = Recorder(plan.world.recording, plan.seed, years, _municipalities(districts))
    codes = Codes.none_yet(plan.seed)
    with new_folder(folder) as part, DeliveryFolders(part, plan.folders(part), recorder) as files:
        add_terms(files, years)
        add_areas(files)
        for district in districts:
            world = World(files, district, calendar, codes, plan.seed)
            for year in years:
                pupils = world.live(year)
                say(
                    message(
                        "District {number} of {count}, {school_year}: pupils {pupils}, rows of absence so far {rows}.",
                        number=district.number,
                        count=len(districts),
                        school_year=year.name,
                        pupils=pupils,
                        rows=files.rows("attendance"),
                    )
                )
            world.describe()
        _write_truth(plan.world, world.cohort_dates, recorder, calendar.oracle, part)
        files.finish()
    say(message("The delivery is complete: {folder}.", folder=folder.name))


def _check(plan: Plan, folder: Path) -> None:
    _check_sizes(plan)
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


def _check_sizes(plan: Plan) -> None:
    few = plan.pupils < FEWEST_PUPILS or plan.school_count < FEWEST_SCHOOLS or not 1 <= plan.years <= MOST_YEARS
    large = plan.pupils > MOST_PUPILS or plan.pupils > PUPILS_OF_THE_LARGEST_SCHOOL * plan.school_count
    if few or large or not LEAST_VET_SHARE <= plan.vet_share <= MOST_VET_SHARE:
        raise UsageError(
            message(
                "A cohort must have {pupils} to {most} pupils, at least {schools} schools of at most {largest} pupils, "
                "1 to {years} years and a vocational share of {low} to {high}.",
                pupils=FEWEST_PUPILS,
                most=MOST_PUPILS,
                schools=FEWEST_SCHOOLS,
                largest=PUPILS_OF_THE_LARGEST_SCHOOL,
                years=MOST_YEARS,
                low=LEAST_VET_SHARE,
                high=MOST_VET_SHARE,
            ),
            found=message(
                "Asked for: pupils {pupils}, schools {schools}, years {years}, vocational share {share}.",
                pupils=plan.pupils,
                schools=plan.school_count,
                years=plan.years,
                share=plan.vet_share,
            ),
            remedy=message("Give other numbers."),
            where="synthesise",
        )


def _municipalities(districts: tuple[District, ...]) -> dict[str, str]:
    """Return the code of the municipality of each school, as since the reform."""
    return {
        school_id: municipality.code
        for district in districts
        for school_id, municipality in zip(district.schools.school_id, district.schools.municipality, strict=True)
    }


def _write_truth(world: Planted, cohort_dates: list[date], recorder: Recorder, oracle: Oracle, folder: Path) -> None:
    planted = {
        "world": world.sizes(),
        "log_odds": asdict(world.leaving.log_odds),
        "base_log_odds": BASE_LOG_ODDS,
        "cohorts": [day.isoformat() for day in cohort_dates],
        "recorded": recorder.describe(),
        "oracle": oracle.figures(),
    }
    text = json.dumps(planted, indent=2, ensure_ascii=False) + "\n"
    (folder / "truth" / "planted.json").write_text(text, "utf-8")
