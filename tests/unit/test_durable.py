"""Whole files, digests that depend on content and names alone, logs without room for a value."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from riskmodel.digests import digest_of_file
from riskmodel.runs import journal
from riskmodel.runs.durable import Digests, digest_of_files, disk_failure, write_file


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="injected"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_digest_of_files_sees_names_and_contents_and_not_the_place(tmp_path: Path) -> None:
    digests = []
    for root, name, content in (("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")):
        (tmp_path / root).mkdir()
        (tmp_path / root / name).write_text(content)
        digests.append(digest_of_files((tmp_path / root).iterdir(), tmp_path / root))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EIO, "read or write error"), (errno.EROFS, "read-only")],
)
def test_what_the_disk_refused_is_said_in_words(number: int, words: str) -> None:
    error = disk_failure(OSError(number, "secret name"), Path("store"))
    assert words in str(error)
    assert "secret" not in error.in_both_languages()
    assert error.exit_code == 4


@pytest.mark.parametrize("fields", [{"event": "x", "message": "free text"}, {"event": 3}, {"value": "0101"}])
def test_the_log_takes_only_its_own_fields(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a field"):
        journal.record(tmp_path / "log.jsonl", **fields)
    assert not (tmp_path / "log.jsonl").exists()


def test_a_line_cut_by_a_kill_is_left_out_and_line_ends_are_escaped(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    journal.record(log, event="started\nforged", step="ā\x1b")
    with log.open("a") as file:
        file.write('{"event": "ha')
    assert [line["event"] for line in journal.read(log)] == ["started\nforged"]
    assert len(log.read_text().splitlines()) == 2
    assert log.read_bytes().isascii()


def test_a_file_is_hashed_again_once_it_changed_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "file", []

    def digest(path: Path) -> str:
        read.append(path)
        return digest_of_file(path)

    digests = Digests()
    monkeypatch.setattr("riskmodel.runs.durable.digest_of_file", digest)
    path.write_bytes(b"one")
    first = digests.of(path)
    assert digests.of(path) == first == digest_of_file(path)
    assert len(read) == 1
    path.write_bytes(b"two more")
    assert digests.of(path) == digest_of_file(path) != first
    assert len(read) == 2


def test_a_file_of_the_same_size_that_was_put_in_its_place_is_hashed_anew(tmp_path: Path) -> None:
    path, digests = tmp_path / "file", Digests()
    path.write_bytes(b"old")
    first = digests.of(path)
    write_file(path, b"new")
    assert digests.of(path) != first
