"""A stop waits for what is under way, and not for ever."""

from __future__ import annotations

import asyncio

from riskmodel.portal.desk import UnderWay


def test_a_stop_waits_for_the_last_request_of_several():
    async def two_requests() -> list[str]:
        under_way, order = UnderWay(), []

        async def answer(name: str, after: int) -> None:
            under_way.begin()
            for _ in range(after):
                await asyncio.sleep(0)
            order.append(name)
            under_way.end()

        tasks = [asyncio.create_task(answer("short", 1)), asyncio.create_task(answer("long", 5))]
        await asyncio.sleep(0)
        await under_way.over(60)
        order.append("stopped")
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(two_requests()) == ["short", "long", "stopped"]


def test_a_request_that_never_ends_does_not_keep_the_portal_from_stopping():
    async def one_that_hangs() -> None:
        under_way = UnderWay()
        under_way.begin()
        await under_way.over(0.01)

    asyncio.run(one_that_hangs())


def test_without_requests_there_is_nothing_to_wait_for():
    asyncio.run(UnderWay().over(60))
