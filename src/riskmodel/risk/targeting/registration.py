"""What is written down before lots are drawn, in both languages: rule, places, seed, outcome, day, effect worth having, analysis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from riskmodel.messages import Day, Language, Message, Words, message
from riskmodel.risk.targeting.lottery import Band, Counts


@dataclass(frozen=True)
class Terms:
    """The terms of one lottery, as they were before lots were drawn.

    ``smallest_effect`` is the smallest change of the probability of leaving that would be worth having. ``measure`` are its names.
    """

    run_id: str
    measure_code: str
    measure: Words
    band: Band
    cut_off_on: date
    outcome_on: date
    smallest_effect: float
    commitment: str
    counts: Counts
    by: str
    written_at: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is not defined is None."""
        counts = asdict(self.counts)
        if math.isnan(counts["detectable_effect"]):
            counts["detectable_effect"] = None
        return {
            "run_id": self.run_id,
            "measure_code": self.measure_code,
            "eligible_from": self.band.eligible_from,
            "band_width": self.band.width,
            "cut_off_on": self.cut_off_on.isoformat(),
            "outcome_on": self.outcome_on.isoformat(),
            "smallest_effect": self.smallest_effect,
            "seed_sha256": self.commitment,
            "counts": counts,
            "by": self.by,
            "written_at": self.written_at,
        }


def registration(terms: Terms, language: Language) -> str:
    """Return the pre-registration as Markdown."""
    lines = [f"# {_TITLE.in_language(language)}", ""]
    for heading, parts in _sections(terms):
        lines += [f"## {heading.in_language(language)}", ""]
        lines += [f"- {part.in_language(language)}" for part in parts] + [""]
    return "\n".join(lines)


_TITLE = message("Lottery of support: what was laid down before lots were drawn")


def _sections(terms: Terms) -> list[tuple[Message, list[Message]]]:
    counts, values = terms.counts, _values(terms)

    def told(text: Message) -> Message:
        return Message(text.text, values)

    able = message("With so many pupils, an effect of {detectable} points is found in 80 of 100 such lotteries.")
    return [
        (
            message("What"),
            [
                told(message("Measure: {measure} ({code}).")),
                told(message("Run: {run_id}, with what was known on {cut_off}.")),
                told(message("Laid down by {by}, {written_at} (UTC).")),
            ],
        ),
        (
            message("Who is eligible"),
            [
                told(
                    message(
                        "Eligible: pupils whose probability of leaving is {eligible_from} % or more ({eligible} pupils)."
                    )
                ),
                told(
                    message(
                        "In each school the places go by need; within {width} points of the cut, lots decide, since scores so near say nothing of who needs more."
                    )
                ),
                told(
                    message(
                        "Certain of a place: {certain} pupils. By lot: {places_by_lot} places for {in_band} pupils in {schools} schools. In one school's band all have the same chance."
                    )
                ),
                message("A school may give a certain pupil's place back; a lot is not changed."),
            ],
        ),
        (
            message("How lots are drawn"),
            [
                told(message("SHA-256 of the secret seed: {commitment}.")),
                message(
                    "A lot is the HMAC-SHA-256 of run, measure and pseudonym under the seed; the smallest get the places. The seed is kept with the result."
                ),
            ],
        ),
        (
            message("Outcome"),
            [
                told(message("Left early by {outcome_on}, as the register records it: yes or no.")),
                told(message("The smallest effect worth having: {smallest} points less who leave.")),
                *([] if math.isnan(counts.detectable_effect) else [told(able)]),
            ],
        ),
        (
            message("Analysis"),
            [
                message(
                    "The share who left among those whose lot fell minus that among the others in the band, compared within schools, with robust errors and a 95 % interval; by lot, whether or not support was taken up."
                ),
                message(
                    "Checked in this order: the interval lies within the smallest effect on both sides, no effect worth having; it lies wholly on one side of 0, support helps or harms; else the data cannot tell."
                ),
                message("Those certain of a place and those without are not compared: they differ in need."),
                message("Pupils who moved abroad or whose fate is unknown are counted apart, by lot."),
                message("No other outcome, group or day is tested as if it had been planned."),
            ],
        ),
    ]


def _values(terms: Terms) -> Mapping[str, object]:
    counts = terms.counts
    return {
        "measure": terms.measure,
        "code": terms.measure_code,
        "run_id": terms.run_id,
        "cut_off": Day(terms.cut_off_on),
        "outcome_on": Day(terms.outcome_on),
        "by": terms.by,
        "written_at": terms.written_at,
        "eligible_from": _Points(terms.band.eligible_from),
        "width": _Points(terms.band.width),
        "smallest": _Points(terms.smallest_effect),
        "detectable": _Points(counts.detectable_effect),
        "eligible": counts.eligible,
        "certain": counts.certain,
        "in_band": counts.in_band,
        "places_by_lot": counts.places_by_lot,
        "schools": counts.schools_with_band,
        "commitment": terms.commitment,
    }


@dataclass(frozen=True)
class _Points:
    """A probability in percentage points with one decimal, as each language writes it."""

    share: float

    def in_language(self, language: Language) -> str:
        """Return the number; Latvian has a comma."""
        text = f"{100 * self.share:.1f}".removesuffix(".0")
        return text.replace(".", ",") if language == "lv" else text
