"""How many different pupils one person may open: a reader needs some, a collector wants all."""

from __future__ import annotations

from riskmodel.portal.pace import MOST_PUPILS, WINDOW_SECONDS, Pace


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _open(pace: Pace, count: int, account_id: int = 1) -> list[bool]:
    return [pace.may_open(account_id, f"p{number}") for number in range(count)]


def test_the_limit_counts_different_pupils_of_one_account():
    pace = Pace(Seconds())
    assert _open(pace, MOST_PUPILS + 1) == [True] * MOST_PUPILS + [False]
    assert pace.may_open(1, "p0")
    assert pace.may_open(2, "another")


def test_who_waits_may_go_on():
    clock = Seconds()
    pace = Pace(clock)
    _open(pace, MOST_PUPILS)
    clock.now = WINDOW_SECONDS
    assert pace.may_open(1, "another")


def test_a_pupil_opened_again_counts_from_the_last_time():
    clock = Seconds()
    pace = Pace(clock)
    _open(pace, MOST_PUPILS)
    clock.now = WINDOW_SECONDS - 1
    assert pace.may_open(1, "p0")
    clock.now = WINDOW_SECONDS
    assert _open(pace, MOST_PUPILS) == [True] * MOST_PUPILS
    assert not pace.may_open(1, "another")


def test_one_alarm_is_raised_until_the_account_was_below_the_limit_again():
    clock = Seconds()
    pace = Pace(clock)
    _open(pace, MOST_PUPILS + 1)
    assert [pace.is_first_alarm(1), pace.is_first_alarm(1), pace.is_first_alarm(2)] == [True, False, True]
    clock.now = WINDOW_SECONDS
    assert pace.may_open(1, "another")
    assert pace.is_first_alarm(1)
