"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SOURCES = sorted((CHECKOUT / "src").rglob("*.py"))
UNSAFE_MODULES = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}


def _tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout: the list of tracked files is not known")
    return [CHECKOUT / name for name in listing.stdout.split("\0") if name]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CHECKOUT / "src")))
def test_no_source_reads_or_writes_a_format_that_can_run_code(path):
    tree = ast.parse(path.read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not imported & UNSAFE_MODULES
    assert not called & {"read_pickle", "to_pickle"}


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name == "__init__.py"], ids=lambda path: str(path.parent.name)
)
def test_a_package_init_imports_nothing(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] == []


def test_no_module_is_a_junk_drawer():
    assert [path for path in SOURCES if path.stem in {"utils", "helpers", "common", "base", "manager", "misc"}] == []


def test_no_tracked_file_names_a_machine_s_path_or_a_registry_s_address():
    # One letter of each stands in brackets, so that this file itself holds none of them.
    unwanted = re.compile(
        r"/[h]ome/\w+/|/[r]oot/|/[t]mp/|[i]ndex-url\s*=|[f]iles\.pythonhosted|[r]egistry\.npmjs|"
        + re.escape(str(CHECKOUT))
    )
    for parts in (["", "home", "liga", "x"], ["", "root", "x"], ["", "tmp", "x"]):
        assert unwanted.search("/".join(parts))
    faults = []
    for path in _tracked():
        if not path.is_file() or path.suffix in {".png", ".parquet", ".gz"}:
            continue
        text = path.read_text("utf-8", errors="replace")
        faults += [f"{path.relative_to(CHECKOUT)}: {found.group()}" for found in unwanted.finditer(text)]
    assert faults == []


def test_no_tracked_file_is_large():
    assert [path.name for path in _tracked() if path.is_file() and path.stat().st_size > 1_000_000] == []


def test_every_module_of_the_tests_has_a_name_of_its_own():
    # The folders of the tests are no packages: two modules of one name could not be collected together.
    names = [path.name for path in _tracked() if path.suffix == ".py" and CHECKOUT / "tests" in path.parents]
    assert sorted({name for name in names if names.count(name) > 1}) == ["conftest.py"]


def test_nobody_imports_from_a_conftest():
    # Which of them is found depends on what was collected before.
    importing = re.compile(r"^\s*(from|import) conftest\b", re.MULTILINE)
    python = [path for path in _tracked() if path.suffix == ".py" and CHECKOUT / "tests" in path.parents]
    assert [path.name for path in python if importing.search(path.read_text("utf-8"))] == []
