"""The page of one school: in what order, why, how sure, what changed, how far the places for support go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskmodel.messages import Language, message, plural
from riskmodel.views import numbers, texts, words
from riskmodel.views.pages import BAND_SHAPES, PLACES_SLOT, Addresses, Fragment, legend, render

Row = Mapping[str, Any]

CALLS_FOR_SUPPORT = frozenset({"high", "medium"})
STATE_SHAPES = {"unsure": "◇", "too_little_data": "○"}
CHANGE_SHAPES = {"new": "+", "up": "↑", "down": "↓", "same": "→"}
DOMAINS = ("attendance", "learning", "economic")
PUPILS_PER_PAGE = 60
"""A list longer than this is shown in parts, in the page itself; on paper and without script it is whole."""
FIRST_ROWS = 30
"""So many pupils are laid out before the page can be used, more than a large screen shows; the others of the part right after."""

SENTENCES_OF_CHANGE = 1


def school(extract: Row, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the page of one school: who may need support first, why, how sure, and what is not known."""
    pupils = [listed(pupil, extract, language) for pupil in extract["pupils"]]
    return render(
        "school.html.j2",
        language,
        addresses,
        extract=extract,
        pupils=pupils,
        bands=legend(extract["bands"], extract["run"]["horizon_on"], language),
        classes=sorted({pupil["class_code"] for pupil in pupils if pupil["class_code"]}, key=_class_order),
        stages=_stages(pupils),
        domains=[(code, words.words(words.GROUPS, code, language)) for code in shown_domains(extract)],
        changes=[(code, words.words(words.CHANGES, code, language)) for code in words.CHANGES],
        counts=extract["counts"],
        capacity={**capacity_words(extract["capacity"], language), "gap": gap_words(extract, language)},
        line_at=_line_at(extract),
        previous_run=extract.get("previous_run"),
        per_page=PUPILS_PER_PAGE,
        first_rows=FIRST_ROWS,
        places_slot=PLACES_SLOT,
    )


@dataclass(frozen=True)
class PlacesForm:
    """The form by which the head of school enters the number of places; it belongs to one request.

    Attributes
    ----------
    places
        The number that holds now; None where nobody has given one.
    most
        The largest number that is taken: that of the pupils.
    token
        The proof against foreign forms.
    problem
        What was wrong with the number that was sent.
    """

    school_id: str
    places: int | None
    most: int
    token: str = ""
    problem: str = ""


def places_form(form: PlacesForm, language: Language, addresses: Addresses) -> Fragment:
    """Return the HTML of the form."""
    return render("places_form.html.j2", language, addresses, form=form)


def with_places(extract: Row, places: int, entered_on: str) -> dict[str, Any]:
    """Return the extract with the number of places that the head of school entered on a day (ISO text)."""
    pupils = [{**one, "is_within_capacity": one["place"] <= places} for one in extract["pupils"]]
    return {
        **extract,
        "capacity": {"places": places, "is_assumed": False, "entered_on": entered_on},
        "counts": {**extract["counts"], "within_capacity": sum(one["is_within_capacity"] for one in pupils)},
        "pupils": pupils,
    }


def capacity_words(capacity: Row, language: Language) -> dict[str, str]:
    """Return how far the places go, and where their number comes from: entered, delivered or an assumption.

    ``state`` is entered, delivered, assumed or unknown; ``line`` the words at the line that is drawn in the list.
    The portal sends the same words as JSON when the number is changed.
    """
    places = capacity["places"]
    if places is None:
        return {
            "state": "unknown",
            "number": numbers.no_data(language),
            "line": message("the number of places is not known").in_language(language),
            "source": message("Nobody has given a number of places.").in_language(language),
        }
    shown = numbers.number(places, language)
    line = plural("places for {n} pupil", "places for {n} pupils", places, n=shown)
    if capacity.get("entered_on"):
        state = "entered"
        source = message(
            "As entered by the head of school {day}.", day=numbers.day_on_which(capacity["entered_on"], language)
        )
    elif capacity["is_assumed"]:
        state = "assumed"
        source = message("The school has not given a number of places; a share of its pupils is taken instead.")
    else:
        state, source = "delivered", message("As delivered with the data of the school.")
    return {
        "state": state,
        "number": shown,
        "line": line.in_language(language),
        "source": source.in_language(language),
    }


def gap_words(extract: Row, language: Language) -> str:
    """Return how many pupils whose situation calls for support have no place; empty where no number of places is known."""
    if extract["capacity"]["places"] is None:
        return ""
    count = sum(one["band_code"] in CALLS_FOR_SUPPORT and not one["is_within_capacity"] for one in extract["pupils"])
    return plural(
        "{n} pupil at high or medium risk has no place.",
        "{n} pupils at high or medium risk have no place.",
        count,
        n=numbers.number(count, language),
    ).in_language(language)


def withheld_groups(extract: Row) -> Sequence[str]:
    """Return the groups of reasons that were cut out of an extract for its reader; none of a whole one."""
    found: Sequence[str] = extract.get("withheld", ())
    return found


def shown_domains(extract: Row) -> list[str]:
    """Return the groups of reasons that the reader may see."""
    return [code for code in DOMAINS if code not in withheld_groups(extract)]


def listed(one: Row, extract: Row, language: Language) -> dict[str, Any]:
    """Return a pupil of an extract with everything that a list says of them in words."""
    state = one["state_code"]
    shape = STATE_SHAPES.get(state) or BAND_SHAPES[one["band_code"]]
    label = words.STATES[state] if state == "too_little_data" else words.BANDS[one["band_code"]]
    hidden = withheld_groups(extract)
    low, high = one.get("probability_low"), one.get("probability_high")
    return {
        **one,
        "shape": shape,
        "look": state if state == "too_little_data" else one["band_code"],
        "band": label.in_language(language),
        "is_unsure": state == "unsure",
        "interval": "" if low is None or high is None else numbers.percent_interval(low, high, language),
        "stage": numbers.stage(one["stage_kind"], one["stage_number"], language),
        "stage_code": f"{one['stage_kind'] or ''}-{one['stage_number'] or ''}",
        "class_name": one["class_code"] or numbers.stage(one["stage_kind"], one["stage_number"], language),
        "main_reasons": [texts.sentence(reason, language) for reason in texts.main_reasons(one["reasons"])],
        "domains": sorted(set(texts.groups_for_support(one["reasons"])) & set(DOMAINS) - set(hidden)),
        "missing": [
            words.words(words.GROUPS_NOT_KNOWN, group, language) for group in one["no_data_on"] if group not in hidden
        ],
        "change": change_words(one.get("change"), language),
    }


def change_words(change: Row | None, language: Language) -> dict[str, Any] | None:
    """Return the change since the run before in words; None where there is no run before."""
    if change is None:
        return None
    kind = change["kind"]
    before = change.get("previous_band_code")
    return {
        "kind": kind,
        "shape": CHANGE_SHAPES[kind],
        "label": words.words(words.CHANGES, kind, language),
        "previous_band": words.words(words.BANDS, before, language) if before else "",
        "previous_place": change.get("previous_place"),
        "reasons": [
            {**reason, "sentence": texts.change_sentence(reason, language)} for reason in change.get("reasons") or ()
        ],
        "main": [
            texts.change_sentence(reason, language) for reason in (change.get("reasons") or ())[:SENTENCES_OF_CHANGE]
        ]
        if kind in {"up", "down"}
        else [],
    }


def _line_at(extract: Row) -> int | None:
    """Return how many of the listed pupils stand above the line of the places; None where their number is not known."""
    if extract["capacity"]["places"] is None:
        return None
    return sum(bool(one["is_within_capacity"]) for one in extract["pupils"])


def _stages(pupils: Sequence[Row]) -> list[tuple[str, str]]:
    found = {
        (one["stage_kind"], one["stage_number"]): (one["stage_code"], one["stage"])
        for one in pupils
        if one["stage_kind"] and one["stage_number"] is not None
    }
    return [found[key] for key in sorted(found)]


def _class_order(code: str) -> tuple[int, str]:
    digits = "".join(letter for letter in code if letter.isdigit())
    return (int(digits) if digits else 99, code)
