"""The notice for a pupil and the parents: one sheet of paper in plain words, without a score and without a comparison."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from riskmodel.messages import Language
from riskmodel.support.catalogue import risk_groups_of
from riskmodel.views import texts, words
from riskmodel.views.catalogue_page import measures
from riskmodel.views.pages import Addresses, Fragment, render
from riskmodel.views.pupil_page import pupil_of
from riskmodel.views.school_page import listed, shown_domains, withheld_groups

Row = Mapping[str, Any]

NOTICED = ("attendance", "learning")
"""Of these a sheet of paper says what was noticed; of money, home or the way to school it says nothing."""

NOT_PLAIN = re.compile(r"_(spread|per_week|rank)_")
"""In the code of a feature that a parent could neither read nor check: spreads, slopes and ranks."""

MOST_MEASURES = 8
"""More would not leave the sheet on one page; the school can write another one in."""


def notice(extract: Row, code: str, language: Language, addresses: Addresses | None = None) -> Fragment:
    """Return the notice about one pupil; KeyError when the extract holds no pupil of this code.

    What it says of the pupil are facts of their own, that they can check: never a level, a place or what others do.
    """
    found = pupil_of(extract, code)
    domains = shown_domains(extract)
    own = [reason for reason in found["reasons"] if reason["group_code"] in NOTICED and reason["is_malleable"]]
    told = texts.main_reasons([reason for reason in own if not NOT_PLAIN.search(reason["feature_code"])])
    groups = [group for group in texts.groups_for_support(found["reasons"]) if group in domains]
    unknown = set(found["no_data_on"])
    return render(
        "notice.html.j2",
        language,
        addresses,
        extract=extract,
        pupil=listed(found, extract, language),
        is_noticed=bool(texts.main_reasons(own)),
        reasons=[texts.plain_sentence(reason, language) for reason in told],
        measures=measures(risk_groups_of(groups), language)[:MOST_MEASURES],
        hidden=withheld_groups(extract),
        used=[words.words(words.GROUPS_NOT_KNOWN, group, language) for group in domains if group not in unknown],
        missing=[words.words(words.GROUPS_NOT_KNOWN, group, language) for group in domains if group in unknown],
    )
