"""The semester report, the model card and the file for the law, in Latvian and English (70_report)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from riskmodel.messages import LANGUAGES, Language
from riskmodel.runs.law import PAPERS, making_of
from riskmodel.runs.semester import SemesterRun
from riskmodel.views import pages, texts
from riskmodel.views.law_file import law_paper
from riskmodel.views.report import model_card, semester_report

TEMPLATES = (
    *("report.html.j2", "model_card.html.j2", "law_file.html.j2"),
    *("report_parts.html.j2", "model_parts.html.j2", "report.css"),
)
"""What the papers are drawn by."""


def read_ahead() -> None:
    """Read the words and templates of the papers, a quarter of a second, before a step waits for it: forks of this process have it."""
    texts.read_words()
    pages.compile_templates(TEMPLATES)


def write_reports(run: SemesterRun, *, most_training_rows: int, score_with_protected: bool) -> list[str]:
    """Write every paper of the run in every language; return their paths below the run folder.

    Parameters
    ----------
    most_training_rows, score_with_protected
        Settings of the run, as the papers state them.
    """
    findings = run.read_json("extracts/findings.json") | {
        "feedback": run.inputs.get("feedback", []),
        "effects": run.read_json("effects.json"),
    }
    making = making_of(run, {"most_training_rows": most_training_rows, "score_with_protected": score_with_protected})
    papers: dict[str, Callable[[Mapping[str, Any], Language], str]] = {
        "report": semester_report,
        "model_card": model_card,
        **{name: partial(_law_paper, name, making) for name in PAPERS},
    }
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    written = []
    for language in LANGUAGES:
        for name, draw in papers.items():
            path = folder / f"{name}_{language}.html"
            path.write_bytes(draw(findings, language).encode())
            written.append(path.relative_to(run.folder).as_posix())
    return written


def _law_paper(name: str, making: Mapping[str, Any], findings: Mapping[str, Any], language: Language) -> str:
    return law_paper(name, findings, making, language)
