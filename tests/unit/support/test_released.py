"""A release of statistics stands: what is shown is read again as it was kept, and the next release is compared with it."""

from __future__ import annotations

import stat

import pytest

from riskmodel.disclosure.ledger import Entry, Release
from riskmodel.support.periods import Period
from riskmodel.support.released import FOLDER, keep, ledger_of, standing
from riskmodel.support.semesters import Semester
from riskmodel.support.small_numbers import Released, Shown

TERM = Period.of(Semester(2019, 1))
CELLS = {
    ("state", "LV", "pupils"): Shown(40, 38),
    ("municipality", "LV0001000", "pupils"): Shown(None, None),
    ("state", "LV", "risk:MI"): Shown(31, 30),
}
ENTRIES = (Entry(3, "LV", "", "pupils", "pupil", 38, True), Entry(1, "LV0001000", "LV", "pupils", "pupil", 4, False))


def released(period: Period = TERM) -> Released:
    new = (Release("support/pumpurs/pupils", str(period), "r1", ENTRIES),)
    return Released(period, "pumpurs", CELLS, new)


def test_what_is_shown_is_read_again_as_it_was_kept(tmp_path):
    keep(tmp_path, released(), "20200110T100000-pumpurs", "2020-01-10")
    (found,) = standing(tmp_path)
    assert (found.period, found.programme, found.released_on, found.cells) == (TERM, "pumpurs", "2020-01-10", CELLS)
    assert found.of("municipality", "LV0001000") == Shown(None, None)
    assert found.of("municipality", "LV0007777") == Shown(None, None)
    assert found.units("municipality") == ["LV0001000"]


def test_the_next_release_knows_what_was_hidden(tmp_path):
    keep(tmp_path, released(), "20200110T100000-pumpurs", "2020-01-10")
    later = Period.of(Semester(2019, 2))
    keep(tmp_path, released(later), "20200610T100000-pumpurs", "2020-06-10")
    ledger = ledger_of(tmp_path)
    assert ledger["support/pumpurs/pupils", str(TERM)] == list(released().new)
    assert [one.period for one in standing(tmp_path)] == [later, TERM]


def test_hidden_counts_are_for_the_owner_of_the_store_alone(tmp_path):
    folder = keep(tmp_path, released(), "20200110T100000-pumpurs", "2020-01-10")
    assert stat.S_IMODE(folder.stat().st_mode) & ~stat.S_IRWXU == 0


def test_a_release_that_was_not_finished_is_no_release(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        keep(tmp_path, released(), "20200110T100000-pumpurs", "2020-01-10")
    assert (tmp_path / FOLDER).is_dir()
    assert standing(tmp_path) == []
    assert ledger_of(tmp_path) == {}
