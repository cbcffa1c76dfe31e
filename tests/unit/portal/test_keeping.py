"""What a portal keeps of rendered pages, and that it lets go of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from voila.configuration import VoilaConfiguration

from riskmodel.portal.kernels import KernelPool
from riskmodel.portal.render import Key, Rendering

KEY = Key("2026-11-22-0123456789ab", "about", "x", "lv")


class Slow(Rendering):
    """Renders when it is told to, and counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.may_end, self.renderings = asyncio.Event(), 0

    async def _render(self, view: str, parameters: dict[str, str]) -> str:
        self.renderings += 1
        await self.may_end.wait()
        return "<p>a page</p>"


def test_a_page_of_a_run_that_is_no_longer_current_is_shown_to_who_waits_and_not_kept():
    async def told() -> tuple[str, int]:
        rendering = Slow(KernelPool(0), VoilaConfiguration())
        asked = asyncio.create_task(rendering.fragment(KEY, dict))
        await asyncio.sleep(0)
        rendering.forget("2027-05-15-0123456789ab")  # its pupils may not be those of this page
        rendering.may_end.set()
        page = await asked
        await rendering.fragment(KEY, dict)
        await rendering.close()
        return page, rendering.renderings

    assert asyncio.run(told()) == ("<p>a page</p>", 2)


def test_a_page_is_rendered_once_for_all_who_wait_and_kept_for_those_who_come_later():
    async def told() -> tuple[set[str], int]:
        rendering = Slow(KernelPool(0), VoilaConfiguration())
        rendering.may_end.set()
        pages = await asyncio.gather(*(rendering.fragment(KEY, dict) for _ in range(20)))
        pages.append(await rendering.fragment(KEY, dict))
        await rendering.close()
        return set(pages), rendering.renderings

    assert asyncio.run(told()) == ({"<p>a page</p>"}, 1)


def test_an_edition_takes_the_place_of_the_one_before_it():
    async def told() -> tuple[list[int], int, int]:
        rendering = Slow(KernelPool(0), VoilaConfiguration())
        rendering.may_end.set()
        held = []
        for edition in ("", "places 4", "places 4", "places 5", "places 6"):
            await rendering.fragment(replace(KEY, edition=edition), dict)
            held.append(rendering.kept_bytes)
        other = rendering.renderings
        await rendering.fragment(KEY, dict)
        await rendering.close()
        return held, other, rendering.renderings

    held, of_editions, of_all = asyncio.run(told())
    assert len(set(held)) == 1
    assert held[0] > 0
    assert (of_editions, of_all) == (4, 5)
