"""The verb that makes an extract says what it did, and takes an empty folder."""

from __future__ import annotations

from pathlib import Path

from command_line import Typed
from small_run import publish_small


def test_an_extract_goes_into_an_empty_folder_and_its_report_is_printed(typed: Typed, tmp_path: Path) -> None:
    store, to = tmp_path / "data", tmp_path / "extract"
    publish_small(store, origin="synthetic")
    to.mkdir()
    told = typed("extract", "--store", store, "--to", to, "--json")
    assert told.code == 0
    assert told.figures["smallest_cell"] >= 5
    assert f"{told.figures['rows']} rows" in told.err
    assert "The data are invented" in (to / "codebook_en.md").read_text("utf-8")
    assert typed("extract", "--store", store, "--to", to).code == 2


def test_the_audit_names_who_made_an_extract(typed: Typed, tmp_path: Path) -> None:
    store = tmp_path / "data"
    publish_small(store, origin="synthetic")
    typed("user", "add", "liga", "--no-password", "--store", store)
    assert typed("extract", "--store", store, "--to", tmp_path / "extract", "--by", "Anna").code == 0
    read = typed("register", "audit", "--store", store, "--json").figures
    assert [(entry["actor"], entry["action"]) for entry in read][-1] == ("operator:Anna", "extract_made")
