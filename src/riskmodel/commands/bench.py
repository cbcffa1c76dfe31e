"""The verb that runs benchmarks."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from riskmodel.commands.kinds import FOLDER
from riskmodel.commands.speaking import be_silent, say, show
from riskmodel.errors import UsageError
from riskmodel.messages import message

BENCHMARKS = (
    "bootstrap",
    "features",
    "ingest",
    "national",
    "oulad",
    "portal",
    "register",
    "shapley",
    "uci697",
    "worlds",
    "worth",
    "worth_doubt",
    "worth_drift",
    "worth_fairness",
    "worth_reasons",
    "worth_support",
    "worth_targeting",
)
READS_PUBLIC_DATA, OF_ANY_SIZE = {"oulad", "uci697"}, {"features", "ingest", "national"}


@click.command()
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
    report = benchmark.measure(data, be_silent if as_json else say, quick=quick, **sized)
    show(report)
    if not as_json:
        click.echo(importlib.import_module("riskmodel.bench.table").as_table(report), err=True)
