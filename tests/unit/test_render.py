"""Rendering in real kernels: whole or not at all, once per key, and no kernel left that held data."""

from __future__ import annotations

import asyncio
import gc
import logging
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from voila.configuration import VoilaConfiguration
from zmq import Socket

from riskmodel.portal import kernels, render
from riskmodel.portal.kernels import KernelPool
from riskmodel.portal.render import BusyError, Key, Rendering, RenderingError, ViewRenderer, with_parameters

SHOW = "from riskmodel.views import notebook, pages"
END = "notebook.end(nonce)"
METADATA = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}


def _view(*sources):
    cells = [nbformat.v4.new_code_cell('extract: str = ""\nnonce: str = ""', metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in (SHOW, *sources)]
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def _render(views, ask):
    """Run ``ask(rendering)`` on views of a test's own and return what it gives, and the pool's folder."""

    async def run():
        rendering = Rendering(KernelPool(1), VoilaConfiguration())
        rendering.notebooks = views
        try:
            return await ask(rendering)
        finally:
            await rendering.close()
            assert not rendering.pool.folder.exists()

    # In a thread of its own: a browser that another test has opened keeps a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def _one(view, text="x"):
    return _render(
        {"v": view}, lambda rendering: rendering.fragment(Key("r", "v", "u", "lv"), lambda: {"extract": text})
    )


def test_a_view_gets_its_extract_and_gives_its_html_without_the_mark_of_the_end():
    html = _one(_view("pages.Fragment('<p>' + extract + '</p>')", END), "a\"'\n\\u0101")
    assert html == "<p>a\"'\n\\u0101</p>"


def test_a_text_that_looks_like_code_stays_a_text():
    hostile = "'''); import os; os._exit(3) #\n\"\"\""
    assert _one(_view("pages.Fragment(str(extract.count('os')))", END), hostile) == "2"


def test_a_view_that_fails_shows_nothing_and_its_text_is_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(RenderingError) as error:
        _one(_view("pages.Fragment('half')", "raise ValueError('canary ' + extract)", END), "canary")
    assert str(error.value) == "ValueError"
    assert "canary" not in caplog.text


def test_a_view_that_does_not_come_to_its_end_shows_nothing():
    with pytest.raises(RenderingError, match="NotToTheEnd"):
        _one(_view("pages.Fragment('half')"))


def test_a_view_cannot_pretend_its_end():
    with pytest.raises(RenderingError, match="NotToTheEnd"):
        _one(_view("pages.Fragment('<!-- end of view x -->')"))


def test_a_view_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(render, "VIEW_SECONDS", 2.0)
    with pytest.raises(RenderingError):
        _one(_view("while True: pass", END))


def test_a_kernel_that_dies_shows_nothing():
    with pytest.raises(RenderingError):
        _one(_view("import os; os._exit(1)", END))


def test_a_page_that_grows_too_large_is_not_shown(monkeypatch):
    monkeypatch.setattr(render, "PAGE_BYTES", 100)
    with pytest.raises(RenderingError, match="PageTooLarge"):
        _one(_view("pages.Fragment('x' * 200)", END))


def test_many_who_ask_for_one_page_get_one_rendering_and_a_kernel_never_serves_two():
    view = _view("import os", "pages.Fragment(str(os.getpid()))", END)

    async def ask(rendering):
        made = []

        def parameters():
            made.append(1)
            return {"extract": "x"}

        same = await asyncio.gather(*(rendering.fragment(Key("r", "v", "u", "lv"), parameters) for _ in range(20)))
        other = await rendering.fragment(Key("r", "v", "other", "lv"), parameters)
        again = await rendering.fragment(Key("r", "v", "u", "lv"), parameters)
        return same, other, again, len(made)

    same, other, again, renderings = _render({"v": view}, ask)
    assert set(same) == {again}
    assert other != again
    assert renderings == 2


def test_a_failure_is_not_kept():
    async def ask(rendering):
        with pytest.raises(RenderingError):
            await rendering.fragment(Key("r", "v", "u", "lv"), lambda: {"extract": "x"})
        rendering.notebooks["v"] = _view("pages.Fragment('whole')", END)
        return await rendering.fragment(Key("r", "v", "u", "lv"), lambda: {"extract": "x"})

    assert _render({"v": _view("1 / 0", END)}, ask) == "whole"


def test_too_many_who_wait_are_sent_away(monkeypatch):
    monkeypatch.setattr(render, "MOST_WAITING", 1)

    async def ask(rendering):
        first = asyncio.create_task(rendering.fragment(Key("r", "v", "1", "lv"), lambda: {"extract": "x"}))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await rendering.fragment(Key("r", "v", "2", "lv"), lambda: {"extract": "x"})
        return await first

    assert _render({"v": _view("pages.Fragment('one')", END)}, ask) == "one"


def test_the_oldest_page_leaves_when_the_memory_is_full(monkeypatch):
    monkeypatch.setattr(render, "CACHE_BYTES", 1500)

    async def ask(rendering):
        made = []
        for unit in ("1", "2", "3", "1"):

            def parameters(unit=unit):
                made.append(unit)
                return {"extract": unit}

            await rendering.fragment(Key("r", "v", unit, "lv"), parameters)
        return made

    # Digests do not become smaller when they are packed: 1,280 letters take about 700 bytes.
    digests = "''.join(sha256(f'{extract} {n}'.encode()).hexdigest() for n in range(20))"
    view = _view("from hashlib import sha256", f"pages.Fragment({digests})", END)
    assert _render({"v": view}, ask) == ["1", "2", "3", "1"]


def test_whoever_has_waited_too_long_is_sent_away_and_the_page_before_still_comes(monkeypatch):
    monkeypatch.setattr(render, "RENDERINGS_AT_ONCE", 1)
    monkeypatch.setattr(render, "WAIT_SECONDS", 0.2)

    async def ask(rendering):
        first = asyncio.create_task(rendering.fragment(Key("r", "v", "1", "lv"), lambda: {"extract": "x"}))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await rendering.fragment(Key("r", "v", "2", "lv"), lambda: {"extract": "x"})
        return await first

    assert _render({"v": _view("import time; time.sleep(1)", "pages.Fragment('one')", END)}, ask) == "one"


def test_there_are_never_more_kernels_than_places_for_them(monkeypatch):
    monkeypatch.setattr(kernels, "MOST_ALIVE", 2)
    monkeypatch.setattr(render, "WAIT_SECONDS", 200)
    alive, most = 0, 0
    start, shut_down = AsyncKernelManager.start_kernel, AsyncKernelManager.shutdown_kernel

    async def counted_start(manager, **given):
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        await start(manager, **given)

    async def counted_shut_down(manager, **given):
        nonlocal alive
        await shut_down(manager, **given)
        alive -= 1

    monkeypatch.setattr(AsyncKernelManager, "start_kernel", counted_start)
    monkeypatch.setattr(AsyncKernelManager, "shutdown_kernel", counted_shut_down)

    async def ask(rendering):
        units = [rendering.fragment(Key("r", "v", str(n), "lv"), lambda: {"extract": "x"}) for n in range(5)]
        return await asyncio.gather(*units)

    assert _render({"v": _view("pages.Fragment('one')", END)}, ask) == ["one"] * 5
    assert most == 2
    assert alive == 0


def test_a_parameter_that_the_view_does_not_declare_is_refused():
    with pytest.raises(ValueError, match="code"):
        with_parameters(_view(END), {"code": "x"})


def test_a_kernel_sees_no_more_of_the_environment_than_it_is_given(monkeypatch):
    monkeypatch.setenv("RISKMODEL_CANARY", "canary")
    names = _one(_view("import os", "pages.Fragment(' '.join(sorted(os.environ)))", END)).split()
    assert "RISKMODEL_CANARY" not in names
    given = {"PATH", "HOME", "LANG", "IPYTHONDIR", "JPY_PARENT_PID", "JPY_SESSION_NAME", "LC_CTYPE"}
    set_by_the_kernel_itself = {
        "PYDEVD_USE_FRAME_EVAL",
        "TERM",
        "CLICOLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "PAGER",
        "GIT_PAGER",
        "MPLBACKEND",
    }
    assert set(names) <= given | set_by_the_kernel_itself


def test_nothing_that_made_a_page_stays_when_it_is_out():
    kinds = (ViewRenderer, AsyncKernelManager, AsyncKernelClient, Socket, nbformat.NotebookNode, asyncio.Task)

    async def counts(rendering, unit):
        await rendering.fragment(Key("r", "v", unit, "lv"), lambda: {"extract": unit})
        while rendering.pool._leaving or rendering.pool._later or not all(one.done() for one in rendering.pool._ready):
            await asyncio.sleep(0.05)
        gc.collect()
        objects = gc.get_objects()
        # By their types: to ask some objects of libraries what they are raises an error.
        return {kind.__name__: sum(issubclass(type(one), kind) for one in objects) for kind in kinds}

    async def ask(rendering):
        return [await counts(rendering, unit) for unit in "1234"]

    _, second, third, fourth = _render({"v": _view("pages.Fragment(extract)", END)}, ask)
    assert second == third == fourth
    assert second["AsyncKernelManager"] >= 1  # the one that waits
