"""Limited means to pupils: cases by hand, decisions of people, clashes, and the lottery where scores are too near."""

from __future__ import annotations

import time
from datetime import date

import numpy as np
import pandas as pd
import pytest

from riskmodel.errors import UsageError
from riskmodel.messages import LANGUAGES, Words
from riskmodel.risk.targeting import lottery
from riskmodel.risk.targeting.allocation import Rules, allocate, supported_by
from riskmodel.risk.targeting.lottery import Band, Counts
from riskmodel.risk.targeting.means import EURO, Amount, Means, Offer, Override, gap, offer_of, options_for
from riskmodel.risk.targeting.registration import Terms, registration
from riskmodel.support.catalogue import catalogue

MEASURES = {measure.code: measure for measure in catalogue().measures}
TEACHER = MEASURES["KA-PED"].provider_role


def options(values: dict[str, float], school: str = "1", measure: str = "KA-PED") -> pd.DataFrame:
    rows = [(pupil, school, "riga", measure, value) for pupil, value in values.items()]
    return pd.DataFrame(rows, columns=["pupil_id", "school_id", "municipality_code", "measure_code", "value"])


def hours(*by_school: tuple[str, float]) -> Means:
    amounts = tuple(Amount(TEACHER, "school", school, amount) for school, amount in by_school)
    return Means((Offer("KA-PED", {TEACHER: 10.0}),), amounts)


def names(allocation) -> list[str]:
    return allocation.given["pupil_id"].tolist()


def test_hours_for_two_go_to_the_two_of_greatest_need():
    found = allocate(options({"a": 0.1, "b": 0.5, "c": 0.3}), hours(("1", 25.0)))
    assert names(found) == ["b", "c"]
    assert found.value == pytest.approx(0.8)
    assert not found.given["is_by_hand"].any()


def test_a_dear_measure_gives_way_to_two_cheap_ones_that_are_worth_more():
    both = pd.concat([options({"a": 0.5}, measure="KO-NAK"), options({"b": 0.3, "c": 0.3}, measure="KO-TRA")])
    means = Means(
        (Offer("KO-NAK", {EURO: 200.0}), Offer("KO-TRA", {EURO: 100.0})), (Amount(EURO, "municipality", "riga", 200.0),)
    )
    assert names(allocate(both, means)) == ["b", "c"]


def test_a_pupil_gets_no_more_measures_than_allowed():
    both = pd.concat([options({"a": 0.5}), options({"a": 0.4}, measure="KA-PSI")])
    means = Means((Offer("KA-PED", {TEACHER: 1.0}), Offer("KA-PSI", {"psychologist": 1.0})), hours(("1", 9.0)).amounts)
    means = Means(means.offers, (*means.amounts, Amount("psychologist", "school", "1", 9.0)))
    assert allocate(both, means).given["measure_code"].tolist() == ["KA-PED"]
    assert len(allocate(both, means, Rules(most_measures=2)).given) == 2


def test_the_floor_gives_a_school_its_part_and_its_price_is_told():
    rows = pd.concat([options({"a": 0.9, "b": 0.8}, "1"), options({"c": 0.1, "d": 0.2}, "2")])
    means = Means((Offer("KA-PED", {EURO: 1.0}),), (Amount(EURO, "state", "state", 2.0),))
    assert names(allocate(rows, means)) == ["a", "b"]
    fair = allocate(rows, means, Rules(floor_share=1.0))
    assert names(fair) == ["a", "d"]
    assert supported_by(fair, "school_id") == {"1": 1, "2": 1}
    assert fair.value_without_floor - fair.value == pytest.approx(0.6)


def test_what_a_person_decided_stands_with_who_and_why():
    decided = [Override("a", True, "A. Ozola", "a new pupil"), Override("b", False, "A. Ozola", "gets help elsewhere")]
    found = allocate(options({"a": 0.1, "b": 0.5, "c": 0.3}), hours(("1", 25.0)), overrides=decided)
    assert names(found) == ["a", "c"]
    by_hand = found.given.set_index("pupil_id").loc["a"]
    assert (by_hand["is_by_hand"], by_hand["by"], by_hand["reason"]) == (True, "A. Ozola", "a new pupil")
    assert found.left_out[["pupil_id", "reason"]].to_numpy().tolist() == [["b", "gets help elsewhere"]]


@pytest.mark.parametrize(
    ("decided", "found"),
    [
        ([Override("a", True, "", "why")], "no name or no reason"),
        ([Override("a", True, "anna", " ")], "no name or no reason"),
        ([Override("x", True, "anna", "why")], "about nobody"),
        ([Override("a", True, "anna", "why"), Override("a", False, "anna", "why")], "another one has decided"),
    ],
)
def test_a_decision_that_is_unsigned_unreasoned_unknown_or_contradicted_is_refused(decided, found):
    with pytest.raises(UsageError, match=found):
        allocate(options({"a": 0.1}), hours(("1", 25.0)), overrides=decided)


def test_a_clash_names_the_amount_and_how_much_is_missing():
    decided = [Override(one, True, "anna", "why") for one in "ab"]
    with pytest.raises(UsageError, match=rf"{TEACHER} \(school 1\): 5\."):
        allocate(options({"a": 0.1, "b": 0.2}), hours(("1", 15.0)), overrides=decided)


def test_a_floor_that_decisions_make_impossible_is_named():
    rows = pd.concat([options({"a": 0.9, "b": 0.8}, "1"), options({"c": 0.1, "d": 0.2}, "2")])
    means = Means((Offer("KA-PED", {EURO: 1.0}),), (Amount(EURO, "state", "state", 2.0),))
    out = [Override(one, False, "anna", "why") for one in "cd"]
    with pytest.raises(UsageError, match=r"floor \(2\): 1"):
        allocate(rows, means, Rules(floor_share=1.0), out)


def test_an_amount_that_nobody_entered_is_not_taken_for_nothing_or_for_enough():
    with pytest.raises(UsageError, match=f"how much there is somewhere of: {TEACHER}"):
        allocate(options({"a": 0.1}, school="2"), hours(("1", 15.0)))


def test_equal_needs_are_decided_by_lot_and_not_by_the_order_of_rows():
    rows = options({f"p{number}": 0.5 for number in range(12)})
    found = [names(allocate(part, hours(("1", 30.0)))) for part in (rows, rows[::-1])]
    assert found[0] == found[1]
    other = [names(allocate(rows, hours(("1", 30.0)), Rules(seed=seed))) for seed in range(4)]
    assert len({tuple(one) for one in other}) > 1


def test_the_gap_is_a_number_of_pupils_hours_and_schools_do_not_make_up_for_each_other():
    rows = pd.concat([options({"a": 0.9, "b": 0.8}, "1"), options({"c": 0.1}, "2")])
    means = hours(("1", 10.0), ("2", 30.0))
    table = gap(rows, allocate(rows, means).given, means).set_index(["unit_kind", "resource", "unit_code"])
    assert table.loc[("school", TEACHER, "1"), ["needed", "available", "missing"]].tolist() == [20.0, 10.0, 10.0]
    assert table.loc[("state", TEACHER, "state"), ["needed", "available", "used", "missing"]].tolist() == [
        30,
        40,
        20,
        10,
    ]
    assert table.loc[("municipality", "pupils", "riga"), "missing"] == 1


def test_the_catalogue_says_who_may_get_what_and_how_much():
    pupils = pd.DataFrame(
        {"pupil_id": ["a", "b", "c"], "school_id": "1", "municipality_code": "riga", "value": 0.5}
    ).assign(risk_groups=[["MI"], ["EK"], []])
    found = options_for(pupils, catalogue(), ["KA-PED", "KO-TRA"])
    assert found[["pupil_id", "measure_code"]].to_numpy().tolist() == [["a", "KA-PED"], ["b", "KO-TRA"]]
    assert offer_of(MEASURES["KA-PED"], times=30, minutes=40).uses == {TEACHER: 20.0}
    with pytest.raises(UsageError, match="within the limits of the catalogue"):
        offer_of(MEASURES["KA-PED"], times=11 * 16, minutes=40)
    with pytest.raises(UsageError, match="stands in the catalogue"):
        options_for(pupils, catalogue(), ["XX-YYY"])


def test_a_municipality_is_allocated_within_seconds():
    rng = np.random.default_rng(3)
    school = rng.integers(0, 25, 10_000)
    rows = pd.DataFrame(
        {
            "pupil_id": [f"p{number:05d}" for number in range(10_000)],
            "school_id": [f"s{number}" for number in school],
            "municipality_code": "riga",
            "measure_code": "KA-PED",
            "value": rng.beta(1, 8, 10_000),
        }
    )
    means = hours(*((f"s{number}", float(rng.integers(100, 400))) for number in range(25)))
    begun = time.process_time()
    found = allocate(rows, means, Rules(floor_share=0.5))
    assert time.process_time() - begun < 20
    by_school = {one.unit_code: int(one.amount // 10) for one in means.amounts}
    assert supported_by(found, "school_id") == by_school
    best = sum(rows["value"][school == int(code[1:])].nlargest(count).sum() for code, count in by_school.items())
    assert found.value == pytest.approx(best, rel=1e-4)


# The lottery

PUPILS = pd.DataFrame(
    {
        "pupil_id": list("abcdefg"),
        "school_id": ["1"] * 5 + ["2"] * 2,
        "probability": [0.9, 0.52, 0.51, 0.5, 0.2, 0.6, 0.1],
    }
)
SEED = "ab" * 32


def test_the_one_above_the_band_is_certain_and_those_within_it_share_the_places_left():
    found = lottery.stand(PUPILS, {"1": 2, "2": 2}, Band(0.15, 0.02)).set_index("pupil_id")
    assert found["state_code"].to_dict() == {
        "a": "certain",
        "b": "in_band",
        "c": "in_band",
        "d": "in_band",
        "e": "no_place",
        "f": "certain",
    }
    assert found.loc[["b", "c", "d"], "chance"].tolist() == pytest.approx([1 / 3] * 3)


def test_lots_fill_the_places_exactly_and_the_same_seed_draws_the_same():
    standing = lottery.stand(PUPILS, {"1": 2, "2": 2}, Band(0.15, 0.02))
    drawn = lottery.draw(standing, SEED, "run/KA-PED")
    assert drawn.groupby("school_id")["has_place"].sum().to_dict() == {"1": 2, "2": 1}
    again = lottery.draw(lottery.stand(PUPILS[::-1], {"1": 2, "2": 2}, Band(0.15, 0.02)), SEED, "run/KA-PED")
    assert again.equals(drawn)
    assert not lottery.draw(standing, SEED, "run/KA-SOC")["lot"].equals(drawn["lot"])


def test_each_in_a_band_is_drawn_as_often_as_the_chance_says():
    standing = lottery.stand(PUPILS, {"1": 2}, Band(0.15, 0.02))
    draws = [lottery.draw(standing, f"{seed:064x}", "x").set_index("pupil_id")["has_place"] for seed in range(200)]
    share = pd.concat(draws, axis=1).mean(axis=1)
    assert share[["b", "c", "d"]].tolist() == pytest.approx([1 / 3] * 3, abs=0.1)
    assert share["a"] == 1
    assert share["e"] == 0


def test_a_width_of_nothing_leaves_the_lot_to_those_who_tie():
    tied = PUPILS.assign(probability=[0.9, 0.5, 0.5, 0.4, 0.2, 0.6, 0.1])
    found = lottery.stand(tied, {"1": 2}, Band(0.0, 0.0)).set_index("pupil_id")
    assert found.loc[["a", "b", "c", "d"], "chance"].tolist() == [1.0, 0.5, 0.5, 0.0]


def test_where_places_suffice_for_the_band_nobody_draws():
    tied = PUPILS.assign(probability=[0.9, 0.5, 0.5, 0.4, 0.2, 0.6, 0.1])
    found = lottery.stand(tied, {"1": 3}, Band(0.0, 0.0))
    assert set(found["state_code"]) == {"certain", "no_place"}
    assert np.isnan(Counts.of(found).detectable_effect)


def test_a_seed_that_is_none_and_a_pupil_who_stands_twice_are_refused():
    with pytest.raises(UsageError, match="64 hexadecimal"):
        lottery.commitment_of("seed")
    with pytest.raises(UsageError, match="each pupil once"):
        lottery.stand(pd.concat([PUPILS, PUPILS]), {"1": 2}, Band(0.0, 0.0))
    with pytest.raises(UsageError, match="numbers from 0 to 1"):
        Band(2.0, 0.0)


def test_the_detectable_effect_is_2_8_standard_errors_within_schools():
    band = pd.DataFrame({"chance": [0.5] * 400, "probability": [0.2] * 400})
    assert lottery.detectable_effect(band) == pytest.approx(2.8 * np.sqrt(0.2 * 0.8 / 100))


def test_the_text_that_is_laid_down_names_rule_places_seed_outcome_day_effect_and_analysis_in_both_languages():
    counts = Counts.of(lottery.stand(PUPILS, {"1": 2, "2": 2}, Band(0.15, 0.02)))
    terms = Terms(
        "2024-12-20-0123456789ab",
        "KA-PED",
        Words("Consultation", "Konsultācija"),
        Band(0.15, 0.02),
        date(2024, 12, 20),
        date(2025, 9, 30),
        0.025,
        lottery.commitment_of(SEED),
        counts,
        "A. Ozola",
        "2024-12-21T08:00:00Z",
    )
    texts = {language: registration(terms, language) for language in LANGUAGES}
    for language, told in texts.items():
        shown = ["15 %", {"lv": "2,5", "en": "2.5"}[language], terms.commitment, "A. Ozola", "KA-PED", terms.run_id]
        shown += [
            {"lv": "30.09.2025.", "en": "30 Sept 2025"}[language],
            {"lv": "Konsultācija", "en": "Consultation"}[language],
        ]
        assert [one for one in shown if one not in told] == []
    assert "Analysis" in texts["en"]
    assert "Analysis" not in texts["lv"]
