"""Hours and money of a semester are shared out over several measures: within the amounts, by need, and people decide."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from small_run import RUN_ID, publish_small

from riskmodel.commands.share_out import share_out as verb
from riskmodel.errors import UsageError
from riskmodel.risk.targeting.allocation import Rules
from riskmodel.risk.targeting.means import Means
from riskmodel.runs import allocating, sharing
from riskmodel.runs.allocating import Asked
from riskmodel.runs.sharing import SEVERAL, read_amounts, read_offers, share_out

OFFERS = "measure_code,times,minutes,euro\nKA-PED,12,40,0\nKO-TRA,,,50\n"
AMOUNTS = """resource,unit_kind,unit_code,amount
subject_teacher,school,*,16
subject_teacher,school,103,0
euro,municipality,*,120
euro,state,*,200
"""
HOURS_OF_ONE = 8  # 12 times 40 minutes


@pytest.fixture
def store(tmp_path) -> Path:
    """Give a store with one published run of three schools in three municipalities."""
    publish_small(tmp_path / "store", origin="synthetic")
    return tmp_path / "store"


@pytest.fixture
def means(tmp_path) -> Means:
    """Give what the two files say."""
    (tmp_path / "offers.csv").write_text(OFFERS, "utf-8")
    (tmp_path / "amounts.csv").write_text(AMOUNTS, "utf-8")
    return Means(read_offers(tmp_path / "offers.csv"), read_amounts(tmp_path / "amounts.csv"))


def asked(store: Path, by: str = "A. Ozola") -> Asked:
    return Asked(store, None, SEVERAL, by, eligible_from=0.3)


def silent(text) -> None:
    """Say nothing."""


def test_hours_and_money_are_kept_to_by_school_municipality_and_state_and_the_gap_is_told(store, means):
    told = share_out(asked(store), means, Rules(most_measures=2), [], silent)
    assert told == share_out(asked(store), means, Rules(most_measures=2), [], silent)
    rows = pd.read_parquet(Path(told["folder"]) / "allocation.parquet")
    assert not rows.duplicated(["pupil_id", "measure_code"]).any()
    given = rows[rows["has_place"]]
    hours = given[given["measure_code"] == "KA-PED"].groupby("school_id").size() * HOURS_OF_ONE
    assert hours.to_dict() == {"101": 16, "102": 16}
    paid = given[given["measure_code"] == "KO-TRA"].groupby("municipality_code").size() * 50
    assert paid.max() <= 120
    assert paid.sum() == 200
    assert told["given"] == {"KA-PED": 4, "KO-TRA": 4}
    assert told["supported"] == given["pupil_id"].nunique()
    state = {row["resource"]: row for row in told["gap"] if row["unit_kind"] == "state"}
    assert state["subject_teacher"]["used"] == 32
    assert state["pupils"]["missing"] == state["pupils"]["needed"] - told["supported"]


def test_one_measure_each_reaches_more_pupils_and_the_highest_need_of_a_school_is_among_them(store, means):
    told = share_out(asked(store), means, Rules(), [], silent)
    assert told["supported"] == 8
    rows = pd.read_parquet(Path(told["folder"]) / "allocation.parquet")
    for school in ("101", "102"):
        own = rows[rows["school_id"] == school]
        top = own.loc[own["probability"].idxmax(), "pupil_id"]
        assert own.loc[own["pupil_id"] == top, "has_place"].any()


def test_a_pupil_gets_the_measure_that_answers_more_of_the_reasons(store, means):
    plenty = Means(means.offers, tuple(replace(one, amount=100_000.0) for one in means.amounts))
    told = share_out(asked(store), plenty, Rules(), [], silent)
    # In these reasons the contribution of low income is twice that of absence and three times that of marks: 6 to 5.
    assert set(told["given"]) == {"KO-TRA"}
    assert told["supported"] == told["in_need"]


def test_a_decision_for_one_measure_leaves_the_other_open(store, means, tmp_path):
    rows = pd.read_parquet(Path(share_out(asked(store), means, Rules(), [], silent)["folder"]) / "allocation.parquet")
    lowest = rows.loc[rows["probability"].idxmin(), "pupil_id"]
    file = tmp_path / "decisions.csv"
    text = f"pupil_id,decision,by,reason,measure_code\n{lowest},in,I. Kalna,long way to school,KO-TRA\n"
    file.write_text(text, "utf-8")
    told = share_out(asked(store), means, Rules(), allocating.read_overrides(file), silent)
    own = pd.read_parquet(Path(told["folder"]) / "allocation.parquet").set_index(["pupil_id", "measure_code"])
    assert own.loc[(lowest, "KO-TRA"), ["state_code", "by"]].tolist() == ["by_hand", "I. Kalna"]
    assert own.loc[(lowest, "KA-PED"), "state_code"] == "no_place"
    assert told["by_hand"] == 1


def test_an_amount_that_nobody_told_is_not_nothing(store, means):
    without = Means(means.offers, tuple(one for one in means.amounts if one.resource != "euro"))
    with pytest.raises(UsageError, match="Nobody said how much there is somewhere of: euro"):
        share_out(asked(store), without, Rules(), [], silent)
    with pytest.raises(UsageError, match="Nobody is named"):
        share_out(asked(store, by=" "), means, Rules(), [], silent)


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (read_offers, "measure_code,times,minutes,euro\nXX-YYY,1,40,\n", "Row 2 does not"),
        (read_offers, "measure_code,times,minutes,euro\nKA-PED,1,40,\nKA-PED,2,40,\n", "Row 3 does not"),
        (read_offers, "measure_code,times,minutes,euro\nKA-PED,-1,40,\n", "Row 2 does not"),
        (read_offers, "measure_code,times,minutes,euro\nKO-TRA,3,40,\n", "neither hours of a profession nor money"),
        (read_offers, "measure_code,times,minutes,euro\nJI-PRO,,,5000\n", "within the limits of the catalogue"),
        (read_offers, "measure_code,times\nKA-PED,1\n", "lacks the columns euro, minutes"),
        (read_offers, "", "lacks the columns"),
        (read_offers, "measure_code,times,minutes,euro\n", "has no rows"),
        (read_amounts, "resource,unit_kind,unit_code,amount\nwizard,school,*,3\n", "Row 2 does not"),
        (read_amounts, "resource,unit_kind,unit_code,amount\neuro,street,*,3\n", "Row 2 does not"),
        (read_amounts, "resource,unit_kind,unit_code,amount\neuro,state,*,nan\n", "Row 2 does not"),
        (read_amounts, "resource,unit_kind,unit_code,amount\neuro,state,*,1\neuro,state,*,2\n", "Row 3 does not"),
    ],
)
def test_a_file_that_is_not_in_order_says_where(tmp_path, read, text, said):
    file = tmp_path / "file.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=said):
        read(file)


def test_a_file_from_a_spreadsheet_with_semicolons_and_commas_is_read(tmp_path):
    file = tmp_path / "amounts.csv"
    file.write_text("\ufeffresource;unit_kind;unit_code;amount\neuro;school;101;74,5\n", "utf-8")
    (one,) = read_amounts(file)
    assert (one.unit_code, one.amount) == ("101", 74.5)


def test_the_verb_prints_the_log(store, means, tmp_path):
    files = ["--offers", str(tmp_path / "offers.csv"), "--amounts", str(tmp_path / "amounts.csv")]
    options = ["--store", str(store), *files, "--by", "anna", "--eligible-from", "0.3", "--json"]
    told = json.loads(CliRunner().invoke(verb, options).stdout)
    assert told["supported"] == 8
    assert told["run_id"] == RUN_ID
    assert (store / "allocations" / RUN_ID / sharing.SEVERAL / "proposals").is_dir()
