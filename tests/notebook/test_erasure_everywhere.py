"""Three pupils through two whole runs, with support in the register; then they are erased, and a search through all bytes finds nothing."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from kept_register import support
from supported import Calendar, World, people_of

from riskmodel.register.places import register_file
from riskmodel.register.store import open_register
from riskmodel.register.tombstones import open_tombstones
from riskmodel.runs.byte_search import Hit, files_of, search
from riskmodel.runs.erasing import erase, journal_file, readmit
from riskmodel.runs.manifest import verify
from riskmodel.runs.publish import Store, current_run
from riskmodel.runs.pupils import Pupil, find_pupil
from riskmodel.runs.runner import Plan, default_key_file, run
from riskmodel.runs.subject import subject_of
from riskmodel.runs.successors import Why
from riskmodel.settings import Settings
from riskmodel.sources.deliveries import receive, received
from riskmodel.sources.history import stored_deliveries
from riskmodel.sources.identity_table import read_identities
from riskmodel.sources.synthetic import cohort

FIRST, LATER, LATEST = date(2024, 12, 18), date(2024, 12, 19), date(2024, 12, 20)
CANARIES = [("Žibulīte", "Kvokšķe"), ("Ņirbulis", "Čaukstenis"), ("Ģedovija", "Ļumpatiņa")]
WHY = Why("Līga Kalniņa", "pieprasījums 12/2026")


@dataclass
class Everything:
    """A store with two runs and a register, its delivery, and who the canaries are."""

    store: Path
    delivery: Path
    pupils: list[Pupil]
    codes: list[str]

    def texts(self) -> list[str]:
        pseudonyms = [pupil_id for pupil in self.pupils for pupil_id in sorted(pupil.pupil_ids)]
        return [
            *pseudonyms,
            *(code.replace("-", "") for code in self.codes),
            *(name for names in CANARIES for name in names),
        ]

    def hits(self) -> list[Hit]:
        return search(files_of(self.store), self.texts(), self.store.parent)


def silent(text: object) -> None:
    """Say nothing."""


def with_canaries(delivery: Path) -> list[str]:
    """Give three pupils of the newest year names that nobody else has; return their register ids as they are delivered."""
    enrolled = pq.read_table(delivery / "enrolment.parquet").to_pylist()
    newest = sorted({row["pupil_code"] for row in enrolled if row["happened_on"] >= date(2024, 9, 1)})
    chosen = [newest[len(newest) * part // 4] for part in (1, 2, 3)]
    path = delivery / "pupil.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["pupil_code"] in chosen:
            row["first_name"], row["last_name"] = CANARIES[chosen.index(row["pupil_code"])]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return chosen


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    folder = tmp_path_factory.mktemp("erasure")
    delivery, store = folder / "delivery", folder / "store"
    cohort.synthesise(cohort.Plan(pupils=300, schools=4, years=3, seed=5, vet_share=0.3), delivery, silent)
    codes = with_canaries(delivery)
    for cut_off in (FIRST, LATER):
        run(Plan(store, Settings(cut_off_date=cut_off, bootstrap_replicates=100), delivery), silent)
    pupils = [find_pupil(store, register_id=code) for code in codes]
    calendar = Calendar()
    with open_register(register_file(store), may_create=True, clock=calendar) as register:
        world = people_of(World(register, calendar))
        for pupil in pupils:
            support(world, min(pupil.pupil_ids))
            register.audit.write(world.people["teacher"], "pupil_viewed", "school:101", min(pupil.pupil_ids))
    return Everything(store, delivery, pupils, codes)


@pytest.fixture
def everything(made: Everything, tmp_path: Path) -> Everything:
    """Give a copy that a test may erase from."""
    for path in made.store.parent.iterdir():
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name, symlinks=True)
        else:
            shutil.copy2(path, tmp_path / path.name)
    return Everything(tmp_path / "store", tmp_path / "delivery", made.pupils, made.codes)


def erase_all(everything: Everything) -> None:
    for pupil in everything.pupils:
        erase(everything.store, pupil, WHY, silent)


def test_the_search_finds_each_canary_everywhere_before(everything: Everything):
    hits, texts = everything.hits(), everything.texts()
    assert {texts[hit.number] for hit in hits} == set(texts)
    places = {hit.path.split("/")[1] if "/" in hit.path else hit.path for hit in hits}
    assert {"deliveries", "identity", "runs", "packed", "store.register.sqlite3"} <= places


def test_nothing_of_the_erased_is_found_but_the_pseudonym_in_the_audit(everything: Everything):
    erase_all(everything)
    texts = everything.texts()
    pseudonyms = {pupil_id for pupil in everything.pupils for pupil_id in pupil.pupil_ids}
    left = {(hit.path, hit.inside) for hit in everything.hits()}
    assert left == {("store.register.sqlite3", ""), ("store.register.sqlite3", "audit_entry")}
    assert {texts[hit.number] for hit in everything.hits()} == pseudonyms
    assert not journal_file(everything.store).exists()


def test_successors_are_whole_linked_and_current_and_the_old_runs_are_gone(everything: Everything):
    store = Store(everything.store)
    before = {path.name: verify(path) for path in store.runs.iterdir()}
    current = current_run(store)
    erased = erase(everything.store, everything.pupils[0], WHY, silent)
    assert set(erased.runs) == set(before)
    after = {path.name: verify(path) for path in store.runs.iterdir()}
    assert set(after) == set(erased.runs.values())
    assert current_run(store) == erased.runs[current or ""]
    for old, new in erased.runs.items():
        succession = after[new].succeeds
        assert succession is not None
        assert (succession.run_id, succession.by, succession.reason) == (old, WHY.by, WHY.reason)
        previous = before[old].previous_run
        if previous is not None:
            linked = after[new].previous_run
            assert linked is not None
            assert linked.run_id == erased.runs[previous.run_id]
            assert linked.result_sha256 == after[linked.run_id].result_sha256
        rows = {step.name: step.rows for step in after[new].steps}
        assert rows["50_explanation"]["score"] in {
            step.rows["score"] for step in before[old].steps if "score" in step.rows
        } | {step.rows["score"] - 1 for step in before[old].steps if "score" in step.rows}
    assert list(store.staging.iterdir()) == []


def test_the_accounts_of_the_deliveries_hold_and_say_how_many_rows_went(everything: Everything):
    def counts() -> dict[str, int]:
        (delivery,) = stored_deliveries(everything.store)
        return {table: account.used for table, account in received(delivery).accounts.items()}

    before = counts()
    erased = erase(everything.store, everything.pupils[0], WHY, silent)
    (delivery,) = stored_deliveries(everything.store)
    for account in received(delivery).accounts.values():
        assert account.read == account.used + account.quarantined + account.merged
    assert delivery.description["erased"] == erased.deliveries[delivery.delivery_id]
    assert before["pupil"] - counts()["pupil"] == 1
    assert before["school"] == counts()["school"]


def test_other_pupils_keep_every_row(everything: Everything):
    canaries = {code.replace("-", "") for code in everything.codes}
    others = set(read_identities(everything.store)["register_id"].to_pylist()) - canaries
    scored = subject_of(everything.store, find_pupil(everything.store, register_id=min(others)))
    erase(everything.store, everything.pupils[0], WHY, silent)
    again = subject_of(everything.store, find_pupil(everything.store, register_id=min(others)))
    assert again["deliveries"] == scored["deliveries"]
    assert [one["tables"] for one in again["runs"]] == [one["tables"] for one in scored["runs"]]
    assert again["identities"] == scored["identities"]


def test_a_later_delivery_puts_the_erased_aside_row_by_row_unless_readmitted(everything: Everything):
    code, key_file = everything.codes[0], default_key_file(everything.store)
    erase(everything.store, everything.pupils[0], WHY, silent)
    mapping = everything.delivery / "mapping.yaml"
    told = yaml.safe_load(mapping.read_text("utf-8"))
    unchanged = [path.name for path in everything.delivery.glob("*.parquet")]
    told["delivery"] |= {"delivered_on": date(2025, 6, 2), "unchanged": unchanged}
    mapping.write_text(yaml.safe_dump(told, allow_unicode=True), "utf-8")
    taken = receive(everything.delivery, everything.store, key_file, silent)
    (delivery,) = [one for one in stored_deliveries(everything.store) if one.delivery_id == taken.delivery_id]
    rejected = pq.read_table(delivery.folder / "rejected_row.parquet").to_pylist()
    erased_rows = [row for row in rejected if row["rule_code"] == "erased"]
    assert {row["table_name"] for row in erased_rows} >= {"pupil", "enrolment"}
    assert find_everywhere(everything, code) == set()
    assert readmit(everything.store, [code], key_file, WHY)
    assert not open_tombstones(everything.store).has("register_id", code.replace("-", ""))


def find_everywhere(everything: Everything, code: str) -> set[str]:
    texts = [code, code.replace("-", ""), *sorted(everything.pupils[0].pupil_ids), *CANARIES[0]]
    found = search(files_of(everything.store), texts, everything.store.parent)
    return {hit.path for hit in found if not hit.path.startswith("store.register.sqlite3")}


def test_an_erasure_killed_on_the_way_is_finished_by_the_next_one(
    everything: Everything, monkeypatch: pytest.MonkeyPatch
):
    from riskmodel.runs import erasing

    class PowerCut(BaseException):
        """Ends the erasure as a power cut would: no handler of errors sees it."""

    whole = erasing._from_runs

    def cut(*given: object) -> dict[str, str]:
        raise PowerCut

    monkeypatch.setattr(erasing, "_from_runs", cut)
    with pytest.raises(PowerCut):
        erase(everything.store, everything.pupils[0], WHY, silent)
    assert journal_file(everything.store).exists()
    monkeypatch.setattr(erasing, "_from_runs", whole)
    erase(everything.store, everything.pupils[1], WHY, silent)
    assert find_everywhere(everything, everything.codes[0]) == set()
    assert not journal_file(everything.store).exists()


def test_a_run_goes_on_after_an_erasure(everything: Everything):
    erase(everything.store, everything.pupils[0], WHY, silent)
    done = run(Plan(everything.store, Settings(cut_off_date=LATEST, bootstrap_replicates=100)), silent)
    # The register's schools are others than the delivery's: what it says of support is put aside, and a gate tells.
    assert {gate.code for gate in done.gates if not gate.is_passed} <= {"quarantined_share"}
    previous = verify(done.folder).previous_run
    assert previous is not None
    assert verify(Store(everything.store).run(previous.run_id)).succeeds is not None
    assert find_everywhere(everything, everything.codes[0]) == set()
