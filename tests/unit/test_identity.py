"""Register ids become keyed pseudonyms at the border, and one pupil stays one pupil."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskmodel.errors import UsageError
from riskmodel.sources import codes as codes_module
from riskmodel.sources import identity, identity_table
from riskmodel.sources.codes import CODES, normalised_column
from riskmodel.sources.codes import normalised as normalised_all
from riskmodel.sources.identity import ENTRIES, Key, open_key
from riskmodel.sources.identity_table import (
    known_to,
    new_identities,
    read_identities,
    with_identities,
)
from riskmodel.tables.canonical import IDENTITY, PUPIL_ID

KEY = Key(bytes(range(32)))
OLD, NEW, OTHER = "12019000013", "32000000014", "13019000022"
"""The old codes are of people born in 1890; nobody has them."""


def normalised(text, *, free):
    (code,) = normalised_all([text], free=free)
    return code


def entry(register_id, first="Anna", last="Kļava", earlier="", since="2020-09-01"):
    return register_id, first, last, earlier, since


def table_of(rows, schema):
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * len(schema), schema=schema)


def identify(register_ids, entries, known, key):
    """Identify sound codes, given as their own raw texts, beside the codes that entries speak of."""
    every = dict.fromkeys([*register_ids, *(one[0] for one in entries)])
    codes = table_of([(code, code, None, None) for code in every], CODES)

    def known_before(asked):
        return pa.array([known.get(one) for one in asked.to_pylist()], pa.string())

    return identity.identify(codes, table_of(entries, ENTRIES), known_before, key)


def pseudonyms(pupils):
    return dict(zip(*(pupils.register[name].to_pylist() for name in ("raw", "pupil_id")), strict=True))


def take(store, pupils, used):
    """Write the identity table after a delivery of which these pupils were used."""
    with new_identities(store, with_identities(store, pupils, KEY, pa.array(sorted(used), pa.string()))):
        pass


def faults_of(pupils):
    pairs = zip(*(pupils.register[name].to_pylist() for name in ("raw", "pupil_fault")), strict=True)
    return {code: fault for code, fault in pairs if fault}


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
    assert pseudonyms(pupils)[NEW] == pseudonyms(pupils)[OLD] == KEY.pseudonym(OLD)
    assert pseudonyms(pupils)[OTHER] != pseudonyms(pupils)[OLD]
    assert pupils.unlinked_changes == 0


def test_a_link_that_comes_later_keeps_the_pseudonym_of_the_old_code_and_notes_the_other():
    known = {OLD: "0" * 32, NEW: "1" * 32}
    pupils = identify([NEW], [entry(NEW, earlier=OLD)], known, KEY)
    assert pseudonyms(pupils)[NEW] == "0" * 32
    assert pupils.aliases == {"1" * 32: "0" * 32}


def test_a_pseudonym_given_before_stays_when_the_old_code_was_never_delivered():
    pupils = identify([NEW, OLD], [entry(NEW, earlier=OLD)], {NEW: "1" * 32}, KEY)
    assert pseudonyms(pupils)[NEW] == pseudonyms(pupils)[OLD] == "1" * 32
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
    assert faults_of(identify([], entries, {}, KEY)) == faults


def test_codes_linked_in_a_ring_do_not_hang():
    ring = [entry(OLD, earlier=NEW), entry(NEW, "Ilze", earlier=OLD)]
    assert set(pseudonyms(identify([], ring, {}, KEY))) == {OLD, NEW}


def test_the_identity_table_is_protected_and_holds_the_newest_names(tmp_path):
    entries = [entry(NEW, last="Liepa", earlier=OLD, since="2023-09-01"), entry(NEW, earlier=OLD)]
    take(tmp_path, identify([NEW], entries, {}, KEY), {KEY.pseudonym(OLD)})
    assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "identity/identity.parquet").stat().st_mode) == 0o600
    rows = {row["register_id"]: row for row in read_identities(tmp_path).to_pylist()}
    assert rows[NEW]["last_name"] == "Liepa"
    assert rows[OLD]["pupil_id"] == rows[NEW]["pupil_id"]
    assert rows[NEW]["key_id"] == KEY.key_id


def test_a_pupil_whose_description_was_put_aside_is_not_added(tmp_path):
    take(tmp_path, identify([OLD], [entry(OLD)], {}, KEY), set())
    assert read_identities(tmp_path).num_rows == 0


def test_a_link_that_is_corrected_leaves_one_row_for_each_code_with_its_names(tmp_path, monkeypatch):
    monkeypatch.setattr(identity_table, "ROWS_OF_A_RANGE", 1)
    first = identify([], [entry(NEW, earlier=OLD), entry(OTHER, "Ilze"), entry(OLD)], {}, KEY)
    take(tmp_path, first, {KEY.pseudonym(OLD), KEY.pseudonym(OTHER)})
    known = {row["register_id"]: row["pupil_id"] for row in read_identities(tmp_path).to_pylist()}
    second = identify([], [entry(NEW, earlier=OTHER), entry(OLD, "", "Liepa")], known, KEY)
    assert second.aliases == {KEY.pseudonym(OLD): KEY.pseudonym(OTHER)}
    take(tmp_path, second, set(second.entries["pupil_id"].to_pylist()))
    rows = read_identities(tmp_path).to_pylist()
    assert sorted(row["register_id"] for row in rows) == sorted([OLD, NEW, OTHER])
    of_code = {row["register_id"]: row for row in rows}
    assert of_code[NEW]["pupil_id"] == of_code[OTHER]["pupil_id"] == KEY.pseudonym(OTHER)
    assert (of_code[OLD]["pupil_id"], of_code[OLD]["first_name"]) == (KEY.pseudonym(OLD), "Anna")


def test_who_fails_leaves_the_identity_table_as_it_was_and_nothing_beside_it(tmp_path):
    take(tmp_path, identify([OLD], [entry(OLD)], {}, KEY), {KEY.pseudonym(OLD)})
    before = read_identities(tmp_path)
    with pytest.raises(OSError, match="full"), identity_table.new_identities(tmp_path, [before.slice(0, 0)]):
        raise OSError("the disk is full")
    assert read_identities(tmp_path).equals(before)
    assert [path.name for path in (tmp_path / "identity").iterdir()] == ["identity.parquet"]


def identified_plainly(register_ids, entries, known):
    """Return pseudonyms, faults, aliases and changes without a link, pupil by pupil."""
    faults = {}
    for code in {one[0] for one in entries}:
        own = [one for one in entries if one[0] == code]
        surnames = {(one[4], one[2].casefold()) for one in own if one[2]}
        if len({one[1].casefold() for one in own if one[1]}) > 1 or len(surnames) > len({day for day, _ in surnames}):
            faults[code] = "one_code_two_names"
        if len({one[3] for one in own if one[3]}) > 1:
            faults[code] = "two_earlier_codes"
    for earlier in {one[3] for one in entries if one[3]}:
        codes = {one[0] for one in entries if one[3] == earlier}
        if len(codes) > 1 or earlier in codes:
            faults |= dict.fromkeys(codes, "earlier_code_of_two")
    links = {one[0]: one[3] for one in entries if one[3] and one[0] not in faults}
    found, aliases = {}, {}
    for code in {*register_ids, *(one[0] for one in entries), *links.values()}:
        chain = _ends(code, links)
        of_chain = [chain, *sorted(one for one in {*links, *links.values()} - {chain} if _ends(one, links) == chain)]
        given = [known[one] for one in of_chain if one in known] if code in {*links, *links.values()} else []
        found[code] = given[0] if given else known.get(code) or KEY.pseudonym(chain)
        aliases |= {other: given[0] for other in given if other != given[0]}
    names = [
        {
            (first.casefold(), last.casefold())
            for code, first, last, _, _ in entries
            if last
            and code.isdigit()
            and code not in {*links, *links.values()}
            and (code[0] == "3" and code[1] in "23456789") is is_new
        }
        for is_new in (True, False)
    ]
    return found, faults, aliases, len(names[0] & names[1])


def _ends(code, links):
    """The first code of a chain; of a ring the least."""
    met = []
    while code not in met:
        met.append(code)
        code = links.get(code)
        if code is None:
            return met[-1]
    return min(met[met.index(code) :])


def merged_plainly(stored, entries, found, faults, aliases, used):
    """Return the rows of the identity table after a delivery, entry by entry."""
    rows = {row["register_id"]: row | {"pupil_id": aliases.get(row["pupil_id"], row["pupil_id"])} for row in stored}
    for code, first, last, earlier, _ in sorted(entries, key=lambda one: (one[4], one)):
        if code in faults or found[code] not in used:
            continue
        for one in filter(None, (code, earlier)):
            row = rows.setdefault(one, dict.fromkeys(IDENTITY.column_names) | {"register_id": one})
            row |= {"pupil_id": found[code], "key_id": KEY.key_id}
        for name, told in (("first_name", first), ("last_name", last), ("earlier_register_id", earlier)):
            rows[code][name] = told or rows[code][name]
    return sorted(rows.values(), key=lambda row: (row["pupil_id"], row["register_id"]))


SOME_CODES = [OLD, NEW, OTHER, "32000000022", "14019000031", "free-1"]
SOME_ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(SOME_CODES),
        st.sampled_from(["", "Anna", "ANNA", "Ilze"]),
        st.sampled_from(["", "Kļava", "Strauß", "STRAUSS"]),
        st.sampled_from(["", "", "", *SOME_CODES]),
        st.sampled_from(["", "2020-09-01", "2023-09-01"]),
    ),
    max_size=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(SOME_ENTRIES, min_size=1, max_size=3), st.data())
def test_identities_by_column_are_those_of_pupil_by_pupil(deliveries, data):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        store = Path(folder) / "store"
        patch.setattr(identity_table, "ROWS_OF_A_RANGE", 3)
        patch.setattr(identity_table, "LOOKED_UP_AT_ONCE", 2)
        patch.setattr(codes_module, "CODES_AT_ONCE", 2)
        patch.setattr(identity, "CODES_AT_ONCE", 2)
        for entries in deliveries:
            before = read_identities(store).to_pylist()
            asked = data.draw(st.lists(st.sampled_from(SOME_CODES), unique=True))
            raw = pa.array(sorted({*asked, *(one[0] for one in entries)}), pa.string())
            codes = normalised_column(raw, free=True)
            pupils = identity.identify(codes, table_of(entries, ENTRIES), known_to(store), KEY)
            known = {row["register_id"]: row["pupil_id"] for row in before}
            found, *others = identified_plainly(asked, entries, known)
            assert pseudonyms(pupils) == {code: found[code] for code in raw.to_pylist()}
            assert [faults_of(pupils), pupils.aliases, pupils.unlinked_changes] == others
            used = set(data.draw(st.lists(st.sampled_from(sorted(set(found.values()))), unique=True)) if found else [])
            take(store, pupils, used)
            expected = merged_plainly(before, entries, found, *others[:2], used)
            assert read_identities(store).to_pylist() == expected


@given(
    st.from_regex("[0-9]{6}-?[0-9]{5}", fullmatch=True)
    | st.sampled_from(["010101-12345", "320101-12345", "00000000000"])
)
def test_a_plain_code_is_read_as_the_same_code_among_blanks_is(code):
    assert normalised(code, free=False) == normalised(f" {code}", free=False)
