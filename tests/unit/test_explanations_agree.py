"""What is told, drawn and written in a table of one pupil is one thing: sentence, bar and number agree."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import invented_run
import pytest

from riskmodel.messages import message
from riskmodel.views import figures, texts
from riskmodel.views.pupil_page import pupil

CODES = [one["code"] for one in invented_run.school("101", "Pirmā skola", count=12)["pupils"]]
SIDES = {True: message("raises"), False: message("lowers")}


class Bars(HTMLParser):
    """The bars of the picture of contributions, to the right above zero, and what it says of itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sizes: list[float] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "rect" and given.get("fill") in {figures.RAISES, figures.LOWERS}:
            is_right = float(given["x"]) + float(given["width"]) / 2 >= figures.WIDTH / 2
            assert is_right == (given["fill"] == figures.RAISES) or float(given["width"]) < 0.01
            self.sizes.append(float(given["width"]) * (1 if is_right else -1))

    handle_startendtag = handle_starttag


@pytest.mark.parametrize("language", ["en", "lv"])
@pytest.mark.parametrize("code", CODES)
def test_each_reason_has_a_bar_of_its_side_and_size_and_its_sentence_says_the_same(code, language):
    extract = invented_run.school("101", "Pirmā skola", count=12)
    own = next(one for one in extract["pupils"] if one["code"] == code)
    page = str(pupil(extract, code, language))
    start = page.index("<svg", page.index("<figcaption>"))
    picture = page[start : page.index("</svg>", start)]
    drawn = [one for one in own["reasons"] if abs(one["contribution"]) >= texts.SMALLEST_CONTRIBUTION]
    expected = [*(one["contribution"] for one in drawn), own["rest"]]
    sizes = Bars(picture).sizes
    assert len(sizes) == len(expected)
    largest = max(map(abs, expected)) or 1
    longest = max(map(abs, sizes)) or 1
    for size, contribution in zip(sizes, expected, strict=True):
        assert size / longest == pytest.approx(contribution / largest, abs=0.01)
    told = html.unescape(re.sub(r"\s+", " ", picture))
    for one in drawn:
        sentence = re.sub(r"\s+", " ", texts.sentence(one, language))
        side = re.search(re.escape(sentence) + r": (\w+)", told)
        assert side is not None, sentence
        assert side[1] == SIDES[one["contribution"] > 0].in_language(language)


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_stands_among_those_that_raise_if_and_only_if_its_contribution_does(code):
    extract = invented_run.school("101", "Pirmā skola", count=12)
    own = next(one for one in extract["pupils"] if one["code"] == code)
    page = html.unescape(str(pupil(extract, code, "en")))
    listed = {
        side: re.findall(r"</span>([^<]+)</li>", "".join(re.findall(rf'<ul class="{side}".*?</ul>', page, re.DOTALL)))
        for side in ("raises", "lowers")
    }
    by_sentence = {texts.sentence(one, "en"): one["contribution"] for one in own["reasons"]}
    assert {sentence for side in listed.values() for sentence in side} <= by_sentence.keys()
    assert all(by_sentence[sentence] > 0 for sentence in listed["raises"])
    assert all(by_sentence[sentence] < 0 for sentence in listed["lowers"])
