"""Names of pupils, put in place of codes after a fragment has left the cache; no kernel and no kept page ever holds one.

The portal alone reads the protected table of identities, and only for roles of a school (:mod:`riskmodel.portal.policy`).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup, escape

from riskmodel.portal.published import Member
from riskmodel.sources.identity_table import IDENTITY_FILE, IDENTITY_FOLDER, read_identities

PLACE = re.compile(r'<span class="name" data-code="([0-9A-F]{6,32})">[^<]*</span>')
"""Where a fragment shows a pupil."""
LISTS_KEPT = 32
"""Of so many schools the names stand ready, those last asked for."""

Stamp = tuple[int, int]


class Names:
    """The names in a store's table of identities; read when first asked for, and again when the table was replaced."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._stamp: Stamp | None = None
        self._pupil_ids: pa.Array = pa.array([], pa.string())
        self._names: pa.Array = pa.array([], pa.string())
        self._kept: OrderedDict[tuple[Member, ...], Mapping[str, str]] = OrderedDict()

    def of(self, members: Iterable[Member]) -> Mapping[str, str]:
        """Return the names of pupils by their codes; who has none in the table is left out."""
        self._read_if_changed()
        key = tuple(members)
        found = self._kept.get(key)
        if found is None:
            asked = {member.pupil_id: member.code for member in key}
            rows = pc.indices_nonzero(pc.is_in(self._pupil_ids, pa.array(list(asked), pa.string())))
            ids, names = self._pupil_ids.take(rows).to_pylist(), self._names.take(rows).to_pylist()
            found = {asked[pupil_id]: name for pupil_id, name in zip(ids, names, strict=True)}
            self._kept[key] = found
            if len(self._kept) > LISTS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    def _read_if_changed(self) -> None:
        path = self._store / IDENTITY_FOLDER / IDENTITY_FILE
        try:
            status = path.stat()
            stamp: Stamp | None = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp == self._stamp:
            return
        table = read_identities(self._store)
        # Of a pupil whose code was changed the row of the newest code tells the name.
        is_old = pc.is_in(table["register_id"], table["earlier_register_id"].combine_chunks().drop_null())
        newest = table.filter(pc.invert(is_old))
        first, last = (pc.fill_null(newest[name], "") for name in ("first_name", "last_name"))
        names = pc.utf8_trim_whitespace(pc.binary_join_element_wise(first, last, " "))
        has_name = pc.greater(pc.utf8_length(names), 0)
        self._pupil_ids = newest["pupil_id"].filter(has_name).combine_chunks()
        self._names = names.filter(has_name).combine_chunks()
        self._stamp = stamp
        self._kept.clear()


def named(fragment: Markup, names: Mapping[str, str]) -> Markup:
    """Return a fragment with names, escaped, in place of the codes that have one.

    >>> named(Markup('<span class="name" data-code="4F2A1B">4F2A1B</span>'), {"4F2A1B": "Ž. <b>"})
    Markup('<span class="name" data-code="4F2A1B">Ž. &lt;b&gt;</span>')
    """

    # A code is letters and figures by PLACE itself; the name alone can hold anything. 600 of them stand on a school's page.
    def put(place: re.Match[str]) -> str:
        code = place[1]
        return f'<span class="name" data-code="{code}">{escape(names.get(code, code))}</span>'

    return Markup(PLACE.sub(put, str(fragment)))  # noqa: S704
