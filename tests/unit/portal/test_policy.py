"""Who may see what, as a matrix: every role × every view × an own, a foreign and an unknown unit."""

from __future__ import annotations

from datetime import date

import invented_run
import pytest

from riskmodel.portal.policy import RULES, Ask, DeniedError, UnknownError, decide, own_schools
from riskmodel.portal.published import open_current
from riskmodel.register.people import ROLES, ROLES_OF_A_SCHOOL, Grant, Person

DAY = date(2026, 11, 24)
OWN, FOREIGN, NOWHERE = "101", "102", "999"
HERE, ELSEWHERE = "LV0001000", "LV0009999"
PUPILS = {school_id: invented_run.school(school_id, name)["pupils"] for school_id, name in invented_run.SCHOOLS.items()}
NAMED = PUPILS[OWN][0]["pupil_id"]
CLASS = PUPILS[OWN][0]["class_code"]
OTHER_CLASS = next(pupil for pupil in PUPILS[OWN] if pupil["class_code"] != CLASS)

GRANTS = {
    "class_teacher": Grant("class_teacher", OWN, class_code=CLASS),
    "subject_teacher": Grant("subject_teacher", OWN, pupil_ids=frozenset({NAMED})),
    "support_staff": Grant("support_staff", OWN),
    "director": Grant("director", OWN),
    "municipality": Grant("municipality", municipality_code=HERE),
    "state": Grant("state"),
    "researcher": Grant("researcher"),
    "steward": Grant("steward"),
}
EVERYONE = set(ROLES)
MAY = {
    "home": EVERYONE,
    "catalogue": EVERYONE,
    "about": EVERYONE,
    "schools": set(ROLES_OF_A_SCHOOL),
    "school": set(ROLES_OF_A_SCHOOL),
    "pupil": set(ROLES_OF_A_SCHOOL),
    "notice": set(ROLES_OF_A_SCHOOL),
    "capacity": {"director"},
    "tasks": {*ROLES_OF_A_SCHOOL, "municipality", "state"},
    "statistics": {"director", "support_staff", "municipality", "state"},
    "plan": {*ROLES_OF_A_SCHOOL, "municipality", "state"},
    "consultation": set(ROLES_OF_A_SCHOOL),
    "planning": {"class_teacher", "subject_teacher", "support_staff"},
    "orders": {"director"},
    "municipality": {"municipality", "state"},
    "state": {"state"},
    "runs": {"steward"},
    "audit": {"steward"},
    "accounts": {"steward"},
}


def _ask(view: str, *, school_id: str = OWN, pupil_id: str = NAMED, municipality_code: str = HERE) -> Ask:
    """Return an ask for a view that names what the view is about."""
    named = {
        "school": {"school_id": school_id},
        "pupil": {"school_id": school_id, "pupil_id": pupil_id},
        "municipality": {"municipality_code": municipality_code},
        "plan": {"plan_code": "261-000001-03"},
    }
    return Ask(view, **named.get(RULES[view].unit, {}))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    invented_run.publish(store)
    return open_current(store)


@pytest.fixture
def answer(published):
    """Say what the policy answers: the scope, "denied" or "unknown"."""

    def of(ask: Ask, *grants: Grant, on: date = DAY):
        try:
            return decide(Person(1, "x", "X", "lv", grants), ask, published, on)
        except DeniedError:
            return "denied"
        except UnknownError:
            return "unknown"

    return of


def test_the_matrix_names_every_view():
    assert set(MAY) == set(RULES)


@pytest.mark.parametrize("view", sorted(RULES))
@pytest.mark.parametrize("role", ROLES)
def test_a_view_is_open_to_its_roles_and_denied_to_all_others(answer, role, view):
    found = answer(_ask(view), GRANTS[role])
    assert (found == "denied") == (role not in MAY[view])
    if role in MAY[view]:
        assert found.view == view


@pytest.mark.parametrize("school_id", [FOREIGN, NOWHERE, "", "101 ", "0101"])
@pytest.mark.parametrize("view", [view for view, rule in RULES.items() if rule.unit in {"school", "pupil"}])
@pytest.mark.parametrize("role", ROLES)
def test_another_school_is_answered_like_one_that_does_not_exist(answer, role, view, school_id):
    pupil_id = PUPILS.get(school_id, PUPILS[OWN])[0]["pupil_id"]
    found = answer(_ask(view, school_id=school_id, pupil_id=pupil_id), GRANTS[role])
    assert found == ("unknown" if role in MAY[view] else "denied")


@pytest.mark.parametrize("role", sorted(ROLES_OF_A_SCHOOL))
def test_a_pupil_of_another_school_is_unknown_in_one_s_own(answer, role):
    assert answer(_ask("pupil", pupil_id=PUPILS[FOREIGN][0]["pupil_id"]), GRANTS[role]) == "unknown"


def test_a_class_teacher_sees_the_own_class_and_nobody_else(answer):
    own = {pupil["pupil_id"] for pupil in PUPILS[OWN] if pupil["class_code"] == CLASS}
    scope = answer(_ask("school"), GRANTS["class_teacher"])
    assert (scope.pupil_ids, scope.class_code, scope.profile) == (own, CLASS, "teacher")
    assert answer(_ask("pupil", pupil_id=OTHER_CLASS["pupil_id"]), GRANTS["class_teacher"]) == "unknown"


def test_a_subject_teacher_sees_the_pupils_whose_plan_names_the_teacher(answer):
    scope = answer(_ask("school"), GRANTS["subject_teacher"])
    assert (scope.pupil_ids, scope.class_code) == (frozenset({NAMED}), None)
    assert answer(_ask("pupil", pupil_id=PUPILS[OWN][1]["pupil_id"]), GRANTS["subject_teacher"]) == "unknown"


def test_a_pupil_named_in_a_grant_for_one_school_opens_nothing_in_another(answer):
    foreign = PUPILS[FOREIGN][0]["pupil_id"]
    scope = answer(_ask("school"), Grant("subject_teacher", OWN, pupil_ids=frozenset({NAMED, foreign})))
    assert scope.pupil_ids == frozenset({NAMED})


def test_a_teacher_of_a_class_and_of_named_pupils_sees_both(answer):
    named = OTHER_CLASS["pupil_id"]
    scope = answer(_ask("school"), GRANTS["class_teacher"], Grant("subject_teacher", OWN, pupil_ids=frozenset({named})))
    own = {pupil["pupil_id"] for pupil in PUPILS[OWN] if pupil["class_code"] == CLASS}
    assert (scope.pupil_ids, scope.class_code) == (own | {named}, None)


def test_the_class_of_one_school_opens_nothing_in_the_other_school_of_the_same_teacher(answer):
    grants = (Grant("class_teacher", OWN, class_code=CLASS), Grant("class_teacher", FOREIGN, class_code="10.b"))
    own = {pupil["pupil_id"] for pupil in PUPILS[OWN] if pupil["class_code"] == CLASS}
    assert answer(_ask("school"), *grants).pupil_ids == own


def test_a_class_that_the_school_does_not_have_is_an_empty_list(answer):
    assert answer(_ask("school"), Grant("class_teacher", OWN, class_code="1.z")).pupil_ids == frozenset()


def test_who_is_support_staff_and_teacher_sees_the_school_as_support_staff(answer):
    scope = answer(_ask("school"), GRANTS["class_teacher"], GRANTS["support_staff"])
    assert (scope.pupil_ids, scope.profile) == (None, "support")


def test_a_role_in_one_school_does_not_widen_the_one_in_another(answer):
    scope = answer(_ask("school"), GRANTS["class_teacher"], Grant("director", FOREIGN))
    assert scope.profile == "teacher"
    assert answer(_ask("capacity"), GRANTS["support_staff"], Grant("director", FOREIGN)) == "unknown"


@pytest.mark.parametrize(("day", "is_open"), [(DAY, True), (date(2026, 9, 1), True), (date(2026, 8, 31), False)])
def test_a_grant_opens_only_on_its_days(answer, day, is_open):
    grant = Grant("director", OWN, valid_from=date(2026, 9, 1), valid_to=date(2026, 11, 25))
    assert (answer(_ask("school"), grant, on=day) != "denied") == is_open
    assert answer(_ask("school"), grant, on=date(2026, 11, 25)) == "denied"


@pytest.mark.parametrize("view", sorted(RULES))
def test_who_holds_no_role_sees_nothing(answer, view):
    assert answer(_ask(view)) == "denied"


def test_a_municipality_sees_itself_and_the_state_every_one(answer):
    assert answer(_ask("municipality", municipality_code=ELSEWHERE), GRANTS["municipality"]) == "unknown"
    other = Grant("municipality", municipality_code=ELSEWHERE)
    assert answer(_ask("municipality"), other) == "unknown"
    assert answer(_ask("municipality", municipality_code=ELSEWHERE), other) == "unknown"
    assert answer(_ask("municipality"), GRANTS["state"]).profile == "state"
    assert answer(_ask("municipality", municipality_code=ELSEWHERE), GRANTS["state"]) == "unknown"


@pytest.mark.parametrize(
    "ask",
    [
        Ask("none"),
        Ask(""),
        Ask("school"),
        Ask("pupil", OWN),
        Ask("about", OWN),
        Ask("school", OWN, municipality_code=HERE),
        Ask("school", OWN, NAMED),
        Ask("state", municipality_code=HERE),
        Ask("plan"),
        Ask("plan", OWN, plan_code="261-000001-03"),
        Ask("tasks", plan_code="261-000001-03"),
    ],
)
def test_an_ask_that_names_too_little_or_too_much_is_unknown(answer, ask):
    assert answer(ask, *GRANTS.values()) == "unknown"


@pytest.mark.parametrize("kind", ["csv", "xlsx", "pdf", "html", "", "json"])
@pytest.mark.parametrize("view", sorted(RULES))
def test_a_view_is_given_out_as_the_files_of_its_rule_and_no_others(answer, view, kind):
    asked = _ask(view)
    ask = Ask(view, asked.school_id, asked.pupil_id, asked.municipality_code, kind, asked.plan_code)
    found = answer(ask, *GRANTS.values())
    assert (found != "unknown") == (kind in RULES[view].files)


@pytest.mark.parametrize("role", ROLES)
def test_names_are_shown_to_roles_of_a_school_alone(answer, role):
    assert answer(_ask("home"), GRANTS[role]).shows_names == (role in ROLES_OF_A_SCHOOL)


def test_the_fingerprint_tells_apart_what_is_seen_and_not_who_sees_it(answer):
    scopes = {
        name: answer(_ask("school"), *grants)
        for name, grants in {
            "class": (GRANTS["class_teacher"],),
            "same class": (GRANTS["class_teacher"], GRANTS["steward"]),
            "named": (GRANTS["subject_teacher"],),
            "support": (GRANTS["support_staff"],),
            "director": (GRANTS["director"],),
        }.items()
    }
    prints = {name: scope.fingerprint for name, scope in scopes.items()}
    assert prints["class"] == prints["same class"]
    assert len(set(prints.values())) == 4
    assert answer(_ask("capacity"), GRANTS["director"]).fingerprint != prints["director"]


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("view", sorted(RULES))
@pytest.mark.parametrize("role", ROLES)
def test_every_scope_says_why(answer, role, view, language):
    found = answer(_ask(view), GRANTS[role])
    assert found == "denied" or found.why.in_language(language).endswith(".")


def test_the_own_schools_are_those_of_roles_of_a_school_in_this_run(published):
    grants = (GRANTS["director"], Grant("support_staff", NOWHERE), GRANTS["state"], Grant("class_teacher", FOREIGN))
    assert own_schools(grants, published) == [OWN, FOREIGN]
