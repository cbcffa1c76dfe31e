"""The files that make a machine call the schedule: a systemd service with its timer and notice, and a cron line."""

from __future__ import annotations

import getpass
import shlex
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from riskmodel.latvia import school_year, school_year_of
from riskmodel.messages import Message, message
from riskmodel.runs.durable import write_file
from riskmodel.runs.runner import Say
from riskmodel.runs.schedule import Calendar, CutOff, cut_offs_of, next_cut_offs

UNIT = "riskmodel-semester"
NOTICE_UNIT = f"{UNIT}-notice"
HOUR = "05:30"
TIME_ZONE = "Europe/Riga"
YEARS_AHEAD = 3
"""School years whose run days stand in the timer by date; a weekly call keeps it right beyond them."""
LONGEST_RUN = "12h"


@dataclass(frozen=True)
class Schedule:
    """What the files are made for. ``command`` is the program that they call, ``user`` who runs it."""

    store: Path
    incoming: Path
    command: tuple[str, ...]
    user: str

    def call(self, *more: str) -> list[str]:
        """Return the words of a call of the schedule."""
        return [*self.command, "schedule", "--store", str(self.store), "--incoming", str(self.incoming), *more]


def write_schedule(
    store: Path, incoming: Path, folder: Path, say: Say, *, today: date, command: tuple[str, ...] = ()
) -> list[Path]:
    """Write the units and the cron line into ``folder`` and return their paths.

    The timer calls ``riskmodel schedule --due`` on every run day of this and the next school years, and on Mondays,
    so that a calendar published later, or a machine that was off, misses nothing: a call that comes when no run is
    due does nothing.

    Parameters
    ----------
    folder
        Made where there is none; files of these names in it are replaced.
    command
        The program that is called, as words. Default: this Python with this package.
    """
    user = store.owner() if store.exists() else getpass.getuser()
    schedule = Schedule(store.absolute(), incoming.absolute(), command or (sys.executable, "-m", "riskmodel"), user)
    cut_offs = _cut_offs_ahead(today)
    texts = {
        f"{UNIT}.service": service_text(schedule),
        f"{UNIT}.timer": timer_text(cut_offs),
        f"{NOTICE_UNIT}.service": notice_text(schedule),
        f"{UNIT}.cron": cron_text(schedule),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        write_file(folder / name, text.encode())
        paths.append(folder / name)
    for words in _told(folder, next_cut_offs(today)):
        say(words)
    return paths


def _cut_offs_ahead(today: date, calendar: Calendar = school_year) -> list[CutOff]:
    first_year = school_year_of(today).first_year
    years = [calendar(year) for year in range(first_year, first_year + YEARS_AHEAD)]
    return [cut_off for year in years for cut_off in cut_offs_of(year) if cut_off.run_days[-1] >= today]


def _told(folder: Path, cut_offs: tuple[CutOff, ...]) -> list[Message]:
    return [
        *(
            message(
                "Cut-off {day} (school year {school_year}, semester {semester}): runs on {days}.",
                day=cut_off.day.isoformat(),
                school_year=cut_off.school_year,
                semester=cut_off.semester,
                days=", ".join(day.isoformat() for day in cut_off.run_days),
            )
            for cut_off in cut_offs
        ),
        message(
            "To switch it on: copy the .service and .timer files from {folder} to /etc/systemd/system, then: systemctl enable --now {unit}.timer",
            folder=folder,
            unit=UNIT,
        ),
        message("Without systemd: add the line of {file} to the crontab.", file=f"{UNIT}.cron"),
    ]


def service_text(schedule: Schedule) -> str:
    """Return the service that makes the run when one is due."""
    return f"""\
# The semester run of riskmodel, when one is due. Written by: riskmodel schedule
[Unit]
Description=Semester run of riskmodel
OnFailure={NOTICE_UNIT}.service
RequiresMountsFor={unit_words([str(schedule.store), str(schedule.incoming)])}

[Service]
Type=oneshot
User={schedule.user}
ExecStart={unit_words(schedule.call("--due"))}
TimeoutStartSec={LONGEST_RUN}
UMask=0077
Nice=10
NoNewPrivileges=yes
Environment=OMP_NUM_THREADS=1
"""


def notice_text(schedule: Schedule) -> str:
    """Return the service that raises the notice after a failure, a hold or a missing delivery.

    It sees to it that the ledger has its line even when the run was killed, and puts the notice into the journal as
    an error. What reaches a person (mail, a chat) is the site's choice: a drop-in with ``ExecStartPost``.
    """
    return f"""\
# Raises the notice when a scheduled run of riskmodel failed, is held, or had no delivery.
# To send it on as well: systemctl edit {NOTICE_UNIT}.service, and add ExecStartPost= with your own command there.
[Unit]
Description=Notice of riskmodel: the semester run needs a person

[Service]
Type=oneshot
User={schedule.user}
ExecStart={unit_words(schedule.call("--notice"))}
SyslogLevel=err
NoNewPrivileges=yes
"""


def timer_text(cut_offs: list[CutOff]) -> str:
    """Return the timer: every run day by date, and each Monday."""
    lines = []
    for cut_off in cut_offs:
        lines.append(
            f"# cut-off {cut_off.day.isoformat()}: school year {cut_off.school_year}, semester {cut_off.semester}"
        )
        lines += [f"OnCalendar={calendar_text(day)}" for day in cut_off.run_days]
    dates = "\n".join(lines)
    return f"""\
# Calls the semester run of riskmodel on the run days of the school calendar. Written by: riskmodel schedule
[Unit]
Description=Semester runs of riskmodel by the school calendar

[Timer]
{dates}
# On Mondays the calendar is asked as well, for one published later. A call does nothing when no run is due.
OnCalendar={WEEKLY}
Persistent=true
Unit={UNIT}.service

[Install]
WantedBy=timers.target
"""


WEEKLY = f"Mon *-*-* {HOUR}:00 {TIME_ZONE}"


def calendar_text(day: date) -> str:
    """Return a day as systemd writes it.

    >>> calendar_text(date(2024, 12, 24))
    '2024-12-24 05:30:00 Europe/Riga'
    """
    return f"{day.isoformat()} {HOUR}:00 {TIME_ZONE}"


def cron_text(schedule: Schedule) -> str:
    """Return a daily cron line: the call does nothing when no run is due. Cron mails what a failed call says."""
    hour, minute = HOUR.split(":")
    # A percent sign would end the command in a crontab.
    due = shlex.join(schedule.call("--due")).replace("%", "\\%")
    notice = shlex.join(schedule.call("--notice")).replace("%", "\\%")
    return f"""\
# Where there is no systemd: one line for the crontab of {schedule.user}. Set MAILTO= to whom the notice shall reach.
CRON_TZ={TIME_ZONE}
{int(minute)} {int(hour)} * * * {due} || {notice}
"""


def unit_words(words: list[str]) -> str:
    """Return words as one line of a unit: quoted, with systemd's own signs doubled.

    >>> unit_words(["/srv/a b", "50%"])
    '"/srv/a b" "50%%"'
    """
    return " ".join(
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'
        for word in words
    )
