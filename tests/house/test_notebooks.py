"""Notebooks tell, the package does: they are short, clean, and say what they may be given."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest

CHECKOUT = Path(__file__).parents[2]
NOTEBOOKS = sorted(path for path in (CHECKOUT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
MOST_LINES_OF_CODE = 80


def _code_lines(notebook) -> list[str]:
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    return [line for line in lines if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code if cell.outputs] == []
    assert [cell.execution_count for cell in code if cell.execution_count] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_a_title_and_carries_little_code(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert len(_code_lines(notebook)) <= MOST_LINES_OF_CODE


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_parameters_of_a_notebook_are_typed_and_explained(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(cells) == 1
    source = cells[0].source
    statements = ast.parse(source).body
    assert statements
    assert all(isinstance(statement, ast.AnnAssign) for statement in statements)
    lines = source.splitlines()
    unexplained = [
        statement.target.id
        for statement in statements
        if "#" not in lines[statement.end_lineno - 1] and "#" not in lines[max(statement.lineno - 2, 0)]
    ]
    assert unexplained == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_cell_of_a_notebook_has_a_name_of_its_own(path):
    names = [cell["id"] for cell in json.loads(path.read_text("utf-8"))["cells"]]
    assert len(set(names)) == len(names)
