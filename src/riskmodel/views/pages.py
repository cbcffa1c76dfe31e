"""The pages for staff: from published extracts to HTML, by one renderer that escapes everything.

A page has two parts. The *fragment* (``school``, ``pupil``, ``catalogue``, ``schools``, ``about``) is a pure function of an
extract and a language; the portal renders it in a kernel and keeps it. The *shell* around it (:func:`page`) holds what
belongs to one request: menu, language switch, notices, addresses of style and script.

Fragments link to one another by the addresses that :class:`Addresses` makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from riskmodel.messages import LANGUAGES, Language, Message, message, plural
from riskmodel.register.support import GROUPS_KNOWN_TO_PEOPLE_ONLY, catalogue, risk_groups_of
from riskmodel.views import figures, numbers, texts, words

Row = Mapping[str, Any]

BAND_SHAPES = {"high": "▲", "medium": "◆", "low": "●"}
STATE_SHAPES = {"unsure": "◇", "too_little_data": "○"}
MALLEABLE_GROUPS = ("attendance", "learning", "economic")
HEADLINE_SPLITS = ("mature", "school_disjoint")
"""The headline is the newest cohort predicted out of time; in the first years, out of school."""


@dataclass(frozen=True)
class Addresses:
    """The addresses of the portal's pages in one language, below ``base`` (ends with a slash)."""

    language: Language
    base: str = "/"

    def schools(self) -> str:
        """Return the address of the list of schools."""
        return f"{self.base}{self.language}/"

    def school(self, school_id: str) -> str:
        """Return the address of a school's page."""
        return f"{self.base}{self.language}/school/{school_id}"

    def pupil(self, school_id: str, code: str) -> str:
        """Return the address of a pupil's page."""
        return f"{self.school(school_id)}/pupil/{code}"

    def catalogue(self) -> str:
        """Return the address of the catalogue of support."""
        return f"{self.base}{self.language}/support"

    def about(self) -> str:
        """Return the address of the page about the model."""
        return f"{self.base}{self.language}/about"


class Fragment(Markup):
    """A part of a page that a notebook shows as it is."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def school(extract: Row, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the page of one school: who may need support first, why, how sure, and what is not known."""
    horizon_on = extract["run"]["horizon_on"]
    classes = sorted({pupil["class_code"] for pupil in extract["pupils"] if pupil["class_code"]}, key=_class_order)
    return render(
        "school.html.j2",
        language,
        addresses,
        extract=extract,
        pupils=[_listed(pupil, language) for pupil in extract["pupils"]],
        bands=legend(extract["bands"], horizon_on, language),
        classes=classes,
        counts=extract["counts"],
    )


def pupil(extract: Row, code: str, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the part about one pupil: the reasons, what is not known, and the support that answers them.

    Raises
    ------
    KeyError
        When the extract holds no pupil of this code.
    """
    found = next((one for one in extract["pupils"] if one["code"] == code), None)
    if found is None:
        raise KeyError("no pupil of this code in the extract")
    reasons = [_worded(reason, language) for reason in found["reasons"]]
    groups = risk_groups_of(texts.groups_for_support(found["reasons"]))
    bars = [
        (reason["sentence"], reason["contribution"])
        for reason in reasons
        if abs(reason["contribution"]) >= texts.SMALLEST_CONTRIBUTION
    ]
    rest = message("all other features together").in_language(language)
    band = next(
        (
            band
            for band in legend(extract["bands"], extract["run"]["horizon_on"], language)
            if band["code"] == found["band_code"]
        ),
        None,
    )
    return render(
        "pupil.html.j2",
        language,
        addresses,
        extract=extract,
        pupil=_listed(found, language),
        band=band,
        groups=[
            _group(code, [r for r in reasons if r["is_malleable"] and r["group_code"] == code], language)
            for code in MALLEABLE_GROUPS
        ],
        context=[
            reason for reason in reasons if not (reason["is_malleable"] and reason["group_code"] in MALLEABLE_GROUPS)
        ],
        table=[*reasons, {"sentence": rest, "contribution": found["rest"]}],
        bars=figures.contribution_bars([*bars, (rest, found["rest"])], language),
        risk_names=[catalogue().risk_groups[group][language].lower() for group in groups],
        measures=_measures(groups, language),
        known_to_people=[
            {"code": group, "name": catalogue().risk_groups[group][language], "measures": _measures([group], language)}
            for group in GROUPS_KNOWN_TO_PEOPLE_ONLY
        ],
    )


def support_catalogue(language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the page of all support measures, with its search."""
    risk_groups = [{"code": code, "name": names[language]} for code, names in catalogue().risk_groups.items()]
    measures = _measures(list(catalogue().risk_groups), language)
    ways = [
        {"code": code, "name": names[language], "measures": [one for one in measures if one["group"] == code]}
        for code, names in catalogue().groups.items()
    ]
    return render(
        "catalogue.html.j2",
        language,
        addresses,
        risk_groups=risk_groups,
        ways=[way for way in ways if way["measures"]],
        count=len(measures),
        version=catalogue().version,
    )


def schools(index: Row, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the list of the schools of a run."""
    listed = sorted(index["schools"], key=lambda one: _latvian_order(one["school_name"] or ""))
    return render("schools.html.j2", language, addresses, extract=index, schools=listed)


def about(findings: Row, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the short page about the model: what it is, how good it has been, beside which rules, and its limits."""
    newest = newest_cohort(findings)
    return render(
        "about.html.j2",
        language,
        addresses,
        extract=findings,
        newest=newest,
        split=headline_split(findings),
        figures=headline_figures(findings, language),
        pictures=about_pictures(findings, language),
        subgroups=subgroup_rows(findings["subgroup"], language),
        bands=legend(findings["band"], findings["run"]["horizon_on"], language),
    )


def page(title: str, content: Markup, language: Language, addresses: Addresses, **around: Any) -> str:
    """Return a whole page around a fragment.

    ``around`` may hold ``here`` (the menu entry that is open), ``other`` (the same page's address in the other language),
    ``run`` (the fields of a run, for the notices), ``style`` and ``script`` (their addresses), ``reference``.
    """
    return render(
        "page.html.j2",
        language,
        addresses,
        title=title,
        content=content,
        around={"here": "", "other": "", "run": None, "style": "", "script": "", **around},
    )


def problem(status: int, language: Language, addresses: Addresses, reference: str = "") -> Fragment:
    """Return what a page says that cannot be shown."""
    said = {
        400: message("This address is not understood."),
        401: message("Your session has ended. Please log in again."),
        403: message("You do not have access to this information."),
        404: message("There is no such page."),
        405: message("Pages can only be read here."),
        429: message(
            "You have opened very many pupils in a short time. Please go on in ten minutes; the steward of the register was told."
        ),
        503: message("Many pages are asked for at this moment. Please try again in a few seconds."),
    }.get(
        status,
        message(
            "This page could not be shown. Nothing was lost; please try again, and name the number below if it happens again."
        ),
    )
    return render(
        "problem.html.j2", language, addresses, status=status, text=said.in_language(language), reference=reference
    )


def newest_cohort(findings: Row) -> str | None:
    """Return the newest cohort on which the model was measured in the way of the headline, or None."""
    return _headline(findings)[0]


def headline_split(findings: Row) -> str:
    """Return how training and test of the headline figures were parted: by time, or by school in the first years."""
    return _headline(findings)[1]


def _headline(findings: Row) -> tuple[str | None, str]:
    default = findings["run"]["model_code"] or figures.DEFAULT_MODEL
    own = [row for row in findings["evaluation"] if (row["model_code"], row["subset_code"]) == (default, "all")]
    for split in HEADLINE_SPLITS:
        newest = max((str(row["cohort_on"]) for row in own if row["split_code"] == split), default=None)
        if newest is not None:
            return newest, split
    return None, HEADLINE_SPLITS[0]


def figures_of(findings: Row, metric_code: str) -> list[Row]:
    """Return the rows of one headline figure: the model first, then the others in their order."""
    newest, split = _headline(findings)
    wanted = (newest, metric_code, split, "all")
    found = [
        row
        for row in findings["evaluation"]
        if (str(row["cohort_on"]), row["metric_code"], row["split_code"], row["subset_code"]) == wanted
    ]
    return sorted(found, key=lambda row: model_place(findings, row["model_code"]))


def model_place(findings: Row, model_code: str) -> tuple[bool, int, str]:
    """Return where a model or rule stands in every list: the model, the challengers, the rules."""
    default = findings["run"]["model_code"] or figures.DEFAULT_MODEL
    known = list(words.MODELS)
    place = known.index(model_code) if model_code in known else len(known)
    return (model_code != default, place, model_code)


def headline_figures(findings: Row, language: Language) -> list[dict[str, Any]]:
    """Return the figures of the model and of every rule, one entry per figure, as a page shows them."""
    listed = []
    for metric_code, is_share in (("auc", False), ("recall_at_capacity", True), ("precision_at_capacity", True)):
        rows = figures_of(findings, metric_code)
        dots = [
            figures.Dot(
                words.words(words.MODELS, row["model_code"], language),
                row["value"],
                row["low"],
                row["high"],
                place == 0,
            )
            for place, row in enumerate(rows)
        ]
        title = words.words(words.FIGURES, metric_code, language)
        listed.append(
            {
                "code": metric_code,
                "title": title,
                "is_share": is_share,
                "rows": rows,
                "picture": figures.interval_dots(dots, title, language, is_share=is_share, low=0 if is_share else 0.5),
            }
        )
    return listed


def about_pictures(findings: Row, language: Language) -> dict[str, Markup]:
    """Return the calibration picture of the newest cohort and the picture of the cohorts."""
    cohort_on = newest_cohort(findings)
    default = findings["run"]["model_code"] or figures.DEFAULT_MODEL
    bins = [
        row for row in findings["calibration"] if str(row["cohort_on"]) == cohort_on and row["model_code"] == default
    ]
    return {
        "calibration": figures.calibration_plot(bins, language),
        "cohorts": figures.cohort_bars(findings["cohorts"], language),
        "capacity": figures.capacity_curve(findings["capacity_curve"], language)
        if findings["capacity_curve"]
        else Markup(),
    }


def subgroup_rows(rows: Sequence[Row], language: Language) -> list[dict[str, Any]]:
    """Return missed and falsely flagged shares side by side, one entry per group of the newest cohort."""
    newest = max((str(row["cohort_on"]) for row in rows), default=None)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if str(row["cohort_on"]) != newest:
            continue
        entry = found.setdefault(
            (row["trait_code"], row["group_value"]),
            {
                "trait": words.words(words.TRAITS, row["trait_code"], language),
                "group": words.trait_value(row["trait_code"], row["group_value"], language),
                "pupils": row["pupils"],
                "left": row["left"],
            },
        )
        entry[row["metric_code"]] = row
    return list(found.values())


def _listed(one: Row, language: Language) -> dict[str, Any]:
    state = one["state_code"]
    shape = STATE_SHAPES.get(state) or BAND_SHAPES[one["band_code"]]
    label = words.STATES[state] if state == "too_little_data" else words.BANDS[one["band_code"]]
    return {
        **one,
        "shape": shape,
        "look": state if state == "too_little_data" else one["band_code"],
        "band": label.in_language(language),
        "is_unsure": state == "unsure",
        "stage": numbers.stage(one["stage_kind"], one["stage_number"], language),
        "class_name": one["class_code"] or numbers.stage(one["stage_kind"], one["stage_number"], language),
        "main_reasons": [texts.sentence(reason, language) for reason in texts.main_reasons(one["reasons"])],
        "missing": [words.words(words.GROUPS_NOT_KNOWN, group, language) for group in one["no_data_on"]],
    }


def _worded(reason: Row, language: Language) -> dict[str, Any]:
    return {**reason, "sentence": texts.sentence(reason, language)}


def _group(code: str, reasons: Sequence[Row], language: Language) -> dict[str, Any]:
    told = [reason for reason in reasons if texts.is_telling(reason)]
    return {
        "code": code,
        "name": words.words(words.GROUPS, code, language),
        "raises": [reason for reason in told if reason["contribution"] >= texts.SMALLEST_CONTRIBUTION],
        "lowers": [reason for reason in told if reason["contribution"] <= -texts.SMALLEST_CONTRIBUTION],
    }


def legend(bands: Sequence[Row], horizon_on: str, language: Language) -> list[dict[str, Any]]:
    """Return the bands from high to low, each with its shape, name, meaning in natural frequencies, and interval."""
    by_code = {band["band_code"]: band for band in bands}
    return [
        {
            "code": code,
            "shape": shape,
            "name": words.words(words.BANDS, code, language),
            **_band_meaning(by_code.get(code), horizon_on, language),
        }
        for code, shape in BAND_SHAPES.items()
    ]


def _band_meaning(band: Row | None, horizon_on: str, language: Language) -> dict[str, str]:
    if band is None or band["of_pupils"] is None or band["left_of_them"] is None:
        return {"meaning": numbers.no_data(language), "interval": ""}
    of, left = band["of_pupils"], band["left_of_them"]
    known = band["low"] is not None and band["high"] is not None
    return {
        "meaning": numbers.natural_frequency(of, left, horizon_on, language),
        "interval": numbers.percent_interval(band["low"], band["high"], language, 1) if known else "",
    }


def _measures(risk_groups: Sequence[str], language: Language) -> list[dict[str, Any]]:
    held = catalogue()
    return [
        {
            "code": measure.code,
            "name": measure.names[language],
            "group": measure.group,
            "way": held.groups[measure.group][language],
            "provider": measure.provider(language),
            "is_through_municipality": measure.is_through_municipality,
            "risk_groups": [
                {"code": code, "is_inferred": code in measure.inferred_risk_groups} for code in measure.risk_groups
            ],
            "is_all_inferred": set(measure.risk_groups) == set(measure.inferred_risk_groups),
            "conditions": [condition.words(language) for condition in measure.conditions],
            "limits": measure.limit_words(language),
            "materials": [held.materials[code][language] for code in measure.materials],
            "is_plan_needed": measure.is_plan_needed,
        }
        for measure in held.for_risk_groups(risk_groups)
    ]


def _class_order(code: str) -> tuple[int, str]:
    digits = "".join(letter for letter in code if letter.isdigit())
    return (int(digits) if digits else 99, code)


LATVIAN_LETTERS = "aābcčdeēfgģhiījkķlļmnņoōpqrŗsštuūvwxyzž"


def _latvian_order(text: str) -> list[int]:
    return [LATVIAN_LETTERS.find(letter) if letter in LATVIAN_LETTERS else -1 for letter in text.lower()]


@cache
def _environment() -> Environment:
    # StrictUndefined: a page that names what its extract does not hold is an error, not a silent gap.
    return Environment(
        loader=PackageLoader("riskmodel.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, language: Language, addresses: Addresses | None = None, **values: Any) -> Fragment:
    """Return a template filled with ``values``, in a language; whatever is put in is escaped."""

    def said(text: str, /, **named: object) -> str:
        return Message(text, named).in_language(language)

    def counted(one: str, many: str, count: int, /, **named: object) -> str:
        return plural(one, many, count, **named).in_language(language)

    tools = {
        "t": said,
        "n": counted,
        "language": language,
        "languages": LANGUAGES,
        "numbers": numbers,
        "words": words,
        "address": addresses or Addresses(language),
        "to_json": json.dumps,
    }
    return Fragment(_environment().get_template(template).render(**tools, **values))
