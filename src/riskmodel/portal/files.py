"""What can be taken along from a school: the list and a pupil's sheet as CSV, XLSX and PDF, the notice as PDF.

A file holds what the page holds for the same reader, cut in the same place, with names for the same roles; that it was
taken is in the audit before it is made. Its own name tells the school or the pupil's code, and no person's name.
"""

from __future__ import annotations

from markupsafe import Markup

from riskmodel.messages import Message, message
from riskmodel.portal.school_pages import OfSchoolHandler, cut
from riskmodel.portal.sending import FileHandler
from riskmodel.portal.shell import Page
from riskmodel.settings import HERE
from riskmodel.views import pages, school_exports
from riskmodel.views.exports import ExportTable


class SchoolFileHandler(OfSchoolHandler, FileHandler):
    """Makes a file of a school, on paper too."""

    is_kept_by_staff = True
    """Whether the sheet on paper says who printed it, and how to keep it."""

    def asked_kind(self, kind: str) -> str | None:
        """Return the kind of file that is authorised and recorded; None for a PDF that cannot be made here."""
        return None if kind == "pdf" and self.desk.printing.chromium is None else kind

    async def send_paper(self, page: Page, content: Markup, stem: Message, address: str) -> None:
        """Answer with a page as PDF; where there is nothing to print with, say how to print the page at ``address``."""
        if self.desk.printing.chromium is None:
            self.set_status(501)
            advice = pages.render("print_here.html.j2", self.language, page_address=address)
            await self.show(Page(message("Printing"), published=page.published), advice)
            return
        published = page.published
        paper = pages.Paper(
            page.title_in(self.language),
            style=self.desk.static.text("portal.css"),
            run=published.run if published else None,
            printed_by=self.person.shown_name if self.is_kept_by_staff else "",
            printed_on=self.desk.clock().astimezone(HERE).date().isoformat(),
        )
        html = pages.paper(paper, content, self.language)
        self.send(await self.desk.printing.pdf(html), "pdf", stem)


class ListHandler(SchoolFileHandler):
    """A school's list."""

    async def get(self, _language: str, school_id: str, kind: str) -> None:
        """Send the pupils in order of need."""
        published = self.desk.published()
        scope = await self.allowed(published, school_id=school_id, file_kind=self.asked_kind(kind))
        stem = message("school-{school}-list-{day}", school=school_id, day=published.run["cut_off_on"])
        if kind == "pdf":
            content = pages.filled(await self.school_fragment(published, scope), pages.PLACES_SLOT, Markup())
            address = self.desk.addresses(self.language).school(school_id)
            await self.send_paper(Page(published.names[school_id], "home", published, scope), content, stem, address)
            return
        entered, names = await self.entered(school_id), self.names_for(scope, published)

        def tables() -> list[ExportTable]:
            return school_exports.school_tables(cut(published, scope, entered), self.language, names)

        await self.send_tables(tables, kind, stem)


class SheetHandler(SchoolFileHandler):
    """One pupil's sheet."""

    async def get(self, _language: str, school_id: str, code: str, kind: str) -> None:
        """Send reasons, absences, marks and support of one pupil."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code, file_kind=self.asked_kind(kind))
        stem = message("pupil-{code}-{day}", code=code, day=published.run["cut_off_on"])
        if kind == "pdf":
            content = await self.school_fragment(published, scope, code=code)
            page = Page(message("Pupil {code}", code=code), "home", published, scope)
            await self.send_paper(page, content, stem, self.desk.addresses(self.language).pupil(school_id, code))
            return
        entered, names = await self.entered(school_id), self.names_for(scope, published)

        def tables() -> list[ExportTable]:
            return school_exports.pupil_tables(cut(published, scope, entered), code, self.language, names)

        await self.send_tables(tables, kind, stem, is_long=True)


class NoticeFileHandler(SchoolFileHandler):
    """The notice for pupil and parents, who keep it as they like."""

    is_kept_by_staff = False

    async def get(self, _language: str, school_id: str, code: str, kind: str) -> None:
        """Send the sheet of paper."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code, file_kind=self.asked_kind(kind))
        stem = message("notice-{code}-{day}", code=code, day=published.run["cut_off_on"])
        content = await self.school_fragment(published, scope, code=code)
        page = Page(message("Notice for pupil {code}", code=code), "home", published, scope)
        await self.send_paper(page, content, stem, self.desk.addresses(self.language).notice(school_id, code))
