"""The verb that proposes how hours and money are shared out over several measures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from riskmodel.commands.accounts import actor
from riskmodel.commands.kinds import FILE, FOLDER, STORE_HELP, by_option
from riskmodel.commands.speaking import say, show
from riskmodel.messages import message


@dataclass(frozen=True)
class Options:
    """What the command line says, as the options below name it."""

    store: Path
    run_id: str | None
    offers: Path
    amounts: Path
    most_measures: int
    floor: float
    decisions: Path | None
    eligible_from: float | None
    by: str | None
    as_json: bool


@click.command()
@click.option("--store", type=FOLDER, required=True, help=STORE_HELP)
@click.option("--run", "run_id", help="A published run.  [default: the current one]")
@click.option("--offers", type=FILE, required=True, help="A CSV file with measure_code, times, minutes and euro.")
@click.option(
    "--amounts",
    type=FILE,
    required=True,
    help="A CSV file with resource, unit_kind, unit_code (* for each) and amount.",
)
@click.option(
    "--most-measures", type=click.IntRange(min=1), default=1, show_default=True, help="The most that one pupil may get."
)
@click.option(
    "--floor", type=click.FloatRange(0, 1), default=0.0, help="Share of its even part that each school keeps."
)
@click.option(
    "--decisions", type=FILE, help="A CSV file with pupil_id, decision (in, out), by, reason and measure_code."
)
@click.option("--eligible-from", type=click.FloatRange(0, 1), help="Lowest probability of those in need.")
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print the log as JSON.")
def share_out(**options: Any) -> None:
    """Propose how the hours of specialists and the money of a semester are shared out. People decide.

    Every pupil in need may get such of the offered measures as answer the reasons behind the score. The gap between need and what
    there is, by resource and municipality, stands in the log.

    \b
    Example (offers: "KA-PED,16,40,"; amounts: "subject_teacher,school,*,40"):
      riskmodel share-out --store data/store --offers offers.csv --amounts amounts.csv --floor 0.5
    """
    from riskmodel.risk.targeting.allocation import Rules
    from riskmodel.risk.targeting.means import Means
    from riskmodel.runs import sharing
    from riskmodel.runs.allocating import Asked, read_overrides

    said = Options(**options)
    asked = Asked(said.store, said.run_id, sharing.SEVERAL, actor(said.by), None, said.eligible_from)
    means = Means(sharing.read_offers(said.offers), sharing.read_amounts(said.amounts))
    decisions = read_overrides(said.decisions) if said.decisions else []
    told = sharing.share_out(asked, means, Rules(said.floor, most_measures=said.most_measures), decisions, say)
    if said.as_json:
        show(told)
    say(
        message(
            "{supported} of {in_need} pupils in need are proposed for a measure. This is a proposal: people decide.",
            supported=told["supported"],
            in_need=told["in_need"],
        )
    )
    say(message("It lies in {folder}.", folder=told["folder"]))
