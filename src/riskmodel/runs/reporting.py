"""The semester report and the model card, in Latvian and English (70_report)."""

from __future__ import annotations

from riskmodel.messages import LANGUAGES
from riskmodel.runs.semester import SemesterRun
from riskmodel.views.report import model_card, semester_report


def write_reports(run: SemesterRun) -> list[str]:
    """Write the report and the model card in every language; return their paths below the run folder."""
    findings = run.read_json("extracts/findings.json") | {"feedback": run.inputs.get("feedback", [])}
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    written = []
    for language in LANGUAGES:
        for name, draw in (("report", semester_report), ("model_card", model_card)):
            path = folder / f"{name}_{language}.html"
            path.write_bytes(draw(findings, language).encode())
            written.append(path.relative_to(run.folder).as_posix())
    return written
