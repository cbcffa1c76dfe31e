"""Verbs before a run: invent, fetch and check a delivery."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from riskmodel.commands.kinds import DAY, FOLDER
from riskmodel.commands.speaking import language, say, show


@click.command()
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


@click.command()
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


@click.command()
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
