"""Pages become PDF by a real Chromium; whatever happens, no folder and no process stays."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
import time
from pathlib import Path

import pdf_text
import pytest
from forked import ENDLESS_SECONDS, PATIENCE_SECONDS

from riskmodel.portal import printing
from riskmodel.portal.printing import Printing, PrintingError, find_chromium
from riskmodel.portal.render import BusyError

PAGE = (
    '<!doctype html><html lang="lv"><head><meta charset="utf-8"><title>T</title>'
    "<style>section { break-after: page }</style></head><body>"
    '<section><a href="/lv/school/101">Āžu Ķīšezera iela</a></section><p>Žņaugt & “ļoti”</p></body></html>'
)


@pytest.fixture
def folder(monkeypatch):
    """Give a place for temporary folders of its own; pytest's is too deep for the socket that a browser makes there."""
    with tempfile.TemporaryDirectory(prefix="t") as place:
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield Path(place)


@pytest.fixture
def real():
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium must be installed where CI is set")
        pytest.skip("Chromium is not installed; RISKMODEL_CHROMIUM may name it")


def _browser(folder, script: str) -> str:
    """Make a browser of a few lines of shell; ``$target`` is the file that it is asked to write."""
    path = folder / "browser"
    head = '#!/bin/sh\nfor given; do case "$given" in --print-to-pdf=*) target="${given#*=}";; esac; done\n'
    path.write_text(head + script)
    path.chmod(0o700)
    return str(path)


def _print(chromium: str, seconds: float = 20) -> bytes:
    return asyncio.run(Printing(chromium, seconds).pdf(PAGE))


@pytest.mark.browser
@pytest.mark.usefixtures("real")
def test_a_page_becomes_a_pdf_with_its_pages_and_its_text_and_no_address(folder):
    pdf = asyncio.run(Printing().pdf(PAGE))
    assert pdf.startswith(b"%PDF-")
    assert pdf_text.texts(pdf) == ["Āžu Ķīšezera iela", "Žņaugt & “ļoti”"]
    assert b"file:" not in pdf
    assert list(folder.iterdir()) == []


def test_the_folder_is_closed_to_others_and_gone_afterwards(folder):
    written = _browser(folder, 'stat -c %a . > "$target"; ls >> "$target"; env >> "$target"')
    told = _print(written).decode()
    assert told.splitlines()[0] == "700"
    variables = {line.split("=")[0] for line in told.splitlines() if "=" in line}
    assert variables <= {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    assert [path.name for path in folder.iterdir()] == ["browser"]


@pytest.mark.parametrize(
    ("script", "seconds", "kind"),
    [("exec sleep", 0.2, "Timeout"), ("sleep & exit 0", 20, "NoPdf"), ("exit 1", 20, "NoPdf")],
)
def test_a_browser_that_hangs_or_fails_is_ended_and_leaves_nothing(folder, script, seconds, kind):
    marked = script.replace("sleep", f"sleep {ENDLESS_SECONDS}.4711")
    with pytest.raises(PrintingError, match=kind):
        _print(_browser(folder, marked), seconds)
    assert [path.name for path in folder.iterdir()] == ["browser"]
    assert not _is_running(b".4711")


def test_a_reader_who_goes_away_leaves_no_folder(folder):
    chromium = _browser(folder, f"exec sleep {ENDLESS_SECONDS}.4712")

    async def go_away() -> None:
        task = asyncio.create_task(Printing(chromium, 20).pdf(PAGE))
        while not list(folder.glob(f"{printing.FOLDER_PREFIX}*")):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go_away())
    assert [path.name for path in folder.iterdir()] == ["browser"]
    assert not _is_running(b".4712")


def test_a_few_are_printed_at_once_and_a_crowd_is_asked_to_come_again(folder):
    log = folder / "log"
    chromium = _browser(folder, f'echo + >> {log}; sleep 0.1; echo - >> {log}; echo x > "$target"')

    async def crowd() -> list[object]:
        one = Printing(chromium, 20)
        asked = [one.pdf(PAGE) for _ in range(printing.MOST_WAITING + 2)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(crowd())
    assert [type(answer) for answer in answers].count(BusyError) == 2
    assert answers.count(b"x\n") == printing.MOST_WAITING
    at_once, most = 0, 0
    for line in log.read_text().split():
        at_once += 1 if line == "+" else -1
        most = max(most, at_once)
    assert most == printing.PRINTS_AT_ONCE


def test_without_a_browser_nothing_is_printed():
    with pytest.raises(PrintingError, match="NoChromium"):
        asyncio.run(Printing(None).pdf(PAGE))


def test_a_named_browser_that_is_not_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("RISKMODEL_CHROMIUM", str(tmp_path / "none"))
    assert find_chromium() is None
    (tmp_path / "none").touch(stat.S_IRWXU)
    assert find_chromium() == str(tmp_path / "none")


def _is_running(mark: bytes) -> bool:
    """Whether a process with the mark in its command stays; one that was killed takes a moment to go."""
    until = time.monotonic() + PATIENCE_SECONDS
    while _is_seen(mark):
        if time.monotonic() > until:
            return True
    return False


def _is_seen(mark: bytes) -> bool:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in file.read_bytes():
                return True
        except OSError:
            continue
    return False
