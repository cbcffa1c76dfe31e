"""Pages that everyone with an account sees, the start among them, and what anybody may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError

from riskmodel.messages import Message, message
from riskmodel.portal.cutting import cut_schools
from riskmodel.portal.handlers import DEFAULT_LANGUAGE, PageHandler, PortalHandler
from riskmodel.portal.policy import Ask, decide, holding, own_schools
from riskmodel.portal.published import Published
from riskmodel.portal.shell import Page
from riskmodel.views import pages


@dataclass(frozen=True)
class Destination:
    """Where a role begins its work."""

    name: Message | str
    address: str


class RootHandler(PortalHandler):
    """The way to the start, in the language of who comes."""

    async def get(self) -> None:
        """Go to the start."""
        visitor = await self.desk.door.get_user(self)
        language = visitor.person.language if visitor else DEFAULT_LANGUAGE
        self.redirect(self.desk.addresses(language).schools())


class HomeHandler(PageHandler):
    """The start: where a person's only role begins, or a choice."""

    async def get(self, _language: str) -> None:
        """Go on, or let the person choose."""
        published = self.desk.published()
        scope = await self.allowed(published)
        grants = holding(self.person, self.desk.today())
        schools, others = own_schools(grants, published), self._others(published)
        if len(schools) > 1 and not others:
            await self._show_schools(published)
            return
        places = [Destination(published.names[school_id], self._school(school_id)) for school_id in schools] + others
        if len(places) == 1:
            self.redirect(places[0].address)
            return
        told = [
            (place.name if isinstance(place.name, str) else place.name.in_language(self.language), place.address)
            for place in places
        ]
        addresses = self.desk.addresses(self.language)
        content = pages.render("start.html.j2", self.language, addresses, places=told)
        await self.show(Page(message("Start"), "home", published, scope), content)

    async def _show_schools(self, published: Published) -> None:
        scope = decide(self.person, Ask("schools"), published, self.desk.today())
        index = cut_schools(published.index, scope)
        entered = await self.desk.in_thread(lambda: self._entered(index))
        content = await self.fragment(
            scope,
            lambda: self.handed_over(with_entered(index, entered)),
            published,
            f"/places {sorted(entered.items())}",
        )
        await self.show(Page(message("Schools"), "home", published, scope), content)

    def _entered(self, index: Mapping[str, Any]) -> dict[str, int]:
        """Return the places that heads of these schools have entered, by the schools' ids."""
        found = {
            str(one["school_id"]): self.desk.register.capacity.get(str(one["school_id"])) for one in index["schools"]
        }
        return {school_id: one.places for school_id, one in found.items() if one is not None}

    def _school(self, school_id: str) -> str:
        return self.desk.addresses(self.language).school(school_id)

    def _others(self, published: Published) -> list[Destination]:
        """Return where the person's roles outside a school begin."""
        grants, home = holding(self.person, self.desk.today()), self.desk.addresses(self.language).schools()
        codes = sorted({grant.municipality_code or "" for grant in grants if grant.role == "municipality"})
        found = [
            Destination(str(published.municipality(code)["municipality"]["name"]), f"{home}municipality/{code}")
            for code in codes
            if code in published.municipalities
        ]
        roles = {grant.role for grant in grants}
        if "state" in roles and published.has_state:
            found.append(Destination(message("The whole state"), f"{home}state"))
        if "steward" in roles:
            found.append(Destination(message("Runs"), f"{home}runs"))
        if "researcher" in roles:
            found.append(Destination(message("About the model"), f"{home}about"))
        return found


def with_entered(index: Mapping[str, Any], entered: Mapping[str, int]) -> dict[str, Any]:
    """Return the list of schools with the places that were entered in place of the run's."""

    def of(school: Mapping[str, Any]) -> dict[str, Any]:
        places = entered.get(str(school["school_id"]))
        return {**school} if places is None else {**school, "places": places, "is_capacity_assumed": False}

    return {**index, "schools": [of(school) for school in index["schools"]]}


class CatalogueHandler(PageHandler):
    """The catalogue of support."""

    async def get(self, _language: str) -> None:
        """Show all measures."""
        published = self.desk.published()
        scope = await self.allowed(published)
        content = await self.fragment(scope, lambda: self.handed_over(published.effects), published)
        await self.show(Page(message("Catalogue of support"), "catalogue", published, scope), content)


class AboutHandler(PageHandler):
    """The page about the model."""

    async def get(self, _language: str) -> None:
        """Show what the model is and how good it has been."""
        published = self.desk.published()
        scope = await self.allowed(published)
        content = await self.fragment(scope, lambda: self.handed_over(published.findings), published)
        await self.show(Page(message("About the model"), "about", published, scope), content)


class StaticHandler(PortalHandler):
    """The files of style and script."""

    def get(self, name: str) -> None:
        """Send one file of the fixed list."""
        if name not in self.desk.static.by_name:
            raise HTTPError(404)
        kind, content = self.desk.static.by_name[name]
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(content)


class HealthHandler(PortalHandler):
    """A sign of life for those who watch the service; it says nothing else."""

    def get(self) -> None:
        """Say that pages can be shown."""
        self.desk.published()
        self.finish({"state": "ok"})


class NotFoundHandler(PortalHandler):
    """Every other address."""

    async def prepare(self) -> None:
        """Say that there is no such page, after the same checks as everywhere."""
        await super().prepare()
        self.visitor = await self.desk.door.get_user(self)
        raise HTTPError(404)
