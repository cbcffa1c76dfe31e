"""Support in numbers, at three levels: a school exactly, a municipality and the state as released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from tornado.web import HTTPError

from riskmodel.errors import UsageError
from riskmodel.messages import Words, message
from riskmodel.portal.acting import ActingHandler, Filled
from riskmodel.portal.policy import holding
from riskmodel.support.catalogue import catalogue
from riskmodel.support.coverage import municipality_name
from riskmodel.support.periods import Period, Scope
from riskmodel.support.programmes import programme
from riskmodel.support.released import Standing, standing
from riskmodel.support.reports import report
from riskmodel.support.risks import risk_groups
from riskmodel.support.semesters import Semester, semester_of
from riskmodel.support.small_numbers import Shown
from riskmodel.support.statistics import count_plans
from riskmodel.support.words import DECISION_WORDS, STATUS_WORDS
from riskmodel.views.pages import latvian_order

SEMESTERS_BACK = 6
NO_DECISION = Words(en="not decided yet", lv="vēl nav lēmuma")
Row = tuple[str, Shown]


class StatisticsHandler(ActingHandler):
    """Plans and pupils of a period, always both."""

    QUERY = frozenset({"period"})

    async def get(self, _language: str) -> None:
        """Show the numbers of each unit in which the person holds a role."""
        published = self.desk.published()
        scope = await self.allowed(published)
        grants = holding(self.person, self.desk.today())
        releases = await self.desk.in_thread(lambda: standing(self.desk.store))
        periods = [str(Period.of(term)) for term in _semesters(semester_of(self.desk.today()))]
        chosen = self._period(periods)
        schools = sorted({g.school_id for g in grants if g.role in {"director", "support_staff"} and g.school_id})
        places = sorted({g.municipality_code for g in grants if g.role == "municipality" and g.municipality_code})
        own = [await self._read_school(chosen, one) for one in schools]
        content = self.rendered(
            "statistics.html.j2",
            Filled(),
            periods=periods,
            chosen=str(chosen),
            schools=[{"name": published.names.get(one, one), **found} for one, found in zip(schools, own, strict=True)],
            releases=[self._release(one, places) for one in releases],
            places=places,
            is_state=any(grant.role == "state" for grant in grants),
            updated=published.updated_on,
        )
        self.whole_page(message("Support in numbers"), "statistics", published, scope, content)

    async def _read_school(self, period: Period, school_id: str) -> dict[str, Any]:
        return await self.read(lambda connection: self._of_school(connection, period, school_id))

    def _period(self, periods: Sequence[str]) -> Period:
        try:
            return Period.parse(self.query.get("period") or periods[0])
        except UsageError:
            raise HTTPError(400) from None

    def _of_school(self, connection: Connection, period: Period, school_id: str) -> dict[str, Any]:
        scope = Scope(school_id=school_id)
        told = report(connection, period, scope)
        tables: Mapping[str, tuple[Any, Mapping[str, str]]] = {
            "status": (message("status"), self._words(STATUS_WORDS)),
            "risk_group": (message("group of risks"), self._words(risk_groups())),
            "measure": (message("measure"), {one.code: one.names[self.language] for one in catalogue().measures}),
            "class": (message("code of the class"), {}),
        }
        return {
            "sentences": [sentence.in_language(self.language) for sentence in told.sentences()],
            "tables": [
                (
                    head.in_language(self.language),
                    [
                        (words.get(str(key[-1]), str(key[-1] or "–")), Shown(found.plans, found.pupils))
                        for key, found in count_plans(connection, period, scope, [name]).rows.items()
                    ],
                )
                for name, (head, words) in tables.items()
            ],
        }

    def _words(self, table: Mapping[str, Words]) -> dict[str, str]:
        return {code: words.in_language(self.language) for code, words in table.items()}

    def _release(self, one: Standing, places: Sequence[str]) -> dict[str, Any]:
        """Return a release in words: the state, every municipality, and the parts of the person's own and of the state."""
        day = one.period.first_on
        names = {code: municipality_name(code, day) for code in one.units("municipality") if code.startswith("LV")}
        units = [("state", code) for code in one.units("state")]
        units += [("municipality", code) for code in places if code in names]
        return {
            "period": one.period.first.in_language(self.language) if one.period.is_one_semester else str(one.period),
            "programme": programme(one.programme).names.in_language(self.language),
            "released_on": one.released_on,
            "municipalities": [
                *(
                    (names[code], one.of("municipality", code))
                    for code in sorted(names, key=lambda code: latvian_order(names[code]))
                ),
                *(
                    (message("The whole state").in_language(self.language), one.of("state", code))
                    for code in one.units("state")
                ),
            ],
            "parts": [
                (
                    names.get(code) or message("The whole state").in_language(self.language),
                    self._parts(one, level, code),
                )
                for level, code in units
            ],
        }

    def _parts(self, one: Standing, level: str, code: str) -> list[tuple[str, list[Row]]]:
        kinds: Mapping[str, tuple[Any, Mapping[str, str]]] = {
            "risk": (message("group of risks"), self._words(risk_groups())),
            "way": (
                message("way of support"),
                {key: names[self.language] for key, names in catalogue().groups.items()},
            ),
            "decision": (message("decision"), self._words({**DECISION_WORDS, "none": NO_DECISION})),
        }
        return [
            (head.in_language(self.language), [(words[key], one.of(level, code, f"{kind}:{key}")) for key in words])
            for kind, (head, words) in kinds.items()
        ]


def _semesters(term: Semester) -> list[Semester]:
    found = [term]
    while len(found) < SEMESTERS_BACK:
        found.append(found[-1].previous)
    return found
