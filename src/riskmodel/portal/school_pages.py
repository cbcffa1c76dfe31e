"""The pages of a school: its list, one pupil, the notice for pupil and parents, and the number of places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from riskmodel.messages import Language, message
from riskmodel.portal.cutting import cut_school, cut_to_list
from riskmodel.portal.forms import token_for
from riskmodel.portal.handlers import HTML, PageHandler
from riskmodel.portal.policy import Ask, DeniedError, Scope, UnknownError, decide
from riskmodel.portal.published import Published
from riskmodel.portal.shell import Page
from riskmodel.register.capacity import Entered
from riskmodel.settings import HERE
from riskmodel.support.reading import plan_of, plans_of_pupil
from riskmodel.support.semesters import Semester
from riskmodel.support.words import STATUS_WORDS, said
from riskmodel.views import pages, school_page

PLACES = re.compile(r"[0-9]{1,5}")
JSON = "application/json"


class OfSchoolHandler(PageHandler):
    """What the pages and files of a school have in common."""

    async def entered(self, school_id: str) -> Entered | None:
        """Return the places that the school's head entered; None when the run's own number holds."""
        return await self.desk.in_thread(lambda: self.desk.register.capacity.get(school_id))

    async def school_fragment(self, published: Published, scope: Scope, **more: str) -> Markup:
        """Return the HTML of a view of a school; ``more`` holds the code of the pupil that it is about."""
        entered = await self.entered(scope.unit.split("/")[0])
        # Who moves the line of the places moves it for everybody, on the list and on the pupils' pages.
        edition = "" if entered is None else f"places {entered.places} {_day(entered)}"

        def handed_over() -> dict[str, str]:
            extract = cut(published, scope, entered)
            return self.handed_over(cut_to_list(extract) if scope.view == "school" else extract, **more)

        return await self.fragment(scope, handed_over, published, edition)


class SchoolHandler(OfSchoolHandler):
    """One school's page, as far as the reader's task goes."""

    async def get(self, _language: str, school_id: str) -> None:
        """Show the pupils in order of need."""
        published = self.desk.published()
        scope = await self.allowed(published, school_id=school_id)
        await self.show_school(published, scope)

    async def show_school(self, published: Published, scope: Scope, problem: str = "") -> None:
        """Show the list of a scope, with the form of the places for who may enter them."""
        content = await self.school_fragment(published, scope)
        form = await self._form(published, scope.unit, problem)
        content = pages.filled(content, pages.PLACES_SLOT, form)
        await self.show(Page(published.names[scope.unit], "home", published, scope), content)

    async def _form(self, published: Published, school_id: str, problem: str) -> Markup:
        try:
            decide(self.person, Ask("capacity", school_id), published, self.desk.today())
        except (DeniedError, UnknownError):
            return Markup()
        entered = await self.entered(school_id)
        of_run = next(one["places"] for one in published.index["schools"] if str(one["school_id"]) == school_id)
        form = school_page.PlacesForm(
            school_id,
            of_run if entered is None else entered.places,
            len(published.members(school_id)),
            token_for(self.form_key()),
            problem,
        )
        return school_page.places_form(form, self.language, self.desk.addresses(self.language))


class PupilHandler(OfSchoolHandler):
    """One pupil's page, and the same without the shell for the panel of the school's page."""

    async def get(self, _language: str, school_id: str, code: str, panel: str = "") -> None:
        """Show the reasons, what is not known, and the support that answers them."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code)
        # The kernel is given this pupil and nobody else.
        content = await self.school_fragment(published, scope, code=code)
        content = pages.filled(content, pages.PLAN_SLOT, await self._plans(published, scope, code))
        if panel:
            self.set_header("Content-Type", HTML)
            self.finish(str(content))
            return
        await self.show(Page(message("Pupil {code}", code=code), "home", published, scope), content)

    async def _plans(self, published: Published, scope: Scope, code: str) -> Markup:
        """Return the pupil's plans as far as they are this person's, and the way to a new one: the register's, never kept."""
        school_id, pupil_id = scope.unit.split("/")
        person, today = self.person, self.desk.today()

        def look() -> list[Any]:
            with self.desk.register.database.reading(person) as connection:
                own = plans_of_pupil(connection, pupil_id, school_id)
                return [row for row in own if plan_of(connection, person, row.plan_code, today) is not None]

        plans = [
            {
                "plan_code": row.plan_code,
                "term": Semester(row.school_year, row.semester).in_language(self.language),
                "status": said(STATUS_WORDS, row.status, self.language),
            }
            for row in await self.desk.in_thread(look)
        ]
        try:
            decide(person, Ask("planning", school_id, pupil_id), published, today)
            may_plan = True
        except (DeniedError, UnknownError):
            may_plan = False
        return pages.render(
            "pupil_plans.html.j2",
            self.language,
            self.desk.addresses(self.language),
            plans=plans,
            may_plan=may_plan,
            school_id=school_id,
            code=code,
        )


class NoticeHandler(OfSchoolHandler):
    """The sheet of paper for a pupil and the parents."""

    async def get(self, _language: str, school_id: str, code: str) -> None:
        """Show it as it is printed."""
        published = self.desk.published()
        scope = await self.allowed_pupil(published, school_id, code)
        content = await self.school_fragment(published, scope, code=code)
        await self.show(Page(message("Notice for pupil {code}", code=code), "home", published, scope), content)


class PlacesHandler(SchoolHandler):
    """Takes the number of places that the head of school enters."""

    SUPPORTED_METHODS = ("POST",)
    FIELDS = frozenset({"places"})

    async def post(self, _language: str, school_id: str) -> None:
        """Enter the number, and answer in words to a script, else by the way back to the list."""
        published = self.desk.published()
        await self.allowed(published, school_id=school_id)
        given, most = self.field("places").strip(), len(published.members(school_id))
        if not PLACES.fullmatch(given) or int(given) > most:
            await self._refuse(published, school_id, most)
            return
        entered = await self.desk.in_thread(lambda: self.desk.register.capacity.set(school_id, int(given), self.person))
        if self._is_script():
            scope = decide(self.person, Ask("school", school_id), published, self.desk.today())
            extract = await self.desk.in_thread(lambda: cut(published, scope, entered))
            self.finish(told(extract, self.language))
            return
        self.redirect(self.desk.addresses(self.language).school(school_id), status=303)

    def other_language(self) -> str:
        """Return the address of the list in the other language: a form's answer has none of its own."""
        return super().other_language().removesuffix("/places")

    async def _refuse(self, published: Published, school_id: str, most: int) -> None:
        problem = message(
            "The number of places is a whole number from 0 to {most}, the number of pupils.", most=most
        ).in_language(self.language)
        self.set_status(400)
        if self._is_script():
            self.finish({"problem": problem})
            return
        ask = Ask("school", school_id)
        scope = decide(self.person, ask, published, self.desk.today())
        await self.record("page_viewed", ask, published)
        await self.show_school(published, scope, problem)

    def _is_script(self) -> bool:
        return JSON in self.request.headers.get("Accept", "")


def told(extract: Mapping[str, Any], language: Language) -> dict[str, str | int]:
    """Return what the script of a school's list is told about places that were just entered."""
    capacity = extract["capacity"]
    words = school_page.capacity_words(capacity, language)
    return {"places": capacity["places"], **words, "gap": school_page.gap_words(extract, language)}


def cut(published: Published, scope: Scope, entered: Entered | None = None) -> dict[str, Any]:
    """Return the extract of the school that a scope belongs to, with the places that were entered, cut to the scope."""
    extract: Mapping[str, Any] | None = published.school(scope.unit.split("/")[0])
    if extract is None:  # cannot be: a scope is made for schools of this run
        raise KeyError("no such school in this run")
    if entered is not None:
        extract = school_page.with_places(extract, entered.places, _day(entered))
    return cut_school(extract, scope)


def _day(entered: Entered) -> str:
    return entered.at.astimezone(HERE).date().isoformat()
