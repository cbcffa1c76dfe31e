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


def test_an_extract_is_told_to_the_register_that_an_option_names_or_not_made(typed: Typed, tmp_path: Path) -> None:
    store, file = tmp_path / "data", tmp_path / "elsewhere.sqlite3"
    publish_small(store, origin="synthetic")
    words = ("extract", "--store", store, "--register", file)
    assert typed(*words, "--to", tmp_path / "first").code == 2
    assert not (tmp_path / "first").exists()
    typed("user", "add", "liga", "--no-password", "--register", file, "--store", store)
    assert typed(*words, "--to", tmp_path / "second", "--by", "Anna").code == 0
    read = typed("register", "audit", "--register", file, "--store", store, "--json").figures
    assert [(entry["actor"], entry["action"]) for entry in read][-1] == ("operator:Anna", "extract_made")
