"""Parts are made once, by whoever is there, whole or not at all, and say nothing of anybody when they fail."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmodel.errors import DeliveryError, RunFailedError, UsageError
from riskmodel.messages import message
from riskmodel.runs import cluster, database, journal, parquet, parts
from riskmodel.runs.cohort_writing import merged
from riskmodel.runs.cohorts import group_of_schools, pupil_ranges
from riskmodel.runs.failure import marks_of
from riskmodel.runs.parquet import CohortWriter
from riskmodel.runs.parts import Part, PartFolder, make, open_folder
from riskmodel.runs.semester import SemesterRun

MADE: list[str] = []


def squares(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    """Return a small table, and note that it was made."""
    MADE.append(given["first"])
    numbers = np.arange(given["first"], given["first"] + 3)
    return pa.table({"number": numbers, "square": numbers**2})


def meets_its_like(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    """Come to an end only when as many others are at work at the same time."""
    MEETING.wait()
    return squares(folder, given)


MEETING = threading.Barrier(3, timeout=60)


def is_slow(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    time.sleep(0.05)
    return squares(folder, given)


def finds_a_name(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    raise KeyError("Anna Bērziņa 010101-12345")


def finds_a_bad_delivery(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    raise DeliveryError(
        message("A store is a folder."), found=message("It is missing."), remedy=message("Mend it."), where="here"
    )


def finds_a_full_disk(folder: PartFolder, given: Mapping[str, Any]) -> pa.Table:
    raise OSError(28, "No space left on /home/anna")


def by_parity(folder: PartFolder, given: Mapping[str, Any]) -> dict[str, pa.Table]:
    MADE.append(given["first"])
    return {"even": pa.table({"number": [given["first"]]}), "odd": pa.table({"number": [given["first"] + 1]})}


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (parts.WORKERS, parts.SCHEDULER):
        monkeypatch.delenv(name, raising=False)
    MADE.clear()


@pytest.fixture
def folder(tmp_path: Path) -> PartFolder:
    return open_folder(tmp_path / "parts", tmp_path)


def some(count: int = 4) -> list[Part]:
    return [Part(f"squares-{first}", squares, {"first": first}, size=first % 3) for first in range(count)]


class Told:
    """Notes which parts were told of, and which of them had been made before."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.kept: list[str] = []

    def __call__(self, part: Part, seconds: float | None) -> None:
        (self.kept if seconds is None else self.made).append(part.name)


def contents(folder: PartFolder, wanted: list[Part]) -> list[dict[str, list[int]]]:
    return [folder.read(folder.file(part).name).to_pydict() for part in wanted]


def test_parts_are_made_the_largest_first_and_only_once(folder: PartFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parts.WORKERS, "1")
    first, again = Told(), Told()
    make(folder, some(), first)
    assert first.made == ["squares-2", "squares-1", "squares-0", "squares-3"]
    make(folder, some(5), again)
    assert (again.kept, again.made) == (["squares-0", "squares-1", "squares-2", "squares-3"], ["squares-4"])
    assert sorted(MADE) == [0, 1, 2, 3, 4]
    assert contents(folder, some())[2] == {"number": [2, 3, 4], "square": [4, 9, 16]}


@pytest.mark.parametrize("count", ["1", "3"])
def test_what_is_made_here_is_handed_over_and_what_was_made_before_lies_in_its_file(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    monkeypatch.setenv(parts.WORKERS, count)
    make(folder, some(2), Told())
    taken: dict[str, parts.Made | None] = {}
    make(folder, some(4), Told(), lambda part, made: taken.update({part.name: made}))
    assert {name: made is None for name, made in taken.items()} == {
        "squares-0": True,
        "squares-1": True,
        "squares-2": False,
        "squares-3": False,
    }
    for part in some(4)[2:]:
        assert folder.read(folder.file(part).name).equals(taken[part.name])


def test_a_part_is_compressed_or_not_and_reads_the_same(folder: PartFolder) -> None:
    table = pa.table({"number": np.zeros(100_000, np.int64)})
    kept = [
        Part(f"zeros-{is_compressed}".lower(), squares, {"c": is_compressed}, is_compressed=is_compressed)
        for is_compressed in (True, False)
    ]
    for part in kept:
        folder.write(part, table)
    small, large = (folder.file(part).stat().st_size for part in kept)
    assert small < large / 20
    assert all(folder.read(folder.file(part).name).equals(table) for part in kept)


def test_a_file_that_changed_after_it_was_looked_through_is_looked_through_again(folder: PartFolder) -> None:
    make(folder, some(1), Told())
    path = folder.file(some()[0])
    assert folder.read(path.name).num_rows == 3
    content, times = path.read_bytes(), path.stat()
    path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as if nothing had happened
    with pytest.raises(RunFailedError, match="missing or was changed"):
        folder.read(path.name)


def test_a_part_of_pieces_is_read_piece_by_piece_and_made_again_when_one_is_not_whole(folder: PartFolder) -> None:
    part = Part("numbers-4", by_parity, {"first": 4}, pieces=("even", "odd"))
    make(folder, [part], Told())
    files = folder.files(part)
    assert [path.name.startswith(f"numbers-4-{piece}-") for piece, path in files.items()] == [True, True]
    read = {piece: folder.read(path.name)["number"].to_pylist() for piece, path in files.items()}
    assert read == {"even": [4], "odd": [5]}
    content = files["odd"].read_bytes()
    files["odd"].write_bytes(content[:-1])
    told = Told()
    make(folder, [part], told)
    make(folder, [part], told)
    assert (told.made, told.kept, MADE) == (["numbers-4"], ["numbers-4"], [4, 4])
    assert files["odd"].read_bytes() == content


def test_threads_work_at_once_and_make_the_very_files_of_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [Part(f"meeting-{first}", meets_its_like, {"first": first}) for first in range(6)]
    in_threads, alone = open_folder(tmp_path / "threads", tmp_path), open_folder(tmp_path / "loop", tmp_path)
    monkeypatch.setenv(parts.WORKERS, "3")
    make(in_threads, wanted, Told())
    monkeypatch.setattr(MEETING, "wait", lambda: 0)
    monkeypatch.setenv(parts.WORKERS, "1")
    make(alone, wanted, Told())
    files = {path.name: path.read_bytes() for path in in_threads.path.iterdir()}
    assert files == {path.name: path.read_bytes() for path in alone.path.iterdir()}
    assert len(files) == 6


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "longer", "another head"])
def test_a_part_whose_file_is_not_whole_is_made_again(folder: PartFolder, damage: str) -> None:
    make(folder, some(), Told())
    hurt = some()[1]
    path = folder.file(hurt)
    content = path.read_bytes()
    middle = len(content) - 40
    path.write_bytes(
        {
            "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut": content[:middle],
            "empty": b"",
            "longer": content + b"\0",
            "another head": b"R" + content[1:],
        }[damage]
    )
    with pytest.raises(RunFailedError, match="missing or was changed"):
        folder.read(path.name)
    told = Told()
    make(folder, some(), told)
    assert told.made == [hurt.name]
    assert path.read_bytes() == content


def test_a_half_file_of_a_killed_worker_is_never_read(folder: PartFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        pass

    def kill(source: Path, target: Path) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", kill)
        with pytest.raises(KilledError):
            folder.write(some()[0], pa.table({"number": [0]}))
    (half,) = folder.path.iterdir()
    assert half.name.startswith(".")
    assert half.name.endswith(".part")
    assert not folder.is_made(some()[0])


def test_a_part_is_another_one_for_other_values_other_code_or_other_work(tmp_path: Path) -> None:
    one, other = PartFolder(tmp_path, tmp_path, "1"), PartFolder(tmp_path, tmp_path, "2")
    part = Part("part", squares, {"first": 1})
    files = {
        one.file(part),
        other.file(part),
        one.file(Part("part", squares, {"first": 2})),
        one.file(Part("part", meets_its_like, {"first": 1})),
    }
    assert len(files) == 4
    assert one.file(part) == one.file(Part("part", squares, {"first": 1}, size=9))


def test_names_of_parts_are_names_of_files_and_told_apart(folder: PartFolder) -> None:
    with pytest.raises(ValueError, match="not a name"):
        Part("../elsewhere", squares, {})
    with pytest.raises(ValueError, match="one name"):
        make(folder, [Part("part", squares, {"first": first}) for first in (1, 2)], Told())


@pytest.mark.parametrize("count", ["1", "3"])
def test_an_error_of_a_part_is_told_by_kind_and_place_alone(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    monkeypatch.setenv(parts.WORKERS, count)
    with pytest.raises(RunFailedError) as failed:
        make(folder, [*some(), Part("names", finds_a_name, {}, size=9)], Told())
    said = failed.value.in_both_languages()
    assert "Part names stopped: KeyError at" in said
    assert "Anna" not in said + repr(failed.value.__cause__) + repr(failed.value.__context__)


def test_an_error_of_the_house_keeps_its_kind_and_words(folder: PartFolder) -> None:
    with pytest.raises(DeliveryError, match=r"^here: A store is a folder\. It is missing\. Mend it\.$"):
        make(folder, [Part("bad", finds_a_bad_delivery, {})], Told())
    with pytest.raises(RunFailedError, match="The disk is full") as failed:
        make(folder, [Part("full", finds_a_full_disk, {})], Told())
    assert "anna" not in failed.value.in_both_languages()


def test_a_worker_with_other_code_makes_nothing(folder: PartFolder) -> None:
    elsewhere = PartFolder(folder.path, folder.store, "0" * 64)
    with pytest.raises(UsageError, match="same version of the program"):
        make(elsewhere, some(1), Told())
    assert not MADE


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", "²"])
def test_the_number_of_workers_is_a_number_from_one(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(parts.WORKERS, given)
    with pytest.raises(UsageError, match="whole number from 1"):
        parts.workers()


def test_without_a_number_every_core_that_the_process_may_use_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5, 7}, raising=False)
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(parts, "CPU_QUOTA", quota)
    assert parts.workers() == 4
    for text, expected in (("max 100000", 4), ("250000 100000", 3), ("50000 100000", 1), ("900000 100000", 4)):
        quota.write_text(text + "\n")
        assert parts.workers() == expected


def test_a_missing_extra_is_wrong_usage_with_the_remedy_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.SCHEDULER, "tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as refused:
        parts.check_executor(tmp_path)
    said = refused.value.in_both_languages()
    assert said.count("pip install riskmodel[cluster]") == 2
    assert "nav instalēta" in said


def test_an_address_where_nothing_answers_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    with pytest.raises(UsageError, match="Nothing answers at this address"):
        cluster.connect("tcp://127.0.0.1:1", tmp_path)


class Client:
    """A client whose workers answer as they are told to."""

    def __init__(self, *answers: tuple[str, str]) -> None:
        self.answers = answers

    def wait_for_workers(self, count: int, timeout: float) -> None:
        if len(self.answers) < count:
            raise TimeoutError

    def run(self, work: Any, probe: Path) -> dict[int, tuple[str, str]]:
        word, _ = work(probe)
        return {number: (found or word, code) for number, (found, code) in enumerate(self.answers)}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ((), "no worker"),
        ((("", "0" * 64),), "A worker has another one"),
        ((("another word", parts.code_digest()),), "sees the store at the same path"),
    ],
)
def test_workers_that_cannot_serve_are_refused_before_any_part_is_made(
    tmp_path: Path, answers: tuple[tuple[str, str], ...], found: str
) -> None:
    (tmp_path / "staging").mkdir()
    cluster._check_workers(Client(("", parts.code_digest())), "address", tmp_path)
    with pytest.raises(UsageError, match=found):
        cluster._check_workers(Client(*answers), "address", tmp_path)
    assert not any((tmp_path / "staging").iterdir())


@given(st.sets(st.text("0123456789abcdef", min_size=1, max_size=4), max_size=40), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_ranges_of_pupils_are_about_equal_and_leave_nobody_out(pupils: set[str], most: int) -> None:
    ranges = pupil_ranges(pa.array(sorted(pupils), pa.string()), most)
    assert ranges[0][0] is None
    assert ranges[-1][1] is None
    assert [first for first, _ in ranges[1:]] == [after for _, after in ranges[:-1]]
    held = [
        sum((first is None or pupil >= first) and (after is None or pupil < after) for pupil in pupils)
        for first, after in ranges
    ]
    assert sum(held) == len(pupils)
    assert max(held) <= most
    assert max(held) - min(held) <= 1


def cohort_of(day: date, *pupils: str) -> pa.Table:
    return pa.table({"cohort_on": pa.array([day] * len(pupils), pa.date32()), "pupil_id": [*pupils]})


def test_a_table_is_written_cohort_by_cohort_and_read_one_cohort_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 2)
    days = [date(2022, 12, 20), date(2023, 12, 20)]
    writer = CohortWriter(tmp_path, "feature")
    for day, pupils in zip(days, ("abc", "bd"), strict=True):
        writer.write(cohort_of(day, *pupils))
    writer.close()
    file = pq.ParquetFile(tmp_path / "feature.parquet")
    assert [file.read_row_group(number)["pupil_id"].to_pylist() for number in range(file.num_row_groups)] == [
        ["a", "b"],
        ["c"],
        ["b", "d"],
    ]
    newest = parquet.read_table(tmp_path, "feature", days[1], ["pupil_id"])
    assert newest["pupil_id"].tolist() == ["b", "d"]
    assert parquet.read_table(tmp_path, "feature", date(2024, 12, 20)).empty


@pytest.mark.parametrize(
    "cohorts",
    [
        [cohort_of(date(2023, 1, 1), "a", "a")],
        [cohort_of(date(2023, 1, 1), "b", "a")],
        [cohort_of(date(2023, 1, 1), "a"), cohort_of(date(2023, 1, 1), "a")],
        [cohort_of(date(2023, 1, 1), "b"), cohort_of(date(2023, 1, 1), "a")],
        [cohort_of(date(2023, 1, 1), "a"), cohort_of(date(2022, 1, 1), "a")],
        [pa.concat_tables([cohort_of(date(2023, 1, 1), "a"), cohort_of(date(2024, 1, 1), "b")])],
    ],
)
def test_cohorts_in_another_order_and_repeated_pupils_are_refused(tmp_path: Path, cohorts: list[pa.Table]) -> None:
    writer = CohortWriter(tmp_path, "feature")
    for rows in cohorts[:-1]:
        writer.write(rows)
    with pytest.raises(RunFailedError, match="columns, kinds and key"):
        writer.write(cohorts[-1])


def test_who_follows_a_log_reads_each_whole_line_once_and_no_earlier_one(tmp_path: Path) -> None:
    log = tmp_path / journal.LOG_NAME
    journal.record(log, event="started")
    follower = journal.Follower(log)
    assert follower.lines() == []
    journal.record(log, event=journal.PART_DONE, part="cohort", number=7, count=24, seconds=0.5)
    with log.open("a") as file:
        file.write('{"event": "part_')
    (line,) = follower.lines()
    assert str(journal.part_words(line)) == "Part 7 of 24 (cohort) is done."
    assert follower.lines() == []
    with log.open("a") as file:
        file.write('kept", "part": "cohort", "number": 8, "count": 24}\n')
    assert [str(journal.part_words(line)) for line in follower.lines()] == ["Part 8 of 24 (cohort): already done."]


def test_no_part_is_made_any_more_when_the_error_of_one_is_told(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.WORKERS, "2")
    wanted = [Part("names", finds_a_name, {}, size=9)]
    wanted += [Part(f"slow-{first}", is_slow, {"first": first}) for first in range(40)]
    with pytest.raises(RunFailedError) as failed:
        make(folder, wanted, Told())
    made = len(MADE)
    time.sleep(0.2)
    assert failed.value is not None  # whose frames are held meanwhile
    assert len(MADE) == made < 40


def test_threads_stop_at_the_first_error(folder: PartFolder) -> None:
    wanted = [
        Part("names", finds_a_name, {}),
        *(Part(f"slow-{first}", is_slow, {"first": first}) for first in range(40)),
    ]
    outcomes = parts.in_threads(1, folder, wanted)
    assert next(outcomes).failure is not None
    outcomes.close()
    assert len(MADE) < 40


def test_what_was_made_in_a_thread_is_taken_while_its_file_is_written(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.WORKERS, "2")
    is_taken, write = threading.Event(), PartFolder.write

    def write_then(self: PartFolder, part: Part, made: parts.Made) -> None:
        assert is_taken.wait(60)
        write(self, part, made)

    monkeypatch.setattr(PartFolder, "write", write_then)
    wanted = Part("one", squares, {"first": 1})
    make(folder, [wanted], Told(), lambda _part, made: is_taken.set() if made is not None else None)
    assert folder.is_made(wanted)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_part_that_was_taken_and_cannot_be_written_stops_the_run(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv(parts.WORKERS, workers)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(PartFolder, "write", full)
    with pytest.raises(RunFailedError, match="full"):
        make(folder, [Part("one", squares, {"first": 1})], Told(), lambda _part, _made: None)


def test_a_thread_that_ends_without_a_word_is_not_waited_for(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parts.WORKERS, "2")

    def leave(*_: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(PartFolder, "write", leave)
    with pytest.raises(SystemExit):
        make(folder, [Part("one", squares, {"first": 1})], Told())


def test_work_beside_parts_is_done_at_once_where_several_are_made_and_else_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = list[str]()

    def work() -> str:
        threads.append(threading.current_thread().name)
        return "done"

    monkeypatch.setenv(parts.WORKERS, "1")
    with parts.beside(work):
        pass
    assert threads == []
    with parts.beside(work) as result:
        assert result() == "done"
    assert threads == [threading.current_thread().name]
    monkeypatch.setenv(parts.WORKERS, "2")
    with parts.beside(work) as result:
        assert result() == "done"
    assert threads[1].startswith("beside")


def test_an_error_of_work_beside_parts_is_told_to_who_asks_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who needs it does it, and says what is wrong and where."""
    monkeypatch.setenv(parts.WORKERS, "2")

    def fail() -> None:
        raise ValueError("beside")

    with parts.beside(fail):
        pass
    with parts.beside(fail) as result, pytest.raises(ValueError, match="beside"):
        result()


@given(st.lists(st.sets(st.integers(0, 60)), min_size=1, max_size=4), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_tables_in_order_become_one_in_order(held: list[set[int]], at_once: int) -> None:
    # A key is in one table alone.
    keys = [sorted(key * len(held) + number for key in own) for number, own in enumerate(held)]

    def told(own: list[int]) -> Iterator[pa.Table]:
        for first in range(0, len(own), at_once):
            yield pa.table(
                {"key": pa.array(own[first : first + at_once]), "twice": pa.array(own[first : first + at_once])}
            )

    rows = [row for some in merged([*map(told, keys)], "key") for row in some.to_pylist()]
    assert rows == [{"key": key, "twice": key} for key in sorted(key for own in keys for key in own)]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=1, max_size=60), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_groups_of_schools_are_whole_hold_each_school_once_and_are_about_equal(schools: list[str], groups: int) -> None:
    members = pa.chunked_array([pa.array(schools, pa.string())])
    found = [group_of_schools(members, group, groups).to_pylist() for group in range(groups)]
    assert sorted(school for own in found for school in own) == sorted(set(schools))
    largest = max(map(schools.count, schools))
    sizes = [sum(map(schools.count, own)) for own in found]
    assert max(sizes) < len(schools) / groups + largest


def test_what_the_data_base_cannot_hold_goes_to_a_file_beside_the_parts(
    folder: PartFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LARGEST_MEMORY_MB", 30)
    spill = folder.path / "spill"
    held = database._Database("large", 1, spill)
    held.root.execute("CREATE TABLE large AS SELECT range AS number, hash(range) AS other FROM range(6_000_000)")
    ((count, total),) = held.root.execute("SELECT count(*), sum(number) FROM large").fetchall()
    assert (count, total) == (6_000_000, 6_000_000 * 5_999_999 // 2)
    assert any(spill.iterdir())
    held.root.close()
    assert not spill.exists()


def test_a_part_takes_the_connection_of_a_thread_that_has_ended_and_never_of_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "open_canonical", lambda *_: None)
    held = database._Database("some", 1, tmp_path / "spill")
    met: list[duckdb.DuckDBPyConnection] = []

    def ask() -> None:
        met.append(held.of_this_thread(tmp_path, []))

    for _ in range(3):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    ask()
    ask()
    assert all(one is met[0] for one in met)
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert met[-1] is not met[0]


def test_each_further_part_at_once_gives_the_data_base_more_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "open_canonical", lambda *_: None)
    held = database._Database("some", 1, tmp_path / "spill")
    found: list[tuple[str]] = []
    with ThreadPoolExecutor(4) as pool:
        together = threading.Barrier(4, timeout=60)

        def ask(_number: int) -> None:
            together.wait()
            held.of_this_thread(tmp_path, [])
            together.wait()

        for _ in range(2):  # the second time every thread has its connection
            assert len([*pool.map(ask, range(4))]) == 4
            found += held.root.execute("SELECT current_setting('memory_limit')").fetchall()
    assert found == [("381.4 MiB",)] * 2  # 200 MB and twice 100, and no more for threads that ask again


@pytest.mark.parametrize("has_room", [True, False])
def test_the_folder_of_parts_goes_when_the_step_is_done_whatever_its_disk_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_room: bool
) -> None:
    run = SemesterRun(tmp_path / "store" / "staging" / "run", date(2024, 1, 1), {})
    marks_of(run.folder).mkdir(parents=True)
    if not has_room:
        monkeypatch.setattr(Path, "rename", lambda *_: _refused())
    with run.parts() as folder:
        (folder.path / "some.arrow").write_bytes(b"some")
    until = time.monotonic() + 60
    while list(marks_of(run.folder).iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert list(marks_of(run.folder).iterdir()) == []


def _refused() -> None:
    raise OSError(errno.EROFS, "read-only")
