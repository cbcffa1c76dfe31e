"""The verb that proposes who gets a measure, by optimisation or by lot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from riskmodel.commands.accounts import actor
from riskmodel.commands.kinds import FILE, FOLDER, STORE_HELP, by_option
from riskmodel.commands.speaking import say, show
from riskmodel.errors import UsageError
from riskmodel.messages import message


@dataclass(frozen=True)
class Options:
    """What the command line says, as the options below name it."""

    store: Path
    run_id: str | None
    measure: str
    places: str | None
    floor: float
    floor_by: str
    decisions: Path | None
    seed: int
    lottery: bool
    prepare: bool
    eligible_from: float | None
    band: float
    worth: float
    by: str | None
    as_json: bool

    @property
    def clashing(self) -> list[str]:
        """The options that were given and do not go with the others."""
        is_drawn = self.lottery and not self.prepare
        clashing = {
            "--prepare": self.prepare and not self.lottery,
            "--floor": self.floor > 0 and self.lottery,
            "--decisions": self.decisions is not None and self.lottery,
            "--places": self.places is not None and is_drawn,
            "--eligible-from": self.eligible_from is not None and is_drawn,
        }
        return [name for name, is_wrong in clashing.items() if is_wrong]


@click.command()
@click.option("--store", type=FOLDER, required=True, help=STORE_HELP)
@click.option("--run", "run_id", help="A published run.  [default: the current one]")
@click.option("--measure", required=True, help="A measure of the catalogue, e.g. KA-PED.")
@click.option("--places", help="Places in every school, or a CSV file with school_id and places.  [default: the run's]")
@click.option("--floor", type=click.FloatRange(0, 1), default=0.0, help="Share of its even part that each unit keeps.")
@click.option(
    "--floor-by",
    type=click.Choice(["school", "municipality"]),
    default="school",
    show_default=True,
    help="Which units the floor is for.",
)
@click.option("--decisions", type=FILE, help="A CSV file with pupil_id, decision (in, out), by and reason.")
@click.option("--seed", type=int, default=7, show_default=True, help="Decides between equals of a proposal.")
@click.option("--lottery", is_flag=True, help="Draw lots among those too near to the cut to choose by their scores.")
@click.option(
    "--prepare", is_flag=True, help="With --lottery: only lay it down; publish the text before lots are drawn."
)
@click.option(
    "--eligible-from",
    type=click.FloatRange(0, 1),
    help="Lowest probability of those in need.  [default: bands medium and high]",
)
@click.option(
    "--band",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="With --prepare: how near to the cut lots decide, as a probability.",
)
@click.option(
    "--worth",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="With --prepare: the smallest effect worth having, as a probability.",
)
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print the log, or the terms, as JSON.")
def allocate(**options: Any) -> None:
    """Propose who gets a measure: by need within the places, or by lot among equals. People decide.

    Without --lottery the same question gives the same proposal. A lottery is laid down first (--prepare writes rule, places,
    outcome, analysis and the seed's SHA-256 in both languages), and drawn once: a second time shows the first and refuses.

    \b
    Example:
      riskmodel allocate --store data/store --measure KA-PED --places 5 --floor 0.5
      riskmodel allocate --store data/store --measure KA-PED --lottery --prepare --eligible-from 0.1 --by "A. Ozola"
      riskmodel allocate --store data/store --measure KA-PED --lottery --by "A. Ozola"
    """
    from riskmodel.risk.targeting.allocation import Rules
    from riskmodel.runs import allocating

    said = Options(**options)
    if wrong := said.clashing:
        raise UsageError(
            message(
                "--prepare goes with --lottery; --floor and --decisions go without; places and need of a lottery are laid down."
            ),
            found=message("Given against this: {options}.", options=", ".join(wrong)),
            remedy=message("Leave it out, or see riskmodel allocate --help."),
        )
    asked = allocating.Asked(
        said.store, said.run_id, said.measure, actor(said.by), _places(said.places), said.eligible_from
    )
    told: dict[str, Any]
    if said.prepare:
        told = allocating.prepare(asked, allocating.Laid(said.band, said.worth), say)
    elif said.lottery:
        told = allocating.draw(asked, say)
    else:
        column = {"school": "school_id", "municipality": "municipality_code"}[said.floor_by]
        chosen = allocating.read_overrides(said.decisions) if said.decisions else []
        told = allocating.propose(asked, Rules(said.floor, column, seed=said.seed), chosen, say)
    if said.as_json:
        show(told)
    if "supported" in told:
        say(
            message(
                "{supported} pupils are proposed, with {places} places. This is a proposal: people decide.",
                supported=told["supported"],
                places=told["places"],
            )
        )
        say(message("It lies in {folder}.", folder=told["folder"]))


def _places(given: str | None) -> int | dict[str, int] | None:
    """Return one number for all schools, or those of a file by school."""
    from riskmodel.runs.capacity import read_places

    if given is None:
        return None
    return int(given) if given.isascii() and given.isdigit() else read_places(Path(given))
