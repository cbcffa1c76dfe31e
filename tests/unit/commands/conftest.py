"""The command line in this process, and a store whose current run is a small invented one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Ended, Typed

from riskmodel import __main__ as cli
from riskmodel.register import sqlite


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Return a function that gives a command as the shell would."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def give(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["riskmodel", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return Ended(int(left.value.code or 0), said.out, said.err)

    return give


@pytest.fixture(autouse=True)
def _hasty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk at each commit: no test of this folder cuts the power."""
    monkeypatch.setitem(sqlite.SETTINGS, "synchronous", "0")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder
