"""Verbs of the semester run: make it, release it, list the runs, write the timer."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from riskmodel.commands.kinds import DAY, FILE, FOLDER, STORE_HELP
from riskmodel.commands.speaking import language, say, show
from riskmodel.importing import all_to_stay
from riskmodel.messages import message

if TYPE_CHECKING:
    from riskmodel.runs.listing import Listed
    from riskmodel.runs.runner import Done


@click.command()
@click.option("--delivery", type=FOLDER, help="A folder with files and mapping.yaml; none: what the store holds.")
@click.option("--cut-off", type=DAY, required=True, help="Last day whose knowledge the run may use (YYYY-MM-DD).")
@click.option("--store", type=click.Path(path_type=Path), required=True, help=STORE_HELP)
@click.option("--settings", "settings_file", type=FILE, help="A TOML file; see riskmodel/settings.py for the names.")
@click.option("--seed", type=int, help="Seed of everything random.  [default: 7]")
@click.option("--capacity", help="Places in every school, or a CSV file with school_id and places.")
@click.option(
    "--horizon", type=DAY, help="Last day of the label window.  [default: 30 September after the school year]"
)
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Key of the pseudonyms.  [default: STORE.key]")
@click.option("--full", is_flag=True, help="Learn the slow challengers too, and predict schools never seen.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Parts that are made at once.  [default: RISKMODEL_WORKERS, else cores]",
)
@click.option("--scheduler", help="Address of a Dask cluster that makes the parts.  [default: RISKMODEL_SCHEDULER]")
@click.option("--resume", is_flag=True, help="Only go on with an unfinished run.")
@click.option("--json", "as_json", is_flag=True, help="Print run, state and gates as JSON.")
def run(  # noqa: PLR0913, PLR0917  (one parameter per option of the command line)
    delivery: Path | None,
    cut_off: datetime,
    store: Path,
    settings_file: Path | None,
    seed: int | None,
    capacity: str | None,
    horizon: datetime | None,
    key_file: Path | None,
    full: bool,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Make the semester run and publish it.

    The same command again changes nothing when the run is there, and goes on with it when it was stopped.
    How many workers there are, and where, changes nothing of the result.

    \b
    Example:
      riskmodel run --delivery data/incoming/demo --cut-off 2024-12-20 --store data/store
    """
    with all_to_stay():
        from riskmodel.runs import parts, runner
        from riskmodel.runs.capacity import read_places
        from riskmodel.settings import read_settings

    is_number = capacity is not None and capacity.isascii() and capacity.isdigit()
    settings = read_settings(
        settings_file,
        cut_off_date=cut_off.date(),
        horizon_on=horizon.date() if horizon else None,
        seed=seed,
        capacity_places=int(capacity or 0) if is_number else None,
        full=full or None,
    )
    # No settings: the notebooks' processes inherit them, and the run is the same.
    given = {parts.WORKERS: workers, parts.SCHEDULER: scheduler}
    os.environ.update({name: str(value) for name, value in given.items() if value is not None})
    places = read_places(Path(capacity)) if capacity is not None and not is_number else None
    plan = runner.Plan(store.absolute(), settings, delivery, key_file, places, must_resume=resume)
    done = runner.run(plan, say)
    if as_json:
        show(_done_as_dict(done))
    _tell_done(done)


def _tell_done(done: Done) -> None:
    from riskmodel.runs import runner

    failed = [gate for gate in done.gates if not gate.is_passed]
    if done.state == "held":
        for gate in failed:
            say(gate.words())
        raise runner.held_run(done)
    say(
        {
            "published": message("The run {run_id} is published.", run_id=done.run_id),
            "unchanged": message("The run {run_id} is current; nothing was to be done.", run_id=done.run_id),
            "overtaken": message("The run {run_id} is there; a later one is current.", run_id=done.run_id),
        }[done.state]
    )


def _done_as_dict(done: Done) -> dict[str, object]:
    gates = [{**vars(gate), "words": gate.words().in_language(language())} for gate in done.gates]
    return {"run_id": done.run_id, "folder": str(done.folder), "state": done.state, "gates": gates}


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--by", required=True, help="Who decides: a person's name.")
@click.option("--reason", required=True, help="Why the run may be published.")
@click.option("--store", type=FOLDER, help="The store, when RUN is an id and not a folder.")
def release(run: Path, by: str, reason: str, store: Path | None) -> None:
    """Publish a held run, by a named person's decision with a reason.

    RUN is the run's folder, or its id with --store.

    \b
    Example:
      riskmodel release data/store/runs/2024-12-20-0123456789ab --by "A. Ozola" --reason "One school was merged"
    """
    from riskmodel.runs import publish

    folder = store.absolute() if store else run.absolute().parent.parent
    publish.release(publish.Store(folder), run.name, by=by, reason=reason)
    say(message("The run {run_id} is published.", run_id=run.name))


@click.command()
@click.option("--store", type=FOLDER, required=True, help=STORE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def runs(store: Path, as_json: bool) -> None:
    """List the runs of a store with their states and figures.

    \b
    Example:
      riskmodel runs --store data/store
    """
    from riskmodel.runs.listing import STATE_WORDS, list_runs

    listed = list_runs(store)
    if as_json:
        show([run.as_dict() for run in listed])
        return
    for run in listed:
        click.echo(f"{run.run_id}  {STATE_WORDS[run.state].in_language(language()):<18} {_figures(run)}".rstrip())
        for gate in run.failed_gates:
            click.echo(f"    {gate.words().in_language(language())}")


def _figures(run: Listed) -> str:
    if run.last_event:
        return f"{run.finished_at}  {run.last_event}"
    shown = [
        f"{name} {figure['value']:.3f} [{figure['low']:.3f}; {figure['high']:.3f}]"
        for name, figure in run.figures.items()
        if name in {"auc", "recall_at_capacity"} and None not in figure.values()
    ]
    return "  ".join([run.finished_at, *shown])


@click.command()
@click.option("--store", type=FOLDER, required=True, help=STORE_HELP)
@click.option("--incoming", type=FOLDER, required=True, help="Where deliveries arrive, one folder each.")
@click.option("--due", is_flag=True, help="Make the run that is due now, if one is: the timer calls this.")
@click.option("--notice", is_flag=True, help="Say the newest notice: the timer calls this after a failure.")
@click.option("--out", type=FOLDER, help="Where the files of the timer go.  [default: STORE/schedule]")
@click.option("--as-of", type=DAY, help="Take this day for today (YYYY-MM-DD).")
def schedule(store: Path, incoming: Path, due: bool, notice: bool, out: Path | None, as_of: datetime | None) -> None:
    """Write the timer that makes each semester's run from the school calendar.

    \b
    Example:
      riskmodel schedule --store data/store --incoming data/incoming
    """
    from riskmodel.runs import schedule as calendar
    from riskmodel.runs import timer

    day = as_of.date() if as_of else calendar.today()
    if notice:
        calendar.tell_notice(store.absolute(), say)
    elif due:
        calendar.run_due(store.absolute(), incoming.absolute(), day, say)
    else:
        timer.write_schedule(store, incoming.absolute(), out or store / "schedule", say, today=day)
