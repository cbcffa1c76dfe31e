"""Lotteries that were drawn for earlier runs: sources of a run like its deliveries, since its effects are read from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from riskmodel.digests import digest_of_file
from riskmodel.errors import RunFailedError
from riskmodel.messages import message
from riskmodel.runs.durable import Digests
from riskmodel.runs.publish import RUN_ID, Store
from riskmodel.tables.allocating import ALLOCATION

DRAWN, LOG = "drawn", "log.json"
TABLE = f"{ALLOCATION.name}.parquet"


def lotteries_before(store: Store, cut_off: date, digests: Digests) -> list[dict[str, str]]:
    """Return ``run_id``, ``cut_off_on``, ``measure_code`` and ``sha256`` of each lottery drawn for a run before a day.

    Only those of runs that are still in the store: scores and what was known before are read there.
    """
    found = []
    for log in sorted(store.allocations.glob(f"*/*/{DRAWN}/{LOG}")) if store.allocations.is_dir() else ():
        run_id, table = log.parts[-4], log.with_name(TABLE)
        cut_off_on = run_id[: len("YYYY-MM-DD")]
        if (
            RUN_ID.fullmatch(run_id)
            and cut_off_on < cut_off.isoformat()
            and store.run(run_id).is_dir()
            and table.is_file()
        ):
            measure = str(json.loads(log.read_text("utf-8"))["measure_code"])
            told = {"run_id": run_id, "cut_off_on": cut_off_on, "measure_code": measure}
            found.append({**told, "sha256": digests.of(table)})
    return found


def drawn_lots(store: Path, lottery: Mapping[str, str]) -> pd.DataFrame:
    """Return ``pupil_id``, ``school_id``, ``chance`` and ``has_place`` of a lottery among the sources of a run.

    Raises
    ------
    RunFailedError
        When the table is no longer what it was when the run began.
    """
    table = Store(store).allocations / lottery["run_id"] / lottery["measure_code"] / DRAWN / TABLE
    if not table.is_file() or digest_of_file(table) != lottery["sha256"]:
        raise RunFailedError(
            message("A lottery that a run reads must stay as it was drawn."),
            found=message("That of the run {run_id} was changed while this run was made.", run_id=lottery["run_id"]),
            remedy=message("Give the same command again: it reads what is there now."),
        )
    rows: pd.DataFrame = pq.read_table(table, columns=["pupil_id", "school_id", "chance", "has_place"]).to_pandas()
    return rows
