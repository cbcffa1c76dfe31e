"""That a form was sent by our own page, for this visit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.portal.forms import is_from_own_page, is_token, token_for

OWN = "https://portal.example.lv"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_token_fits_its_own_visit_and_no_other(key, other):
    assert is_token(token_for(key), key)
    assert is_token(token_for(key), other) == (key == other)


@pytest.mark.parametrize("given_token", ["", "0" * 64, "ā" * 64, token_for("key")[:-1], token_for("key").upper()])
def test_anything_else_is_no_token(given_token):
    assert not is_token(given_token, "key")


def test_without_a_visit_no_token_fits():
    assert not is_token(token_for(""), "")


def test_a_token_does_not_tell_the_secret_of_the_visit():
    assert "secret-of-the-visit" not in token_for("secret-of-the-visit")


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": OWN}, True),
        ({"Origin": OWN}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": OWN}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "null"}, False),
        ({"Origin": OWN + ".evil.example"}, False),
        ({"Origin": "http://portal.example.lv"}, False),
        ({}, False),
    ],
)
def test_only_a_page_of_our_own_origin_may_send_a_form(headers, is_own):
    assert is_from_own_page(headers, OWN) == is_own
