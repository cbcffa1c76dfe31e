"""What the gates of a run found, as it is kept with the run and told to people; read without anything that computes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from riskmodel.messages import Message, message
from riskmodel.runs.durable import write_json

GATES_NAME = "gates.json"


@dataclass(frozen=True)
class Gate:
    """One gate: the figure that was ``found``, its ``limit``, and the schools, tables or features beyond it."""

    code: str
    is_passed: bool
    found: float | None
    limit: float
    subjects: tuple[str, ...] = ()
    count: int = 0

    def words(self) -> Message:
        """Return what the gate found, for people."""
        found = "?" if self.found is None else f"{self.found:.2g}"
        values = {"found": found, "limit": self.limit, "count": self.count, "subjects": ", ".join(self.subjects)}
        return {
            "school_rows": message(
                "Schools whose rows changed by more than {limit:.0%} since the run before: {count} ({subjects}).",
                **values,
            ),
            "schools_missing": message(
                "Schools of the run before without a row now: {count} ({subjects}).",
                **values,
            ),
            "quarantined_share": message(
                "Tables with more than {limit:.0%} of rows put aside: {count} ({subjects}).",
                **values,
            ),
            "calibration_gap": message(
                "Mean prediction minus share who left, newest cohort with outcomes: {found} (limit {limit}).",
                **values,
            ),
            "foretold": message(
                "Do not use this run until it is known why {found} times as many left of the newest matured cohort as had been foretold (limit {limit} either way): {subjects}.",
                **values,
            )
            if not self.is_passed
            else message("Leavers of the newest matured cohort, as a multiple of those foretold: {found}.", **values),
            "recorded": message(
                "Do not use this run until absences are recorded as before, or it is known why they are not: {found} times more or fewer than in any past cohort (limit {limit}; {subjects}).",
                **values,
            )
            if not self.is_passed
            else message("Absences are recorded about as often as before.", **values),
            "drift": message(
                "Features of another size and form than before (PSI above {limit}, and their mean moved): {count} ({subjects}).",
                **values,
            ),
            "data_missing": message(
                "Features whose share without data rose by more than {limit:.0%} beyond one silent school: {count} ({subjects}).",
                **values,
            ),
            "leak": message(
                "Features that alone rank better than {limit}: {count} ({subjects}).",
                **values,
            ),
            "additivity": message(
                "Largest difference of base score plus reasons to the score: {found} (limit {limit}).",
                **values,
            ),
        }[self.code]


def write(folder: Path, checked: tuple[Gate, ...]) -> None:
    """Keep the gate report with the run."""
    write_json(folder / GATES_NAME, [asdict(gate) for gate in checked])


def read(folder: Path) -> tuple[Gate, ...]:
    """Return the gate report of a run."""
    content = json.loads((folder / GATES_NAME).read_text("utf-8"))
    return tuple(Gate(**{**gate, "subjects": tuple(gate["subjects"])}) for gate in content)
