"""Demonstration accounts: one for every role, in units of the run that a store publishes, beside invented data only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.register.passwords import new_password
from riskmodel.register.people import Grant, Role
from riskmodel.register.store import Register
from riskmodel.runs.manifest import read_manifest
from riskmodel.runs.publish import Store, current_run
from riskmodel.views.extract import unfolded

LOGIN_PREFIX = "demo."
PUPILS_OF_A_SUBJECT_TEACHER = 12


@dataclass(frozen=True)
class DemoAccount:
    """A demonstration account with its password, which is known here alone."""

    login: str
    password: str
    grant: Grant


def demo_grants(store: Path) -> tuple[Grant, ...]:
    """Return a role of each kind in the current run of a store: all of one school, its municipality, the state.

    The school is the one with the most stages and, among those, the most pupils. The class is the one in which the most
    pupils need support; the subject teacher is named by the plans of the first pupils in order of need.

    Raises
    ------
    UsageError
        When nothing is published, or anything of it is not invented.
    """
    place = Store(store.absolute())
    run_id = current_run(place)
    if run_id is None:
        raise _refused(store, message("Nothing has been published in this store yet."))
    folder = place.run(run_id)
    index = json.loads((folder / "extracts" / "index.json").read_bytes())
    origins = {source.origin for source in read_manifest(folder).sources} | {index["run"]["origin"]}
    if origins != {"synthetic"}:
        raise _refused(store, message("Its current run holds data that are not invented."))
    extracts = {
        str(school["school_id"]): unfolded(json.loads((folder / "extracts" / school["file"]).read_bytes()))
        for school in index["schools"]
    }
    school = max(index["schools"], key=lambda one: _variety(extracts[str(one["school_id"])]))
    school_id = str(school["school_id"])
    pupils = extracts[school_id]["pupils"]
    needed = Counter({pupil["class_code"]: 0 for pupil in pupils if pupil["class_code"]})
    needed.update(pupil["class_code"] for pupil in pupils if pupil["class_code"] and pupil["band_code"] != "low")
    first = frozenset(str(pupil["pupil_id"]) for pupil in pupils[:PUPILS_OF_A_SUBJECT_TEACHER])
    return (
        Grant("class_teacher", school_id, class_code=max(sorted(needed), key=lambda code: needed[code])),
        Grant("subject_teacher", school_id, pupil_ids=first),
        Grant("support_staff", school_id),
        Grant("director", school_id),
        Grant("municipality", municipality_code=str(school["municipality_code"])),
        Grant("state"),
        Grant("researcher"),
        Grant("steward"),
    )


def _variety(extract: dict[str, Any]) -> tuple[int, int]:
    pupils = extract["pupils"]
    return len({(pupil["stage_kind"], pupil["stage_number"]) for pupil in pupils}), len(pupils)


def _refused(store: Path, found: Message) -> UsageError:
    return UsageError(
        message("Demonstration accounts are made beside a published run of invented data only."),
        found=found,
        remedy=message("Make one with make demo, or add real accounts: riskmodel user add --help"),
        where=str(store),
    )


def set_up(register: Register, grants: tuple[Grant, ...], by: str) -> list[DemoAccount]:
    """Make the demonstration accounts, or set those that are there up anew, each with a fresh password."""
    known = {account.person.login: account for account in register.accounts.list()}
    made = []
    for grant in grants:
        login, password = LOGIN_PREFIX + grant.role, new_password()
        if login in known:
            for held in known[login].person.grants:
                register.accounts.revoke(login, held, by)
            register.accounts.set_password(login, password, by)
            register.accounts.grant(login, grant, by)
            register.accounts.enable(login, by)
        else:
            register.accounts.add(login, INVENTED_NAMES[grant.role], password, "lv", [grant], by)
        made.append(DemoAccount(login, password, grant))
    return made


INVENTED_NAMES: Mapping[Role, str] = {
    "class_teacher": "Anna Demonstre",
    "subject_teacher": "Pēteris Demonstris",
    "support_staff": "Ilze Demonstre",
    "director": "Jānis Demonstris",
    "municipality": "Līga Demonstre",
    "state": "Andris Demonstris",
    "researcher": "Kristīne Demonstre",
    "steward": "Māris Demonstris",
}
"""Pages tell the role beside the name."""
