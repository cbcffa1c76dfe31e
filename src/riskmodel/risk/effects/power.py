"""What a comparison can tell before anybody looks at its result: the chance of each verdict, pupils needed.

An estimate is taken to follow the normal law about the true effect with a known standard error. Everything here is
computed from that law, nothing is drawn.
"""

from __future__ import annotations

import math

from scipy.special import ndtr

from riskmodel.errors import UsageError
from riskmodel.messages import message
from riskmodel.risk.effects.estimate import critical_for, detectable_effect
from riskmodel.risk.effects.verdict import Rule, Verdict


def chances(effect: float, error: float, rule: Rule) -> dict[Verdict, float]:
    """Return the chance of each verdict when the measure truly changes the share who leave by ``effect``.

    They add up to 1.

    >>> {verdict.value: round(chance, 2) for verdict, chance in chances(-0.05, 0.0178, Rule()).items() if chance > 0.005}
    {'helps': 0.8, 'inconclusive': 0.2}
    """
    _check(error)
    found = dict.fromkeys((Verdict.HELPS, Verdict.HARMS, Verdict.NOT_WORTH_HAVING, Verdict.INCONCLUSIVE), 0.0)
    found[Verdict.NOT_ENOUGH_DATA] = 0.0
    if detectable_effect(error) > rule.plausible:
        return found | {Verdict.NOT_ENOUGH_DATA: 1.0}
    half = critical_for() * error
    # An estimate within ± edge has its whole interval within ± the smallest effect worth having.
    edge = max(rule.worth_having - half, 0.0)

    def below(value: float) -> float:
        return float(ndtr((value - effect) / error))

    found[Verdict.NOT_WORTH_HAVING] = below(edge) - below(-edge)
    found[Verdict.HELPS] = below(-max(half, edge))
    found[Verdict.HARMS] = 1 - below(max(half, edge))
    return found | {Verdict.INCONCLUSIVE: max(0.0, 1 - sum(found.values()))}


def pupils_needed(pupils: int, error: float, effect: float) -> int:
    """Return with how many pupils, chosen alike, ``effect`` would be found with a chance of 80 %.

    The error falls with the root of the number. At a cut it falls a little more slowly if the bandwidth shrinks as
    numbers grow; with the bandwidth kept the root holds.

    >>> pupils_needed(4_000, 0.05, 0.02)
    196222
    """
    _check(error)
    if effect == 0:
        raise UsageError(
            message("Pupils needed are asked for an effect other than zero."),
            found=message("The effect is {effect}.", effect=effect),
            remedy=message("Ask for the smallest effect worth having."),
        )
    return math.ceil(pupils * (detectable_effect(error) / abs(effect)) ** 2)


def _check(error: float) -> None:
    if not (error > 0 and math.isfinite(error)):
        raise UsageError(
            message("A standard error must be a number above 0."),
            found=message("It is {error}.", error=error),
            remedy=message("Leave out comparisons that could not be estimated."),
        )
