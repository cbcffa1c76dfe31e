"""The command line: help at once, errors in both languages, exit codes by who must act."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from riskmodel import __main__ as cli
from riskmodel.errors import DeliveryError, RiskmodelError, RunFailedError, RunHeldError, UsageError
from riskmodel.messages import message
from riskmodel.runs import runner
from riskmodel.runs.capacity import read_places
from riskmodel.runs.gate_report import Gate

VERBS = (
    "synthesise",
    "fetch",
    "check",
    "run",
    "release",
    "runs",
    "extract",
    "portal",
    "user",
    "register",
    "schedule",
    "bench",
)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help_with_an_example(verb: str) -> None:
    told = CliRunner().invoke(cli.commands, [verb, "--help"])
    assert told.exit_code == 0
    assert f"riskmodel {verb} " in told.output.split("Example")[1]


def test_help_imports_none_of_the_heavy_packages() -> None:
    code = "import sys\nimport riskmodel.__main__\nprint([m for m in ('pandas', 'duckdb', 'pydantic', 'papermill', 'sqlalchemy', 'argon2') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command line in this process; return exit code, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["riskmodel", *words])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


RUN = ("run", "--cut-off", "2024-12-20", "--store", "nowhere")


@pytest.mark.parametrize("kind", [UsageError, DeliveryError, RunFailedError, RunHeldError])
def test_an_error_is_told_in_both_languages_and_sets_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: type[RiskmodelError]
) -> None:
    def refuse(plan: runner.Plan, say: runner.Say) -> runner.Done:
        raise kind(
            message("Only one run at a time may work on a store."),
            found=message("Another process holds it."),
            remedy=message("Wait until it has finished, then give the command again."),
        )

    monkeypatch.setattr(runner, "run", refuse)
    code, out, err = ended(monkeypatch, capsys, *RUN)
    assert code == kind.exit_code
    assert "Another process holds it." in err
    assert "To izmanto cits process." in err
    assert out == ""


def made(state: runner.State, gate: Gate) -> runner.Done:
    return runner.Done("2024-12-20-0123456789ab", Path("store/runs/2024-12-20-0123456789ab"), state, (gate,))


def test_a_held_run_has_exit_code_5_says_why_and_how_to_release_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(runner, "run", lambda plan, say: made("held", Gate("leak", False, 0.99, 0.95, ("left_on",), 1)))
    code, out, err = ended(monkeypatch, capsys, *RUN, "--json")
    assert code == 5
    assert "alone rank better than 0.95: 1 (left_on)" in err
    assert "riskmodel release" in err
    assert json.loads(out)["state"] == "held"


def test_options_reach_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plans: list[runner.Plan] = []

    def note(plan: runner.Plan, say: runner.Say) -> runner.Done:
        plans.append(plan)
        return made("published", Gate("leak", True, 0.5, 0.95))

    monkeypatch.setattr(runner, "run", note)
    places = tmp_path / "places.csv"
    places.write_text("school_id;places\n11;4\n12;0\n")
    words = [*RUN, "--delivery", str(tmp_path), "--seed", "3", "--horizon", "2025-08-31", "--resume"]
    for capacity in ("12", str(places)):
        assert CliRunner().invoke(cli.commands, [*words, "--capacity", capacity]).exit_code == 0
    by_number, by_file = plans
    assert (by_number.settings.seed, str(by_number.settings.horizon_on), by_number.must_resume) == (
        3,
        "2025-08-31",
        True,
    )
    assert (by_number.settings.capacity_places, by_number.capacity) == (12, None)
    assert (by_file.settings.capacity_places, by_file.capacity) == (None, {"11": 4, "12": 0})
    assert by_number.store.is_absolute()


@pytest.mark.parametrize(
    "text",
    ["school_id,places\n", "school_id,places\n1,2\n1,3\n", "school_id,places\n1,-2\n", "school,places\n1,2\n", "\x00"],
)
def test_a_capacity_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"places\.csv"):
        read_places(path)


@pytest.mark.parametrize(
    "words", [("run",), ("fetch", "elsewhere", "--to", "x"), ("bench", "unheard-of"), ("unknown",)]
)
def test_wrong_usage_has_exit_code_2(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli.commands, words).exit_code == 2


def test_a_fault_of_the_program_has_exit_code_1_and_tells_where_and_not_with_what(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom riskmodel import __main__ as cli\nfrom riskmodel.runs import listing\n"
        "def fail(store): raise KeyError('Anna Ozola 010101-12345')\n"
        "listing.list_runs = fail\nsys.argv = ['riskmodel', 'runs', '--store', '.']\ncli.main()"
    )
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert told.returncode == 1
    assert "KeyError" in told.stderr
    assert "__main__.py" in told.stderr
    assert "Anna" not in told.stderr
    assert "010101" not in told.stderr


@pytest.mark.parametrize("code", [None, 0, 5])
def test_the_program_ends_with_the_code_of_its_command_once_all_is_written_and_tidied_away(code: int | None) -> None:
    asked = (
        "import atexit, sys\nfrom riskmodel import __main__ as cli\n"
        "def say():\n    print('said')\n    atexit.register(print, 'tidied')\n"
        f"    sys.exit({code})\ncli.commands = say\ncli.program()"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout.split()) == (code or 0, ["said", "tidied"])


def test_the_program_waits_for_a_thread_and_tells_of_a_pipe_that_nobody_reads() -> None:
    start = "import sys, threading, time\nfrom riskmodel import __main__ as cli\n"
    late = "def work():\n    time.sleep(0.3)\n    print('late')\ncli.commands = lambda: (threading.Thread(target=work).start(), sys.exit(0))\n"
    said = subprocess.run([sys.executable, "-c", f"{start}{late}cli.program()"], capture_output=True, check=True).stdout
    assert said.split() == [b"late"]
    unread = "import os\nhere, there = os.pipe()\nos.close(here)\nos.dup2(there, 1)\ncli.commands = lambda: (print('x'), sys.exit(0))\n"
    told = subprocess.run([sys.executable, "-c", f"{start}{unread}cli.program()"], capture_output=True, check=False)
    assert b"BrokenPipeError" in told.stderr


def test_runs_of_no_store_are_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = ended(monkeypatch, capsys, "runs", "--store", str(tmp_path))
    assert code == 2
    assert "A store is a folder that a run has made" in err
