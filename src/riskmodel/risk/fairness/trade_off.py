"""What cannot be had together where groups leave at different rates.

For any list and any group, with π the share who left, the shares of missed (FNR), of false alarms (FPR) and the precision
(PPV) are bound to each other (Chouldechova 2017):

    FPR = π / (1 - π) · (1 - PPV) / PPV · (1 - FNR)

Two groups of different π whose leavers are missed equally often, and of whose flagged pupils equally many leave, must have
unequal false alarms. Which of the three may differ is a choice of people; here it is told in the numbers of a cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskmodel.risk.fairness.audit import Audit
from riskmodel.risk.fairness.figures import FIGURES, figures
from riskmodel.risk.fairness.tally import LEFT, PUPILS

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Bound:
    """One group: the share who left, its false alarms, and those that equal errors otherwise would bring.

    ``needed_false_alarm_share`` is what the group's share of false alarms has to be once its leavers are missed as often as
    those of all pupils, and its flagged pupils leave as often.
    """

    trait: str
    group: str
    pupils: int
    left_share: float
    false_alarm_share: float
    needed_false_alarm_share: float


def false_alarms_needed(left_share: float | Real, missed_share: float, precision: float) -> float | Real:
    """Return the share of false alarms that a share who left, a share of missed and a precision leave no choice about.

    >>> round(false_alarms_needed(0.1, missed_share=0.4, precision=0.3), 4)
    0.1556
    """
    return left_share / (1 - left_share) * (1 - precision) / precision * (1 - missed_share)


def bounds(found: Audit) -> Iterator[Bound]:
    """Yield the bound of every group by one trait that has enough pupils for its false alarms."""
    whole = figures(found.cells.sums.sum(axis=0))
    missed, precision = (float(whole[FIGURES.index(name)]) for name in ("missed_share", "precision"))
    at = FIGURES.index("false_alarm_share")
    for compared in found.compared:
        if compared.partition.is_pair:
            continue
        for number, group in enumerate(compared.partition.groups):
            if np.isnan(compared.value[number, at]):
                continue
            pupils, left = compared.sums[number, PUPILS], compared.sums[number, LEFT]
            needed = false_alarms_needed(left / pupils, missed, precision)
            yield Bound(
                trait=compared.partition.trait,
                group=group,
                pupils=round(pupils),
                left_share=float(left / pupils),
                false_alarm_share=float(compared.value[number, at]),
                needed_false_alarm_share=float(needed),
            )
