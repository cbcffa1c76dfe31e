"""How small is too small: the numbers of the rule, and who decided them.

No source with a Latvian threshold for schools was found. States of the USA use 5 to 30 pupils, most often 10; that is the
default here, for municipalities and the state alike. A figure is small when it, its whole or the rest of the whole is
small: 0 % and 100 % of a small group say as much of each pupil in it as a name does.
"""

from __future__ import annotations

from dataclasses import dataclass

LOWEST_N_MIN = 5
DEFAULT_N_MIN = 10


@dataclass(frozen=True)
class Policy:
    """The rule on small numbers, as it is recorded with every release.

    Parameters
    ----------
    n_min
        Counts below this are not shown, and what is hidden cannot be narrowed to an interval that is narrower.
    is_zero_small
        Whether "none" is hidden like "few". Only a recorded decision says otherwise.
    withstands_a_school
        Whether a school that knows its own figures must still learn nothing of another school.
    decision, author
        Why the rule is as it is, and who says so.

    Raises
    ------
    ValueError
        For ``n_min`` below 5.

    >>> Policy().n_min
    10
    >>> Policy(n_min=4)
    Traceback (most recent call last):
        ...
    ValueError: n_min must be 5 or more, and is 4
    """

    n_min: int = DEFAULT_N_MIN
    is_zero_small: bool = True
    withstands_a_school: bool = True
    decision: str = "default of the project: the number that states of the USA use most often"
    author: str = "riskmodel"

    def __post_init__(self) -> None:
        if self.n_min < LOWEST_N_MIN:
            raise ValueError(f"n_min must be {LOWEST_N_MIN} or more, and is {self.n_min}")
