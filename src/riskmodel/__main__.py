"""The command line: verbs, exit codes, progress.

Exit codes: 0 done · 1 a fault of the program · 2 wrong usage or settings · 3 the delivery is at fault ·
4 the run failed and nothing was published · 5 the run is held. Figures go to standard output, progress and
errors to standard error. The verbs stand in :mod:`riskmodel.commands`; each imports what it needs when it is called, so
that ``--help`` is instant.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import traceback
from types import TracebackType

import click

from riskmodel.commands.accounts import user
from riskmodel.commands.allocate import allocate
from riskmodel.commands.bench import bench
from riskmodel.commands.deliveries import check, fetch, synthesise
from riskmodel.commands.extract import extract
from riskmodel.commands.portal import portal
from riskmodel.commands.register import register
from riskmodel.commands.runs import release, run, runs, schedule
from riskmodel.commands.share_out import share_out
from riskmodel.errors import RiskmodelError
from riskmodel.memory import arrow_environment
from riskmodel.messages import LANGUAGES, message


def main() -> None:
    """Run the command line; an error that somebody can mend is told in both languages and sets the exit code."""
    sys.excepthook = _tell_fault
    os.environ.update(arrow_environment())
    try:
        commands()
    except RiskmodelError as error:
        click.echo(error.in_both_languages(), err=True)
        sys.exit(error.exit_code)


def program() -> None:
    """Be a process that runs the command line and ends.

    Python would take apart all that was imported, a third of a second after a run; the system takes it away as a whole.
    """
    try:
        main()
    except SystemExit as end:
        # Threads are waited for, and a pipe that nobody reads is told of, by Python itself.
        if threading.active_count() == 1 and isinstance(end.code, int | None):
            atexit._run_exitfuncs()
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code or 0)
        raise


def _tell_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say where the program failed, and not with what: the text of an unforeseen error may hold a name or code."""
    if issubclass(kind, KeyboardInterrupt):
        return
    fault = message(
        "This is a fault of the program ({kind}). Report these lines to the developers:", kind=kind.__name__
    )
    for spoken in LANGUAGES:
        click.echo(fault.in_language(spoken), err=True)
    for frame in traceback.extract_tb(trace):
        click.echo(f"  {frame.filename}:{frame.lineno} {frame.name}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="riskmodel")
def commands() -> None:
    """Finds pupils at risk of leaving school early in good time, explains why, and says how sure it is.

    Exit codes: 0 done, 1 a fault of the program, 2 wrong usage or settings, 3 the delivery is at fault,
    4 the run failed and nothing was published, 5 the run is held.
    """


for verb in (
    synthesise,
    fetch,
    check,
    run,
    release,
    runs,
    allocate,
    share_out,
    extract,
    portal,
    user,
    register,
    schedule,
    bench,
):
    commands.add_command(verb)


if __name__ == "__main__":
    program()
