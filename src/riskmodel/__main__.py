"""The command line: verbs, exit codes, progress.

Exit codes: 0 done · 1 a fault of the program · 2 wrong usage or settings · 3 the delivery is at fault ·
4 the run failed and nothing was published · 5 the run is held. Figures go to standard output, progress and
errors to standard error. Each verb imports what it needs when it is called, so that ``--help`` is instant.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import click

from riskmodel.errors import RiskmodelError, UsageError
from riskmodel.messages import LANGUAGES, Language, Message, message

if TYPE_CHECKING:
    from riskmodel.runs.listing import Listed
    from riskmodel.runs.runner import Done

BENCHMARKS = ("bootstrap", "features", "ingest", "national", "oulad", "portal", "shapley", "uci697", "worlds")
READS_PUBLIC_DATA, OF_ANY_SIZE = {"oulad", "uci697"}, {"features", "national"}

DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def language() -> Language:
    """Return the language of progress and lists: Latvian where the system speaks it, else English."""
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "lv" if spoken.startswith("lv") else "en"


def say(text: Message) -> None:
    """Show progress on standard error."""
    click.echo(text.in_language(language()), err=True)


def show(value: object) -> None:
    """Print a JSON value on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def main() -> None:
    """Run the command line; an error that somebody can mend is told in both languages and sets the exit code."""
    sys.excepthook = _tell_fault
    try:
        commands()
    except RiskmodelError as error:
        click.echo(error.in_both_languages(), err=True)
        sys.exit(error.exit_code)


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


@commands.command()
@click.option("--pupils", type=click.IntRange(min=1), default=4000, show_default=True, help="Enrolled at a time.")
@click.option("--schools", type=click.IntRange(min=1), help="[default: as many as in Latvia for so many pupils]")
@click.option("--years", type=click.IntRange(min=1), default=5, show_default=True, help="School years.")
@click.option("--first-year", type=click.IntRange(2000, 2090), help="Year in which the first school year begins.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same bytes.")
@click.option("--vet-share", type=float, help="Share of pupils in vocational schools.  [default: as in Latvia, 0.18]")
@click.option(
    "--lessons",
    type=click.Choice(["missed", "all"]),
    default="missed",
    show_default=True,
    help="all: every lesson of the last school year, attended ones too.",
)
@click.option(
    "--deliveries",
    type=click.Choice(["one", "yearly"]),
    default="one",
    show_default=True,
    help="yearly: a folder per school year, each with what is new since the one before.",
)
@click.option("--world", default="default", show_default=True, help="What is planted: a name, or a TOML file.")
@click.option("--delivered-on", type=DAY, help="Day of the (last) delivery.  [default: the Monday after semester 1]")
@click.option("--out", type=FOLDER, required=True, help="A new or empty folder.")
def synthesise(  # noqa: PLR0913, PLR0917  (one parameter per option of the command line)
    pupils: int,
    schools: int | None,
    years: int,
    first_year: int | None,
    seed: int,
    vet_share: float | None,
    lessons: Literal["missed", "all"],
    deliveries: Literal["one", "yearly"],
    world: str,
    delivered_on: datetime | None,
    out: Path,
) -> None:
    """Invent a Latvian cohort with planted truth, as a delivery.

    The truth stands in OUT/truth, which the pipeline never reads.

    \b
    Examples:
      riskmodel synthesise --pupils 4000 --schools 24 --years 5 --seed 7 --vet-share 0.3 --out data/incoming/demo
      riskmodel synthesise --pupils 150000 --years 6 --lessons all --deliveries yearly --out data/incoming/national
      riskmodel synthesise --world no_signal --out data/incoming/no_signal
    """
    from riskmodel.sources.synthetic import cohort
    from riskmodel.sources.synthetic.planted import read_world
    from riskmodel.sources.synthetic.schools import VET_PUPIL_SHARE

    plan = cohort.Plan(
        pupils=pupils,
        schools=schools,
        years=years,
        seed=seed,
        first_year=first_year,
        delivered_on=delivered_on.date() if delivered_on else None,
        vet_share=VET_PUPIL_SHARE if vet_share is None else vet_share,
        lessons=lessons,
        deliveries=deliveries,
        world=read_world(world),
    )
    cohort.synthesise(plan, out, say)


@commands.command()
@click.argument("data", type=click.Choice(["oulad", "uci697"]))
@click.option("--to", type=FOLDER, required=True, help="A new or empty folder.")
@click.option("--from", "source", type=FOLDER, help="A folder that holds the public files already.")
def fetch(data: str, to: Path, source: Path | None) -> None:
    """Fetch real public data, verify them and write them as a delivery.

    \b
    Examples:
      riskmodel fetch oulad --to data/incoming/oulad
      riskmodel fetch uci697 --to data/incoming/uci697 --from downloads/uci697
    """
    from riskmodel.sources import oulad, uci697

    {"oulad": oulad.fetch, "uci697": uci697.fetch}[data](to, source, say)


@commands.command()
@click.argument("delivery", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check(delivery: Path, as_json: bool) -> None:
    """Say what is wrong with a delivery, row by row; change nothing.

    \b
    Example:
      riskmodel check data/incoming/2024-12
    """
    from riskmodel.sources import deliveries

    report = deliveries.check(delivery, say)
    if as_json:
        show(report.as_dict())
    else:
        click.echo(report.in_language(language()))


@commands.command()
@click.option("--delivery", type=FOLDER, help="A folder with files and mapping.yaml; none: what the store holds.")
@click.option("--cut-off", type=DAY, required=True, help="Last day whose knowledge the run may use (YYYY-MM-DD).")
@click.option("--store", type=click.Path(path_type=Path), required=True, help="Folder of deliveries and runs.")
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


@commands.command()
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


@commands.command()
@click.option("--store", type=FOLDER, required=True, help="Folder of deliveries and runs.")
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


@commands.command()
@click.option("--store", type=FOLDER, required=True, help="Folder of deliveries and runs.")
@click.option(
    "--register",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of accounts and audit.  [default: STORE.register.sqlite3]",
)
@click.option("--identity", type=click.Choice(["local", "hub", "proxy"]), default="local", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8866, show_default=True)
@click.option("--base-url", default="/", show_default=True, help="The path below which the portal stands.")
@click.option("--public-host", multiple=True, help="A name by which people reach it; may be given more than once.")
@click.option("--certificate", type=FILE, help="For HTTPS by the portal itself (PEM).")
@click.option("--certificate-key", type=FILE, help="The certificate's key (PEM).")
@click.option("--behind-https", is_flag=True, help="A proxy in front speaks HTTPS with the people.")
@click.option(
    "--proxy-secret",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --identity proxy: the file of the secret that the proxy shows.",
)
def portal(  # noqa: PLR0913, PLR0917  (one parameter per option of the command line)
    store: Path,
    register: Path | None,
    identity: Literal["local", "hub", "proxy"],
    host: str,
    port: int,
    base_url: str,
    public_host: tuple[str, ...],
    certificate: Path | None,
    certificate_key: Path | None,
    behind_https: bool,
    proxy_secret: Path | None,
) -> None:
    """Serve the pages for staff, each seeing only what the own task needs.

    \b
    Examples:
      riskmodel portal --store data/store
      riskmodel portal --store data/store --identity proxy --proxy-secret data/proxy.secret --public-host portal.example.lv
    """
    from riskmodel.portal.app import Place, serve

    serve(
        Place(
            store,
            register,
            identity,
            host,
            port,
            base_url,
            public_host,
            certificate,
            certificate_key,
            behind_https,
            proxy_secret,
        )
    )


@commands.command()
@click.option("--store", type=FOLDER, required=True, help="Folder of deliveries and runs.")
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


@commands.command()
@click.argument("name", type=click.Choice(BENCHMARKS))
@click.option(
    "--data",
    type=FOLDER,
    envvar="RISKMODEL_PUBLIC_DATA",
    help="Where the public data sets lie, or where an invented country is kept.",
)
@click.option("--json", "as_json", is_flag=True, help="No progress and no table, only the JSON object.")
@click.option("--quick", is_flag=True, help="A smaller version, to see that it works.")
@click.option("--pupils", type=click.IntRange(min=1), help="Another size, for those that can be of any.")
def bench(name: str, data: Path | None, as_json: bool, quick: bool, pupils: int | None) -> None:
    """Run a benchmark and print its figures as one JSON object (and, on standard error, as a small table).

    \b
    Examples:
      riskmodel bench uci697 --data ../shared/data --json
      riskmodel bench national --pupils 15000 --data data/bench
    """
    if data is None and name in READS_PUBLIC_DATA:
        raise UsageError(
            message("A benchmark is told where the public data sets lie."),
            found=message("Nothing was given."),
            remedy=message("Give --data, or set RISKMODEL_PUBLIC_DATA."),
        )
    if pupils and name not in OF_ANY_SIZE:
        raise UsageError(
            message("Only these benchmarks can be of any size: {names}.", names=", ".join(sorted(OF_ANY_SIZE))),
            found=message("Asked for: {name}.", name=name),
            remedy=message("Leave --pupils out."),
        )
    benchmark = importlib.import_module(f"riskmodel.bench.{name}")
    sized = {"pupils": pupils} if pupils else {}
    report = benchmark.measure(data, _be_silent if as_json else say, quick=quick, **sized)
    show(report)
    if not as_json:
        click.echo(importlib.import_module("riskmodel.bench.table").as_table(report), err=True)


def _be_silent(text: Message) -> None:
    """Take progress and show none."""


if __name__ == "__main__":
    main()
