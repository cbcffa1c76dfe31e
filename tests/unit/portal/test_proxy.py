"""A proxy's word counts with its secret, in exactly two headers; the secret lies where only the portal reads it."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders

from riskmodel.errors import UsageError
from riskmodel.portal.proxy import SECRET_HEADER, USER_HEADER, named, read_secret

SECRET = b"0123456789abcdef0123456789abcdef"


def _headers(*pairs: tuple[str, str]) -> HTTPHeaders:
    headers = HTTPHeaders()
    for name, value in pairs:
        headers.add(name, value)
    return headers


RIGHT = (USER_HEADER, "anna"), (SECRET_HEADER, SECRET.decode())


def test_both_headers_once_name_a_person_in_any_case_of_letters():
    assert named(_headers(*RIGHT), SECRET) == "anna"
    assert named(_headers(*((name.upper(), value) for name, value in RIGHT)), SECRET) == "anna"


@pytest.mark.parametrize("copied", RIGHT)
@pytest.mark.parametrize("place", [0, 2])
def test_a_header_twice_names_nobody_not_even_with_the_same_value(copied, place):
    pairs = list(RIGHT)
    pairs.insert(place, copied)
    assert named(_headers(*pairs), SECRET) is None


@pytest.mark.parametrize("name", ["X_Riskmodel_User", "x_riskmodel-user", "X-Riskmodel_User", "X_RISKMODEL_SECRET"])
def test_a_variant_with_underscores_names_nobody_beside_the_right_headers_too(name):
    """Servers behind may read an underscore as a hyphen, so a proxy that strips one spelling may let the other pass."""
    assert named(_headers((name, "anna")), SECRET) is None
    assert named(_headers(*RIGHT, (name, "boris")), SECRET) is None


LETTERS = st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"])
"""What a header can hold, as tornado reads it: one letter for each byte."""


@given(shown=st.one_of(st.just(SECRET.decode()), st.text(LETTERS, max_size=40)), login=st.text(LETTERS, max_size=20))
def test_no_other_secret_and_no_foreign_letter_names_anybody(shown, login):
    found = named(_headers((USER_HEADER, login), (SECRET_HEADER, shown)), SECRET)
    assert found == (login if shown == SECRET.decode() and login and login.isascii() else None)


@pytest.mark.parametrize("login", ["", "ann\u00e4", "anna\u00a0"])
def test_what_only_looks_like_a_login_names_nobody(login):
    assert named(_headers((USER_HEADER, login), RIGHT[1]), SECRET) is None


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "secret"
    found.write_bytes(SECRET + b"\n")
    found.chmod(0o400)
    (tmp_path / "store").mkdir()
    return found


def test_the_secret_is_the_file_s_one_line(file, tmp_path):
    assert read_secret(file, tmp_path / "store") == SECRET


@pytest.mark.parametrize("mode", [0o600, 0o440, 0o404, 0o444, 0o640])
def test_a_secret_that_others_may_read_or_anybody_may_change_is_refused(file, tmp_path, mode):
    file.chmod(mode)
    with pytest.raises(UsageError, match="mode 0400"):
        read_secret(file, tmp_path / "store")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.parametrize("content", [b"", b"short", SECRET + b" x", SECRET + b"\n\n", "ā".encode() * 32, b"a" * 1001])
def test_a_file_that_holds_no_fit_secret_is_refused(tmp_path, content):
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(0o400)
    with pytest.raises(UsageError, match="one line of 32"):
        read_secret(file, tmp_path / "store")


def test_a_secret_in_the_store_is_refused_under_any_name(file, tmp_path):
    inside = tmp_path / "store" / "secret"
    os.link(file, inside)
    (tmp_path / "link").symlink_to(inside)
    for path in (inside, tmp_path / "link"):
        with pytest.raises(UsageError, match="outside the store"):
            read_secret(path, tmp_path / "store")


def test_without_a_file_the_portal_says_what_to_do(tmp_path):
    for path in (None, tmp_path / "nothing"):
        with pytest.raises(UsageError, match="openssl rand"):
            read_secret(path, tmp_path)


def test_it_is_the_comparison_that_keeps_a_wrong_secret_out(monkeypatch):
    wrong = _headers(RIGHT[0], (SECRET_HEADER, "wrong"))
    assert named(wrong, SECRET) is None
    monkeypatch.setattr("riskmodel.portal.proxy.hmac.compare_digest", lambda *_: True)
    assert named(wrong, SECRET) == "anna"
