"""Settings of a run, each with its default and its reason, and where the project's own files lie.

Policy numbers have their home here: a screen or a test that needs one imports it.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from riskmodel.errors import UsageError
from riskmodel.messages import message

PACKAGE_FOLDER = Path(__file__).parent
CHECKOUT_FOLDER = PACKAGE_FOLDER.parent.parent

HERE = ZoneInfo("Europe/Riga")
"""On whose clock a day begins and ends: that of the schools, not that of the server."""

WORTH_A_LOOK_PSI = 0.1
"""The usual lower bound of the population stability index: above it the form of a distribution has changed."""

HEADLINE_SPLITS = ("mature", "school_disjoint")
"""By which split a run says how good its scores are: out of time; in the first years, where nobody could teach, out of school."""

FLAG_LEVELS = (0.05, 0.10, 0.15)
"""A difference between a group of pupils and all others is flagged from the first of these up, if chance does not explain it."""


def resource(*parts: str) -> Path:
    """Return the path of one of the project's own data files, in a checkout or installed.

    >>> resource("texts").name
    'texts'
    """
    in_checkout = CHECKOUT_FOLDER.joinpath("data", *parts)
    return in_checkout if in_checkout.exists() else PACKAGE_FOLDER.joinpath("_data", *parts)


def notebook_folder() -> Path:
    """Return the folder of the notebooks, in a checkout or installed."""
    in_checkout = CHECKOUT_FOLDER / "notebooks"
    return in_checkout if in_checkout.exists() else PACKAGE_FOLDER / "_notebooks"


class Settings(BaseModel):
    """What a run may be told. Unknown names and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cut_off_date: date
    """The last day whose knowledge the run may use."""

    horizon_on: date | None = None
    """Last day of the label window. None: 30 September after the end of the cohort's school year."""

    label_delay_days: int = Field(default=30, ge=0)
    """Days after the window until an exit is taken to be reported."""

    capacity_share: float = Field(default=0.10, gt=0, le=1)
    """Share of a school's pupils for whom there are places, where no capacity was delivered."""

    capacity_places: int | None = Field(default=None, ge=1)
    """Places in every school; None: the delivered capacity, else ``capacity_share``."""

    seed: int = Field(default=7, ge=0)

    max_file_bytes: int = Field(default=12 * 10**9, ge=1)
    """A larger file of a delivery is refused before it is read (a national year of lesson rows is 8 to 9 GB as CSV)."""

    max_quarantined_share: float = Field(default=0.01, ge=0, le=1)
    """A table with more than this share of quarantined rows holds the run."""

    max_school_rows_change: float = Field(default=0.20, ge=0)
    """A school whose rows changed by more than this share since the last run holds the run."""

    max_calibration_gap: float = Field(default=0.05, gt=0, le=1)
    """Mean prediction minus observed share in the newest matured cohort beyond this holds the run."""

    max_drift_psi: float = Field(default=0.25, gt=0)
    """Population stability index of a feature above this is drift, if its mean moved too (0.1: worth a look)."""

    max_drift_shift: float = Field(default=1.0, gt=0)
    """A mean that moved by more than so many standard deviations besides holds the run: another unit moves it by more,
    a calendar with a few school days more by less."""

    max_recorded_times: float = Field(default=1.5, gt=1)
    """Absences recorded so many times more or fewer than in the nearest past cohort hold the run, if their form changed
    too (PSI above .1): half of them, as in remote learning, is 2; years differ by a tenth or two."""

    max_foretold_times: float = Field(default=1.1, gt=1)
    """So many times more or fewer leavers in the newest matured cohort than were foretold, chance apart (two standard errors),
    hold the run: years of one country differ by some per cent, and every probability is wrong by as much."""

    max_missing_rise: float = Field(default=0.10, gt=0, le=1)
    """A feature without data for so many more of the pupils than before holds the run, one silent school apart."""

    max_feature_auc: float = Field(default=0.95, gt=0.5, le=1)
    """One feature alone that ranks better than this is taken for a leak of the label and holds the run."""

    unsure_share: float = Field(default=0.2, gt=0, lt=0.5)
    """Of those who left, and of those who stayed, so many may have a prediction set that misses it. The smaller, the more
    pupils have a set of both and are told "not certain": in drawn worlds 40 % of them at .1, 13 % at .2."""

    new_pupil_days: int = Field(default=28, ge=0)
    """A pupil of fewer days in the school is not assessed unless attendance and learning are both known: features look four
    weeks back, and what the school before recorded comes late."""

    bootstrap_replicates: int = Field(default=1000, ge=100)

    score_with_protected: bool = False
    """Use sex, first language and special needs for scoring. Off: they are kept for audit only."""

    support_aware: bool = True
    """Score as if no new support were given: pupils whom support kept must not teach that they were safe."""

    support_method: Literal["reweight", "column"] = "reweight"
    """How. ``reweight``: pupils with support inside the label window teach nothing, and those without who had been as likely
    to get it count for more. ``column``: all teach, support is a column, and scores set it to none. In drawn worlds the
    risk of those supported is then found .027 and .051 too low; if support is not looked at, .075."""

    full: bool = False
    """Also learn what takes minutes on a whole country: explainable boosting machine, forest, boosting without constraints,
    and folds by school. Off: default model, logistic regression and rules, each on every matured cohort."""

    most_training_rows: int = Field(default=40_000, ge=0)
    """So many pupils teach one fit, about: leavers first, and of those who stayed an even share (0: all). In cohorts of
    150,000 the AUC with 40,000 is .0004 below that with all 590,000, for a tenth of the time; see the design note."""

    worth_having: float = Field(default=0.02, gt=0, le=0.10)
    """Smallest effect of a measure worth having, as a share of pupils, set before the run: two points, one pupil in fifty."""

    hour_eur: float = Field(default=0.0, ge=0, le=1000)
    """What an hour of a teacher's or specialist's support costs, as the founder of the schools says; 0: not known, and then no
    price is told of measures that consist of hours."""

    n_min: int = Field(default=10, ge=5)
    """Municipality and state see no count below this, and nothing from which one could be worked out."""

    n_min_decision: str = "default of the project: the number that states of the USA use most often"
    """Who decided on ``n_min``, and why: it is recorded with every release."""

    threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _horizon_after_cut_off(self) -> Self:
        if self.horizon_on is not None and self.horizon_on <= self.cut_off_date:
            raise ValueError("horizon_on must be later than cut_off_date")
        return self


def read_settings(path: Path | None, **given: object) -> Settings:
    """Return the settings of a TOML file, with ``given`` (values from the command line) laid over them.

    Raises
    ------
    UsageError
        For a file that is not TOML, an unknown name, or a value of another type or range.
    """
    values: dict[str, object] = {}
    where = str(path) if path else "settings"
    if path is not None:
        try:
            values = dict(tomllib.loads(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(
                message("A settings file must be a readable TOML text in UTF-8."),
                found=message("It could not be read: {reason}.", reason=type(error).__name__),
                remedy=message("Correct the file, or run without --settings."),
                where=where,
            ) from error
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "horizon_on"
        raise UsageError(
            message("Every setting must have a known name and a value of its type and range."),
            found=message("{name}: {reason}.", name=name, reason=first["msg"]),
            remedy=message("Correct this setting; riskmodel run --help lists them all."),
            where=where,
        ) from None
