"""A new key: all pseudonyms are the new ones or all are the old ones, wherever it is interrupted."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from kept_register import support
from small_run import publish_small
from supported import Calendar, World, people_of

from riskmodel.errors import UsageError
from riskmodel.register.backups import How, back_up, restore
from riskmodel.register.places import place_of, register_file, register_of, renewal_folder
from riskmodel.register.store import open_register
from riskmodel.runs import rotating
from riskmodel.runs.byte_search import files_of, search
from riskmodel.runs.keys import key_id_of
from riskmodel.runs.pupils import find_pupil
from riskmodel.runs.rotating import STEPS, Renewal, rotate_key
from riskmodel.runs.runner import default_key_file
from riskmodel.runs.subject import subject_of
from riskmodel.sources.deliveries import receive
from riskmodel.sources.history import stored_deliveries
from riskmodel.sources.identity import open_key
from riskmodel.sources.identity_table import read_identities
from riskmodel.sources.synthetic import cohort
from riskmodel.support.keeping.erasing import pupils_in_register

pytestmark = pytest.mark.fault

RANDOM_KILLS = int(os.environ.get("RISKMODEL_RANDOM_KILLS", "4"))
ROTATE = """
import sys
from pathlib import Path
from riskmodel.runs.rotating import Renewal, rotate_key
from riskmodel.runs.runner import default_key_file
store = Path(sys.argv[1])
rotate_key(Renewal(store, default_key_file(store), "killed"), lambda text: None, may_drop_runs=False)
"""


class PowerCut(BaseException):
    """Ends a command as a power cut would: no handler of errors sees it."""


def silent(text: object) -> None:
    """Say nothing."""


@dataclass
class Kept:
    """A store with a delivery and a register that holds support for three of its pupils."""

    store: Path

    @property
    def renewal(self) -> Renewal:
        return Renewal(self.store, default_key_file(self.store), "Līga")

    def in_store(self) -> set[str]:
        return set(read_identities(self.store)["pupil_id"].to_pylist())

    def in_deliveries(self) -> set[str]:
        (delivery,) = stored_deliveries(self.store)
        return {
            one
            for path in delivery.folder.glob("*.parquet")
            if "pupil_id" in pq.read_schema(path).names
            for one in set(pq.read_table(path, columns=["pupil_id"])["pupil_id"].to_pylist())
        }

    def in_register(self) -> set[str]:
        with open_register(place_of(self.store)) as register, register.database.reading() as connection:
            return pupils_in_register(connection)

    def earlier(self) -> dict[str, str]:
        rows = read_identities(self.store).to_pylist()
        return {row["register_id"]: row["earlier_register_id"] for row in rows if row["earlier_register_id"]}

    def by_code(self) -> dict[str, str]:
        rows = read_identities(self.store).to_pylist()
        return {row["register_id"]: row["pupil_id"] for row in rows}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("renewed")
    delivery, store = folder / "delivery", folder / "store"
    cohort.synthesise(cohort.Plan(pupils=200, schools=3, years=2, seed=11), delivery, silent)
    receive(delivery, store, default_key_file(store), silent)
    calendar = Calendar()
    with open_register(register_file(store), may_create=True, clock=calendar) as register:
        world = people_of(World(register, calendar))
        for pupil in sorted(set(read_identities(store)["pupil_id"].to_pylist()))[:3]:  # one may have two codes
            support(world, pupil)
    shutil.rmtree(delivery)
    return store


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Kept:
    for path in made.parent.iterdir():
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name, symlinks=True)
        else:
            shutil.copy2(path, tmp_path / path.name)
    return Kept(tmp_path / "store")


def is_old(kept: Kept, before: Kept) -> bool:
    return (kept.in_store(), kept.in_register(), key_id_of(kept.store)) == (
        before.in_store(),
        before.in_register(),
        key_id_of(before.store),
    )


def check_is_new(kept: Kept, before: Kept) -> None:
    """Assert that everything moved to the new key, each pupil to what the key makes of the register id."""
    key = open_key(default_key_file(kept.store), kept.store, may_create=False)
    assert key_id_of(kept.store) == key.key_id != key_id_of(before.store)
    earlier = before.earlier()
    assert kept.by_code() == {code: key.pseudonym(earlier.get(code, code)) for code in before.by_code()}
    assert any(code in earlier for code in before.by_code())  # somebody's code was changed
    assert not kept.in_store() & before.in_store()
    assert kept.in_deliveries() <= kept.in_store()
    renamed = {old: kept.by_code()[code] for code, old in before.by_code().items()}
    assert kept.in_register() == {renamed[old] for old in before.in_register()}
    assert not renewal_folder(kept.store).exists()
    with open_register(register_of(kept.store)) as register:
        assert [entry.action for entry in register.audit.read(count=9999)].count("key_rotated") == 1
        assert register.audit.verify().is_sound


def test_every_pupil_moves_and_keeps_every_row(kept: Kept, made: Path):
    before = Kept(made)
    code = min(code for code, pupil in before.by_code().items() if pupil in before.in_register())
    told = subject_of(made, find_pupil(made, register_id=code))
    rotate_key(kept.renewal, silent, may_drop_runs=False)
    check_is_new(kept, before)
    again = subject_of(kept.store, find_pupil(kept.store, register_id=code))
    (old,), (new,) = told["pseudonyms"], again["pseudonyms"]

    def moved(value: object) -> object:
        if isinstance(value, dict):
            return {name: moved(one) for name, one in value.items()}
        return [moved(one) for one in value] if isinstance(value, list) else new if value == old else value

    assert moved(told["register"]) == again["register"]
    assert moved(told["deliveries"]) == again["deliveries"]


def test_no_old_pseudonym_is_left_but_in_the_audit(kept: Kept, made: Path):
    old = sorted(Kept(made).in_store())
    rotate_key(kept.renewal, silent, may_drop_runs=False)
    hits = search(files_of(kept.store), old, kept.store.parent)
    assert {(hit.path, hit.inside) for hit in hits} == {
        ("store.register.sqlite3", ""),
        ("store.register.sqlite3", "audit_entry"),
    }
    assert {old[hit.number] for hit in hits} == Kept(made).in_register()


@pytest.mark.parametrize("number", range(len(STEPS)))
@pytest.mark.parametrize("is_after", [False, True])
def test_a_cut_at_each_step_is_carried_through_and_nobody_works_with_a_half(
    kept: Kept, made: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_after: bool
):
    def cut(renewal: Renewal, crosswalk: dict[str, str]) -> None:
        if is_after:
            STEPS[number](renewal, crosswalk)
        raise PowerCut

    monkeypatch.setattr(rotating, "STEPS", (*STEPS[:number], cut, *STEPS[number + 1 :]))
    with pytest.raises(PowerCut):
        rotate_key(kept.renewal, silent, may_drop_runs=False)
    monkeypatch.undo()
    if renewal_folder(kept.store).exists():
        with pytest.raises(UsageError, match="rotate-key"):
            register_of(kept.store)
        rotate_key(kept.renewal, silent, may_drop_runs=False)
    check_is_new(kept, Kept(made))


@pytest.mark.parametrize("name", ["_crosswalk", "_delivery_anew", "_identities_anew", "write_file"])
def test_a_cut_before_the_decision_leaves_the_old_and_the_next_call_begins_anew(
    kept: Kept, made: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    def cut(*given: object, **named: object) -> None:
        raise PowerCut

    monkeypatch.setattr(rotating, name, cut)
    with pytest.raises(PowerCut):
        rotate_key(kept.renewal, silent, may_drop_runs=False)
    monkeypatch.undo()
    assert register_of(kept.store)  # nobody is kept out
    assert is_old(kept, Kept(made))
    rotate_key(kept.renewal, silent, may_drop_runs=False)
    check_is_new(kept, Kept(made))


@pytest.mark.parametrize("after", [random.Random(number).uniform(0.2, 2.5) for number in range(RANDOM_KILLS)])
def test_a_kill_at_any_time_leaves_the_old_or_the_new_once_the_command_is_given_again(
    kept: Kept, made: Path, after: float
):
    with subprocess.Popen([sys.executable, "-c", ROTATE, kept.store]) as process:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    if key_id_of(kept.store) == key_id_of(made) and not renewal_folder(kept.store).exists():
        assert is_old(kept, Kept(made))
    if key_id_of(kept.store) == key_id_of(made) or renewal_folder(kept.store).exists():
        rotate_key(kept.renewal, silent, may_drop_runs=False)
    check_is_new(kept, Kept(made))


def test_runs_are_dropped_only_when_told_to(kept: Kept, made: Path):
    publish_small(kept.store)
    with pytest.raises(UsageError, match="--drop-runs"):
        rotate_key(kept.renewal, silent, may_drop_runs=False)
    assert is_old(kept, Kept(made))
    rotate_key(kept.renewal, silent, may_drop_runs=True)
    assert list((kept.store / "runs").iterdir()) == []
    assert not (kept.store / "current").is_symlink()


def test_a_register_that_somebody_has_open_is_left_alone(kept: Kept, made: Path):
    with open_register(register_of(kept.store)) as register:
        assert register.accounts.list()
        with pytest.raises(UsageError, match="open"):
            rotate_key(kept.renewal, silent, may_drop_runs=False)
    assert is_old(kept, Kept(made))


def test_a_delivery_received_afterwards_finds_its_pupils_again(kept: Kept, tmp_path: Path):
    rotate_key(kept.renewal, silent, may_drop_runs=False)
    pupils = kept.by_code()
    delivery = tmp_path / "again"
    cohort.synthesise(
        cohort.Plan(pupils=200, schools=3, years=2, seed=11, delivered_on=date(2025, 6, 2)), delivery, silent
    )
    told = yaml.safe_load((delivery / "mapping.yaml").read_text("utf-8"))
    told["delivery"]["unchanged"] = [path.name for path in delivery.glob("*.parquet")]
    (delivery / "mapping.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), "utf-8")
    receive(delivery, kept.store, default_key_file(kept.store), silent)
    assert {code: kept.by_code()[code] for code in pupils} == pupils


def test_a_back_up_from_before_is_refused(kept: Kept, tmp_path: Path):
    with open_register(register_of(kept.store)) as register:
        back_up(register, tmp_path / "before.zip", "Līga", key_id=key_id_of(kept.store))
    rotate_key(kept.renewal, silent, may_drop_runs=False)
    how = How(key_id_of(kept.store), may_replace=True)
    with pytest.raises(UsageError, match="renewed"):
        restore(tmp_path / "before.zip", kept.store, "Līga", lambda register, made_at: 0, how)
