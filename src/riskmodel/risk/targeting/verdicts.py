"""What the comparison says in plain words: is the individual score needed here, or does something simpler do as well?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from riskmodel.messages import Message, Words, message
from riskmodel.risk.targeting.strategies import OF_PLACE, OF_RULES, SCORE
from riskmodel.tables.worth import TARGETING

WORTH_SHARE = 0.05
"""A difference that is worth telling: five of a hundred leavers. A policy number, stated with each verdict."""

FEWEST_IN_NUMBERS = 100
"""A sentence has numbers from so many leavers up: one of its 100 is then at least one pupil, and it gives no count away."""

SIMPLE = (*OF_PLACE, *OF_RULES)
"""What a school could do without a model."""


def verdict_of(low: float, high: float, worth_share: float = WORTH_SHARE) -> str:
    """Return the verdict on the interval of the share that the score reaches minus that of a simpler strategy.

    In this order: wholly below 0, ``finds_more`` (the simpler one); at most ``worth_share``, ``does_as_well``: the score adds
    nothing worth telling; wholly above 0, ``score_finds_more``; else ``cannot_tell``. NaN: ``too_few``.

    >>> [verdict_of(*ends) for ends in ((0.2, 0.4), (-0.2, -0.1), (-0.01, 0.04), (0.01, 0.04), (-0.01, 0.3))]
    ['score_finds_more', 'finds_more', 'does_as_well', 'does_as_well', 'cannot_tell']
    """
    if math.isnan(low) or math.isnan(high):
        return "too_few"
    if high < 0:
        return "finds_more"
    if high <= worth_share:
        return "does_as_well"
    return "score_finds_more" if low > 0 else "cannot_tell"


@dataclass(frozen=True)
class Verdict:
    """The plain verdict of one area and budget against one simpler strategy.

    ``more``, ``low`` and ``high`` say how many more of 100 leavers the score finds; NaN where too few left.
    """

    area_kind: str
    area_code: str
    budget_code: str
    strategy_code: str
    verdict_code: str
    left: int
    more: float
    low: float
    high: float

    @property
    def says_place(self) -> bool:
        """Whether where a pupil learns is enough: the strategy looks at places alone and loses nothing worth telling."""
        return self.strategy_code in OF_PLACE and self.verdict_code in ("does_as_well", "finds_more")

    @property
    def says_individual(self) -> bool:
        """Whether the individual score is needed: it finds more than this strategy."""
        return self.verdict_code == "score_finds_more"

    def sentence(self) -> Message:
        """Return the verdict in words: with its numbers from ``FEWEST_IN_NUMBERS`` leavers up, else without them."""
        named = TARGETING.column("strategy_code").codes[self.strategy_code]
        strategy = Words(named.en, named.lv)
        if self.verdict_code == "too_few" or self.left < FEWEST_IN_NUMBERS:
            return Message(_WITHOUT_NUMBERS[self.verdict_code].text, {"strategy": strategy})
        low, high = round(self.low), round(self.high)
        nearest, farthest = sorted((abs(low), abs(high)))
        return Message(
            _WITH_NUMBERS[self.verdict_code].text,
            {
                "strategy": strategy,
                "more": abs(round(self.more)),
                "nearest": nearest,
                "farthest": farthest,
                "fewer": max(-low, 0),
                "at_most": max(high, 0),
            },
        )


_WITH_NUMBERS = {
    "score_finds_more": message(
        "Of 100 pupils who leave, the individual score finds {more} more than this choice: {strategy} (95 % interval {nearest} to {farthest})."
    ),
    "does_as_well": message(
        "Here this choice does as well as the individual score: {strategy}. Of 100 pupils who leave, the score finds at most {at_most} more."
    ),
    "finds_more": message(
        "Of 100 pupils who leave, this choice finds {more} more than the individual score: {strategy} (95 % interval {nearest} to {farthest})."
    ),
    "cannot_tell": message(
        "The data cannot tell whether the individual score finds more than this choice: {strategy} (of 100 pupils who leave, anything from {fewer} fewer to {at_most} more)."
    ),
}
_WITHOUT_NUMBERS = {
    "score_finds_more": message(
        "Here the individual score finds more of the pupils who leave than this choice: {strategy}."
    ),
    "does_as_well": message("Here this choice does as well as the individual score: {strategy}."),
    "finds_more": message("Here this choice finds more of the pupils who leave than the individual score: {strategy}."),
    "cannot_tell": message(
        "The data cannot tell whether the individual score finds more than this choice: {strategy}."
    ),
    "too_few": message("Too few pupils left here to compare the individual score with this choice: {strategy}."),
}


def verdicts(targeting: pd.DataFrame, budget_code: str | None = None) -> list[Verdict]:
    """Return the verdicts of rows of :data:`riskmodel.tables.worth.TARGETING`, one for each strategy but the score."""
    chosen = targeting[targeting["strategy_code"] != SCORE]
    if budget_code is not None:
        chosen = chosen[chosen["budget_code"] == budget_code]
    return [
        Verdict(
            area_kind=str(row["area_kind"]),
            area_code=str(row["area_code"]),
            budget_code=str(row["budget_code"]),
            strategy_code=str(row["strategy_code"]),
            verdict_code=str(row["verdict_code"]),
            left=int(row["left"]),
            more=100 * float(row["gain"]),
            low=100 * float(row["gain_low"]),
            high=100 * float(row["gain_high"]),
        )
        for row in chosen.to_dict("records")
    ]


def plain_verdict(targeting: pd.DataFrame, area_code: str, budget_code: str) -> Verdict:
    """Return the verdict that stands first for an area: against the best of the simple strategies, by what it reaches.

    Where the score finds more than the best of them, it finds more than each; where one of them does as well, the score adds
    nothing worth telling over it.

    Raises
    ------
    KeyError
        When the table holds no simple strategy of this area and budget.
    """
    own = targeting[
        (targeting["area_code"] == area_code)
        & (targeting["budget_code"] == budget_code)
        & targeting["strategy_code"].isin(SIMPLE)
    ]
    if own.empty:
        raise KeyError(f"no simple strategy of {area_code} with {budget_code}")
    best = own.sort_values(["reached_share", "strategy_code"], ascending=[False, True], kind="stable").iloc[[0]]
    return verdicts(best)[0]
