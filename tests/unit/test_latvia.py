import csv
import hashlib
import re
from datetime import date

import pytest

from riskmodel import latvia
from riskmodel.settings import resource

SOURCES = resource("latvia", "SOURCES.md")
CHECKED = re.findall(r"^\| `(\w+\.csv)` \| (\d+) \| `([0-9a-f]{64})` \|$", SOURCES.read_text("utf-8"), re.MULTILINE)


def test_every_table_of_the_folder_is_described_and_checked():
    in_folder = {path.name for path in SOURCES.parent.glob("*.csv")}
    assert {name for name, _, _ in CHECKED} == in_folder
    assert all(SOURCES.read_text("utf-8").count(f"`{name}`") >= 2 for name in in_folder)


@pytest.mark.parametrize(("name", "rows", "digest"), CHECKED, ids=lambda value: value if "csv" in value else "")
def test_no_table_changed_unseen(name, rows, digest):
    path = resource("latvia", name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    with path.open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) - 1 == int(rows)


def test_there_are_119_municipalities_then_43_then_42():
    assert len(latvia.municipalities(date(2021, 6, 30))) == 119
    assert sum(each.kind == "valstspilsēta" for each in latvia.municipalities(date(2021, 6, 30))) == 9
    before, after = latvia.municipalities(date(2025, 6, 30)), latvia.municipalities(date(2025, 7, 1))
    assert (len(before), len(after)) == (43, 42)
    assert {each.name for each in before} - {each.name for each in after} == {"Varakļānu novads"}
    assert latvia.days_of_change() == (date(2021, 7, 1), date(2025, 7, 1))


def test_a_merged_municipality_is_found_under_its_new_one():
    assert latvia.municipality_on("LV0055000", date(2025, 6, 30)).name == "Varakļānu novads"
    assert latvia.municipality_on("LV0055000", date(2025, 7, 1)).name == "Madonas novads"
    assert latvia.municipality_on("LV-009", date(2021, 7, 1)).name == "Smiltenes novads"
    assert latvia.municipality_on("LV-009", date(2021, 6, 30)).name == "Apes novads"
    with pytest.raises(KeyError):
        latvia.municipality_on("LV9999999", date(2025, 7, 1))


def test_every_municipality_has_the_units_that_it_was_made_of():
    units = [unit for each in latvia.municipalities(date(2021, 7, 1)) for unit in latvia.units_before_reform(each.code)]
    assert {unit.code for unit in units} == {each.code for each in latvia.municipalities(date(2021, 6, 30))}
    assert len(units) == 119


def test_the_119_former_units_go_to_the_43():
    since = latvia.municipality_since_reform()
    assert len(since) == 119
    assert set(since.values()) == {each.iso_code for each in latvia.municipalities(date(2021, 7, 1))}
    assert since["LV-009"] == "LV-094"  # Ape went to Smiltene, not to Alūksne


@pytest.mark.requirement("R91")
def test_every_municipality_lies_in_one_of_the_five_planning_regions():
    regions = {each.planning_region for each in latvia.municipalities(date(2024, 1, 1))}
    assert regions == {"Rīga", "Vidzeme", "Kurzeme", "Zemgale", "Latgale"}


def test_every_published_territory_is_carried_over_or_left_out_with_a_reason():
    territories = {row["territory"] for name in ("registered_unemployment.csv", "wage.csv") for row in rows(name)}
    decided = {*latvia.CITY_TERRITORIES, *latvia.FORMER_TERRITORIES}
    decided |= {*latvia.REGION_TERRITORIES, *latvia.NOT_CARRIED_OVER}
    assert territories <= decided


def rows(name):
    with resource("latvia", name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def value(indicators, name, happened_on, code="unemployment_percent", of=date(2024, 1, 1)):
    atvk = next(each.code for each in latvia.municipalities(of) if each.name == name)
    found = [
        each
        for each in indicators
        if (each.municipality_code, each.happened_on, each.indicator_code) == (atvk, happened_on, code)
    ]
    assert len(found) <= 1
    return found[0].value if found else None


def test_a_municipality_takes_the_figure_of_its_region_and_a_city_its_own():
    indicators = latvia.area_indicators(date(2024, 12, 20))
    assert value(indicators, "Alūksnes novads", date(2023, 12, 1)) == 5.9  # Vidzeme
    assert value(indicators, "Mārupes novads", date(2023, 12, 1)) == 4.3  # the region around Rīga
    assert value(indicators, "Rīga", date(2023, 12, 1)) == 4.2  # the city
    assert value(indicators, "Rēzekne", date(2015, 5, 1)) == 16.3
    assert value(indicators, "Rēzeknes novads", date(2015, 5, 1)) == 18.9  # Latgale
    assert value(indicators, "Alūksnes novads", date(2017, 12, 1), "gross_wage_eur") == 797


def test_units_of_before_the_reform_have_the_figures_of_their_time_and_their_own_where_printed():
    before, then = date(2020, 12, 18), date(2015, 5, 1)
    old = latvia.area_indicators(before)
    assert {each.municipality_code for each in old} <= {each.code for each in latvia.municipalities(before)}
    assert value(old, "Valmiera", then, of=before) == 6.3
    assert value(old, "Jēkabpils", then, of=before) == 10.5
    assert value(old, "Rīga", date(2020, 1, 1), of=before) == 4.0
    assert value(old, "Garkalnes novads", date(2016, 12, 1), of=before) == 2.7
    newest = latvia.area_indicators(date(2024, 12, 20))
    assert value(newest, "Valmieras novads", then) == value(newest, "Limbažu novads", then)  # the region's
    assert value(newest, "Valmiera", date(2023, 12, 1), of=before) is None  # no such unit then


def test_remote_learning_lies_in_school_years():
    periods = latvia.remote_periods()
    assert {latvia.school_year_of(each.first_day).name for each in periods} == {"2019/20", "2020/21"}
    assert all(latvia.school_year_of(each.first_day).is_school_day(each.first_day) for each in periods)
    assert all(latvia.school_year_of(each.last_day).is_school_day(each.last_day) for each in periods)


def test_a_figure_counts_from_its_day_of_publication():
    december = date(2023, 12, 1)
    assert value(latvia.area_indicators(date(2024, 1, 30)), "Alūksnes novads", december) is None
    assert value(latvia.area_indicators(date(2024, 1, 31)), "Alūksnes novads", december) == 5.9
    assert all(each.known_on > each.happened_on for each in latvia.area_indicators(date(2025, 1, 1)))


@pytest.mark.parametrize("first_year", [2023, 2024])
def test_the_rule_gives_the_published_years(first_year):
    published, by_rule = latvia.school_year(first_year), latvia._year_by_rule(first_year)
    assert published.is_published
    assert not by_rule.is_published
    for name in (
        "starts_on",
        "semester_1_ends_on",
        "semester_2_starts_on",
        "ends_on",
        "grade_9_ends_on",
        "grade_12_ends_on",
    ):
        assert getattr(by_rule, name) == getattr(published, name), name
    for semester in (1, 2):
        assert by_rule.school_days(semester) == published.school_days(semester)


def test_a_year_that_would_start_on_a_weekend_starts_on_monday():
    assert latvia.school_year(2019).starts_on == date(2019, 9, 2)  # 1 September 2019 was a Sunday
    assert latvia.school_year(2021).starts_on == date(2021, 9, 1)  # a Wednesday


def test_every_school_year_is_in_order_for_forty_years():
    for first_year in range(2010, 2050):
        year = latvia.school_year(first_year)
        days = [
            year.starts_on,
            *year.autumn_break,
            year.semester_1_ends_on,
            *year.winter_break,
            year.semester_2_starts_on,
            *year.spring_break,
            year.ends_on,
            year.grade_9_ends_on,
            year.grade_12_ends_on,
            latvia.school_year(first_year + 1).starts_on,
        ]
        assert days == sorted(days), year.name
        assert 70 <= len(year.school_days(1)) <= 80
        assert 85 <= len(year.school_days(2)) <= 100


def test_there_are_no_lessons_on_breaks_weekends_and_public_holidays():
    year = latvia.school_year(2024)
    assert year.is_school_day(date(2024, 10, 18))
    assert not year.is_school_day(date(2024, 10, 21))  # autumn break
    assert not year.is_school_day(date(2024, 11, 18))  # proclamation day
    assert not year.is_school_day(date(2024, 11, 16))  # a Saturday
    assert not year.is_school_day(date(2025, 4, 18))  # Good Friday
    assert not year.is_school_day(date(2025, 4, 21))  # Easter Monday
    assert not year.is_school_day(date(2025, 5, 5))  # for 4 May, a Sunday
    assert not year.is_school_day(date(2025, 7, 1))


def test_a_day_of_summer_belongs_to_the_year_before_it():
    assert latvia.school_year_of(date(2024, 9, 1)).name == "2023/24"  # the year began on Monday the 2nd
    assert latvia.school_year_of(date(2024, 9, 2)).name == "2024/25"
    assert latvia.school_year_of(date(2100, 1, 15)).name == "2099/00"
