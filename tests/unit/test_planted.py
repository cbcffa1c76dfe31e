import re
from dataclasses import asdict, fields

import pytest

from riskmodel.errors import UsageError
from riskmodel.settings import resource
from riskmodel.sources.synthetic.planted import (
    Effect,
    Late,
    Leaving,
    LogOdds,
    Planted,
    Recording,
    Silence,
    Support,
    Twice,
    When,
    read_world,
    world_names,
)

NAMED = (
    *("default", "drift", "effects", "no_signal", "noisy", "school_rate_wins", "score_wins"),
    *("silent", "small_effects", "unfair"),
)


@pytest.fixture
def world_file(tmp_path):
    def write(text):
        path = tmp_path / "own.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_the_worlds_that_come_with_the_project_are_these():
    assert tuple(world_names()) == NAMED


@pytest.mark.parametrize("name", NAMED)
def test_every_named_world_can_be_read_and_bears_its_name(name):
    assert read_world(name).name == name


def test_the_default_world_is_what_the_form_says_without_a_file():
    assert read_world("default") == Planted()


@pytest.mark.parametrize("name", [name for name in NAMED if name != "default"])
def test_every_other_world_differs_from_the_default(name):
    sizes, default = (world.sizes() for world in (read_world(name), Planted()))
    assert {key for key in sizes if sizes[key] != default[key]} > {"name"}


def test_a_world_is_read_from_a_file_by_its_path_and_keeps_the_default_elsewhere(world_file):
    world = read_world(world_file("[leaving.log_odds]\nfree_meals = 1\n[support]\nhas_lottery = true\n"))
    assert world.name == "own"
    assert asdict(world.leaving.log_odds) == asdict(LogOdds()) | {"free_meals": 1.0}
    assert world.support.has_lottery
    assert world.recording == Planted().recording


def test_nothing_drives_leaving_in_the_world_without_signal():
    leaving = read_world("no_signal").leaving
    assert set(asdict(leaving.log_odds).values()) == {0.0}
    assert leaving.school_effect_sd == leaving.autumn_slope == 0.0
    assert not read_world("no_signal").support.effects


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wealth = 1", "wealth"),
        ("[leaving]\nwealth = 1", "leaving.wealth"),
        ("[leaving.log_odds]\nwealth = 1.0", "leaving.log_odds.wealth"),
        ('[leaving]\nschool_effect_sd = "large"', "leaving.school_effect_sd"),
        ("[leaving]\nschool_effect_sd = -1.0", "leaving.school_effect_sd"),
        ("[leaving]\nbase_shift = nan", "leaving.base_shift"),
        ("[recording]\nexcused = { ru = 1.5 }", "recording.excused.ru"),
        ("[recording]\nsilent = [{ tables = ['school'] }]", "recording.silent.0.tables.0"),
        ("[recording]\nlate = [{ table = 'mark', share = 0.1 }]", "recording.late.0.days"),
        ("[recording.confusion]\nleft = { gone = 0.1 }", "recording.confusion.left"),
        ("[recording.confusion]\nleft = { unknown = 0.7, abroad = 0.7 }", "recording.confusion"),
        ("[support]\nhas_lottery = 1", "support.has_lottery"),
        ("[support]\nplaces_share_low = 0.5\nplaces_share_high = 0.1", "support"),
        ("[support.effects]\nKA-XXX = {}", "support.effects.KA-XXX"),
        ("[support.effects]\nKA-PED = { points = -500.0 }", "support.effects.KA-PED.points"),
        ("day = 2024-09-01", "day"),
    ],
)
def test_an_unknown_name_or_value_is_refused_by_its_place(world_file, text, found):
    with pytest.raises(UsageError) as caught:
        read_world(world_file(text))
    assert found in caught.value.found.in_language("en")
    assert caught.value.where.endswith("own.toml")


def test_a_file_that_is_no_toml_or_not_there_is_refused(world_file, tmp_path):
    for path in (world_file("[leaving"), tmp_path / "none.toml"):
        with pytest.raises(UsageError, match="readable TOML"):
            read_world(path)


def test_an_unknown_name_is_refused_and_the_known_ones_are_told():
    with pytest.raises(UsageError, match="no_signal") as caught:
        read_world("paradise")
    assert caught.value.exit_code == 2


def test_each_world_says_in_its_first_line_what_it_is():
    for path in resource("worlds").glob("*.toml"):
        assert path.read_text("utf-8").startswith("# ")


def test_the_default_world_names_everything_that_can_be_set():
    text = resource("worlds", "default.toml").read_text("utf-8")
    forms = (Planted, Leaving, LogOdds, Support, Effect, Recording, Silence, Late, Twice, When)
    names = {each.name for form in forms for each in fields(form)} - {"name"}
    assert not {name for name in names if not re.search(rf"\b{name}\b(\]| =)", text)}
