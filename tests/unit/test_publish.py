"""Publishing is atomic; a published run is never changed unnoticed; a held run waits for a person."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from riskmodel.errors import RunFailedError, UsageError
from riskmodel.runs.durable import canonical_json, digest_of
from riskmodel.runs.manifest import Code, Manifest, entries, read_manifest, verify
from riskmodel.runs.publish import (
    Store,
    current_run,
    finish,
    is_valid,
    move_to_runs,
    open_store,
    release,
    seal,
    switch,
)
from riskmodel.tables.schema import Sensitivity

FIRST, SECOND = "2024-05-20-aaaaaaaaaaaa", "2024-12-20-bbbbbbbbbbbb"


def sealed(store: Store, run_id: str, *, state: str = "passed", predecessor: str | None = None) -> Manifest:
    """Make a run of one file in staging, seal it and move it to ``runs/``."""
    folder = store.staging / run_id
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "score.txt").write_text("rows")
    cut_off = date.fromisoformat(run_id[:10])
    manifest = Manifest(
        run_id=run_id,
        cut_off_date=cut_off,
        state=state,
        predecessor=predecessor,
        started_at="",
        finished_at="",
        sources=(),
        parameters={"seed": 7},
        capacity=None,
        seed=7,
        threads=1,
        code=Code(version="1", sha256="", lock_sha256=""),
        environment={},
        rows={},
        steps=(),
        files=entries(folder, {"tables": (Sensitivity.PERSONAL, True)}),
        result_sha256="",
    )
    seal(folder, manifest)
    move_to_runs(store, run_id)
    return manifest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def test_a_run_becomes_current_and_its_files_cannot_be_written(store: Store) -> None:
    assert current_run(store) is None
    assert finish(store, sealed(store, FIRST))
    assert current_run(store) == FIRST
    assert (store.current / "tables" / "score.txt").stat().st_mode & 0o222 == 0
    assert not any(store.staging.iterdir())


def test_finishing_again_changes_nothing(store: Store) -> None:
    manifest = sealed(store, FIRST)
    assert finish(store, manifest)
    assert finish(store, manifest)
    assert current_run(store) == FIRST


def test_a_run_whose_predecessor_is_not_current_any_more_does_not_become_current(store: Store) -> None:
    first, second = sealed(store, FIRST), sealed(store, SECOND)
    assert finish(store, second)
    assert not finish(store, first)
    assert current_run(store) == SECOND


def every_byte_changed(path: Path) -> list[bytes]:
    content = path.read_bytes()
    return [
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in range(0, len(content), 37)
    ]


def test_any_changed_file_is_named_the_manifest_itself_included(store: Store) -> None:
    sealed(store, FIRST)
    folder = store.run(FIRST)
    for name in ("tables/score.txt", "manifest.json"):
        path = folder / name
        content = path.read_bytes()
        path.chmod(0o600)
        for changed in every_byte_changed(path):
            path.write_bytes(changed)
            with pytest.raises(RunFailedError, match=name):
                verify(folder)
        path.write_bytes(content)
    assert verify(folder).run_id == FIRST


def test_a_run_with_settings_and_fields_of_another_version_still_reads(store: Store) -> None:
    manifest = sealed(store, FIRST)
    path = store.run(FIRST) / "manifest.json"
    values = manifest.model_dump(mode="json") | {"parameters": {"of_old": 1}, "of_tomorrow": True}
    path.chmod(0o600)
    path.write_bytes(canonical_json({**values, "manifest_sha256": digest_of(values)}))
    assert verify(store.run(FIRST)).parameters == {"of_old": 1}


def test_a_missing_and_an_added_file_are_named(store: Store) -> None:
    sealed(store, FIRST)
    folder = store.run(FIRST)
    (folder / "added.txt").write_text("x")
    with pytest.raises(RunFailedError, match=r"added\.txt"):
        verify(folder)
    (folder / "added.txt").unlink()
    (folder / "tables" / "score.txt").unlink()
    with pytest.raises(RunFailedError, match=r"score\.txt.*missing"):
        verify(folder)
    assert not is_valid(store, FIRST)


def test_a_link_is_not_published_and_an_undeclared_file_neither(store: Store) -> None:
    folder = store.staging / FIRST
    folder.mkdir()
    (folder / "linked").symlink_to("/etc/hostname")
    with pytest.raises(RunFailedError, match="linked"):
        entries(folder, {"linked": (Sensitivity.OPEN, True)})
    (folder / "linked").unlink()
    (folder / "extra.csv").write_text("x")
    with pytest.raises(RunFailedError, match=r"extra\.csv"):
        entries(folder, {"tables": (Sensitivity.OPEN, True)})


def test_a_held_run_waits_until_a_person_releases_it_with_a_reason(store: Store) -> None:
    finish(store, sealed(store, FIRST))
    held = sealed(store, SECOND, state="held", predecessor=FIRST)
    assert not finish(store, held)
    assert current_run(store) == FIRST
    for by, reason in (("", "because"), ("A. Ozola", "  ")):
        with pytest.raises(UsageError, match="names a person and a reason"):
            release(store, SECOND, by=by, reason=reason)
    release(store, SECOND, by="A. Ozola", reason="One school was merged on 1 July")
    assert current_run(store) == SECOND
    decision = json.loads((store.releases / f"{SECOND}.json").read_text())
    assert (decision["by"], decision["reason"]) == ("A. Ozola", "One school was merged on 1 July")
    with pytest.raises(UsageError, match="is not held"):
        release(store, SECOND, by="A. Ozola", reason="again")


def test_a_held_run_does_not_replace_one_of_a_later_cut_off_date(store: Store) -> None:
    sealed(store, FIRST, state="held")
    finish(store, sealed(store, SECOND))
    with pytest.raises(RunFailedError, match="later cut-off date"):
        release(store, FIRST, by="A. Ozola", reason="why not")
    assert current_run(store) == SECOND


def test_a_changed_held_run_is_not_released(store: Store) -> None:
    sealed(store, FIRST, state="held")
    path = store.run(FIRST) / "tables" / "score.txt"
    path.chmod(0o600)
    path.write_text("rowz")
    with pytest.raises(RunFailedError, match=r"score\.txt"):
        release(store, FIRST, by="A. Ozola", reason="looks good")
    assert current_run(store) is None


@pytest.mark.parametrize("run_id", ["../../etc", "2024-12-20-bbbbbbbbbbbb", ""])
def test_only_a_run_of_the_store_is_released(store: Store, run_id: str) -> None:
    with pytest.raises(UsageError, match="Only a run of the store"):
        release(store, run_id, by="A. Ozola", reason="because")


@pytest.mark.parametrize("target", ["/etc", "runs/../../x", "runs/2024", "staging/" + FIRST])
def test_current_that_names_something_else_is_refused(store: Store, target: str) -> None:
    store.current.symlink_to(target)
    with pytest.raises(RunFailedError, match="something else"):
        current_run(store)


def test_a_broken_run_is_replaced_by_its_rerun(store: Store) -> None:
    finish(store, sealed(store, FIRST))
    path = store.run(FIRST) / "tables" / "score.txt"
    path.chmod(0o600)
    path.write_text("")
    sealed(store, FIRST)
    assert is_valid(store, FIRST)
    assert read_manifest(store.current).run_id == FIRST


def test_a_prepared_link_that_a_kill_left_is_no_hindrance(store: Store) -> None:
    sealed(store, FIRST)
    (store.folder / "current.next").symlink_to("runs/elsewhere")
    switch(store, FIRST)
    assert current_run(store) == FIRST


def test_a_store_path_that_is_a_file_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.write_text("x")
    with pytest.raises(UsageError, match="A store is a folder"):
        open_store(path)


def test_a_file_where_a_folder_of_the_store_must_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    with pytest.raises(RunFailedError, match="A file stands where a folder is needed"):
        open_store(tmp_path)
