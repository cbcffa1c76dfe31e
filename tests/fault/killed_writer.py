"""Writes into the register of a store until it is killed: ``python killed_writer.py STORE [MOMENT]``.

Prints the number of each entry once its call has returned. MOMENT says when it kills itself, in the act of the third entry.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Thread

from riskmodel.register.database import Act
from riskmodel.register.headnote import HeadNote
from riskmodel.register.people import Grant
from riskmodel.register.places import register_of
from riskmodel.register.store import Register, open_register

THREADS = 4
THIRD = 3


def die_at(moment: str) -> None:
    """Replace a step of writing by one that ends in the death of this process."""
    record, advance = Act.record, HeadNote.advance

    def deadly_record(self: Act, *given: object, **named: object) -> int:
        number = record(self, *given, **named)  # type: ignore[arg-type]
        if number == THIRD:
            die()
        return number

    def deadly_advance(self: HeadNote, head: object, *given: object) -> None:
        if head.entry_count == THIRD and moment == "before_the_note":  # type: ignore[attr-defined]
            die()
        advance(self, head, *given)  # type: ignore[arg-type]
        if head.entry_count == THIRD:  # type: ignore[attr-defined]
            die()

    if moment == "before_the_commit":
        Act.record = deadly_record  # type: ignore[method-assign]
    else:
        HeadNote.advance = deadly_advance  # type: ignore[method-assign]


def die() -> None:
    """End this process as the power button does."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_on(register: Register, name: str) -> None:
    """Look at pages and change an account, on and on."""
    register.accounts.add(name, name, None, "lv", [], name)
    while True:
        number = register.audit.write(name, "page_viewed", "school:101", details={"view": "school"})
        os.write(1, f"{number}\n".encode())
        register.accounts.grant(name, Grant("state"), name)


def main(store: Path, moment: str = "") -> None:
    """Write in one thread until ``moment``, or in several until somebody ends it."""
    if moment:
        die_at(moment)
    with open_register(register_of(store), may_create=True) as register:
        threads = [Thread(target=write_on, args=(register, f"writer{n}")) for n in range(1 if moment else THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
