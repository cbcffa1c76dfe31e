"""The server's log tells what happened, to no person and of no person."""

from __future__ import annotations

import json
import logging

import pytest

from riskmodel.portal import log
from riskmodel.portal.log import WithoutText, note


def test_a_line_is_one_json_object(caplog, monkeypatch):
    monkeypatch.setattr(log.LOG, "propagate", True)
    caplog.set_level(logging.INFO, "riskmodel.portal")
    note("error", reference="0a1b2c3d", error="Key\nError")
    assert len(caplog.messages[-1].splitlines()) == 1
    assert json.loads(caplog.messages[-1]).items() >= {"event": "error", "error": "Key\nError"}.items()


@pytest.mark.parametrize("field", ["login", "path", "address", "person", "text"])
def test_a_field_that_could_hold_a_person_is_refused(field):
    with pytest.raises(ValueError, match=field):
        note("request", **{field: "x"})


def test_of_a_library_only_who_spoke_how_bad_it_is_and_the_class_of_the_error_are_kept():
    try:
        raise KeyError("Canary Kārlis")
    except KeyError as error:
        trouble = (KeyError, error, None)
    record = logging.LogRecord("tornado.general", logging.ERROR, "x.py", 1, "%s failed", ("Canary",), trouble)
    line = WithoutText().format(record)
    assert "Canary" not in line
    assert (
        json.loads(line).items()
        >= {"event": "library error", "handler": "tornado.general", "error": "KeyError"}.items()
    )
