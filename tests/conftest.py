"""A real portal on a free port, a real headless Chromium that can reach nothing but this machine, a real data base server."""

from __future__ import annotations

import os
import shutil

import pytest
from visiting import Visit, login

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@pytest.fixture(scope="session")
def portal(tmp_path_factory):
    # Most tests need no portal: they do not wait for its libraries.
    import served_portal

    yield from served_portal.serving(tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="session")
def public_folder():
    """Give the folder of the public data sets; a test that asks for it is skipped on a machine that lacks them."""
    from riskmodel.bench.public_data import public_data
    from riskmodel.errors import UsageError

    try:
        return public_data()
    except UsageError:
        pytest.skip("the public data are not at hand; RISKMODEL_PUBLIC_DATA names their folder")


@pytest.fixture(scope="session")
def shared_semester(tmp_path_factory, worker_id):
    """Give a folder that all processes of one test session share, for the one real run of ``semester_run``."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "semester"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def postgres():
    """Give a PostgreSQL server of the tests' own, which does not wait for the disk."""
    import own_postgres

    from riskmodel.register import postgresql

    with own_postgres.serving(own_postgres.HASTY) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "NEEDED_OF_THE_SERVER", {})
        yield server


@pytest.fixture(scope="module")
def chromium():
    """Give a browser to one module: while it runs, its event loop stands in the way of every ``asyncio.run``."""
    path = os.environ.get("RISKMODEL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        if os.environ.get("CI"):
            pytest.fail("Chromium must be installed where CI is set")
        pytest.skip("Chromium is not installed; RISKMODEL_CHROMIUM may name it")
    playwright = pytest.importorskip("playwright.sync_api")
    # A sandbox cannot be set up by the super-user.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def readers(portal):
    """Give the reader of a login, the same for all tests."""
    import served_portal

    return served_portal.readers_of(portal)


@pytest.fixture
def visit(chromium, portal, readers):
    """Open pages of the portal; the test fails afterwards on any console error, dialog or foreign request."""
    opened = []

    def open_at(path: str, width: int = 1280, who: str = "three.schools", **context):
        """Open a page as ``who``; as nobody for an empty text. ``context`` is given to the browser as it is."""
        one = Visit(chromium, portal.address, width, **context)
        if who:
            login(one, readers(who))
        opened.append(one)
        return one.to(path)

    yield open_at
    trouble = [line for one in opened for line in one.trouble]
    for one in opened:
        one.context.close()
    assert trouble == []
