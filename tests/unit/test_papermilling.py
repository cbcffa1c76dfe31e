"""A notebook in a kernel of its own: what it imports before its first cell, and how an import that fails is told."""

from __future__ import annotations

import ast
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from riskmodel.runs import papermilling
from riskmodel.runs.forking import Stem
from riskmodel.runs.papermilling import DEAD_KERNEL, Execution, imports_in, imports_of, prepare, stop
from riskmodel.runs.staging import kernel_environment


def executed(folder: Path, *sources: str, stem: Stem | None = None) -> Execution:
    path = written(folder / "10_some.ipynb", *sources)
    execution = prepare(path, {"run_folder": "x"}, kernel_environment(1), stem)
    execution.begin()
    return execution.result()


def written(path: Path, *sources: str) -> Path:
    parameters = new_code_cell('run_folder: str = ""  # folder of the run', metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[parameters, *map(new_code_cell, sources)], metadata=kernel), path)
    return path


def printed(execution: Execution) -> str:
    return "".join(
        output.text for cell in execution.notebook.cells for output in cell.get("outputs", ()) if "text" in output
    )


def test_the_imports_of_a_notebook_are_those_of_its_code_each_once_and_no_other_statement(tmp_path: Path) -> None:
    notebook = new_notebook(
        cells=[
            new_markdown_cell("import this"),
            new_code_cell("import json\nfrom pathlib import Path\nPath('x').touch()"),
            new_code_cell("%time import os"),
            new_code_cell("import json\ndef later():\n    import csv"),
        ]
    )
    path = tmp_path / "10_imports.ipynb"
    nbformat.write(notebook, path)
    assert imports_in(path) == "import json\nfrom pathlib import Path"


def test_a_kernel_has_imported_what_the_notebook_will_before_the_first_cell_and_named_nothing(tmp_path: Path) -> None:
    look = "import sys\nprint('colorsys' in sys.modules, 'colorsys' in dir())"
    execution = executed(tmp_path, look, "import colorsys")
    assert (execution.error_kind, printed(execution).strip()) == ("", "True False")


def test_what_each_cell_says_is_its_own_although_nobody_waits_until_the_kernel_is_silent(tmp_path: Path) -> None:
    execution = executed(tmp_path, *(f"print({number})" for number in range(3)))
    said = [[output.text for output in cell.outputs] for cell in execution.notebook.cells[-3:]]
    assert said == [["0\n"], ["1\n"], ["2\n"]]


def test_an_import_that_fails_is_the_error_of_its_cell(tmp_path: Path) -> None:
    execution = executed(tmp_path, "print('before')", "import no_such_module_anywhere")
    assert execution.error_kind == "ModuleNotFoundError"
    assert printed(execution).strip() == "before"


def test_a_notebook_that_was_stopped_before_it_began_never_begins() -> None:
    done = list[str]()
    execution = Execution(lambda _: done.append("executed"), {})
    stop([execution])
    execution.begin()
    execution.result()
    assert done == []


def test_a_kernel_that_was_started_ahead_waits_with_its_first_cell(tmp_path: Path) -> None:
    path = written(tmp_path / "10_some.ipynb", f"open({str(tmp_path / 'done')!r}, 'w').close()")
    execution = prepare(path, {"run_folder": "x"}, kernel_environment(1))
    execution.begin(ahead=True)
    while not execution.kernel_pid:
        time.sleep(0.05)
    time.sleep(3)
    assert (execution.is_over, (tmp_path / "done").exists()) == (False, False)
    execution.begin()
    execution.result()
    assert (tmp_path / "done").exists()


def test_what_a_kernel_waited_is_not_counted() -> None:
    execution = Execution(Execution.wait_to_go_on, {})
    execution.begin(ahead=True)
    time.sleep(3)
    execution.begin()
    assert execution.result().seconds < 2


def test_a_kernel_that_was_started_ahead_can_be_stopped(tmp_path: Path) -> None:
    execution = prepare(written(tmp_path / "10_some.ipynb", "1"), {"run_folder": "x"}, kernel_environment(1))
    execution.begin(ahead=True)
    stop([execution])
    assert (execution.is_over, execution.result().error_kind) == (True, DEAD_KERNEL)


def test_what_was_imported_before_a_fork_is_left_alone_by_the_collector(tmp_path: Path) -> None:
    with closing(Stem({**os.environ, **kernel_environment(1)})) as stem:
        execution = executed(tmp_path, "import gc\nprint(gc.get_freeze_count() > 10_000)", stem=stem)
    assert printed(execution).strip() == "True"


def test_trees_of_code_are_made_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, met = [0], list[int]()

    def parse(source: str) -> ast.Module:
        at_work[0] += 1
        time.sleep(0.002)
        met.append(at_work[0])
        at_work[0] -= 1
        return compile(source, "cell", "exec", ast.PyCF_ONLY_AST)

    monkeypatch.setattr(papermilling, "ast", SimpleNamespace(**{**vars(ast), "parse": parse}))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda number: imports_of([f"import one_{number % 2}"]), range(40)))
    assert found == {"import one_0", "import one_1"}
    assert set(met) == {1}
