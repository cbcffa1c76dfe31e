"""What a notebook may be told is what its own parameters cell declares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from riskmodel.errors import UsageError
from riskmodel.runs.parameters import check, declared


def notebook(folder: Path, *cells: str) -> Path:
    path = folder / "10_try.ipynb"
    made = [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": cell} for cell in cells]
    path.write_text(json.dumps({"cells": made}))
    return path


CELL = 'run_folder: str = ""  # folder of the run\nseed: int = 7  # any whole number\nshare: float = 0.1  # of pupils\n'


def test_the_cell_says_names_types_defaults_and_meanings(tmp_path: Path) -> None:
    seed = declared(notebook(tmp_path, CELL))["seed"]
    assert (seed.kind, seed.default, seed.comment) == (int, 7, "any whole number")


def test_exactly_the_declared_names_and_types_pass(tmp_path: Path) -> None:
    check(notebook(tmp_path, CELL), {"run_folder": "x", "seed": 1, "share": 0.5})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"run_folder": "x", "seed": 1, "share": 0.5, "code": "01010012345"}, "does not know the parameter code"),
        ({"run_folder": "x", "seed": 1}, "parameter share is not given"),
        ({"run_folder": "x", "seed": "1", "share": 0.5}, "declared int and was given as str"),
        ({"run_folder": "x", "seed": True, "share": 0.5}, "declared int and was given as bool"),
        ({"run_folder": "x", "seed": 1, "share": 1}, "declared float and was given as int"),
    ],
)
def test_unknown_missing_and_ill_typed_parameters_are_refused_without_their_value(
    tmp_path: Path, given: dict[str, object], found: str
) -> None:
    with pytest.raises(UsageError, match=found) as caught:
        check(notebook(tmp_path, CELL), given)
    assert "01010012345" not in caught.value.in_both_languages()
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "cell",
    [
        "seed = 7  # no type",
        "seed: int = 7",
        'seed: int = "7"  # another default',
        "seed: list = []  # another type",
        "import os  # not a parameter",
        "seed: int = 7 7",
    ],
)
def test_a_line_of_another_form_is_refused(tmp_path: Path, cell: str) -> None:
    with pytest.raises(UsageError):
        declared(notebook(tmp_path, cell))


def test_a_notebook_has_one_parameters_cell(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has 0 parameters cells"):
        declared(notebook(tmp_path))
    with pytest.raises(UsageError, match="has 2 parameters cells"):
        declared(notebook(tmp_path, CELL, CELL))
