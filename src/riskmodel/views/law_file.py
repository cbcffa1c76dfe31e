"""The file for the law: data sheet, facts for an impact assessment, and technical documentation by the headings of Annex IV.

What the headings are, what can be said of every run and what only people can write stands in ``data/texts/law.yaml``; this
module fills the facts from the findings of a run (:func:`riskmodel.views.extract.findings_extract`) and what the run says
of its own making. What only people can write stays visibly open, and is listed at the head of each paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from riskmodel.messages import Language, Message, message
from riskmodel.settings import WORTH_A_LOOK_PSI
from riskmodel.views import intended, model_page, numbers, pages, report, texts, words

Row = Mapping[str, Any]

SENSITIVITIES = {
    "open": message("open"),
    "personal": message("about a pupil, under a pseudonym"),
    "audit": message("protected trait, for the audit"),
    "identity": message("names and register codes, apart from all runs"),
}
KINDS_OF_RECORD = {
    "plan": message("support plan"),
    "consent": message("consent"),
    "certificate": message("certificate"),
    "answer": message("answer to a proposal"),
    "notice": message("notice of absence"),
    "pupil": message("the pupil in the register"),
}


@dataclass(frozen=True)
class Block:
    """Facts under a heading: ``rows`` under ``names`` as a table, else ``lines`` as a list; ``title`` of the table."""

    title: str = ""
    names: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = ()
    empty: str = ""
    numeric: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Material:
    """What the facts are made of: the findings of the run, what it says of its making, and the language of the paper.

    ``making`` holds ``sources`` (deliveries), ``previous_run``, ``environment`` (versions), ``settings``, ``model`` (the
    description beside the model's text), ``categories`` (``table``, ``column``, ``sensitivity`` in both languages),
    ``retention`` (``programme, kind, months, decided_by, decided_on``) and ``roles`` (codes and words).
    """

    findings: Row
    making: Row
    language: Language

    def said(self, text: Message) -> str:
        """Return a text in the language of the paper."""
        return text.in_language(self.language)

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number as it is written; "no data" for None."""
        return numbers.number(value, self.language, digits)

    def day(self, value: Any) -> str:
        """Return a day as it is written; a dash for none."""
        return numbers.short_day(value, self.language) if value else "–"


def law_texts() -> Mapping[str, Any]:
    """Return ``data/texts/law.yaml``."""
    return texts.read_texts("law.yaml")


def law_paper(name: str, findings: Row, making: Row, language: Language) -> str:
    """Return one paper of the file as self-contained HTML.

    Parameters
    ----------
    name
        ``data_sheet``, ``assessment_facts`` or ``technical_documentation``.

    Raises
    ------
    KeyError
        For a paper of another name.
    """
    said = law_texts()
    paper = said["documents"][name]
    material = Material(findings, making, language)
    sections = [
        {
            "heading": section["heading"][language],
            "text": section.get("text", {}).get(language, ""),
            "blocks": [block for code in section.get("facts", ()) for block in FACTS[code](material)],
            "open": [
                {"text": one[language], "by": said["who"][one["by"]][language]} for one in section.get("open", ())
            ],
        }
        for section in paper["sections"]
    ]
    return pages.render(
        "law_file.html.j2",
        language,
        run=findings["run"],
        title=paper["title"][language],
        lead=paper["lead"][language],
        sections=sections,
        left_open=[{**one, "heading": section["heading"]} for section in sections for one in section["open"]],
    )


def _run(material: Material) -> list[Block]:
    run = material.findings["run"]
    lines = [
        (message("Run"), str(run["run_id"])),
        (message("Version of the software"), str(run["code_version"] or "–")),
        (message("Earlier run"), _earlier(material) or "–"),
        (message("Origin of the data"), words.words(words.ORIGINS, run["origin"], material.language)),
        (message("Cut-off date"), material.day(run["cut_off_on"])),
        (message("Looks ahead until"), material.day(run["horizon_on"])),
    ]
    return [_pairs(material, message("This run"), lines)]


def _software(material: Material) -> list[Block]:
    rows = [[name, str(version)] for name, version in sorted(material.making["environment"].items())]
    names = [material.said(message("Part")), material.said(message("Version"))]
    return [Block(material.said(message("Software")), names, rows)]


def _purposes(material: Material) -> list[Block]:
    users = message(
        "It is about pupils of grades 5 to 12 and of vocational years 1 to 4; who uses it are people of their school."
    )
    said = [f"{lead} {purpose}" for lead, purpose in intended.purposes(material.language)]
    return [Block(lines=[*said, material.said(users)])]


def _limits(material: Material) -> list[Block]:
    return [Block(lines=intended.limits(material.language))]


def _sources(material: Material) -> list[Block]:
    rows = [
        [
            str(one["delivery_id"]),
            material.day(one["delivered_on"]),
            words.words(words.ORIGINS, one["origin"], material.language),
            str(one["sha256"]),
        ]
        for one in material.making["sources"]
    ]
    names = [message("Delivery"), message("Delivered on"), message("Origin"), message("SHA-256 of its files")]
    return [_table(material, message("Deliveries"), names, rows)]


def _row_accounts(material: Material) -> list[Block]:
    rows = [
        [
            words.words(words.TABLES, one["table_name"], material.language),
            *(material.number(one[name]) for name in ("read_rows", "used_rows", "quarantined_rows", "merged_rows")),
        ]
        for one in material.findings["table_account"]
    ]
    names = [message("Table"), message("Read"), message("Used"), message("Put aside"), message("Merged")]
    return [_table(material, message("Rows"), names, rows, numeric=range(1, 5))]


def _notices(material: Material) -> list[Block]:
    told = dict.fromkeys(_notice(one, material.language) for one in material.findings["notices"])
    return [Block(material.said(message("What the deliveries say of themselves")), lines=list(told))] if told else []


def _notice(one: Row, language: Language) -> str:
    """Return a notice with its table; one about a delivery as a whole has none."""
    said = str(one[language])
    return f"{words.words(words.TABLES, one['table_name'], language)}: {said}" if one["table_name"] else said


def _missingness(material: Material) -> list[Block]:
    rows = [
        [
            words.words(words.GROUPS, one["group_code"], material.language),
            numbers.percent(one["no_data_share"], material.language, 1),
        ]
        for one in material.findings["missingness"]
    ]
    names = [message("Group of features"), message("Pupils without data")]
    return [_table(material, message("Present cohort"), names, rows, numeric=(1,))]


def _assumptions(material: Material) -> list[Block]:
    lines = [
        f"{words.words(words.ASSUMPTIONS, one['code'], material.language)}: {material.number(one['value'], 3)}"
        for one in material.findings["assumptions"]
    ]
    return [Block(material.said(message("What was assumed")), lines=lines)] if lines else []


def _cohorts(material: Material) -> list[Block]:
    unknown = material.said(message("not yet known"))
    rows = [
        [
            material.day(one["cohort_on"]),
            words.words(words.COHORT_USES, one["use_code"], material.language),
            material.number(one["pupils"]),
            *(
                unknown if one["use_code"] == "current" else material.number(one[name])
                for name in ("left", "stayed", "censored")
            ),
        ]
        for one in material.findings["cohorts"]
    ]
    names = [
        *(message("Cut-off date"), message("Used for"), message("Pupils")),
        *(message("left early"), message("stayed"), message("neither (abroad or not known)")),
    ]
    return [_table(material, message("Cohorts"), names, rows, numeric=range(2, 6))]


def _features(material: Material) -> list[Block]:
    by_group: dict[str, list[str]] = {}
    for one in material.findings["importance"]:
        if one["mean_absolute_contribution"] > 0:
            name = texts.feature_name(one["feature_code"], material.language)
            by_group.setdefault(one["group_code"], []).append(name)
    rows = [
        [
            words.words(words.GROUPS, group, material.language),
            material.number(len(listed)),
            "; ".join(sorted(listed, key=pages.latvian_order)),
        ]
        for group, listed in sorted(by_group.items())
    ]
    names = [message("Group of features"), message("How many"), message("Features")]
    return [_table(material, message("Features that carry weight in this model"), names, rows, numeric=(1,))]


def _drift(material: Material) -> list[Block]:
    moved = sorted(
        (one for one in material.findings["drift"] if (one["psi"] or 0) > WORTH_A_LOOK_PSI), key=lambda one: -one["psi"]
    )
    rows = [
        [texts.feature_name(one["feature_code"], material.language), numbers.fixed(one["psi"], material.language, 2)]
        for one in moved
    ]
    names = [message("Feature"), message("Stability index (PSI)")]
    empty = message("No feature has moved notably since the cohort before.")
    return [_table(material, message("Features that have moved since the cohort before"), names, rows, empty, (1,))]


def _model(material: Material) -> list[Block]:
    model, settings = material.making["model"], material.making["settings"]
    directions = list(model.get("directions", {}).values())
    calibrator = model.get("calibrator") or {}
    lines = [
        (message("Model"), words.words(words.MODELS, model["model_code"], material.language)),
        (message("Features"), material.number(len(model["feature_codes"]))),
        (message("Of them: more can only raise"), material.number(sum(one > 0 for one in directions))),
        (message("Of them: more can only lower"), material.number(sum(one < 0 for one in directions))),
        (message("Taught by the cohorts of"), ", ".join(map(material.day, model.get("taught_by", ()))) or "–"),
        (message("Rows that teach, at most"), material.number(settings["most_training_rows"])),
        (message("Share of those who stayed that was drawn"), material.number(model.get("stayed_share"), 3)),
        (message("Calibration: slope"), material.number(calibrator.get("slope"), 3)),
        (message("Calibration: shift in log-odds"), material.number(calibrator.get("shift"), 3)),
        (message("Protected traits used for scoring"), _yes_no(material, settings["score_with_protected"])),
        (message("Seed"), str(model["seed"])),
    ]
    return [_pairs(material, message("Model"), lines)]


def _figures(material: Material) -> list[Block]:
    rows = []
    for figure in model_page.headline_figures(material.findings, material.language):
        for row in figure["rows"]:
            shown = numbers.percent if figure["is_share"] else numbers.fixed
            ends = numbers.percent_interval if figure["is_share"] else numbers.interval
            digits = 1 if figure["is_share"] else 3
            rows.append(
                [
                    figure["title"],
                    words.words(words.MODELS, row["model_code"], material.language),
                    shown(row["value"], material.language, digits),
                    "–" if row["low"] is None else ends(row["low"], row["high"], material.language, digits),
                ]
            )
    names = [message("Figure"), message("Model or rule"), message("Value"), message("95 % interval")]
    newest = model_page.newest_cohort(material.findings)
    title = message("Newest cohort with known outcomes: {day}", day=material.day(newest))
    return [_table(material, title, names, rows, numeric=(2,))]


def _calibration(material: Material) -> list[Block]:
    newest, default = model_page.newest_cohort(material.findings), model_page.default_model(material.findings)
    rows = [
        [
            numbers.percent(one["mean_probability"], material.language, 1),
            numbers.percent(one["left_share"], material.language, 1),
            numbers.percent_interval(one["low"], one["high"], material.language, 1),
        ]
        for one in material.findings["calibration"]
        if (str(one["cohort_on"]), one["model_code"]) == (newest, default)
    ]
    names = [message("Mean chance that was said"), message("Share who left"), message("95 % interval")]
    return [_table(material, message("Calibration, by tenths of the pupils"), names, rows, numeric=(0, 1))]


def _subgroups(material: Material) -> list[Block]:
    few = material.said(message("not enough data"))

    def share(group: Row, metric: str) -> str:
        row = group.get(metric)
        if row is None or row["state_code"] != "enough" or row["value"] is None:
            return few
        ends = numbers.percent_interval(row["low"], row["high"], material.language)
        return f"{numbers.percent(row['value'], material.language)} ({ends})"

    groups = model_page.without_small_numbers(
        model_page.subgroup_rows(material.findings["subgroup"], material.language)
    )
    rows = [
        [f"{one['trait']}: {one['group']}", share(one, "missed_share"), share(one, "false_alarm_share")]
        for one in groups
    ]
    names = [message("Group"), message("Missed"), message("False alarms")]
    return [_table(material, message("Missed and falsely flagged pupils by group"), names, rows)]


def _categories(material: Material) -> list[Block]:
    rows = [
        [
            one["table"][material.language],
            one["columns"][material.language],
            words.words(SENSITIVITIES, one["sensitivity"], material.language),
        ]
        for one in material.making["categories"]
    ]
    return [
        _table(material, message("Data"), [message("Table"), message("Columns"), message("How far they travel")], rows)
    ]


def _persons(material: Material) -> list[Block]:
    every = {one["table_name"]: one["used_rows"] for one in material.findings["table_account"]}
    present = [one for one in material.findings["cohorts"] if one["use_code"] == "current"]
    lines = [
        (message("Pupils in the register of pupils, rows of all deliveries"), material.number(every.get("pupil"))),
        (message("Pupils assessed in this run"), material.number(sum(one["pupils"] for one in present))),
        (message("Cohorts that the run reads"), material.number(len(material.findings["cohorts"]))),
    ]
    return [_pairs(material, message("Persons"), lines)]


def _recipients(material: Material) -> list[Block]:
    opened = law_texts()["recipients"]
    rows = [
        [words_of_role[material.language], opened[role][material.language]]
        for role, words_of_role in material.making["roles"].items()
    ]
    return [_table(material, message("Recipients"), [message("Role"), message("What it opens")], rows)]


def _retention(material: Material) -> list[Block]:
    undecided = material.said(message("not decided: nothing is deleted"))
    rows = [
        [
            str(one["programme"] or "–"),
            words.words(KINDS_OF_RECORD, one["kind"], material.language),
            undecided if one["months"] is None else material.number(one["months"]),
            material.day(one["decided_on"]),
        ]
        for one in material.making["retention"]
    ]
    names = [message("Programme"), message("Kind of record"), message("Months"), message("decided on")]
    return [_table(material, message("Periods"), names, rows)]


def _controls(material: Material) -> list[Block]:
    rows = [[one[material.language], one["test"]] for one in law_texts()["controls"]]
    return [_table(material, message("Promises and their tests"), [message("Promise"), message("Test")], rows)]


def _changes(material: Material) -> list[Block]:
    previous = _earlier(material)
    if not previous:
        return [Block(lines=[material.said(message("There is no earlier run: everything is new."))])]
    before = message(
        "Compared with the run {run}. What moved on the list stands on the pages of the schools.", run=previous
    )
    return [Block(lines=[material.said(before)]), *_drift(material)]


def _oversight(material: Material) -> list[Block]:
    few = material.said(message("few or none"))
    counts = ("accepted", "refused", "added")
    rows = [
        [one["name"], *(few if one[name] is None else material.number(one[name]) for name in counts)]
        for one in report.answered(material.findings, material.language)
    ]
    names = [message("Measure or risk"), message("accepted"), message("refused"), message("added by people")]
    empty = message("nobody has answered a proposal in the register yet.")
    return [_table(material, message("What people answered to the proposals"), names, rows, empty, range(1, 4))]


def _earlier(material: Material) -> str:
    return str((material.making["previous_run"] or {}).get("run_id", ""))


def _pairs(material: Material, title: Message, lines: Sequence[tuple[Message, str]]) -> Block:
    return Block(material.said(title), rows=[[material.said(name), value] for name, value in lines])


def _table(
    material: Material,
    title: Message,
    names: Sequence[Message],
    rows: Sequence[Sequence[str]],
    empty: Message | None = None,
    numeric: Sequence[int] = (),
) -> Block:
    none = empty or message("no data")
    return Block(
        material.said(title), [material.said(name) for name in names], rows, (), material.said(none), frozenset(numeric)
    )


def _yes_no(material: Material, is_so: object) -> str:
    return material.said(message("yes") if is_so else message("no"))


FACTS: Mapping[str, Callable[[Material], list[Block]]] = {
    "run": _run,
    "software": _software,
    "purposes": _purposes,
    "limits": _limits,
    "sources": _sources,
    "row_accounts": _row_accounts,
    "notices": _notices,
    "missingness": _missingness,
    "assumptions": _assumptions,
    "cohorts": _cohorts,
    "features": _features,
    "drift": _drift,
    "model": _model,
    "figures": _figures,
    "calibration": _calibration,
    "subgroups": _subgroups,
    "categories": _categories,
    "persons": _persons,
    "recipients": _recipients,
    "retention": _retention,
    "controls": _controls,
    "changes": _changes,
    "oversight": _oversight,
}
"""What a section of ``law.yaml`` may name under ``facts``."""
