"""The published numbers of the programme come out of registers that were filled by the register's own verbs.

Around them stand plans that do not count: drafts, deleted and waiting ones, another programme's, memberships that ended, and
entries that were struck out. The later years are entered one plan for a hundred (RISKMODEL_PLANS_FOR_ONE=1 enters all 93,497);
all else is of full size.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import counted_worlds as worlds
import pytest
from counted_worlds import Country
from sqlalchemy import func, select
from supported import PROGRAMME

from riskmodel.register import sqlite
from riskmodel.support.around import SEMINAR, SUPERVISION, count_events
from riskmodel.support.coverage import coverage
from riskmodel.support.given import count_educators, count_given
from riskmodel.support.means import budgets
from riskmodel.support.periods import WHOLE_STATE, Period, Scope
from riskmodel.support.reports import municipalities_table, report, semester_by_semester
from riskmodel.support.schema.plans import PLAN
from riskmodel.support.small_numbers import release
from riskmodel.support.statistics import PlansAndPupils, count_plans

FIRST_YEAR = Period.year(2017)
LIEPAJA = "LV0005000"


def built(folder: Path, build) -> Iterator[Country]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sqlite.SETTINGS, "synchronous", "0")  # nothing here cuts the power
        country = build(folder)
        yield country
        country.register.close()


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    yield from built(tmp_path_factory.mktemp("published"), worlds.published_country)


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    yield from built(tmp_path_factory.mktemp("scaled"), worlds.scaled_country)


@pytest.fixture
def connection(country: Country):
    with country.register.database.reading() as connection:
        yield connection


@pytest.fixture
def scaled_connection(scaled: Country):
    with scaled.register.database.reading() as connection:
        yield connection


def test_the_first_year_has_6500_plans_in_247_institutions(connection) -> None:
    found = count_given(connection, FIRST_YEAR, Scope(PROGRAMME)).total
    assert (found.support.plans, found.institutions) == (6500, 247)
    assert found.support.pupils == 4986
    assert count_plans(connection, FIRST_YEAR).total.plans == 6500 + 26  # with the other programme's


def test_a_count_of_rows_would_give_another_number(connection) -> None:
    own = (PLAN.c.school_year == 2017, PLAN.c.programme == PROGRAMME)
    rows = connection.scalar(select(func.count()).where(*own))
    approved = connection.scalar(select(func.count()).where(*own, PLAN.c.approved_on.is_not(None)))
    live = connection.scalar(select(func.count()).where(*own, PLAN.c.status != "INACTIVE"))
    running = connection.scalar(select(func.count()).where(*own, PLAN.c.status.in_(["APPROVED", "IN_PROGRESS"])))
    assert 6500 not in {rows, approved, live, running}
    assert min(rows, approved, live) > 6500 > running


def test_suspended_plans_count_and_are_told_apart(connection) -> None:
    by_status = count_plans(connection, FIRST_YEAR, Scope(PROGRAMME), ["status"]).rows
    assert by_status["SUSPENDED",] == PlansAndPupils(13, 13)
    assert sum(one.plans for one in by_status.values()) == 6500
    assert not {("DRAFT",), ("INACTIVE",)} & set(by_status)


@pytest.mark.requirement("R83", "X5")
def test_plans_add_up_over_the_three_levels_and_pupils_do_not(connection) -> None:
    schools = count_plans(connection, FIRST_YEAR, Scope(PROGRAMME), ["municipality", "school"])
    places = count_plans(connection, FIRST_YEAR, Scope(PROGRAMME), ["municipality"])
    assert schools.total == places.total == count_plans(connection, FIRST_YEAR, Scope(PROGRAMME)).total
    for (place,), of_place in places.rows.items():
        own = [one for (of, _), one in schools.rows.items() if of == place]
        assert sum(one.plans for one in own) == of_place.plans
        assert sum(one.pupils for one in own) >= of_place.pupils
        assert count_plans(connection, FIRST_YEAR, Scope(PROGRAMME, place)).total == of_place
    assert sum(one.plans for one in places.rows.values()) == places.total.plans
    semesters = count_plans(connection, FIRST_YEAR, Scope(PROGRAMME), ["semester"])
    assert sum(one.plans for one in semesters.rows.values()) == 6500
    assert sum(one.pupils for one in semesters.rows.values()) == 6500 > semesters.total.pupils


def test_a_plan_that_was_handed_over_stands_at_the_school_that_holds_it(connection) -> None:
    by_school = count_plans(connection, Period.parse("2017/18-1"), Scope(PROGRAMME, worlds.SKRUNDA), ["school"]).rows
    assert {school: one.plans for (school,), one in by_school.items()} == {"1001": 7, "1002": 7, "1003": 7, "1004": 6}


@pytest.mark.requirement("R88", "R80")
def test_the_first_year_has_80_partners_78_supervisions_and_220_seminars(connection) -> None:
    members = coverage(connection, PROGRAMME, worlds.END_OF_YEAR)
    assert (members.municipalities, members.state_vet, members.partners) == (49, 31, 80)
    assert members.of_municipalities == 119
    events = count_events(connection, FIRST_YEAR, Scope(PROGRAMME))
    assert (events[SUPERVISION].events, events[SEMINAR].events) == (78, 220)
    assert count_events(connection, FIRST_YEAR)[SEMINAR].events == 229


@pytest.mark.requirement("R80")
def test_targets_that_disagree_are_all_shown(connection) -> None:
    found = coverage(connection, PROGRAMME, worlds.END_OF_YEAR)
    shown = {(one.target.of, one.target.number): round(one.reached_share, 3) for one in found.targets}
    institutions = found.institutions
    assert shown == {
        ("institutions", 614): round(institutions / 614, 3),
        ("institutions", 611): round(institutions / 611, 3),
        ("institutions", 665): round(institutions / 665, 3),
        ("municipalities_share", 0.8): round(49 / 119 / 0.8, 3),
    }
    assert not any(one.is_reached for one in found.targets)


def test_skrunda_helped_27_pupils_of_4_institutions_and_then_34_of_3(connection) -> None:
    place = Scope(PROGRAMME, worlds.SKRUNDA)
    first, second = (count_given(connection, Period.year(year), place).total for year in (2017, 2018))
    assert (first.support, first.institutions) == (PlansAndPupils(41, 27), 4)
    assert (second.support, second.institutions) == (PlansAndPupils(53, 34), 3)
    assert (first.consultations, first.minutes) == (2, 4)  # three were entered, and one struck out


@pytest.mark.requirement("R88")
def test_the_sentence_of_skrunda_is_written_as_it_was(connection) -> None:
    told = report(connection, FIRST_YEAR, Scope(PROGRAMME, worlds.SKRUNDA)).sentences()
    assert [text.in_language("lv") for text in told] == [
        "2017./18. mācību gadā palīdzību saņēmuši 27 izglītojamie no 4 izglītības iestādēm "
        "(41 individuālais atbalsta plāns).",
        "Atbalsta sniegšanā darbojās 1 pedagogs.",
        "Pedagogiem notika 2 supervīzijas un 1 seminārs.",
    ]
    assert told[0].in_language("en") == (
        "In the school year 2017/18 27 pupils from 4 institutions received help (41 individual support plans)."
    )


def test_the_sentences_of_the_state_name_partners_and_events(connection) -> None:
    members = coverage(connection, PROGRAMME, worlds.END_OF_YEAR)
    told = [
        text.in_language("lv") for text in report(connection, FIRST_YEAR, Scope(PROGRAMME)).sentences(coverage=members)
    ]
    assert "6500 individuālo atbalsta plānu" in told[0]
    assert "80 sadarbības partneru: 49 pašvaldības, 31 valsts profesionālās izglītības iestāde." in told
    assert "Pedagogiem notika 78 supervīzijas un 220 semināru." in told


@pytest.mark.requirement("R88")
def test_jurmala_had_35_pupils_in_3_institutions_with_24_educators(connection) -> None:
    term, place = Period.parse("2018/19-2"), Scope(PROGRAMME, worlds.JURMALA)
    found = count_given(connection, term, place, ["school"])
    assert (found.total.support, found.total.institutions) == (PlansAndPupils(35, 35), 3)
    assert found.total.educators == 24
    assert sum(one.educators for one in found.rows.values()) > 24  # who works in two schools is one person
    assert count_educators(connection, Period.parse("2018/19..2019/20"), place).total == 25
    told = [text.in_language("lv") for text in report(connection, term, place).sentences()]
    assert told[0].startswith("2018./19. mācību gada 2. semestrī palīdzību saņēmuši 35 izglītojamie no 3 izglītības")
    assert told[1] == "Atbalsta sniegšanā darbojās 24 pedagogi."


@pytest.mark.requirement("R81", "X5")
def test_madona_spent_74695_euro_28_on_286_plans_of_181_pupils(connection) -> None:
    year, place = Period.year(2020), Scope(PROGRAMME, worlds.MADONA)
    found = count_given(connection, year, place, ["semester"])
    assert found.total.support == PlansAndPupils(286, 181)
    assert {key: one.support.plans for key, one in found.rows.items()} == {(2020, 1): 145, (2020, 2): 141}
    assert (found.total.cents, found.total.compensation_cents) == (7_469_528, 15 * 3_150)
    assert found.total.euro_a_plan() == Decimal("261.17")
    assert found.total.work_cents(None) is None
    told = report(connection, year, place).sentences()[-1]
    assert told.in_language("lv").replace("\N{NO-BREAK SPACE}", " ") == (
        "Kompensācijām un plānu sagatavošanai izmantoti 74 695,28 eiro, vidēji 261 eiro uz vienu plānu."
    )
    (means,) = budgets(connection, year, place)
    assert (means.budget_cents, means.used_cents, means.left_cents) == (8_000_000, 7_469_528, 530_472)


def test_liepaja_had_572_pupils_with_350_educators_of_whom_407_go_on(connection) -> None:
    term, place = Period.parse("2021/22-1"), Scope(PROGRAMME, LIEPAJA)
    found = report(connection, term, place)
    assert (found.given.support, found.given.educators) == (PlansAndPupils(572, 572), 350)
    assert found.decisions == {
        "continue": PlansAndPupils(407, 407),
        "no_longer_needed": PlansAndPupils(165, 165),
    }
    told = [text.in_language("lv") for text in found.sentences()]
    # The source prints 71.1 and 28.9: of 572 they are 71.15 and 28.85.
    assert "Atbalsts turpināsies 407 izglītojamajiem (407 individuālie atbalsta plāni, 71,2 %)." in told
    assert "Atbalsts vairs nav vajadzīgs 165 izglītojamajiem (165 individuālie atbalsta plāni, 28,8 %)." in told


@pytest.mark.requirement("R87", "R92")
def test_semesters_of_a_municipality_stand_beside_one_another(connection) -> None:
    autumn, spring = semester_by_semester(connection, FIRST_YEAR, Scope(PROGRAMME, worlds.SKRUNDA))
    assert (autumn.given.support, autumn.went_on, autumn.joined, autumn.change) == (PlansAndPupils(27, 27), 0, 27, None)
    assert (spring.given.support, spring.went_on, spring.joined) == (PlansAndPupils(14, 14), 14, 0)
    assert spring.change == (-13, -13)


def test_the_table_of_municipalities_ends_with_the_state_and_says_what_is_not_known(connection) -> None:
    lines = municipalities_table(connection, FIRST_YEAR, Scope(PROGRAMME), {worlds.SKRUNDA: 61})
    (skrunda,) = [line for line in lines if line.municipality_code == worlds.SKRUNDA]
    assert (skrunda.name, skrunda.identified, skrunda.given.support) == ("Skrundas novads", 61, PlansAndPupils(41, 27))
    assert (skrunda.given.institutions, skrunda.supervisions, skrunda.seminars) == (4, 2, 1)
    total = lines[-1]
    assert (total.municipality_code, total.identified) == (None, None)  # one municipality of many told a number
    assert (total.given.support.plans, total.supervisions, total.seminars) == (6500, 78, 220)


def test_what_leaves_the_office_hides_small_schools_and_tells_the_state(connection) -> None:
    found = release(connection, Period.parse("2017/18-1"), PROGRAMME, "r1")
    exact = count_plans(connection, Period.parse("2017/18-1"), Scope(PROGRAMME), ["school"]).rows
    shown = {code: one for (level, code, cell), one in found.cells.items() if (level, cell) == ("school", "pupils")}
    assert found.of("state", "LV").pupils == 3527
    assert len(shown) == 247 + 12 + 19 + 1  # every member of some day of the semester, whether it has plans or not
    assert all(one.pupils is None or one.pupils >= 10 for one in shown.values())
    assert all(shown[code].pupils is None for (code,), one in exact.items() if one.pupils < 10)
    assert sum(one.pupils is not None for one in shown.values()) > 150


# --- one plan for a hundred, unless RISKMODEL_PLANS_FOR_ONE says otherwise


@pytest.mark.parametrize(("year", "plans"), worlds.PLANS_OF_YEARS.items())
def test_plans_of_each_school_year(scaled_connection, year: int, plans: int) -> None:
    assert count_plans(scaled_connection, Period.year(year)).total.plans == round(plans / worlds.PLANS_FOR_ONE)


def test_plans_of_four_years_are_63452_and_no_63_thousand_pupils(scaled_connection) -> None:
    found = count_plans(scaled_connection, Period.year(2017, 2020)).total
    assert found.plans == 63_452 // worlds.PLANS_FOR_ONE  # each year was rounded by itself
    assert found.pupils < found.plans / 2


def test_44_thousand_plans_are_those_of_23_thousand_pupils(scaled_connection) -> None:
    found = count_plans(scaled_connection, Period.year(2017, 2019)).total
    entered = sum(map(worlds.entered_in, (2017, 2018, 2019)))  # 6,834 + 15,129 + 21,732 are 43,695
    assert found == PlansAndPupils(entered, worlds.PUPILS_OF_THREE_YEARS // worlds.PLANS_FOR_ONE)
    assert round(found.plans / found.pupils, 1) == 1.9


def test_at_the_end_of_2022_there_are_93497_plans_599_institutions_and_41_of_43_municipalities(
    scaled_connection,
) -> None:
    assert count_plans(scaled_connection, Period.parse("2017/18..2022/23-1")).total.plans == round(
        93_497 / worlds.PLANS_FOR_ONE
    )
    found = coverage(scaled_connection, PROGRAMME, worlds.date(2022, 12, 31))
    assert (found.institutions, found.municipalities, found.of_municipalities) == (599, 41, 43)
    assert round(100 * found.municipalities_share) == 95
    (share,) = [one for one in found.targets if one.target.of == "municipalities_share"]
    assert share.is_reached


def test_members_before_the_reform_are_counted_against_the_map_of_their_day(scaled_connection) -> None:
    before = coverage(scaled_connection, PROGRAMME, worlds.END_OF_YEAR)
    assert before.of_municipalities == 119
    assert before.municipalities > 100
    assert before.municipalities_share <= 1


def test_a_plan_stays_with_the_municipality_of_its_first_day_when_the_map_changes(scaled_connection) -> None:
    before = count_plans(scaled_connection, Period.year(2020), by=["municipality"]).rows
    after = count_plans(scaled_connection, Period.year(2021), by=["municipality"]).rows
    assert all(code.startswith("LV-") for (code,) in before)
    assert all(code.startswith("LV00") for (code,) in after)
    both = count_plans(scaled_connection, Period.year(2020, 2021), WHOLE_STATE, ["municipality"])
    assert sum(one.plans for one in both.rows.values()) == both.total.plans == sum(map(worlds.entered_in, (2020, 2021)))
