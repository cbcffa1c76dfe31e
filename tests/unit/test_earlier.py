"""Which run a run is compared with: a rule over the store alone, that a repeated command finds again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from riskmodel.messages import Message
from riskmodel.runs.durable import Digests
from riskmodel.runs.earlier import READ_FILES, previous_run
from riskmodel.runs.manifest import Code, Manifest, entries
from riskmodel.runs.publish import Store, finish, move_to_runs, open_store, release, seal
from riskmodel.tables.schema import Sensitivity

MAY, DECEMBER, LATER = date(2024, 5, 20), date(2024, 12, 20), date(2025, 5, 16)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def ran(store: Store, cut_off: date, letter: str, finished_at: str = "", state: str = "passed", **more: object) -> str:
    """Put a run into the store, and return its id."""
    run_id = f"{cut_off.isoformat()}-{letter * 12}"
    folder = store.staging / run_id
    (folder / "tables").mkdir(parents=True)
    for name in READ_FILES if more.get("has_tables", True) else ("tables/first.txt",):
        (folder / name).write_text(f"{letter} {name}")
    manifest = Manifest(
        run_id=run_id,
        cut_off_date=cut_off,
        state=state,
        predecessor=None,
        started_at="",
        finished_at=finished_at,
        sources=(),
        parameters={},
        capacity=None,
        seed=7,
        threads=1,
        code=Code(version="1", sha256="", lock_sha256=""),
        environment={},
        rows={},
        steps=(),
        files=entries(folder, {"tables": (Sensitivity.PERSONAL, True)}),
        result_sha256=letter * 64,
    )
    seal(folder, manifest)
    move_to_runs(store, run_id)
    finish(store, manifest)
    return run_id


def found(store: Store, cut_off: date, said: list[Message] | None = None) -> str | None:
    told = previous_run(store, cut_off, Digests(), (said if said is not None else []).append)
    return told and told["run_id"]


def test_it_is_the_newest_of_an_earlier_date_with_the_digest_of_its_results(store: Store) -> None:
    ran(store, MAY, "a")
    run_id = ran(store, DECEMBER, "b")
    ran(store, LATER, "c")
    assert previous_run(store, LATER, Digests(), print) == {
        "run_id": run_id,
        "cut_off_on": "2024-12-20",
        "result_sha256": "b" * 64,
    }


def test_a_run_of_the_same_date_or_a_later_one_is_none(store: Store) -> None:
    ran(store, DECEMBER, "b")
    ran(store, LATER, "c")
    assert found(store, DECEMBER) is None
    assert found(store, MAY) is None


def test_what_is_published_afterwards_does_not_change_what_a_repeated_command_finds(store: Store) -> None:
    first = ran(store, MAY, "a")
    assert found(store, DECEMBER) == first
    ran(store, DECEMBER, "b")
    ran(store, LATER, "c")
    assert found(store, DECEMBER) == first


def test_of_one_date_the_run_that_was_finished_last_counts(store: Store) -> None:
    later = ran(store, MAY, "a", finished_at="2024-06-02T10:00:00+00:00")
    ran(store, MAY, "b", finished_at="2024-06-01T10:00:00+00:00")
    assert found(store, DECEMBER) == later


def test_a_held_run_counts_once_a_person_has_released_it(store: Store) -> None:
    first = ran(store, MAY, "a")
    held = ran(store, DECEMBER, "b", state="held")
    assert found(store, LATER) == first
    release(store, held, by="Anna", reason="looked at")
    assert found(store, LATER) == held


@pytest.mark.parametrize("name", ["tables/score.parquet", "manifest.json"])
def test_a_run_that_was_changed_is_none_and_that_is_said(store: Store, name: str) -> None:
    first, changed = ran(store, MAY, "a"), ran(store, DECEMBER, "b")
    path = store.run(changed) / name
    path.chmod(0o640)
    path.write_text("other")
    said: list[Message] = []
    assert found(store, LATER, said) == first
    assert [changed in one.in_language("en") for one in said] == [True]


def test_a_run_without_scores_is_none(store: Store) -> None:
    ran(store, MAY, "a", has_tables=False)
    assert found(store, DECEMBER) is None
