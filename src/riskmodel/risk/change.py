"""What changed since an earlier run: more support needed, less, or about the same, and the features that moved the score.

Two runs have two models: each is asked for its own pupils, and what is compared are bands, places and contributions. A
contribution is what moved the score; it is no cause.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskmodel.risk.bands import ORDER
from riskmodel.tables.scores import CHANGE_REASON, SCORE_CHANGE

MOVED_SHARE = 0.25
"""Within one band a pupil who moved by more than this share of the school's pupils needs more support, or less. Most
pupils have much the same score: with a tenth, every second one moved in three weeks."""

FEWEST_PLACES = 3
"""So many places at least, else a small school's list would change with every mark."""

HAIR = 1e-9

REASONS_TOLD = 3

LEAST_MOVE = 0.02
"""Log-odds: what moved a score by less is not told as a reason."""

NEEDED_COLUMNS = ("pupil_id", "school_id", "band_code", "state_code", "place")
"""Columns of ``score`` that are compared."""

Floats = NDArray[np.float64]


def changes(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of :data:`riskmodel.tables.scores.SCORE_CHANGE`, in the order of ``now``.

    Parameters
    ----------
    now, before
        ``NEEDED_COLUMNS`` of the scores of both runs: whole schools.

    A pupil with too little data now or then has no row: nothing can be compared. A higher band is *up*; within one band,
    more than ``MOVED_SHARE`` of the school's pupils passed since. Another school has another order: there the bands decide.
    """
    sizes = [frame.groupby("school_id")["place"].transform("size") for frame in (now, before)]
    then = before.assign(size=sizes[1]).set_index("pupil_id").reindex(now["pupil_id"])
    is_known = then["band_code"].notna().to_numpy()
    is_same_school = is_known & (then["school_id"].to_numpy() == now["school_id"].to_numpy())
    bands = [frame["band_code"].astype(object).map(ORDER.index, na_action="ignore") for frame in (now, then)]
    by_band = np.sign(bands[0].to_numpy(dtype=float) - bands[1].to_numpy(dtype=float))
    places = then["place"].where(is_same_school)
    moved = _moved(*(column.to_numpy(dtype=float) for column in (now["place"], sizes[0], places, then["size"])))
    direction = np.where(by_band != 0, by_band, moved)
    code = np.select([~is_known, direction > 0, direction < 0], ["new", "up", "down"], "same")
    is_told = (now["state_code"] != "too_little_data").to_numpy() & (then["state_code"] != "too_little_data").to_numpy()
    found = pd.DataFrame(
        {
            "pupil_id": now["pupil_id"].to_numpy(),
            "change_code": code,
            "previous_band_code": then["band_code"].to_numpy(),
            "previous_place": places.astype("Int64").to_numpy(),
        }
    )
    return found.loc[is_told, list(SCORE_CHANGE.column_names)].reset_index(drop=True)


def _moved(place: Floats, size: Floats, place_before: Floats, size_before: Floats) -> Floats:
    """Return 1 for a pupil who moved up by enough, -1 down, 0 else; places are compared as shares of the school."""
    share = place_before / size_before - place / size
    # Ten places of forty are a quarter, also where the difference lies a hair above it.
    is_enough = (np.abs(share) > MOVED_SHARE + HAIR) & (np.abs(share) * size > FEWEST_PLACES - HAIR)
    return np.where(is_enough, np.sign(share), 0.0)


class Moves:
    """The features that moved scores most, found feature by feature, so that no second matrix stands in memory.

    Parameters
    ----------
    direction
        Per pupil 1 where the score went up, -1 where it went down.
    """

    def __init__(self, direction: Floats) -> None:
        shape = (len(direction), REASONS_TOLD)
        self._direction = direction
        self._size = np.zeros(shape)
        self._feature = np.full(shape, -1, dtype=np.intp)
        self._before, self._now = np.full(shape, np.nan), np.full(shape, np.nan)

    def add(self, feature: int, direction: int, before: tuple[Floats, Floats], now: tuple[Floats, Floats]) -> None:
        """Look at a feature: its values and contributions, before and now, pupil by pupil.

        It counts where its value changed ("no data" is a value) and it moved the score in the pupil's direction. With a
        ``direction`` (1: more of it may only raise a score, -1: only lower it) its value must have changed that way too:
        two models may weigh a value that got better as more, and that is no reason for more support.
        """
        (value_before, moved_before), (value_now, moved_now) = before, now
        is_changed = (value_before != value_now) & ~(np.isnan(value_before) & np.isnan(value_now))
        is_changed &= ~((value_now - value_before) * direction * self._direction < 0)
        size = (moved_now - moved_before) * self._direction
        size = np.where(is_changed & (size >= LEAST_MOVE), size, 0.0)
        # Behind those that are as large, so that the order of the features decides between equals.
        place = np.count_nonzero(self._size >= size[:, None], axis=1)
        for at in range(REASONS_TOLD):
            pupils = np.flatnonzero(place == at)
            for kept, value in (
                (self._size, size),
                (self._feature, np.broadcast_to(feature, len(size))),
                (self._before, value_before),
                (self._now, value_now),
            ):
                kept[pupils, at + 1 :] = kept[pupils, at:-1]
                kept[pupils, at] = value[pupils]

    def rows(self, pupil_ids: pa.Array, codes: Sequence[str]) -> pa.Table:
        """Return the columns of :data:`riskmodel.tables.scores.CHANGE_REASON`, the largest of each pupil first."""
        pupil, place = np.nonzero(self._feature >= 0)
        feature = pa.array(self._feature[pupil, place].astype(np.int16))
        columns = {
            "pupil_id": pupil_ids.take(pa.array(pupil)),
            "place": pa.array(place + 1),
            "feature_code": pa.DictionaryArray.from_arrays(feature, pa.array(codes, pa.string())),
            "contribution_change": self._size[pupil, place] * self._direction[pupil],
            "before_value": pa.array(self._before[pupil, place], from_pandas=True),
            "now_value": pa.array(self._now[pupil, place], from_pandas=True),
        }
        return pa.table({name: columns[name] for name in CHANGE_REASON.column_names})
