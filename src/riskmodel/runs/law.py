"""What a run says of its own making, for the file for the law: plain values, without a path or a name of a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskmodel.messages import LANGUAGES
from riskmodel.register.people import ROLE_WORDS
from riskmodel.runs.manifest import environment
from riskmodel.runs.semester import SemesterRun
from riskmodel.support.keeping.retention import read_periods
from riskmodel.tables.canonical import CANONICAL, IDENTITY
from riskmodel.tables.schema import Sensitivity, Table
from riskmodel.views.extract import plain

PAPERS = ("data_sheet", "assessment_facts", "technical_documentation")
"""The papers of the file beside the model card."""


def making_of(run: SemesterRun, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the making of a run, as :class:`riskmodel.views.law_file.Material` wants it.

    Parameters
    ----------
    settings
        ``most_training_rows`` and ``score_with_protected`` of the run.
    """
    return {
        "sources": run.inputs["sources"],
        "previous_run": run.inputs.get("previous_run"),
        "environment": environment(),
        "settings": dict(settings),
        "model": run.read_json("model/model.json"),
        "categories": [line for table in (IDENTITY, *CANONICAL) for line in _categories(table)],
        "retention": [
            {name: plain(getattr(one, name)) for name in ("programme", "kind", "months", "decided_by", "decided_on")}
            for one in read_periods()
        ],
        "roles": {
            role: {language: said.in_language(language) for language in LANGUAGES} for role, said in ROLE_WORDS.items()
        },
    }


def _categories(table: Table) -> list[dict[str, Any]]:
    """Return a line for each sensitivity that columns of a table have, with the words of these columns."""
    found = []
    for sensitivity in Sensitivity:
        columns = [column.words for column in table.columns if column.sensitivity is sensitivity]
        if columns:
            found.append(
                {
                    "table": {language: table.row.in_language(language) for language in LANGUAGES},
                    "columns": {
                        language: "; ".join(said.in_language(language) for said in columns) for language in LANGUAGES
                    },
                    "sensitivity": sensitivity.value,
                }
            )
    return found
