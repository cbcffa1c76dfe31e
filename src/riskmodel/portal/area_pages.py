"""The pages of a municipality and of the state, and their tables as files: counts alone, small numbers hidden by the run.

What is hidden was left out before the extracts were written: a page and a file hold what the extract holds, and nothing that
is computed here from anything else.
"""

from __future__ import annotations

from typing import Any

from riskmodel.messages import message
from riskmodel.portal.handlers import PageHandler
from riskmodel.portal.sending import FileHandler
from riskmodel.portal.shell import Page
from riskmodel.runs.listing import Listed, list_runs
from riskmodel.views import area_exports, areas, pages


class MunicipalityHandler(PageHandler):
    """One municipality: its schools by name, its outcomes, its neighbours' totals."""

    async def get(self, _language: str, code: str) -> None:
        """Show its counts."""
        published = self.desk.published()
        scope = await self.allowed(published, municipality_code=code)
        extract = await self.desk.in_thread(lambda: published.municipality(code))
        content = await self.fragment(scope, lambda: self.handed_over(extract), published)
        await self.show(Page(str(extract["municipality"]["name"]), "home", published, scope), content)


class StateHandler(PageHandler):
    """The state: regions and municipalities, and which runs wait for a decision."""

    async def get(self, _language: str) -> None:
        """Show its counts; the runs are read anew each time, for a held one may be released at any moment."""
        published = self.desk.published()
        scope = await self.allowed(published)
        extract = await self.desk.in_thread(published.state)
        content = await self.fragment(scope, lambda: self.handed_over(extract), published)
        listed = await self.desk.in_thread(lambda: list_runs(self.desk.store))
        told = areas.runs([_told(run) for run in listed if _was_held(run)], self.language)
        content = pages.filled(content, areas.RUNS_SLOT, told)
        await self.show(Page(message("The whole state"), "state", published, scope), content)


class MunicipalityFileHandler(FileHandler):
    """The tables of a municipality."""

    async def get(self, _language: str, code: str, kind: str) -> None:
        """Send them."""
        published = self.desk.published()
        await self.allowed(published, municipality_code=code, file_kind=kind)
        extract = await self.desk.in_thread(lambda: published.municipality(code))
        stem = message("municipality-{code}-{day}", code=code, day=published.run["cut_off_on"])
        await self.send_tables(lambda: area_exports.municipality_tables(extract, self.language), kind, stem)


class StateFileHandler(FileHandler):
    """The tables of the state."""

    async def get(self, _language: str, kind: str) -> None:
        """Send them."""
        published = self.desk.published()
        await self.allowed(published, file_kind=kind)
        extract = await self.desk.in_thread(published.state)
        stem = message("state-{day}", day=published.run["cut_off_on"])
        await self.send_tables(lambda: area_exports.state_tables(extract, self.language), kind, stem)


def _was_held(run: Listed) -> bool:
    return run.state == "held" or run.release is not None


def _told(run: Listed) -> dict[str, Any]:
    """Return what the state is told of a run; the names of gates say why it is held, without any figure of a school."""
    release = run.release
    return {
        "run_id": run.run_id,
        "state": run.state,
        "cut_off_date": run.cut_off_date,
        "failed_gates": [gate.code for gate in run.failed_gates],
        "released_by": release.by if release else "",
        "released_at": release.at if release else "",
        "reason": release.reason if release else "",
    }
