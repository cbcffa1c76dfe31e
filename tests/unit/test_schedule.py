import json
import shutil
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from riskmodel.errors import DeliveryError, RunFailedError, RunHeldError, UsageError
from riskmodel.latvia import school_year
from riskmodel.messages import message
from riskmodel.runs import schedule, timer
from riskmodel.runs.runner import Done
from riskmodel.runs.schedule import due_on, newest_complete_delivery, next_cut_offs, notices, read_ledger, run_due

CUT_OFF = date(2024, 12, 20)
FIRST_RUN_DAY = date(2024, 12, 24)

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


@pytest.fixture
def said():
    return []


@pytest.fixture
def say(said):
    return lambda text: said.append(text.in_language("en"))


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def deliver(incoming, name, delivered_on, *, has_mark=True, **more):
    folder = incoming / name
    folder.mkdir()
    facts = {"delivered_on": delivered_on, "origin": "synthetic", "register_ids": "personal_code", **more}
    (folder / "mapping.yaml").write_text(yaml.safe_dump({"delivery": facts}), "utf-8")
    if has_mark:
        (folder / ".complete").touch()
    return folder


class Runner:
    """Stands for the semester run: remembers its calls and answers as told."""

    def __init__(self, answer="published"):
        self.answer = answer
        self.calls = []

    def __call__(self, delivery, cut_off):
        self.calls.append((delivery.name, cut_off))
        if isinstance(self.answer, Exception):
            raise self.answer
        return Done("2024-12-20-0123456789ab", Path("runs/2024-12-20-0123456789ab"), self.answer, ())


# The calendar


def test_a_cut_off_falls_at_the_end_of_semester_1_and_in_the_twelfth_week_of_semester_2():
    assert [cut_off.day for cut_off in next_cut_offs(date(2024, 9, 2), count=4)] == [
        date(2024, 12, 20),
        date(2025, 3, 28),
        date(2025, 12, 19),
        date(2026, 3, 27),
    ]


def test_a_cut_off_of_today_is_the_next_one_and_one_of_yesterday_is_not():
    assert next_cut_offs(CUT_OFF)[0].day == CUT_OFF
    assert next_cut_offs(CUT_OFF + timedelta(days=1))[0].day == date(2025, 3, 28)


def test_another_calendar_gives_other_cut_offs():
    def later(first_year):
        year = school_year(first_year)
        return replace(year, semester_1_ends_on=year.semester_1_ends_on + timedelta(days=7))

    assert next_cut_offs(date(2024, 9, 2), calendar=later)[0].day == date(2024, 12, 27)


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2024, 12, 20), None),  # the schools have not sent their files yet
        (date(2024, 12, 23), None),
        (date(2024, 12, 24), CUT_OFF),
        (date(2025, 1, 13), CUT_OFF),  # a late delivery
        (date(2025, 1, 14), None),
        (date(2025, 4, 1), date(2025, 3, 28)),
        (date(2025, 8, 1), None),
    ],
)
def test_a_run_is_due_for_three_weeks_from_its_first_run_day(day, due):
    found = due_on(day)
    assert (found.day if found else None) == due


def test_every_run_day_is_due_for_its_own_cut_off_for_ten_years():
    for cut_off in next_cut_offs(date(2020, 9, 1), count=20):
        assert {due_on(day) for day in cut_off.run_days} == {cut_off}


# The delivery


def test_no_delivery_is_complete_in_a_folder_that_is_empty_or_not_there(incoming, tmp_path):
    assert newest_complete_delivery(incoming) is None
    assert newest_complete_delivery(tmp_path / "nowhere") is None


def test_the_newest_complete_delivery_is_taken_by_its_date_not_by_its_name(incoming):
    deliver(incoming, "b", date(2024, 12, 21))
    deliver(incoming, "a", date(2024, 12, 23))
    assert newest_complete_delivery(incoming).folder.name == "a"


def test_a_delivery_on_its_way_an_addition_and_one_of_tomorrow_are_left_alone(incoming):
    deliver(incoming, "old", date(2024, 12, 21))
    deliver(incoming, "on_its_way", date(2024, 12, 23), has_mark=False)
    deliver(incoming, "addition", date(2024, 12, 23), complete=False)
    deliver(incoming, ".hidden", date(2024, 12, 23))
    deliver(incoming, "tomorrow", date(2024, 12, 25))
    assert newest_complete_delivery(incoming, until=FIRST_RUN_DAY).folder.name == "old"


def test_a_complete_delivery_without_a_readable_mapping_is_told_and_not_passed_over(incoming):
    deliver(incoming, "whole", date(2024, 12, 21))
    deliver(incoming, "broken", date(2024, 12, 23))
    (incoming / "broken" / "mapping.yaml").write_text("delivery: [", "utf-8")
    with pytest.raises(UsageError):
        newest_complete_delivery(incoming)


# The due run


def test_the_due_run_takes_the_newest_complete_delivery_and_the_cut_off_of_the_calendar(tmp_path, incoming, say):
    deliver(incoming, "november", date(2024, 11, 4))
    deliver(incoming, "december", date(2024, 12, 23))
    runner = Runner()
    done = run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, runner)
    assert done.state == "published"
    assert runner.calls == [("december", CUT_OFF)]
    assert [line["event"] for line in read_ledger(tmp_path / "store")] == ["started", "published"]
    assert notices(tmp_path / "store") == []


def test_nothing_happens_when_no_run_is_due(tmp_path, incoming, say, said):
    runner = Runner()
    assert run_due(tmp_path / "store", incoming, date(2024, 11, 4), say, runner) is None
    assert runner.calls == []
    assert said == ["No run is due. The next cut-off is 2024-12-20."]
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("state", ["published", "unchanged", "overtaken"])
def test_a_delivery_that_has_its_run_is_not_run_again_but_a_newer_one_is(tmp_path, incoming, say, state):
    deliver(incoming, "first", date(2024, 12, 23))
    runner = Runner(state)
    run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, runner)
    assert run_due(tmp_path / "store", incoming, date(2024, 12, 31), say, runner) is None
    deliver(incoming, "corrected", date(2025, 1, 3))
    run_due(tmp_path / "store", incoming, date(2025, 1, 7), say, runner)
    assert [name for name, _ in runner.calls] == ["first", "corrected"]


def test_the_same_delivery_is_run_again_for_the_next_cut_off(tmp_path, incoming, say):
    deliver(incoming, "spring", date(2025, 4, 1))
    runner = Runner()
    (tmp_path / "store").mkdir()
    line = {"cut_off": "2024-12-20", "delivery": "spring", "delivered_on": "2025-04-01", "event": "published"}
    schedule.append_line(tmp_path / "store", line)
    run_due(tmp_path / "store", incoming, date(2025, 4, 1), say, runner)
    assert runner.calls == [("spring", date(2025, 3, 28))]


def test_a_missing_delivery_raises_a_notice_and_the_error_of_the_sender(tmp_path, incoming, say):
    deliver(incoming, "before_the_cut_off", date(2024, 12, 19))
    deliver(incoming, "on_its_way", date(2024, 12, 23), has_mark=False)
    runner = Runner()
    with pytest.raises(DeliveryError) as raised:
        run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, runner)
    assert raised.value.exit_code == 3
    assert runner.calls == []
    (notice,) = notices(tmp_path / "store")
    assert (notice["event"], notice["exit_code"], notice["cut_off"]) == ("missing_delivery", 3, "2024-12-20")
    assert set(notice["text"]) == {"lv", "en"}


def test_a_held_run_raises_one_notice_for_each_delivery(tmp_path, incoming, say):
    deliver(incoming, "first", date(2024, 12, 23))
    with pytest.raises(RunHeldError):
        run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, Runner("held"))
    assert [line["event"] for line in notices(tmp_path / "store")] == ["held"]
    assert run_due(tmp_path / "store", incoming, date(2024, 12, 31), say, Runner("held")) is None
    assert len(notices(tmp_path / "store")) == 1


def test_a_failure_raises_a_notice_and_is_tried_again(tmp_path, incoming, say):
    deliver(incoming, "first", date(2024, 12, 23))
    failure = RunFailedError(message("A."), found=message("B."), remedy=message("C."))
    with pytest.raises(RunFailedError):
        run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, Runner(failure))
    (notice,) = notices(tmp_path / "store")
    assert (notice["event"], notice["exit_code"], notice["text"]["en"]) == ("failed", 4, "A. B. C.")
    runner = Runner()
    run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, runner)
    assert runner.calls == [("first", CUT_OFF)]


def test_a_run_that_was_killed_gets_its_notice_from_the_notice_unit(tmp_path, incoming, say, said):
    deliver(incoming, "first", date(2024, 12, 23))
    with pytest.raises(ZeroDivisionError):  # a bug, or the end of the process: nobody could write a notice
        run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, Runner(ZeroDivisionError()))
    assert notices(tmp_path / "store") == []
    schedule.tell_notice(tmp_path / "store", say)
    (notice,) = notices(tmp_path / "store")
    assert (notice["event"], notice["delivery"]) == ("stopped", "first")
    assert "It was stopped before." in said[-1]
    schedule.tell_notice(tmp_path / "store", say)
    assert len(notices(tmp_path / "store")) == 1


def test_a_ledger_line_cut_off_by_a_kill_is_left_out(tmp_path):
    schedule.append_line(tmp_path, {"event": "started"})
    with (tmp_path / schedule.LEDGER_NAME).open("a", encoding="utf-8") as file:
        file.write('{"event": "publi')
    assert read_ledger(tmp_path) == [{"event": "started"}]


# The files


@pytest.fixture
def written(tmp_path, say):
    folder = tmp_path / 'units of 100% "care"'
    store, incoming = tmp_path / "a store", tmp_path / "incoming 50%"
    return timer.write_schedule(store, incoming, folder, say, today=date(2024, 11, 1), command=("/bin/true",))


def text_of(written, name):
    return next(path for path in written if path.name == name).read_text("utf-8")


def test_the_timer_names_every_run_day_of_three_school_years_and_nothing_past(written):
    lines = [line for line in text_of(written, "riskmodel-semester.timer").splitlines() if line.startswith("OnCal")]
    days = [line.removeprefix("OnCalendar=")[:10] for line in lines if not line.startswith("OnCalendar=Mon")]
    expected = [day.isoformat() for cut_off in next_cut_offs(date(2024, 11, 1), count=6) for day in cut_off.run_days]
    assert days == expected
    assert days[0] == "2024-12-24"
    assert "Persistent=true" in text_of(written, "riskmodel-semester.timer")


def test_a_failure_of_the_service_starts_the_notice(written):
    service = text_of(written, "riskmodel-semester.service")
    assert "OnFailure=riskmodel-semester-notice.service" in service
    assert '"--due"' in service
    assert '"--notice"' in text_of(written, "riskmodel-semester-notice.service")


def test_paths_with_blanks_and_percent_signs_are_quoted_for_systemd_and_cron(written):
    assert 'a store"' in text_of(written, "riskmodel-semester.service")
    assert 'incoming 50%%"' in text_of(written, "riskmodel-semester.service")
    cron = text_of(written, "riskmodel-semester.cron").splitlines()[-1]
    assert cron.startswith("30 5 * * * /bin/true schedule --store ")
    assert "50\\%'" in cron


def test_writing_the_schedule_says_the_next_cut_offs_and_how_to_switch_it_on(written, said):
    assert said[0].startswith("Cut-off 2024-12-20 (school year 2024/25, semester 1): runs on 2024-12-24")
    assert any("systemctl enable --now riskmodel-semester.timer" in line for line in said)


@needs_systemd
def test_systemd_accepts_the_units(tmp_path, say):
    paths = timer.write_schedule(
        tmp_path / "a store", tmp_path / "in%", tmp_path / "units", say, today=date(2024, 11, 1), command=("/bin/true",)
    )
    units = [str(path) for path in paths if path.suffix in {".service", ".timer"}]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_reads_each_run_day_as_the_day_that_was_meant():
    days = [day for cut_off in next_cut_offs(date(2026, 9, 1), count=4) for day in cut_off.run_days]
    for day in days:
        done = subprocess.run(
            ["systemd-analyze", "calendar", "--base-time=2026-01-01", timer.calendar_text(day)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"Normalized form: {day.isoformat()} 05:30:00 Europe/Riga" in done.stdout
    weekly = subprocess.run(["systemd-analyze", "calendar", timer.WEEKLY], capture_output=True, text=True, check=False)
    assert weekly.returncode == 0
    assert "Normalized form: Mon *-*-* 05:30:00 Europe/Riga" in weekly.stdout


def test_a_line_of_the_ledger_is_json_with_two_languages(tmp_path, incoming, say):
    with pytest.raises(DeliveryError):
        run_due(tmp_path / "store", incoming, FIRST_RUN_DAY, say, Runner())
    (line,) = (tmp_path / "store" / "schedule.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["text"]["lv"] != json.loads(line)["text"]["en"]
