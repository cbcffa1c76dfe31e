"""What a notebook may be told, read from its own parameters cell and checked before anything starts."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message

Plain = str | int | float | bool
TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
PARAMETERS_TAG = "parameters"


@dataclass(frozen=True)
class Parameter:
    """One name that a notebook takes: its type, the value it has when opened by hand, and what it means."""

    name: str
    kind: type
    default: Plain
    comment: str


def declared(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters that a notebook's cell tagged ``parameters`` declares, by name.

    Each stands as ``name: type = value  # what it means`` with the type str, int, float or bool.

    Raises
    ------
    UsageError
        When the notebook cannot be read, has not exactly one such cell, or a line of it is of another form.
    """
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(
            notebook, message("It cannot be read as a notebook: {error}.", error=type(error).__name__)
        ) from None
    tagged = [cell for cell in cells if PARAMETERS_TAG in cell.get("metadata", {}).get("tags", ())]
    if len(tagged) != 1:
        raise _refused(notebook, message("It has {count} parameters cells.", count=len(tagged)))
    source = "".join(tagged[0]["source"])
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise _refused(notebook, message("Line {line} is not Python.", line=error.lineno or 0)) from None
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    parameters = [_parameter(notebook, statement, comments) for statement in body]
    return {parameter.name: parameter for parameter in parameters}


def _parameter(notebook: Path, statement: ast.stmt, comments: Mapping[int, str]) -> Parameter:
    match statement:
        case ast.AnnAssign(
            target=ast.Name(id=name), annotation=ast.Name(id=kind), value=ast.Constant(value=value), lineno=line
        ) if kind in TYPES:
            if not isinstance(value, str | int | float) or not _is_a(value, TYPES[kind]):
                found = message("{name} is declared {kind} and has another default.", name=name, kind=kind)
                raise _refused(notebook, found)
            if not comments.get(line):
                raise _refused(notebook, message("{name} has no comment that says what it means.", name=name))
            return Parameter(name, TYPES[kind], value, comments[line])
        case _:
            raise _refused(notebook, message("Line {line} is of another form.", line=statement.lineno))


def check(notebook: Path, given: Mapping[str, object]) -> None:
    """Refuse ``given`` unless it names exactly the declared parameters, each with a value of its type.

    Raises
    ------
    UsageError
        For a name that the notebook does not declare, a declared name that is not given, or another type.
    """
    parameters = declared(notebook)
    for name in given:
        if name not in parameters:
            raise _refused(notebook, message("It does not know the parameter {name}.", name=name))
    for name, parameter in parameters.items():
        if name not in given:
            raise _refused(notebook, message("Its parameter {name} is not given.", name=name))
        if not _is_a(given[name], parameter.kind):
            raise _refused(
                notebook,
                message(
                    "Its parameter {name} is declared {kind} and was given as {given}.",
                    name=name,
                    kind=parameter.kind.__name__,
                    given=type(given[name]).__name__,
                ),
            )


def _is_a(value: object, kind: type) -> bool:
    # True is an int to Python, and not to a reader.
    return type(value) is kind


def _refused(notebook: Path, found: Message) -> UsageError:
    return UsageError(
        message("A notebook is given exactly the parameters that its own parameters cell declares."),
        found=found,
        remedy=message("Correct the notebook's parameters cell or the table of steps."),
        where=notebook.name,
    )
