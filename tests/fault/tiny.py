"""A pipeline of two notebooks that need nothing but Python, so that a fault can be tried many times.

``python tiny.py STORE [SECOND [SEED [THIRD]]]`` runs it in a process of its own; SECOND names another second notebook, THIRD one
that stands beside it: both need what the first makes, and neither the other.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

from riskmodel.errors import RiskmodelError
from riskmodel.messages import Words
from riskmodel.runs.runner import Done, Plan, run
from riskmodel.runs.staging import Pipeline
from riskmodel.runs.steps import Step
from riskmodel.settings import Settings
from riskmodel.tables.schema import Sensitivity

FIRST = """
from pathlib import Path
from riskmodel.runs.failure import note_errors
folder = Path(run_folder)
note_errors(folder)
(folder / "tables").mkdir(exist_ok=True)
(folder / "tables" / "first.txt").write_text(f"{seed}\\n" * 5)
"""
UNTIL_BOTH_WAIT = """
import os, time
kernels, until = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children"), time.monotonic() + 60
while len(kernels.read_text().split()) < 3:
    if time.monotonic() > until:
        raise TimeoutError
    time.sleep(0.05)
"""
MADE = """
import time
from pathlib import Path
from riskmodel.runs.failure import note_errors
folder = Path(run_folder)
note_errors(folder)
second = folder / "tables" / "second.txt"
second.write_text((folder / "tables" / "first.txt").read_text().upper())
"""
UNTIL_THIRD = """
while not (folder / "tables" / "third.txt").exists():
    time.sleep(0.05)
"""
SECOND: dict[str, str | tuple[str, str]] = {
    "second": """
from pathlib import Path
from riskmodel.runs.failure import note_errors
folder = Path(run_folder)
note_errors(folder)
text = (folder / "tables" / "first.txt").read_text()
(folder / "tables" / "second.txt").write_text(text.upper() + "done\\n")
""",
    "until_third": """
import time
from pathlib import Path
folder = Path(run_folder)
text = (folder / "tables" / "first.txt").read_text()
(folder / "tables" / "second.txt").write_text(text.upper() + "done\\n")
while not (folder / "tables" / "third.txt").exists():
    time.sleep(0.05)
""",
    "made_and_shown": (MADE, UNTIL_THIRD),
    "made_and_changed": (MADE, UNTIL_THIRD + 'second.write_text("other")'),
    "made_and_fails": (MADE, UNTIL_THIRD + 'raise KeyError("Anna Bērziņa 010101-12345")'),
    "slow": """
import time
from pathlib import Path
folder = Path(run_folder)
(folder / "tables" / "second.txt").write_text("half")
time.sleep(60)
""",
    "dies": """
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
""",
    "tells_a_name": """
from pathlib import Path
from riskmodel.runs.failure import note_errors
note_errors(Path(run_folder))
raise KeyError("Anna Bērziņa 010101-12345")
""",
    "house_error": """
from pathlib import Path
from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.runs.failure import note_errors
note_errors(Path(run_folder))
raise RunFailedError(
    message("Only one run at a time may work on a store."),
    found=message("Another process holds it."),
    remedy=message("Wait until it has finished, then give the command again."),
    where="here",
)
""",
    "meddles": """
import os
from pathlib import Path
folder = Path(run_folder)
(folder / "tables" / "second.txt").write_text("done")
path = next(folder.parent.parent.glob("deliveries/*/school.parquet"))
before = path.stat()
path.write_bytes(b"swor")
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
""",
    "undeclared": """
from pathlib import Path
folder = Path(run_folder)
(folder / "tables" / "second.txt").write_text("done")
(folder / "tables" / "extra.txt").write_text("nobody declared this")
""",
}
THIRD = {
    "third": """
from pathlib import Path
(Path(run_folder) / "tables" / "third.txt").write_text("third\\n")
""",
    "awaited": """
from pathlib import Path
(Path(run_folder) / "tables" / "third.txt").write_text("third\\n")
""",
    "after_second": """
import time
from pathlib import Path
folder = Path(run_folder)
while not list(folder.parent.glob("*.steps/20_second*.json")) + list((folder / "tables").glob("second.txt")):
    time.sleep(0.05)
(folder / "tables" / "third.txt").write_text("third\\n")
""",
    "of_second": """
from pathlib import Path
folder = Path(run_folder)
(folder / "tables" / "third.txt").write_text((folder / "tables" / "second.txt").read_text() * 2)
""",
    "slow_third": """
import time
time.sleep(60)
""",
    "also_fails": """
import time
from pathlib import Path
from riskmodel.runs.failure import note_errors
folder = Path(run_folder)
note_errors(folder)
while not list(folder.parent.glob("*.steps/20_second*.json")):
    time.sleep(0.05)
raise ValueError("Anna Bērziņa 010101-12345")
""",
}
"""``awaited``: the first notebook ends when the kernels of both that come after it are there. ``after_second`` and ``also_fails`` end after the second notebook has made its file or failed: it must be at work, too."""

PARAMETERS = """run_folder: str = ""  # folder of the run
seed: int = 7  # any whole number
"""


def notebook(*sources: str, made: int | None = None) -> str:
    """Return the text of a notebook whose first cell is its parameters cell; all is made after the cell ``made``."""
    tags = {0: ["parameters"], made: ["made"]}
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell{number}",
            "metadata": {"tags": tags[number]} if number in tags else {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def pipeline(folder: Path, second: str = "second", third: str = "") -> Pipeline:
    """Return the pipeline, its notebooks written to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    first = FIRST + UNTIL_BOTH_WAIT if third == "awaited" else FIRST
    (folder / "10_first.ipynb").write_text(notebook(PARAMETERS, first), "utf-8")
    cells = SECOND[second]
    text = notebook(PARAMETERS, cells) if isinstance(cells, str) else notebook(PARAMETERS, *cells, made=1)
    (folder / "20_second.ipynb").write_text(text, "utf-8")
    steps: tuple[Step, ...] = (
        Step("10_first", Words("first", "pirmais"), ("seed",), makes={"tables/first.txt": Sensitivity.OPEN}),
        Step(
            "20_second",
            Words("second", "otrais"),
            ("seed",),
            needs=("tables/first.txt",),
            makes={"tables/second.txt": Sensitivity.PERSONAL},
        ),
    )
    if third:
        (folder / "30_third.ipynb").write_text(notebook(PARAMETERS, THIRD[third]), "utf-8")
        needs, makes = (
            ("tables/second.txt" if third == "of_second" else "tables/first.txt",),
            {"tables/third.txt": Sensitivity.OPEN},
        )
        steps = (*steps, Step("30_third", Words("third", "trešais"), ("seed",), needs, makes))
    return Pipeline(steps, folder, gates=())


def deliver(store: Path) -> None:
    """Put a delivery into ``store`` as ``receive`` leaves it."""
    folder = store / "deliveries" / "2025-01-10-abc"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "school.parquet").write_bytes(b"rows")
    account = {"read": 3, "used": 2, "quarantined": 1, "merged": 0}
    described = {"delivered_on": "2025-01-10", "origin": "synthetic", "accounts": {"school": account}}
    (folder / "delivery.json").write_text(json.dumps(described))


def plan(store: Path, second: str = "second", seed: int = 7, third: str = "") -> Plan:
    """Return the plan of a run of the tiny pipeline on a store that has a delivery."""
    settings = Settings(cut_off_date=date(2024, 12, 20), seed=seed)
    return Plan(store, settings, pipeline=pipeline(store.parent / f"notebooks_{second}{third}", second, third))


def run_tiny(store: Path, second: str = "second", seed: int = 7, third: str = "") -> Done:
    """Run the tiny pipeline in this process."""
    return run(plan(store, second, seed, third), lambda text: None)


def main(store: str, second: str = "second", seed: str = "7", third: str = "") -> int:
    """Run the tiny pipeline as the command line would; returns the exit code."""
    try:
        run(plan(Path(store), second, int(seed), third), lambda text: print(text, flush=True))
    except RiskmodelError as error:
        print(error.in_language("en"), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
