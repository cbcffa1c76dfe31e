"""The audit: one entry per act, in one order, and no change of it goes unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from register_by_hand import by_hand, without_guards
from sqlalchemy import select, update

from riskmodel.register.audit import Filters
from riskmodel.register.chain import START, Entry
from riskmodel.register.headnote import HeadNote
from riskmodel.register.places import note_file
from riskmodel.register.schema import AUDIT_ENTRY, AUDIT_HEAD
from riskmodel.register.store import Register, open_register


@pytest.fixture
def written(register: Register, director) -> Register:
    """A register with ten entries: created, account, grant, and seven looks."""
    for number in range(7):
        register.audit.write(director, "pupil_viewed", "school:101", f"{number:032x}", {"run_id": "r", "rows": number})
    return register


def tamper(register: Register, *statements: str) -> None:
    """Change the data base as somebody would who may write it."""
    with by_hand(register.place) as connection:
        without_guards(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)


def chained_anew(register: Register, number: int) -> None:
    """Work out all digests from ``number`` on again, as a forger would, and the head in the data base."""
    with by_hand(register.place) as connection:
        without_guards(connection)
        rows = [dict(row) for row in connection.execute(select(AUDIT_ENTRY).order_by("number")).mappings()]
        previous = START.digest if number == 1 else rows[number - 2]["digest"]
        for row in rows[number - 1 :]:
            row.pop("digest")
            entry = Entry(**(row | {"previous_digest": previous}))
            forged = {"previous_digest": previous, "digest": entry.digest}
            connection.execute(update(AUDIT_ENTRY).where(AUDIT_ENTRY.c.number == entry.number).values(**forged))
            previous = entry.digest
        connection.execute(update(AUDIT_HEAD).values(digest=previous, entry_count=len(rows)))


def test_an_untouched_audit_is_sound_and_tells_its_head(written: Register):
    verdict = written.audit.verify()
    assert verdict.is_sound
    assert verdict.head.entry_count == written.audit.size() == 10
    assert verdict.not_noted == 0
    assert verdict.head == HeadNote(note_file(written.place)).read()
    assert verdict.words().in_language("en") == f"The audit is sound: 10 entries, head {verdict.head.digest}."


@pytest.mark.parametrize(
    ("statements", "fault", "number"),
    [
        (["UPDATE audit_entry SET actor = 'anna' WHERE number = 5"], "content", 5),
        (['UPDATE audit_entry SET details = \'{"rows":1, "run_id":"r"}\' WHERE number = 5'], "content", 5),
        (["UPDATE audit_entry SET previous_digest = digest WHERE number = 5"], "link", 5),
        (["DELETE FROM audit_entry WHERE number = 5"], "numbering", 5),
        (["DELETE FROM audit_entry WHERE number = 1"], "numbering", 1),
        (
            [
                "UPDATE audit_entry SET number = -1 WHERE number = 5",
                "UPDATE audit_entry SET number = 5 WHERE number = 6",
                "UPDATE audit_entry SET number = 6 WHERE number = -1",
            ],
            "link",
            5,
        ),
        (
            [
                "DELETE FROM audit_entry WHERE number = 5",
                "UPDATE audit_entry SET number = -number WHERE number > 5",  # no number stands twice on the way
                "UPDATE audit_entry SET number = -number - 1 WHERE number < 0",
            ],
            "link",
            5,
        ),
        (
            [
                "INSERT INTO audit_entry SELECT 11, at, actor, action, unit, subject, details, digest, digest "
                "FROM audit_entry WHERE number = 10"
            ],
            "content",
            11,
        ),
        (["DELETE FROM audit_entry WHERE number > 8"], "end", 9),
        (["DELETE FROM audit_entry"], "end", 1),
        (["UPDATE audit_head SET entry_count = 11"], "end", 11),
        (["UPDATE audit_head SET entry_count = 9"], "end", 10),
        (["DELETE FROM audit_head"], "end", 1),
    ],
)
def test_a_tampered_entry_is_found_with_the_first_number_that_is_not_right(
    written: Register, statements, fault, number
):
    tamper(written, *statements)
    verdict = written.audit.verify()
    assert (verdict.fault, verdict.first_bad_number) == (fault, number)
    assert f"entry {number} " in verdict.words().in_language("en")


def test_a_tail_cut_together_with_the_head_is_found_by_the_note_also_after_more_was_written(
    written: Register, director, file
):
    tamper(written, "DELETE FROM audit_entry WHERE number > 8")
    chained_anew(written, 8)
    assert (written.audit.verify().fault, written.audit.verify().first_bad_number) == ("note", 9)
    for _ in range(4):
        written.audit.write(director, "pupil_viewed", "school:101")
    assert (written.audit.verify().fault, written.audit.verify().first_bad_number) == ("note", 10)


def test_a_chain_worked_out_anew_does_not_fit_the_note(written: Register, director):
    tamper(written, "UPDATE audit_entry SET actor = 'anna' WHERE number = 5")
    chained_anew(written, 5)
    assert (written.audit.verify().fault, written.audit.verify().first_bad_number) == ("note", 10)
    written.audit.write(director, "pupil_viewed", "school:101")
    assert written.audit.verify().fault == "note"


def test_an_entry_put_on_by_hand_with_a_right_chain_is_only_not_noted(written: Register):
    tamper(
        written,
        "INSERT INTO audit_entry SELECT 11, at, actor, action, unit, subject, details, digest, digest "
        "FROM audit_entry WHERE number = 10",
    )
    chained_anew(written, 11)
    assert written.audit.verify().not_noted == 1


@pytest.mark.parametrize("content", [None, b"", b"anything", b"0" * 200])
def test_a_note_that_is_gone_or_unreadable_is_told_and_not_made_anew(written: Register, director, content):
    note = note_file(written.place)
    note.unlink() if content is None else note.write_bytes(content)
    written.audit.write(director, "pupil_viewed", "school:101")
    assert written.audit.verify().fault == "note_missing"
    written.close()
    with open_register(written.place) as again:
        again.audit.write(director, "pupil_viewed", "school:101")
        assert again.audit.verify().fault == "note_missing"


def test_a_note_left_behind_by_a_killed_process_catches_up_with_the_next_entry(written: Register, director):
    note = note_file(written.place)
    old = note.read_bytes()
    for _ in range(3):
        written.audit.write(director, "pupil_viewed", "school:101")
    note.write_bytes(old)
    assert written.audit.verify().not_noted == 3
    written.audit.write(director, "pupil_viewed", "school:101")
    assert written.audit.verify().not_noted == 0


def test_an_act_that_fails_leaves_neither_change_nor_entry(written: Register):
    def fail() -> None:
        with written.database.acting() as act:
            act.record(None, "login")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert written.audit.size() == 10
    assert written.audit.verify().is_sound


def test_an_action_or_detail_that_is_not_on_the_lists_is_a_fault(written: Register, director):
    with pytest.raises(ValueError, match="lists"):
        written.audit.write(director, "pupil_praised", "school:101")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lists"):
        written.audit.write(director, "pupil_viewed", "school:101", details={"name": "Anna"})
    assert written.audit.size() == 10


def test_a_value_can_neither_forge_a_line_nor_be_endless(written: Register, director):
    written.audit.write(director, "access_denied", "school:1\n2", "x\r\ny", {"view": "\x1b]0;" + "a" * 1000})
    entry = written.audit.read(first=11)[0]
    assert (entry.unit, entry.subject) == ("school:1\ufffd2", "x\ufffd\ufffdy")
    assert len(entry.details) < 250
    assert entry.details.isprintable()
    assert written.audit.verify().is_sound


def test_entries_are_read_from_both_ends_in_parts(written: Register):
    def numbers(*args, **named):
        return [entry.number for entry in written.audit.read(*args, **named)]

    assert numbers() == list(range(1, 11))
    assert numbers(4, 3) == [4, 5, 6]
    assert numbers(count=3, newest_first=True) == [10, 9, 8]
    assert numbers(7, 3, newest_first=True) == [7, 6, 5]
    assert numbers(11) == []


def test_entries_are_filtered_by_each_field_and_by_time(written: Register, director, clock):
    clock.pass_by(hours=1)
    written.audit.write(None, "access_denied", "school:102", "f" * 32)
    written.audit.write(director, "access_denied", "school:101", "f" * 32)

    def numbers(**filters):
        return [entry.number for entry in written.audit.read(filters=Filters(**filters))]

    assert numbers(actor="dace", action="access_denied") == [12]
    assert numbers(unit="school:102") == [11]
    assert numbers(subject="f" * 32) == [11, 12]
    assert numbers(from_at="2026-09-01T09:00:00.000000Z") == [11, 12]
    assert numbers(to_at="2026-09-01T09:00:00.000000Z", action="login") == []
    assert numbers(actor="da\x00ce", unit="school:\ud800") == []


def test_threads_that_write_at_once_make_one_sound_chain(register: Register, director):
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: register.audit.write(director, "page_viewed", "school:101"), range(80)))
    assert sorted(numbers) == list(range(4, 84))
    verdict = register.audit.verify()
    assert verdict.is_sound
    assert verdict.not_noted == 0


def test_what_others_write_during_a_verification_is_no_fault(register: Register, director):
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(register.audit.write, director, "page_viewed", "school:101") for _ in range(40)]
        verdicts = [register.audit.verify() for _ in range(10)]
        [future.result() for future in writing]
    assert [verdict.fault for verdict in verdicts] == [None] * 10
