"""Report and model card on paper: no table is wider than the sheet, whatever its cells have to say."""

from __future__ import annotations

import invented_run
import pytest

from riskmodel.views import evidence, report

SHEET_WIDTH = 688  # of A4 without its margins, in CSS pixels
TOO_WIDE = "[...document.querySelectorAll('table')].filter(t => t.scrollWidth > t.parentElement.clientWidth + 1).map(t => t.innerText)"


def effects() -> dict:
    """Return comparisons with every kind, verdict and reason that there are words for."""
    row = {"measure_code": "XX-ANY", "group_code": "all", "school_year_code": "all"}
    figures = {"value": -0.064, "low": -0.098, "high": -0.029, "detectable": 0.049}
    figures |= {"pupils_given": 12_345, "pupils_compared": 123_456}
    kinds = [kind for kind in evidence.KINDS if kind != "difference"]
    compared = [
        row | figures | {"kind_code": kinds[number % len(kinds)], "verdict_code": verdict, "reason_code": reason}
        for number, (verdict, reason) in enumerate(
            (verdict, reason) for verdict in evidence.VERDICTS for reason in (None, *evidence.REASONS)
        )
    ]
    return {"worth_having": 0.02, "measure_grade": [], "effect": compared}


@pytest.mark.parametrize("language", ["lv", "en"])
@pytest.mark.parametrize("paper", [report.semester_report, report.model_card])
def test_every_table_fits_the_sheet(chromium, paper, language):
    page = chromium.new_page(viewport={"width": SHEET_WIDTH, "height": 900})
    page.set_content(str(paper(invented_run.findings() | {"effects": effects()}, language)))
    page.emulate_media(media="print")
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET_WIDTH
    page.close()
