"""Imports that cost less leave what they find as it was."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from riskmodel.importing import all_to_stay, without
from riskmodel.settings import notebook_folder


def test_what_is_left_out_is_as_not_installed_and_can_be_imported_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with without("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert sys.modules["colorsys"] is colorsys


def test_what_is_left_out_can_be_imported_after_an_error() -> None:
    sys.modules.pop("colorsys", None)
    with pytest.raises(KeyError), without("colorsys"):
        raise KeyError
    import colorsys

    assert colorsys


def test_what_has_been_imported_already_is_not_left_out() -> None:
    import colorsys

    with without("colorsys"):
        import colorsys as again
    assert again is colorsys


def test_the_collector_works_as_usual_after_imports() -> None:
    usual = gc.get_threshold()
    with all_to_stay():
        assert gc.get_threshold() > usual
    assert gc.get_threshold() == usual


def test_papermill_executes_without_the_grammar_of_addresses_in_every_script() -> None:
    """And has looked already for what the first notebook would else look for."""
    notebook = notebook_folder() / "20_features.ipynb"
    code = (
        "import sys\nfrom pathlib import Path\nfrom riskmodel.runs.papermilling import load_papermill\n"
        f"load_papermill(Path({str(notebook)!r}))\n"
        "print(*(name in sys.modules for name in ('papermill', 'jsonschema', 'IPython', 'rfc3987_syntax')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "True True True False"
