"""What is planted in the synthetic cohort: a world, every size of it, in one place and in a plain TOML form.

A world has three parts. ``leaving`` says why pupils leave, ``support`` who is helped and how much that changes,
``recording`` what the registers make of it all. Whatever a file leaves out has the size of the default world.
None of it is evidence about Latvia: where no figure is published (yearly leaving by stage, the strength of a driver,
every effect), the size is an assumption to argue about.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.settings import resource

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Language = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
ExitCode = Literal["completed", "continuing", "transferred", "abroad", "left", "unknown"]
DeliveredTable = Literal[
    "enrolment", "attendance", "lessons_planned", "mark", "term_result", "economic_pupil", "capacity", "support"
]
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


# Why pupils leave


@dataclass(frozen=True, config=STRICT)
class LogOdds:
    """Change of the true log-odds of leaving per unit of each driver, as it stands on the cut-off date."""

    recent_unexcused: float = 0.5
    """Per unit of log(1 + unexcused lessons of the last eight weeks)."""
    unexcused_rise: float = 0.6
    """A threshold that shows about eight weeks before leaving: so many more unexcused lessons than in the eight weeks
    before (``Leaving.rise_from_lessons``)."""
    failed_subjects: float = 0.4
    """Per subject with an insufficient or missing term result, up to four."""
    overage: float = 0.55
    """Older than the stage by a year or more, or repeating it."""
    low_income: float = 0.45
    far_and_absent: float = 0.6
    """Interaction: lives far from school and misses lessons without excuse."""
    male: float = 0.55
    """Direct; more comes by absences and marks."""
    low_marks: float = 0.0
    """Per point by which the mean mark lies below 6. A decoy unless given a size: it goes with failed subjects."""
    free_meals: float = 0.0
    """A decoy unless given a size: goes with low income."""
    recent_late: float = 0.0
    """Per unit of log(1 + lessons come late to). A decoy unless given a size: goes with unexcused absence."""
    hidden_trouble: float = 0.0
    """Per standard deviation of what no register holds and teachers see."""


HIDDEN = ("hidden_trouble",)
"""Drivers that no register holds; the hidden school effect comes on top of them."""


@dataclass(frozen=True, config=STRICT)
class Leaving:
    """Why pupils leave, and how they end otherwise."""

    log_odds: LogOdds = field(default_factory=LogOdds)
    base_shift: float = 0.0
    """Added to the base log-odds of every stage."""
    prior_shift: float = 0.0
    """Added besides in the newest ``prior_shift_cohorts`` cohorts: a drift of the base rate."""
    prior_shift_cohorts: Count = 1
    school_effect_sd: Annotated[float, Field(ge=0)] = 0.35
    """Standard deviation of the hidden school effect (log-odds)."""
    rise_from_lessons: Count = 4
    far_from_km: Annotated[float, Field(ge=0)] = 15.0
    far_absent_from_lessons: Count = 3
    rise_leaves_within_days: Annotated[int, Field(ge=14)] = 56
    """Of pupils with ``unexcused_rise``, those who leave in spring do so within so many days of the cut-off."""
    autumn_slope: float = 0.6
    """How leaving before the cut-off goes with detachment (log rate per standard deviation)."""
    signs_factor: Annotated[float, Field(ge=0)] = 3.0
    """Unexcused absence in the eight weeks before leaving, as a multiple of the pupil's usual."""
    abroad_share: Share = 0.008
    """Share of the pupils that moves abroad in a year."""
    abroad_share_of: dict[Language, Share] = field(default_factory=dict)
    """The same for a first-language group that moves more or less often."""
    unknown_share: Share = 0.004
    """Share of the pupils that is lost from sight in a year."""


# Who is helped, and what it changes


@dataclass(frozen=True, config=STRICT)
class Effect:
    """What one measure changes in a pupil who gets it after the cut-off.

    ``log_odds`` moves the log-odds; ``points`` then moves the probability by percentage points, down to 0 at most.
    Only pupils whose probability without support lies in [``from_probability``, ``to_probability``) are touched.
    """

    log_odds: float = 0.0
    points: Annotated[float, Field(ge=-100, le=100)] = 0.0
    from_probability: Share = 0.0
    to_probability: Share = 1.0


MeasureCode = Literal["KA-PED", "KA-SOC", "KA-PSI", "KO-TRA"]


def _default_effects() -> dict[MeasureCode, Effect]:
    return {"KA-PED": Effect(-0.4), "KA-SOC": Effect(-0.5), "KA-PSI": Effect(), "KO-TRA": Effect()}


@dataclass(frozen=True, config=STRICT)
class Support:
    """Who gets support. The schools of a share go by a score and a cut, the others by their teachers' judgement."""

    rule_school_share: Share = 0.5
    override_share: Share = 0.10
    """Of the places given by the cut, those that staff give to another pupil of the school than the next in line."""
    has_lottery: bool = False
    """Pupils who tie for the last places draw lots; without it the order of the register decides."""
    eligible_from_points: Annotated[float, Field(ge=0)] = 3.0
    """The cut of the need score where places do not run out before."""
    places_share_low: Share = 0.055
    places_share_high: Share = 0.115
    """Places of a school and semester, as a share of its pupils, lie evenly between these; at least two. With them
    a country of Latvia's size has about 43 plans per institution and year (21,732 plans in 507, 2019/20)."""
    teachers_see_hidden: float = 0.0
    """Weight of the hidden trouble in the teachers' judgement (that of a standard deviation of need is 1)."""
    teachers_err: Annotated[float, Field(ge=0)] = 0.5
    """Standard deviation of what else goes into that judgement."""
    effects: dict[MeasureCode, Effect] = field(default_factory=_default_effects)
    """Measures without an entry change nothing."""

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if self.places_share_low > self.places_share_high:
            raise ValueError("places_share_low must not be above places_share_high")


# What the registers make of it


@dataclass(frozen=True, config=STRICT)
class When:
    """A semester, counted back from the newest school year of the cohort (``years_back`` 0)."""

    years_back: Count = 0
    semester: Literal[1, 2] = 1


@dataclass(frozen=True, config=STRICT)
class Silence:
    """Municipalities that deliver nothing: no row, which is not a zero."""

    municipalities: Annotated[int, Field(ge=1)] = 1
    """So many of those that have schools, chosen by the seed."""
    tables: tuple[DeliveredTable, ...] = ("attendance", "lessons_planned", "mark", "term_result")
    semesters: tuple[When, ...] = (When(),)


@dataclass(frozen=True, config=STRICT)
class Late:
    """Rows of a table that become known later than usual."""

    table: DeliveredTable
    share: Share
    days: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=STRICT)
class Twice:
    """Rows of a table that stand in it twice, the same in every cell."""

    table: DeliveredTable
    share: Share


def _default_confusion() -> dict[ExitCode, dict[ExitCode, Share]]:
    return {"left": {"unknown": 0.05}}


@dataclass(frozen=True, config=STRICT)
class Recording:
    """How registers record what happened. Rows are chosen by a hash of their key, so no batch matters."""

    excused: dict[Language, Share] = field(default_factory=dict)
    """By first language: share of the days with unexcused absence that are recorded as excused (hidden need)."""
    abroad_as_left: dict[Language, Share] = field(default_factory=dict)
    """By first language: share of the moves abroad that are recorded as leaving."""
    confusion: dict[ExitCode, dict[ExitCode, Share]] = field(default_factory=_default_confusion)
    """True exit class: recorded exit class: chance. The rest is recorded as it is."""
    silent: tuple[Silence, ...] = ()
    silent_school_share: Share = 0.02
    """Schools without any delivered attendance in a semester: no data, not no absence. In the newest at least one."""
    absences_only_school_share: Share = 0.0
    """Schools that deliver absences, but neither marks nor results."""
    late: tuple[Late, ...] = ()
    twice: tuple[Twice, ...] = ()
    leading_zero_school_share: Share = 0.0
    """Schools whose number in the register begins with zeros."""
    undashed_code_share: Share = 0.0
    """Pupils whose register id is written without its hyphen, so that one that begins with 0 looks like a number."""
    overlapping_transfer_share: Share = 0.0
    """Transfers whose old school closes the stay late, when the new one has begun."""
    overlapping_transfer_days: Annotated[int, Field(ge=1)] = 20
    passed_instead_of_points_from: When | None = None
    """From the start of a semester on, daily marks are passed / not passed instead of points."""
    absent_instead_of_unexcused_from: When | None = None
    """From the start of a semester on, the reason of an unexcused absence is left open."""
    absences_kept_share: Share = 1.0
    """In the semester ``absences_lost_in``, the share of absences that is recorded."""
    absences_lost_in: When | None = None

    def __post_init__(self) -> None:
        """Refuse chances that are more than certain."""
        if any(sum(chances.values()) > 1 for chances in self.confusion.values()):
            raise ValueError("the chances of recording.confusion must not sum to more than 1")


@dataclass(frozen=True, config=STRICT)
class Planted:
    """A world: everything that is planted in a synthetic cohort."""

    name: str = "default"
    leaving: Leaving = field(default_factory=Leaving)
    support: Support = field(default_factory=Support)
    recording: Recording = field(default_factory=Recording)

    def sizes(self) -> dict[str, Any]:
        """Return all sizes as plain numbers and names, for JSON or TOML."""
        return asdict(self)


_FORM = TypeAdapter(Planted)


def world_names() -> list[str]:
    """Return the names of the worlds that come with the project.

    >>> "no_signal" in world_names()
    True
    """
    return sorted(path.stem for path in resource("worlds").glob("*.toml"))


def read_world(name_or_path: str | Path) -> Planted:
    """Return a world by its name, or from a TOML file.

    A file has the tables ``[leaving]``, ``[support]`` and ``[recording]`` with the fields of :class:`Leaving`,
    :class:`Support` and :class:`Recording`; what it leaves out is as in the default world.

    Raises
    ------
    UsageError
        For an unknown name, a file that is not TOML, an unknown field, or a value of another type or range.

    >>> read_world("no_signal").leaving.school_effect_sd
    0.0
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in world_names():
            raise UsageError(
                message("A world must be one of those that come with the project, or a TOML file."),
                found=message("There is no world of this name."),
                remedy=message(
                    "Choose one of {names}, or give the path of a .toml file.", names=", ".join(world_names())
                ),
                where=str(name_or_path),
            )
        path = resource("worlds", f"{name_or_path}.toml")
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            message("The file of a world must be a readable TOML text in UTF-8."),
            found=message("It could not be read: {reason}.", reason=type(error).__name__),
            remedy=message("Correct the file, or choose a world by name: {names}.", names=", ".join(world_names())),
            where=str(name_or_path),
        ) from error
    return _checked(given, path.stem, str(name_or_path))


def _checked(given: dict[str, Any], name: str, where: str) -> Planted:
    try:
        # Through JSON, where a list may stand for a tuple and nothing else is converted.
        return _FORM.validate_json(json.dumps({"name": name} | given, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(
            message("Everything that is planted must have a known name and a value of its type and range."),
            found=message("{name}: {reason}.", name=".".join(str(part) for part in first["loc"]), reason=first["msg"]),
            remedy=message("Correct this value; the default world shows the form."),
            where=where,
        ) from None
