"""How far a programme reaches on a day: its members against the municipalities of that day, and against every published target.

Memberships are dated, and so is the map: 119 municipalities became 43 in July 2021 and 42 in July 2025. A member is counted as
the municipality that it is on the day, so that four old members inside one new municipality are one, and a share never compares
the members of one map with the municipalities of another. Where sources state different targets, all of them are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select

from riskmodel.latvia import REFORM_ON, municipalities, municipality_on, units_before_reform
from riskmodel.support.programmes import Target, targets
from riskmodel.support.schema.places import INSTITUTION, MEMBERSHIP


@dataclass(frozen=True)
class Against:
    """A published target, and how much of it is reached (1 is all of it)."""

    target: Target
    reached_share: float

    @property
    def is_reached(self) -> bool:
        """Whether it is reached, or more."""
        return self.reached_share >= 1


@dataclass(frozen=True)
class Coverage:
    """The members of a programme on a day.

    Attributes
    ----------
    municipalities, of_municipalities
        Member municipalities, and all that there are on the day.
    institutions
        Member institutions of every kind.
    state_vet
        Those of them that are state vocational schools; with the municipalities they are the partners.
    unplaced
        Codes of members that are no municipality of the day; they are in no count.
    targets
        Every published target of the programme, those that disagree beside one another.
    """

    programme: str
    on: date
    municipalities: int
    of_municipalities: int
    institutions: int
    state_vet: int
    unplaced: tuple[str, ...]
    targets: tuple[Against, ...]

    @property
    def municipalities_share(self) -> float:
        """Member municipalities of all that there are on the day, 0–1."""
        return self.municipalities / self.of_municipalities

    @property
    def partners(self) -> int:
        """Those who sign an agreement with the state's service: municipalities and state vocational schools."""
        return self.municipalities + self.state_vet


def coverage(connection: Connection, programme: str, on: date) -> Coverage:
    """Return how far a programme reaches on a day; one question to the data base."""
    member = MEMBERSHIP.c
    rows = connection.execute(
        select(member.member_kind, member.member_code, INSTITUTION.c.institution_kind)
        .select_from(
            MEMBERSHIP.outerjoin(
                INSTITUTION,
                (member.member_kind == "institution")
                & (INSTITUTION.c.school_id == member.member_code)
                & (INSTITUTION.c.valid_from <= on)
                & or_(INSTITUTION.c.valid_to.is_(None), INSTITUTION.c.valid_to > on),
            )
        )
        .where(
            member.programme == programme,
            member.valid_from <= on,
            or_(member.valid_to.is_(None), member.valid_to > on),
        )
    ).all()
    places = {row.member_code: unit_on(row.member_code, on) for row in rows if row.member_kind == "municipality"}
    institutions = {row.member_code for row in rows if row.member_kind == "institution"}
    state_vet = {row.member_code for row in rows if row.institution_kind == "state_vet"}
    members, everywhere = len({unit for unit in places.values() if unit is not None}), len(municipalities(on))
    reached = {"institutions": float(len(institutions)), "municipalities_share": members / everywhere}
    return Coverage(
        programme,
        on,
        members,
        everywhere,
        len(institutions),
        len(state_vet),
        tuple(sorted(code for code, unit in places.items() if unit is None)),
        tuple(
            Against(target, reached[target.of] / target.number) for target in targets() if target.programme == programme
        ),
    )


def unit_on(code: str, on: date) -> str | None:
    """Return the code of the municipality that a member is on a day; None where the day knows none.

    A code of today names, before the reform, the unit of the same name.

    >>> unit_on("LV-093", date(2022, 12, 31)), unit_on("LV0004000", date(2019, 3, 1)), unit_on("LV9999000", date(2019, 3, 1))
    ('LV0033000', 'LV-JUR', None)
    """
    try:
        return municipality_on(code, on).code
    except KeyError:
        pass
    since = {each.code: each.iso_code for each in municipalities(REFORM_ON)}
    if on >= REFORM_ON or code not in since:
        return None
    own = [unit.code for unit in units_before_reform(code) if unit.code == since[code]]
    return own[0] if own else None


def municipality_name(code: str, on: date) -> str:
    """Return the name of a municipality as it was on a day; its code where no table knows it."""
    unit = unit_on(code, on)
    return code if unit is None else municipality_on(unit, on).name
