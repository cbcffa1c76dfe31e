"""Proposals and lotteries from a published run: kept beside it, laid down before they are drawn, and drawn once."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from small_run import RUN_ID, publish_small

from riskmodel.commands.allocate import allocate
from riskmodel.errors import UsageError
from riskmodel.risk.targeting.allocation import Rules
from riskmodel.risk.targeting.lottery import commitment_of
from riskmodel.runs import allocating
from riskmodel.runs.allocated import erase_from_allocations, rename_in_allocations
from riskmodel.runs.allocating import Asked, Laid
from riskmodel.runs.publish import Store

LAID = Laid(0.05, 0.02)


def silent(text) -> None:
    """Say nothing."""


@pytest.fixture
def store(tmp_path) -> Path:
    """Give a store with one published run of three schools with three places each."""
    publish_small(tmp_path / "store", origin="synthetic")
    return tmp_path / "store"


def asked(store: Path, **more) -> Asked:
    return Asked(store, None, "KA-PED", "A. Ozola", **{"eligible_from": 0.3, **more})


def table_of(told: dict) -> pd.DataFrame:
    return pd.read_parquet(Path(told["folder"]) / "allocation.parquet")


def test_a_proposal_gives_each_school_s_places_to_its_greatest_need_and_stays_the_same(store):
    first = allocating.propose(asked(store), Rules(), [], silent)
    again = allocating.propose(asked(store), Rules(), [], silent)
    assert first == again
    rows = table_of(first)
    chosen = rows[rows["has_place"]]
    assert chosen.groupby("school_id").size().to_dict() == {"101": 3, "102": 3, "103": 3}
    for school, own in rows.groupby("school_id"):
        assert set(own.nlargest(3, "probability")["pupil_id"]) == set(
            chosen.loc[chosen["school_id"] == school, "pupil_id"]
        )
    state = next(row for row in first["gap"] if row["unit_kind"] == "state" and row["resource"] == "pupils")
    assert state["missing"] == first["in_need"] - 9


def test_decisions_by_hand_are_kept_with_who_and_why(store, tmp_path):
    rows = table_of(allocating.propose(asked(store), Rules(), [], silent))
    lowest = rows.loc[rows["probability"].idxmin(), "pupil_id"]
    file = tmp_path / "decisions.csv"
    file.write_text(f"pupil_id,decision,by,reason\n{lowest},in,I. Kalna,came back\n", "utf-8")
    told = allocating.propose(asked(store), Rules(), allocating.read_overrides(file), silent)
    own = table_of(told).set_index("pupil_id").loc[lowest]
    assert (own["state_code"], own["has_place"], own["by"], own["reason"]) == ("by_hand", True, "I. Kalna", "came back")
    assert told["supported"] == 9
    file.write_text(f"pupil_id,decision,by,reason\n{lowest},in,I. Kalna,\n", "utf-8")
    with pytest.raises(UsageError, match="Row 2"):
        allocating.read_overrides(file)


def test_a_lottery_is_laid_down_drawn_once_and_can_be_drawn_again_by_anybody_from_its_log(store):
    with pytest.raises(UsageError, match="laid down before lots are drawn"):
        allocating.draw(asked(store), silent)
    terms = allocating.prepare(asked(store), LAID, silent)
    laid = store / "allocations" / RUN_ID / "KA-PED" / "registration"
    assert terms["seed_sha256"] in (laid / "registration_lv.md").read_text("utf-8")
    assert stat.S_IMODE((laid / "seed.txt").stat().st_mode) == 0o400
    assert (laid / "seed.txt").read_text().strip() not in json.dumps(terms) + (laid / "registration_en.md").read_text(
        "utf-8"
    )
    with pytest.raises(UsageError, match=r"laid down by A\. Ozola"):
        allocating.prepare(asked(store), LAID, silent)
    told = allocating.draw(Asked(store, None, "KA-PED", "I. Kalna"), silent)
    assert commitment_of(told["seed"]) == terms["seed_sha256"]
    rows = table_of(told)
    assert rows["has_place"].sum() == told["supported"] == 9
    assert told["by_lot"] == terms["counts"]["places_by_lot"]
    assert rows.loc[rows["lot"].notna(), "state_code"].eq("in_band").all()
    with pytest.raises(UsageError, match=r"drawn by I\. Kalna"):
        allocating.draw(asked(store), silent)


def test_a_lottery_without_a_shortage_an_unknown_measure_and_a_school_of_no_run_are_refused(store):
    with pytest.raises(UsageError, match="In no school is that so"):
        allocating.prepare(asked(store, places=1000), LAID, silent)
    with pytest.raises(UsageError, match="measure of the catalogue"):
        allocating.propose(Asked(store, None, "XX", "anna"), Rules(), [], silent)
    with pytest.raises(UsageError, match="schools of the run"):
        allocating.propose(asked(store, places={"999": 3}), Rules(), [], silent)


def test_a_held_run_is_not_allocated_from(tmp_path):
    publish_small(tmp_path / "store", state="held", is_current=False)
    with pytest.raises(UsageError, match="from a published run alone"):
        allocating.propose(Asked(tmp_path / "store", RUN_ID, "KA-PED", "anna"), Rules(), [], silent)


def test_an_erased_pupil_leaves_every_allocation_and_a_renewed_pseudonym_takes_the_place(store):
    rows = table_of(allocating.propose(asked(store), Rules(), [], silent))
    gone, renamed = rows["pupil_id"].iloc[0], rows["pupil_id"].iloc[1]
    place = Store(store)
    assert erase_from_allocations(place, {gone}, {RUN_ID: "2024-12-20-ffffffffffff"}) == 1
    assert not (store / "allocations" / RUN_ID).exists()
    rename_in_allocations(place, {renamed: "f" * 32})
    (path,) = (store / "allocations").rglob("allocation.parquet")
    left = pd.read_parquet(path)["pupil_id"].tolist()
    assert len(left) == len(rows) - 1
    assert "f" * 32 in left
    assert not {gone, renamed} & set(left)


def test_the_verb_prints_the_log_and_refuses_options_that_do_not_go_together(store):
    options = ["--store", str(store), "--measure", "KA-PED", "--by", "anna", "--json"]
    done = CliRunner().invoke(allocate, [*options, "--eligible-from", "0.3", "--places", "2"])
    assert json.loads(done.stdout)["supported"] == 6
    assert isinstance(CliRunner().invoke(allocate, [*options, "--prepare"]).exception, UsageError)
