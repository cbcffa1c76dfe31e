"""``mapping.yaml``: what a delivery is, and how its files say what the canonical tables ask for.

A mapping holds names and words, never a program. A file of a canonical name with canonical headers needs no
entry; any other file says which of its columns is which, table by table.

>>> entry = FileMapping.model_validate({"file": "klases.csv", "tables": [{"table": "school", "columns": {"school_id": "Nr."}}]})
>>> entry.tables[0].columns["school_id"].column
'Nr.'
"""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from riskmodel.errors import UsageError
from riskmodel.messages import Message, message
from riskmodel.sources.decoding import ENCODINGS
from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.canonical import table as canonical_table
from riskmodel.tables.fields import Formats

MAPPING_NAME = "mapping.yaml"
MAX_MAPPING_BYTES = 1_000_000
MAX_ALIASES = 100
DEFAULT_DATE_FORMS = ("%Y-%m-%d", "%d.%m.%Y")
"""Unmistakable beside each other: the year comes first or last, and the day never stands second."""

PUPIL_CODE = "pupil_code"
"""The register id of the pupil in a delivery; it becomes ``pupil_id``, the pseudonym, at the border."""
NAME_COLUMNS = ("first_name", "last_name", "earlier_register_id")
"""Columns of the pupil file that go to the protected identity table and nowhere else."""

REGISTER_KINDS = ("personal_code", "free")


def _text(value: object) -> object:
    """Take a word as the text that was written: YAML turns 2024-09-01 into a date and 7 into a number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | int | float):
        return str(value)
    return value


Word = Annotated[str, BeforeValidator(_text)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cell(_Strict):
    """Where the text of one canonical column comes from. A header alone may stand for ``{column: header}``."""

    column: str | None = None
    """A header of the file; ``"*"`` is the cell of the column that ``unpivot`` is at."""
    constant: Word | None = None
    label: bool = False
    """Take the word that ``unpivot`` gives to the column it is at."""
    values: dict[Word, Word] = Field(default_factory=dict)
    """What the file's words mean (compared without case and outer blanks). An empty meaning is "no data"."""
    numbers: Word | None = None
    """What any number in figures means, where only its being a number counts (for instance ``points``)."""
    otherwise: Word | None = None
    """What any other word means. Without it other words stay as they are, and the check judges them."""
    empty: Word | None = None
    """What an empty cell means. Without it: no data."""

    @model_validator(mode="before")
    @classmethod
    def _header_alone(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum((self.column is not None, self.constant is not None, self.label)) != 1:
            raise _fault(message("give one of column, constant and label: true"))
        return self


class Weekly(_Strict):
    """One row per week of a period: ``happened_on`` is each Monday from ``begins`` to ``ends``."""

    begins: Cell
    ends: Cell


class Spread(_Strict):
    """A count of lessons of a period laid out as rows: ``happened_on`` and ``lessons`` are made.

    The days are school days (Monday to Friday) at even distances; every row holds at most ``lessons_per_day``.
    Where ``unpivot`` gives several counts, each has school days of its own. The days are invented, the
    count is not: give ``known_on`` the last day of the period, since nobody knew the count earlier.
    """

    count: Cell
    begins: Cell
    ends: Cell
    lessons_per_day: int = Field(default=8, ge=1, le=16)


class TableMapping(_Strict):
    """How one canonical table is filled from one file."""

    table: str
    columns: dict[str, Cell] = Field(default_factory=dict)
    unpivot: dict[str, Word] | None = None
    """Headers of wide columns and the word for each: a row is made for every one that is not empty."""
    weekly: Weekly | None = None
    spread: Spread | None = None

    @field_validator("table")
    @classmethod
    def _is_canonical(cls, value: str) -> str:
        return _known(value, [table.name for table in CANONICAL])

    @model_validator(mode="after")
    def _are_columns(self) -> Self:
        allowed = columns_of(self.table)
        for name in self.columns:
            _known(name, allowed)
        made = {"happened_on"} if self.weekly else {"happened_on", "lessons"} if self.spread else set()
        if self.weekly and self.spread:
            raise _fault(message("give weekly or spread, not both"))
        if both := made & set(self.columns):
            raise _fault(message("{column} is made by weekly or spread; do not give it", column=min(both)))
        for cell in self.cells():
            if not self.unpivot and (cell.label or cell.column == "*"):
                raise _fault(message("label and the column * need unpivot"))
        return self

    def cells(self) -> list[Cell]:
        """Return every cell of the mapping, those of the periods included."""
        period = self.weekly or self.spread
        extra = [period.begins, period.ends] if period else []
        return [*self.columns.values(), *extra, *([self.spread.count] if self.spread else [])]

    def headers(self) -> set[str]:
        """Return the headers of the file that the mapping names."""
        return {cell.column for cell in self.cells() if cell.column not in (None, "*")} | set(self.unpivot or {})


class FileMapping(_Strict):
    """How one file (or several of one kind, by a pattern such as ``klase_*.csv``) is read."""

    file: str
    encoding: Literal["utf-8", "windows-1257", "iso-8859-13", "utf-16"] | None = None
    separator: Literal[";", ",", "\t", "|"] | None = None
    decimal_comma: bool = False
    date_forms: tuple[str, ...] = DEFAULT_DATE_FORMS
    true_words: tuple[Word, ...] = Formats().true_words
    false_words: tuple[Word, ...] = Formats().false_words
    tables: tuple[TableMapping, ...] = ()
    """Empty: the file has the name and the headers of a canonical table."""

    @field_validator("file")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if PurePath(value).name != value or value.startswith("."):
            raise _fault(message("name a file in the folder of the delivery, without a path"))
        return value

    @field_validator("encoding", mode="before")
    @classmethod
    def _small_letters(cls, value: object) -> object:
        if isinstance(value, str):
            return _known(value.lower().replace("cp1257", "windows-1257"), list(ENCODINGS))
        return value

    @field_validator("separator", mode="before")
    @classmethod
    def _tab(cls, value: object) -> object:
        return "\t" if value in ("tab", "\\t") else value

    def formats(self) -> Formats:
        """Return how dates, numbers and yes-or-no words stand in the file."""
        return Formats(self.decimal_comma, self.date_forms, self.true_words, self.false_words)


class DeliveryFacts(_Strict):
    """What a delivery says of itself."""

    delivered_on: date
    origin: Literal["synthetic", "public", "real"]
    register_ids: Literal["personal_code", "free"] = "personal_code"
    complete: bool = True
    """False: an addition to earlier deliveries, in which whole tables may be absent."""
    latvian_letters: bool | None = None
    """Refuse a file whose letters are not Latvian ones. None: where the register ids are personal codes."""
    unchanged: tuple[str, ...] = ()
    """Files that are rightly the same as in an earlier delivery."""
    note: str = ""


class Mapping(_Strict):
    """A whole ``mapping.yaml``."""

    delivery: DeliveryFacts
    files: tuple[FileMapping, ...] = ()

    def entry_for(self, name: str) -> FileMapping:
        """Return the entry of a file; one without an entry has canonical headers, in UTF-8 or Windows-1257."""
        for entry in self.files:
            if PurePath(name).match(entry.file):
                return entry
        return FileMapping(file=name)

    @property
    def expects_latvian(self) -> bool:
        """The files hold Latvian words."""
        stated = self.delivery.latvian_letters
        return self.delivery.register_ids == "personal_code" if stated is None else stated


def columns_of(table: str) -> list[str]:
    """Return the columns that a delivery may give for a table: the register id in place of the pseudonym."""
    names = [PUPIL_CODE if name == "pupil_id" else name for name in canonical_table(table).column_names]
    return [*names, *NAME_COLUMNS] if table == "pupil" else names


def headers_of(table: str) -> dict[str, tuple[str, ...]]:
    """Return every column that a delivery may give for a table, and the headers under which it is looked for."""
    declared = canonical_table(table)
    found = {}
    for name in columns_of(table):
        if name == PUPIL_CODE:
            column = declared.column("pupil_id")
        else:
            column = IDENTITY.column(name) if name in NAME_COLUMNS and table == "pupil" else declared.column(name)
        found[name] = (name, *column.headers)
    return found


def required_columns(table: str) -> list[str]:
    """Return the columns that a delivery must give for a table."""
    declared = canonical_table(table)
    by_rule = {declared.known} if declared.known_rule else set()
    return [
        PUPIL_CODE if column.name == "pupil_id" else column.name
        for column in declared.columns
        if column.required and column.name not in by_rule
    ]


def read_mapping(path: Path) -> Mapping:
    """Return the mapping in a file.

    Raises
    ------
    UsageError
        For a file that is not there, too large, not YAML, or with an unknown name or a wrong value.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise _refused(message("There is no such file in the folder."), _WRITE_ONE, path)
        if path.stat().st_size > MAX_MAPPING_BYTES:
            raise _refused(message("It is larger than {count} bytes.", count=MAX_MAPPING_BYTES), _WRITE_ONE, path)
        text = path.read_text("utf-8-sig")
        given = _load(text, path)
    except UnicodeDecodeError as error:
        raise _refused(message("It is not text in UTF-8."), message("Save it as UTF-8."), path) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise _refused(
            message("It is not YAML; the fault is near line {line}.", line=line),
            message("Look at indents, colons and quotation marks there; use spaces, not tabs."),
            path,
        ) from None
    try:
        return Mapping.model_validate(given)
    except ValidationError as error:
        raise _from_pydantic(error, path) from None


_WRITE_ONE = message("Write one with at least: delivery: {{delivered_on: 2025-01-31, origin: real}}.")


def _load(text: str, path: Path) -> object:
    # Aliases can make a small file enormous; a mapping needs none worth counting.
    if sum(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)) > MAX_ALIASES:
        raise _refused(message("It holds too many references (*)."), message("Write the values out."), path)
    return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506  (a subclass of the safe loader)


class _UniqueKeys(yaml.SafeLoader):
    """The safe loader, and it refuses a key that stands twice: the first would vanish without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, "a key stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _known(value: str, allowed: list[str]) -> str:
    """Return ``value`` if it is allowed; else raise with the nearest name that is."""
    if value in allowed:
        return value
    near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.4)
    if near:
        raise _fault(message("'{value}' is not known; did you mean '{near}'?", value=value, near=near[0]))
    raise _fault(message("'{value}' is not known; these are: {known}", value=value, known=", ".join(allowed)))


def _fault(text: Message) -> PydanticCustomError:
    """Return an error of the mapping that keeps its words for both languages."""
    return PydanticCustomError("mapping", "{told}", {"told": text})


def _refused(found: Message, remedy: Message, path: Path) -> UsageError:
    return UsageError(
        message("A delivery must have a mapping.yaml that says what it is."),
        found=found,
        remedy=remedy,
        where=path.name,
    )


def _from_pydantic(error: ValidationError, path: Path) -> UsageError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "mapping"
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        near = difflib.get_close_matches(name, _every_name(), n=1, cutoff=0.5)
        found = (
            message("{place}: this name is not known; the nearest one is '{near}'.", place=place, near=near[0])
            if near
            else message("{place}: this name is not known.", place=place)
        )
    else:
        found = message("{place}: {reason}.", place=place, reason=_reason(first))
    return _refused(found, message("Correct this place; data/README.md lists tables and columns."), path)


def _reason(error: ErrorDetails) -> Message | str:
    """Return what is wrong with one value, in words that have both languages."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "mapping":
        told: Message = context["told"]
        return told
    if kind == "missing":
        return message("this is missing")
    if kind == "literal_error":
        return message("this must be one of: {known}", known=context["expected"])
    if kind.startswith("date"):
        return message("this must be a date, written as 2025-01-31")
    if kind.startswith(("greater", "less")):
        return message("this number is out of its range")
    return message("this is a value of another kind than expected here")


def _every_name() -> list[str]:
    models: list[type[BaseModel]] = [Mapping, DeliveryFacts, FileMapping, TableMapping, Cell, Weekly, Spread]
    return sorted({name for model in models for name in model.model_fields})
