"""The verb that makes an extract for researchers."""

from __future__ import annotations

from pathlib import Path

import click

from riskmodel.commands.accounts import actor
from riskmodel.commands.kinds import FOLDER, STORE_HELP, by_option
from riskmodel.commands.speaking import say, show
from riskmodel.messages import message, plural


@click.command()
@click.option("--store", type=FOLDER, required=True, help=STORE_HELP)
@click.option("--run", "run_id", help="A published run.  [default: the current one]")
@click.option("--to", type=FOLDER, required=True, help="A new or empty folder.")
@click.option("--seed", type=int, help="Makes the codes of rows and schools again. For tests: keep real ones fresh.")
@click.option("--reference", default="", help="Number of the agreement, for the audit.")
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def extract(  # noqa: PLR0913, PLR0917  (one parameter per option of the command line)
    store: Path, run_id: str | None, to: Path, seed: int | None, reference: str, by: str | None, as_json: bool
) -> None:
    """Write an extract of a published run for researchers, with its codebook.

    No name, no code of the store, no class, no exact day or age; each combination of sex, stage, first language,
    special needs, low income, kind of school, region, years of birth and school has at least 5 rows in each cohort.
    What was made coarser or hidden for it stands in the codebook and in report.json.

    \b
    Example:
      riskmodel extract --store data/store --to data/extract --reference 12/2026
    """
    from riskmodel.runs.research_extract import Asked, write_extract

    told = write_extract(Asked(store, run_id, to, actor(by), reference, seed), say)
    if as_json:
        show(told.report)
    say(
        message(
            "The extract lies in {folder}: {rows}; {left_out}.",
            folder=to,
            rows=plural("{count} row", "{count} rows", told.report["rows"]),
            left_out=plural("{count} was left out", "{count} were left out", told.report["rows_left_out"]),
        )
    )
