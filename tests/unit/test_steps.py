"""The table of steps: what is needed was made before, nothing is made twice, every file has its sensitivity."""

from __future__ import annotations

import pytest

from riskmodel.runs.runner import semester_pipeline
from riskmodel.runs.staging import NOT_GIVEN
from riskmodel.runs.steps import INPUTS, SEMESTER, known_files
from riskmodel.settings import Settings
from riskmodel.tables.schema import Sensitivity


def test_what_a_step_needs_was_made_by_a_step_before_it() -> None:
    made = {INPUTS}
    for step in SEMESTER:
        missing = [name for name in step.needs if not any(name == path or name.startswith(f"{path}/") for path in made)]
        assert missing == [], step.notebook
        made |= step.makes.keys()


def test_no_two_steps_make_one_file() -> None:
    paths = [path for step in SEMESTER for path in step.makes]
    assert len(paths) == len(set(paths))


def test_steps_take_settings_that_exist_and_those_without_a_value_have_a_word_for_it() -> None:
    for step in SEMESTER:
        for name in step.takes:
            field = Settings.model_fields[name]
            assert (field.default is None) == (name in NOT_GIVEN)


def test_every_step_has_its_notebook() -> None:
    pipeline = semester_pipeline()
    assert [step.notebook for step in SEMESTER if not pipeline.notebook(step).is_file()] == []


@pytest.mark.parametrize("path", ["tables/score.parquet", "tables/reason.parquet", "extracts", "notebooks"])
def test_what_is_about_single_pupils_is_personal(path: str) -> None:
    assert known_files(SEMESTER)[path][0] == Sensitivity.PERSONAL
