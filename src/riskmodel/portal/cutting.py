"""Extracts cut to a scope: rows of other pupils and columns of other tasks leave before a kernel or a file sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from riskmodel.portal.policy import RULES, Scope
from riskmodel.support.catalogue import catalogue

Row = Mapping[str, Any]

WITHHELD_GROUPS: Mapping[str, frozenset[str]] = {"teacher": frozenset({"economic"})}
"""Groups of features that a profile does not see: whether a family is short of money is the affair of support staff."""
WITHHELD_WAYS: Mapping[str, frozenset[str]] = {"teacher": frozenset({"economic"})}
"""Ways of support, of the catalogue, whose use would tell the same."""
OF_ONE_PUPIL = frozenset({"trend", "what_if", "support"})
"""What only the page of one pupil tells."""


def cut_school(extract: Row, scope: Scope) -> dict[str, Any]:
    """Return a school's extract with the pupils and columns of a scope of the school or of one pupil, and nothing else.

    A place in the order stays that of the school, and ``school.pupils`` says of how many; ``counts`` are those of the
    pupils that are left (for one pupil: ``pupils`` of the school alone). ``withheld`` names the groups of features that
    were left out for the profile, the same for all its pupils, so that it tells nothing about one. Base score, reasons
    and rest still add up to the raw score.
    """
    withheld = WITHHELD_GROUPS.get(scope.profile, frozenset())
    ways = WITHHELD_WAYS.get(scope.profile, frozenset())
    everyone = extract["pupils"]
    pupils = [
        _without(pupil, withheld, ways)
        for pupil in everyone
        if scope.pupil_ids is None or pupil["pupil_id"] in scope.pupil_ids
    ]
    counts = {"pupils": len(everyone)} if RULES[scope.view].unit == "pupil" else _counts(pupils)
    school = {**extract["school"], "pupils": len(everyone)}
    return {**extract, "school": school, "counts": counts, "pupils": pupils, "withheld": sorted(withheld)}


def cut_to_list(extract: Row) -> dict[str, Any]:
    """Return a school's extract without what its list does not tell, and its kernel need not read."""
    pupils = [{name: part for name, part in one.items() if name not in OF_ONE_PUPIL} for one in extract["pupils"]]
    return {**extract, "pupils": pupils}


def cut_schools(index: Row, scope: Scope) -> dict[str, Any]:
    """Return the list of schools with those of a scope."""
    own = set(scope.unit.split(","))
    return {**index, "schools": [school for school in index["schools"] if str(school["school_id"]) in own]}


def _counts(pupils: list[dict[str, Any]]) -> dict[str, int]:
    bands = Counter(pupil["band_code"] for pupil in pupils)
    states = Counter(pupil["state_code"] for pupil in pupils)
    return {
        "pupils": len(pupils),
        **{f"band_{band}": bands[band] for band in ("low", "medium", "high")},
        **{state: states[state] for state in ("unsure", "too_little_data")},
        "within_capacity": sum(bool(pupil["is_within_capacity"]) for pupil in pupils),
    }


def _without(pupil: Row, groups: frozenset[str], ways: frozenset[str]) -> dict[str, Any]:
    """Return a pupil without reasons of these groups, and without support given in these ways."""
    cut = dict(pupil)
    if not groups:
        return cut
    gone = [reason for reason in pupil["reasons"] if reason["group_code"] in groups]
    cut["reasons"] = [reason for reason in pupil["reasons"] if reason["group_code"] not in groups]
    cut["rest"] = pupil["rest"] + sum(reason["contribution"] for reason in gone)
    cut["no_data_on"] = [group for group in pupil["no_data_on"] if group not in groups]
    if pupil.get("change"):
        reasons = [reason for reason in pupil["change"].get("reasons") or () if reason["group_code"] not in groups]
        cut["change"] = {**pupil["change"], "reasons": reasons}
    if pupil.get("what_if"):
        cut["what_if"] = [one for one in pupil["what_if"] if not _touches(one, pupil, groups)]
    if pupil.get("support"):
        cut["support"] = [one for one in pupil["support"] if _way_of(one["measure_code"]) not in ways]
    return cut


def _touches(what_if: Row, pupil: Row, groups: frozenset[str]) -> bool:
    """Whether an assumption is about a feature of these groups, or about one whose group is not known here."""
    group_of = {reason["feature_code"]: reason["group_code"] for reason in pupil["reasons"]}
    return any(group_of.get(code, "") in {"", *groups} for code in what_if["feature_codes"])


def _way_of(measure_code: str) -> str:
    return next((measure.group for measure in catalogue().measures if measure.code == measure_code), "")
