"""Register ids become keyed pseudonyms at the border, and one pupil stays one pupil."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmodel.errors import UsageError
from riskmodel.sources.codes import normalised as normalised_all
from riskmodel.sources.identity import (
    Entry,
    Key,
    identify,
    merged_identities,
    open_key,
    read_identities,
    write_identities,
)
from riskmodel.tables.canonical import PUPIL_ID

KEY = Key(bytes(range(32)))
OLD, NEW, OTHER = "12019000013", "32000000014", "13019000022"
"""The old codes are of people born in 1890; nobody has them."""


def normalised(text, *, free):
    (code,) = normalised_all([text], free=free)
    return code


def entry(register_id, first="Anna", last="Kļava", earlier="", since="2020-09-01"):
    return Entry(register_id, first, last, earlier, since)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("120190-00013", OLD),
        (" 120190 00013\u00a0", OLD),
        ("120190\u201200013", OLD),
        ("12019000013.0", OLD),
        ("320000-00014", NEW),
        ("29029600013", ""),
        ("290200-20013", "29020020013"),
        ("290200-10013", ""),
        ("120190-30013", ""),
        ("", ""),
    ],
)
def test_a_personal_code_has_one_form_and_is_never_padded(text, meant):
    # 1800 and 2000: the century figure decides whether there was a 29 February; 1896 was a leap year, 1900 was not.
    expected = "29029600013" if text == "29029600013" else meant
    assert normalised(text, free=False).text == expected


def test_a_free_register_id_is_any_short_text():
    assert normalised("  ab-1 ", free=True).text == "ab-1"
    assert normalised("x" * 41, free=True).fault == "code_too_long"


def test_a_pseudonym_is_128_bits_and_changes_with_the_key():
    one, other = KEY.pseudonym(OLD), Key(bytes(32)).pseudonym(OLD)
    import re

    assert re.fullmatch(PUPIL_ID.pattern, one)
    assert one != other
    assert OLD not in one


def test_a_key_never_shows_in_its_text():
    assert KEY.secret.hex() not in repr(KEY)
    assert str(KEY.secret) not in repr(KEY)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    made = open_key(tmp_path / "store.key", tmp_path / "store", may_create=True)
    assert stat.S_IMODE((tmp_path / "store.key").stat().st_mode) == 0o400
    assert open_key(tmp_path / "store.key", tmp_path / "store", may_create=False) == made


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o600 | 0o020])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    open_key(tmp_path / "key", tmp_path / "store", may_create=True)
    (tmp_path / "key").chmod(mode)
    with pytest.raises(UsageError, match="owner alone"):
        open_key(tmp_path / "key", tmp_path / "store", may_create=True)


def test_a_key_in_the_store_or_behind_a_link_is_refused(tmp_path):
    with pytest.raises(UsageError, match="lies in the store"):
        open_key(tmp_path / "store" / "key", tmp_path / "store", may_create=True)
    open_key(tmp_path / "key", tmp_path / "store", may_create=True)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    with pytest.raises(UsageError, match="owner alone"):
        open_key(tmp_path / "link", tmp_path / "store", may_create=True)


def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path):
    with pytest.raises(UsageError, match="missing"):
        open_key(tmp_path / "key", tmp_path / "store", may_create=False)
    assert not (tmp_path / "key").exists()


def test_a_file_that_holds_no_key_is_refused(tmp_path):
    (tmp_path / "key").write_text("secret")
    (tmp_path / "key").chmod(0o400)
    with pytest.raises(UsageError, match="does not hold a key"):
        open_key(tmp_path / "key", tmp_path / "store", may_create=True)


def test_an_old_and_a_new_code_of_one_pupil_have_one_pseudonym():
    pupils = identify([OLD, NEW, OTHER], [entry(NEW, earlier=OLD), entry(OTHER, "Ilze")], {}, KEY)
    assert pupils.pseudonyms[NEW] == pupils.pseudonyms[OLD] == KEY.pseudonym(OLD)
    assert pupils.pseudonyms[OTHER] != pupils.pseudonyms[OLD]
    assert pupils.unlinked_changes == 0


def test_a_link_that_comes_later_keeps_the_pseudonym_of_the_old_code_and_notes_the_other():
    known = {OLD: "0" * 32, NEW: "1" * 32}
    pupils = identify([NEW], [entry(NEW, earlier=OLD)], known, KEY)
    assert pupils.pseudonyms[NEW] == "0" * 32
    assert pupils.aliases == {"1" * 32: "0" * 32}


def test_a_pseudonym_given_before_stays_when_the_old_code_was_never_delivered():
    pupils = identify([NEW], [entry(NEW, earlier=OLD)], {NEW: "1" * 32}, KEY)
    assert pupils.pseudonyms[NEW] == pupils.pseudonyms[OLD] == "1" * 32
    assert pupils.aliases == {}


@pytest.mark.parametrize(
    ("entries", "faults"),
    [
        ([entry(OLD), entry(OLD, "Ilze")], {OLD: "one_code_two_names"}),
        ([entry(OLD), entry(OLD, last="Liepa")], {OLD: "one_code_two_names"}),
        ([entry(OLD), entry(OLD, last="Liepa", since="2023-09-01")], {}),
        ([entry(OLD), entry(OLD, "ANNA")], {}),
        ([entry(OLD, earlier=OTHER), entry(NEW, earlier=OTHER)], dict.fromkeys((OLD, NEW), "earlier_code_of_two")),
        ([entry(OLD, earlier=OLD)], {OLD: "earlier_code_of_two"}),
        ([entry(NEW, earlier=OLD), entry(NEW, earlier=OTHER)], {NEW: "two_earlier_codes"}),
    ],
)
def test_entries_that_cannot_all_be_true_are_found(entries, faults):
    assert identify([], entries, {}, KEY).faults == faults


def test_codes_linked_in_a_ring_do_not_hang():
    ring = [entry(OLD, earlier=NEW), entry(NEW, "Ilze", earlier=OLD)]
    assert set(identify([], ring, {}, KEY).pseudonyms) == {OLD, NEW}


def test_the_identity_table_is_protected_and_holds_the_newest_names(tmp_path):
    entries = [entry(NEW, last="Liepa", earlier=OLD, since="2023-09-01"), entry(NEW, earlier=OLD)]
    pupils = identify([NEW], entries, {}, KEY)
    table = merged_identities(read_identities(tmp_path), entries, pupils, KEY, {KEY.pseudonym(OLD)})
    write_identities(tmp_path, table)
    assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "identity/identity.parquet").stat().st_mode) == 0o600
    rows = {row["register_id"]: row for row in read_identities(tmp_path).to_pylist()}
    assert rows[NEW]["last_name"] == "Liepa"
    assert rows[OLD]["pupil_id"] == rows[NEW]["pupil_id"]
    assert rows[NEW]["key_id"] == KEY.key_id


def test_a_pupil_whose_description_was_put_aside_is_not_added():
    entries = [entry(OLD)]
    table = merged_identities(read_identities_of_nobody(), entries, identify([OLD], entries, {}, KEY), KEY, set())
    assert table.num_rows == 0


def read_identities_of_nobody():
    from riskmodel.tables.canonical import IDENTITY

    return IDENTITY.arrow_schema().empty_table()


@given(
    st.from_regex("[0-9]{6}-?[0-9]{5}", fullmatch=True)
    | st.sampled_from(["010101-12345", "320101-12345", "00000000000"])
)
def test_a_plain_code_is_read_as_the_same_code_among_blanks_is(code):
    assert normalised(code, free=False) == normalised(f" {code}", free=False)
