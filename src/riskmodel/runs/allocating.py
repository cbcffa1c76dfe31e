"""Proposals who gets a measure, by optimisation or by lot, from a published run: made here, kept beside the runs, never changed.

::

    store/allocations/<run>/<measure>/proposals/<digest>/   allocation.parquet, log.json
    store/allocations/<run>/<measure>/registration/         terms.json, registration_lv.md, registration_en.md, seed.txt
    store/allocations/<run>/<measure>/drawn/                allocation.parquet, log.json
    store/allocations/<run>/several/proposals/<digest>/     allocation.parquet, log.json (:mod:`riskmodel.runs.sharing`)

Each of the inner folders comes whole by one rename. A lottery is laid down (``registration``) before lots are drawn, and drawn
once: the terms and the seed are those that were laid down. The same proposal again is the same folder.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.digests import digest_of_file
from riskmodel.errors import UsageError
from riskmodel.messages import LANGUAGES, Message, Words, message
from riskmodel.risk.targeting import allocation as optimal
from riskmodel.risk.targeting import lottery
from riskmodel.risk.targeting.lottery import Band, Counts
from riskmodel.risk.targeting.means import PLACES, SCHOOL, Amount, Means, Offer, Override, gap
from riskmodel.risk.targeting.registration import Terms, registration
from riskmodel.runs.durable import digest_of, sync_folder, write_file, write_json
from riskmodel.runs.journal import now
from riskmodel.runs.lists import rows_of
from riskmodel.runs.lock import held_store
from riskmodel.runs.manifest import Manifest, verify
from riskmodel.runs.parquet import read_table, write_table
from riskmodel.runs.publish import READ_ONLY, STORE_MODE, Store, published_run, remove
from riskmodel.support.catalogue import Measure, catalogue
from riskmodel.tables.allocating import ALLOCATION

Say = Callable[[Message], None]

REGISTRATION, DRAWN, PROPOSALS = "registration", "drawn", "proposals"
LOG, TERMS, SEED = "log.json", "terms.json", "seed.txt"
OWNER_READS = 0o400
SHORT = 12
KEY = list(ALLOCATION.key)
DECISION_COLUMNS = ("pupil_id", "decision", "by", "reason")

IN_NEED = ("medium", "high")
"""Pupils of these bands are taken to need support, unless another probability is given."""


@dataclass(frozen=True)
class Asked:
    """Who asks for which allocation: the run (None: the current one), the measure, by whom, places (None: those of the run).

    ``eligible_from`` is the lowest probability of those in need of the measure; None: that of the bands medium and high.
    """

    store: Path
    run_id: str | None
    measure_code: str
    by: str
    places: Mapping[str, int] | int | None = None
    eligible_from: float | None = None


@dataclass(frozen=True)
class Laid:
    """What is laid down for a lottery besides: the width of the band and the smallest effect worth having, as probabilities."""

    band_width: float
    smallest_effect: float


def propose(asked: Asked, rules: optimal.Rules, overrides: Sequence[Override], say: Say) -> dict[str, Any]:
    """Return the log of the proposal of greatest need that the places allow; write it where it is not there yet.

    Raises
    ------
    UsageError
        When the run is not published, the measure is not in the catalogue, or places, floor and decisions clash.
    RunFailedError
        When a file of the run was changed.
    """
    source = Source.open(asked)
    the_measure(asked)
    pupils = source.in_need().assign(measure_code=asked.measure_code)
    amounts = tuple(Amount(PLACES, SCHOOL, school, float(count)) for school, count in source.places.items())
    means = Means((Offer(asked.measure_code, {PLACES: 1.0}),), amounts)
    made = optimal.allocate(pupils, means, rules, overrides)
    told = {**source.told(), "places": sum(source.places.values()), "in_need": len(pupils)}
    return keep_proposal(source, Proposed(pupils, made, means, rules), told, asked.by, say)


@dataclass(frozen=True)
class Proposed:
    """A proposal, with the options that it was made from, the means and the rules."""

    options: pd.DataFrame
    made: optimal.Allocation
    means: Means
    rules: optimal.Rules


def keep_proposal(source: Source, proposed: Proposed, told: Mapping[str, Any], by: str, say: Say) -> dict[str, Any]:
    """Write a proposal beside its run where it is not there yet; return its log, which begins with ``told``."""
    made, rules, rows = proposed.made, proposed.rules, _as_proposed(proposed.options, proposed.made)
    log = {
        **told,
        "kind": "proposal",
        "is_proposal": True,
        "eligible_from": source.eligible_from,
        "floor_share": rules.floor_share,
        "floor_by": rules.floor_by,
        "seed": rules.seed,
        "by_hand": int((rows["state_code"] == "by_hand").sum()),
        "supported": made.given["pupil_id"].nunique(),
        "value": made.value,
        "value_without_floor": made.value_without_floor,
        "gap": _plain_rows(gap(proposed.options, made.given, proposed.means, rules.most_measures)),
    }
    content = {**log, "rows": digest_of(rows.astype(object).where(rows.notna(), None).to_dict("list"))}
    folder = source.folder / PROPOSALS / digest_of(content)[:SHORT]
    with held_store(source.store):
        if not (folder / LOG).exists():
            _put(folder, rows, {**log, "by": by, "at": now()})
            say(message("The proposal was written."))
    return _read(folder)


def prepare(asked: Asked, laid: Laid, say: Say) -> dict[str, Any]:
    """Lay a lottery down: write its terms, the text in both languages and the sealed seed. Return the terms.

    Raises
    ------
    UsageError
        As :func:`propose`; when no lot is needed, or a lottery of this run and measure was laid down before.
    """
    source, measure = Source.open(asked), the_measure(asked)
    band = Band(source.eligible_from, laid.band_width)
    standing = lottery.stand(source.pupils, source.places, band)
    counts = Counts.of(standing)
    if not counts.in_band:
        raise UsageError(
            message(
                "Lots are drawn where more pupils are eligible than there are places, with a band of scores at the cut."
            ),
            found=message("In no school is that so."),
            remedy=message(
                "Give the places without a lottery, or correct the places, the lowest probability or the band."
            ),
        )
    folder = source.folder / REGISTRATION
    with held_store(asked.store):
        if (folder / TERMS).exists():
            raise _laid_before(_read_json(folder / TERMS))
        seed = secrets.token_hex(32)
        terms = Terms(
            run_id=source.manifest.run_id,
            measure_code=asked.measure_code,
            measure=Words(measure.names["en"], measure.names["lv"]),
            band=band,
            cut_off_on=source.manifest.cut_off_date,
            outcome_on=source.outcome_on,
            smallest_effect=laid.smallest_effect,
            commitment=lottery.commitment_of(seed),
            counts=counts,
            by=asked.by,
            written_at=now(),
        )
        part = _part(folder)
        write_json(part / TERMS, {**terms.as_dict(), "places": dict(source.places)})
        for language in LANGUAGES:
            write_file(part / f"registration_{language}.md", registration(terms, language).encode())
        write_file(part / SEED, f"{seed}\n".encode())
        (part / SEED).chmod(OWNER_READS)
        _into_place(part, folder)
    say(message("The lottery is laid down; its text lies in {folder}.", folder=str(folder)))
    return _read_json(folder / TERMS)


def draw(asked: Asked, say: Say) -> dict[str, Any]:
    """Draw the lots of the lottery that was laid down for a run and measure; return the log, with the seed.

    Raises
    ------
    UsageError
        When none was laid down, or lots were drawn before: the text says when and by whom.
    """
    source = Source.open(asked)
    the_measure(asked)
    laid, folder = source.folder / REGISTRATION, source.folder / DRAWN
    with held_store(asked.store):
        if (folder / LOG).exists():
            first = _read_json(folder / LOG)
            raise UsageError(
                message("Lots are drawn once for a run and a measure."),
                found=message("They were drawn by {by}, {at} (UTC).", by=first["by"], at=first["at"]),
                remedy=message("The first draw stands; it lies in {folder}.", folder=str(folder)),
            )
        if not (laid / TERMS).exists():
            raise UsageError(
                message("A lottery is laid down before lots are drawn."),
                found=message("For this run and measure it was not."),
                remedy=message("Give the command with --prepare first, and publish the text that it writes."),
            )
        terms, seed = _read_json(laid / TERMS), (laid / SEED).read_text("ascii").strip()
        places = {str(school): int(count) for school, count in terms["places"].items()}
        standing = lottery.stand(source.pupils, places, Band(terms["eligible_from"], terms["band_width"]))
        _check_same(terms, Counts.of(standing), seed)
        drawn = lottery.draw(standing, seed, f"{terms['run_id']}\0{asked.measure_code}")
        rows = drawn.merge(
            source.pupils[["pupil_id", "municipality_code"]], on="pupil_id", how="left", validate="one_to_one"
        )
        rows = rows.assign(measure_code=asked.measure_code, by=None, reason=None)
        log = {
            **source.told(),
            "places": sum(source.places.values()),
            "kind": "lottery",
            "is_proposal": True,
            "terms": terms,
            "seed": seed,
            "supported": int(rows["has_place"].sum()),
            "by_lot": int((rows["has_place"] & (rows["state_code"] == lottery.IN_BAND)).sum()),
            "by": asked.by,
            "at": now(),
        }
        _put(folder, rows, log)
    say(message("Lots were drawn; the result lies in {folder}.", folder=str(folder)))
    return _read(folder)


def read_overrides(path: Path) -> list[Override]:
    """Return decisions by hand from a CSV file: ``pupil_id``, ``decision`` (in, out), ``by``, ``reason``, if need be ``measure_code``.

    Raises
    ------
    UsageError
        When the file cannot be read, or a row lacks one of these.
    """
    found: list[Override] = []
    for number, row in rows_of(path, DECISION_COLUMNS, _refused, ("measure_code",)):
        if row["decision"] not in {"in", "out"} or not all(row[name] for name in DECISION_COLUMNS):
            raise _refused(path, message("Row {row} does not.", row=number))
        found.append(Override(row["pupil_id"], row["decision"] == "in", row["by"], row["reason"], row["measure_code"]))
    return found


@dataclass(frozen=True)
class Source:
    """What an allocation is made from: the run's pupils with scores, the places by school, what is asked for."""

    store: Path
    manifest: Manifest
    folder: Path
    measure_code: str
    pupils: pd.DataFrame
    places: Mapping[str, int]
    outcome_on: date
    eligible_from: float

    @classmethod
    def open(cls, asked: Asked) -> Source:
        """Read the published run.

        Raises
        ------
        UsageError
            When the run is not published, or places name schools that have no pupils.
        """
        store = Store(asked.store.absolute())
        run = published_run(store, asked.run_id, message("Support is allocated from a published run alone."))
        manifest = verify(run)
        schools = read_table(run / "tables", "school_summary", None, ["school_id", "municipality_code", "places"])
        names = ["pupil_id", "school_id", "probability", "band_code", "state_code"]
        scores = read_table(run / "tables", "score", None, names)
        scored = scores[scores["state_code"] != "too_little_data"]
        lowest = scored.loc[scored["band_code"].isin(IN_NEED), "probability"].min()
        pupils = scored.drop(columns=["state_code", "band_code"]).merge(
            schools[["school_id", "municipality_code"]], on="school_id", how="left", validate="many_to_one"
        )
        horizons = read_table(run / "tables", "cohort", manifest.cut_off_date, ["horizon_on"])["horizon_on"]
        return cls(
            store=asked.store,
            manifest=manifest,
            folder=store.allocations / manifest.run_id / asked.measure_code,
            measure_code=asked.measure_code,
            pupils=pupils.reset_index(drop=True),
            places=_places(asked.places, schools),
            outcome_on=pd.Timestamp(horizons.max()).date(),
            eligible_from=asked.eligible_from
            if asked.eligible_from is not None
            else 1.0
            if pd.isna(lowest)
            else float(lowest),
        )

    def told(self) -> dict[str, Any]:
        """Return what every log begins with."""
        return {
            "run_id": self.manifest.run_id,
            "measure_code": self.measure_code,
            "pupils": len(self.pupils),
            "program": self.manifest.code.version,
        }

    def in_need(self) -> pd.DataFrame:
        """Return the pupils who need support, whose ``value`` is their need: the probability."""
        pupils = self.pupils[self.pupils["probability"] >= self.eligible_from].reset_index(drop=True)
        return pupils.assign(value=pupils["probability"])

    def reasons_by_group(self) -> pd.DataFrame:
        """Return by pupil the contributions of the reasons that raise the score, one column for each group of features."""
        reasons = read_table(
            Store(self.store.absolute()).runs / self.manifest.run_id / "tables",
            "reason",
            None,
            ["pupil_id", "group_code", "contribution"],
        )
        raising = reasons[reasons["contribution"] > 0]
        return raising.pivot_table("contribution", "pupil_id", "group_code", "sum", fill_value=0.0, observed=True)


def the_measure(asked: Asked) -> Measure:
    """Return the measure that is asked for.

    Raises
    ------
    UsageError
        When it does not stand in the catalogue, or nobody is named.
    """
    measure = next((one for one in catalogue().measures if one.code == asked.measure_code), None)
    if measure is None or not asked.by.strip():
        raise UsageError(
            message("An allocation names a measure of the catalogue and the person who asks for it."),
            found=message("The measure is not in the catalogue, or nobody is named."),
            remedy=message("Name them: --measure CODE --by NAME."),
        )
    return measure


def _places(asked: Mapping[str, int] | int | None, schools: pd.DataFrame) -> dict[str, int]:
    known = schools["school_id"].astype(str).tolist()
    if asked is None:
        return dict(zip(known, schools["places"].astype(int).tolist(), strict=True))
    if isinstance(asked, int):
        return dict.fromkeys(known, asked)
    if unknown := len(set(asked) - set(known)):
        raise UsageError(
            message("Places are given for schools of the run."),
            found=message("{count} of the schools in the file have no pupils in it.", count=unknown),
            remedy=message("Correct the numbers of the schools, or name another run."),
        )
    return {school: asked.get(school, 0) for school in known}


def _as_proposed(options: pd.DataFrame, made: optimal.Allocation) -> pd.DataFrame:
    given = pd.MultiIndex.from_frame(made.given[KEY])
    told = pd.concat([made.given, made.left_out]).set_index(KEY)
    own = pd.MultiIndex.from_frame(options[KEY])
    has_place = own.isin(given)
    by_hand = own.isin(told.index[told["is_by_hand"].to_numpy(dtype=bool)])
    texts = {
        name: pd.Series(told[name].reindex(own).to_numpy(dtype=object), options.index).where(by_hand, None)
        for name in ("by", "reason")
    }
    return options.drop(columns="value").assign(
        state_code=np.select([by_hand, has_place], ["by_hand", "by_need"], "no_place"),
        chance=has_place.astype(np.float64),
        lot=np.nan,
        has_place=has_place,
        **texts,
    )


def _plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON, of the municipalities and the state: what is not known is None."""
    chosen = table[table["unit_kind"] != SCHOOL]
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in chosen.to_dict("records")
    ]


def _check_same(terms: Mapping[str, Any], counts: Counts, seed: str) -> None:
    same = terms["seed_sha256"] == lottery.commitment_of(seed) and terms["counts"]["in_band"] == counts.in_band
    if not same:
        raise UsageError(
            message("Lots are drawn as they were laid down."),
            found=message("The seed or the pupils of the band are no longer those of the terms."),
            remedy=message("Find out what was changed: the draw would not be the one that was laid down."),
        )


def _laid_before(terms: Mapping[str, Any]) -> UsageError:
    return UsageError(
        message("A lottery of a run and a measure is laid down once."),
        found=message("It was laid down by {by}, {at} (UTC).", by=terms["by"], at=terms["written_at"]),
        remedy=message("Draw its lots with --lottery, without --prepare."),
    )


def _put(folder: Path, rows: pd.DataFrame, log: Mapping[str, Any]) -> None:
    part = _part(folder)
    write_table(part, ALLOCATION, rows[list(ALLOCATION.column_names)])
    table = part / f"{ALLOCATION.name}.parquet"
    table.chmod(READ_ONLY)
    write_json(part / LOG, {**log, "allocation_sha256": digest_of_file(table)})
    _into_place(part, folder)


def _part(folder: Path) -> Path:
    part = folder.with_name(f".{folder.name}.part")
    remove(part)
    part.mkdir(mode=STORE_MODE, parents=True)
    return part


def _into_place(part: Path, folder: Path) -> None:
    sync_folder(part)
    part.rename(folder)
    sync_folder(folder.parent)


def _read(folder: Path) -> dict[str, Any]:
    return {**_read_json(folder / LOG), "folder": str(folder)}


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _refused(path: Path, found: Message) -> UsageError:
    return UsageError(
        message("Each row of a file of decisions has a pupil_id, a decision (in or out), by and a reason."),
        found=found,
        remedy=message("Correct the file."),
        where=path.name,
    )
