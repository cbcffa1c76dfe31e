"""A real semester run of an invented cohort, killed once on the way, which all processes of one test session share."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

from filelock import FileLock

from riskmodel.runs import gate_report
from riskmodel.runs.publish import Store, current_run
from riskmodel.runs.runner import Done, Plan, run
from riskmodel.settings import Settings
from riskmodel.sources.synthetic import cohort
from riskmodel.views.extract import unfolded

CUT_OFF, LATER = date(2024, 12, 20), date(2025, 1, 17)
SETTINGS = Settings(cut_off_date=CUT_OFF, bootstrap_replicates=100)
RUN_AGAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from semester_run import plan
from riskmodel.runs.runner import run
run(plan(Path(sys.argv[2]), Path(sys.argv[3])), lambda text: print(text, flush=True))
"""


def plan(delivery: Path, store: Path) -> Plan:
    """Return the plan of the run."""
    return Plan(store, SETTINGS, delivery)


def made_delivery(shared: Path) -> Path:
    """Return the cohort's delivery, made by whoever asks first."""
    folder = shared / "delivery"
    with FileLock(shared / "delivery.lock"):
        return folder if folder.exists() else synthesised(folder)


def synthesised(folder: Path, delivered_on: date | None = None) -> Path:
    """Make a delivery of the cohort; a later day tells of the same pupils, and of what became known since."""
    plan = cohort.Plan(pupils=400, schools=6, years=3, seed=3, vet_share=0.3, delivered_on=delivered_on)
    cohort.synthesise(plan, folder, lambda text: None)
    return folder


def killed_and_resumed(shared: Path) -> Done:
    """Return a run that was killed when its third step was done and the fourth at work, and then given again."""
    delivery, store = made_delivery(shared), shared / "store"
    with FileLock(shared / "run.lock"):
        if (store / "current").exists():
            folder = (store / "current").resolve()
            return Done(folder.name, folder, "published", gate_report.read(folder))
        process = subprocess.Popen(
            [sys.executable, "-c", RUN_AGAIN, Path(__file__).parent, delivery, store], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert any("Step 3 of 7" in line and "start-up" in line for line in process.stdout)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert current_run(Store(store)) is None
        return run(plan(delivery, store), lambda text: None)


def schools_of(done: Done) -> dict[str, dict]:
    """Return the extract of each school, as its pages read it."""
    files = sorted((done.folder / "extracts" / "school").iterdir())
    extracts = [unfolded(json.loads(path.read_text("utf-8"))) for path in files]
    return {str(one["school"]["school_id"]): one for one in extracts}


def pupils_of(done: Done) -> list[dict]:
    """Return the pupils of all schools."""
    return [pupil for _, school in sorted(schools_of(done).items()) for pupil in school["pupils"]]
