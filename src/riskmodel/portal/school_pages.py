"""The pages of a school: its list, and one pupil."""

from __future__ import annotations

from riskmodel.messages import message
from riskmodel.portal.cutting import cut_school
from riskmodel.portal.handlers import HTML, PageHandler
from riskmodel.portal.policy import Scope
from riskmodel.portal.published import Published
from riskmodel.portal.shell import Page


class SchoolHandler(PageHandler):
    """One school's page, as far as the reader's task goes."""

    async def get(self, _language: str, school_id: str) -> None:
        """Show the pupils in order of need."""
        published = self.desk.published()
        scope = await self.allowed(published, school_id=school_id)
        content = await self.fragment(scope, lambda: self.handed_over(cut(published, scope)), published)
        await self.show(Page(published.names[school_id], "home", published, scope), content)


class PupilHandler(PageHandler):
    """One pupil's page, and the same without the shell for the panel of the school's page."""

    async def get(self, _language: str, school_id: str, code: str, panel: str = "") -> None:
        """Show the reasons, what is not known, and the support that answers them."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code)
        # The kernel is given this pupil and nobody else.
        content = await self.fragment(scope, lambda: self.handed_over(cut(published, scope), code=code), published)
        if panel:
            self.set_header("Content-Type", HTML)
            self.finish(str(content))
            return
        await self.show(Page(message("Pupil {code}", code=code), "home", published, scope), content)


def cut(published: Published, scope: Scope) -> dict[str, object]:
    """Return the extract of the school that a scope belongs to, cut to it."""
    extract = published.school(scope.unit.split("/")[0])
    if extract is None:  # cannot be: a scope is made for schools of this run
        raise KeyError("no such school in this run")
    return cut_school(extract, scope)
