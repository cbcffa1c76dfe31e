"""Places that a director enters."""

from __future__ import annotations

import pytest

from riskmodel.errors import UsageError
from riskmodel.register.capacity import Entered
from riskmodel.register.store import Register


def test_entered_places_are_told_with_who_and_when_and_the_audit_keeps_each(register: Register, director, clock):
    assert register.capacity.get("101") is None
    register.capacity.set("101", 24, director)
    register.capacity.set("101", 0, director)
    assert register.capacity.get("101") == Entered(0, "dace", clock.now)
    assert register.capacity.get("102") is None
    told = [(entry.actor, entry.unit, entry.details) for entry in register.audit.read()][3:]
    assert told == [("dace", "school:101", '{"places":24}'), ("dace", "school:101", '{"places":0}')]


@pytest.mark.parametrize("places", [-1, 10_001])
def test_a_number_that_no_school_has_is_refused(register: Register, director, places):
    with pytest.raises(UsageError, match="from 0 to 10000"):
        register.capacity.set("101", places, director)
    assert register.capacity.get("101") is None


def test_a_school_without_an_id_has_no_places(register: Register, director):
    with pytest.raises(ValueError, match="no id"):
        register.capacity.set("../101", 1, director)
