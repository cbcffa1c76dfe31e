"""Takes plans from consent to support until it is killed: ``python killed_support_writer.py STORE ROUND``.

Prints the key and the answer of each act once its call has returned. ROUND makes keys and pupils of its own.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

from riskmodel.register.people import Person
from riskmodel.register.places import register_of
from riskmodel.register.store import open_register
from riskmodel.settings import HERE
from riskmodel.support.consents import RecordConsent
from riskmodel.support.consultations import RecordConsultation
from riskmodel.support.life import MovePlan
from riskmodel.support.office import Office
from riskmodel.support.plans import BeginPlan, ChangePlan, MeasureLine, RiskLine
from riskmodel.support.pupils import RecordStay
from riskmodel.support.semesters import Semester, semester_of

THREADS = 3
RISKS = (RiskLine("MI4", "Matemātikā četras nepietiekamas atzīmes."),)
MEASURES = (MeasureLine("KA-PED", ["MI4"], "teacher", "matematika", 16),)


class Hand:
    """One thread's hand, which tells of each act when it is done."""

    def __init__(self, office: Office, people: dict[str, Person], name: str) -> None:
        self._office, self._people, self._name, self._numbers = office, people, name, count()

    def do(self, who: str, *commands: Any) -> Any:
        """Carry commands out in one transaction, and tell of them; return the last answer."""
        keyed = [(command, f"{self._name}-{next(self._numbers):05d}") for command in commands]
        answers = self._office.do_all(keyed, self._people[who])
        told = [json.dumps([key, dict(answer)]) for (_, key), answer in zip(keyed, answers, strict=True)]
        os.write(1, ("\n".join(told) + "\n").encode())
        return answers[-1]


def write_on(hand: Hand, first: int) -> None:
    """Take one plan after the other through its life, each of another pupil."""
    today = datetime.now(HERE).date()  # the register's own, which two hours of each night is not that of UTC
    term = semester_of(today)
    since = Semester(term.year, 1).first_on - timedelta(days=400)
    for number in count(first):
        pupil = f"{number:032x}"
        of = (pupil, "101", term.year, term.half)
        stay = RecordStay(pupil, "101", "grade", 9, since, "9.a")
        consent = hand.do("teacher", stay, RecordConsent(*of, "parent", "post", today, today, "2020-03-26"))
        begin = BeginPlan(pupil, "101", "own", term.year, term.half, int(consent["consent_id"]), today)
        code = str(hand.do("teacher", begin)["plan_code"])
        hand.do("teacher", ChangePlan(code, 1, RISKS, MEASURES))
        hand.do("teacher", MovePlan(code, 2, "submit"))
        hand.do("director", MovePlan(code, 3, "approve"))
        hand.do("municipality", MovePlan(code, 4, "approve"))
        # A minute of its own for each plan: a day holds as many as are written until the last kill.
        minute = int(code.split("-")[1]) % 1440
        talk = RecordConsultation(code, "KA-PED", today, minute, 1, subject_code="matematika", is_signed=True)
        hand.do("teacher", talk)


def main(store: Path, round_number: int) -> None:
    """Write in several threads until somebody ends it."""
    with open_register(register_of(store)) as register:
        people = {account.person.login: account.person for account in register.accounts.list()}
        office = Office(register.database)
        threads = []
        for number in range(THREADS):
            hand = Hand(office, people, f"round-{round_number:04d}-{number}")
            first = 1 + 1000 * 1000 * round_number + 1000 * number
            threads.append(Thread(target=write_on, args=(hand, first)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
