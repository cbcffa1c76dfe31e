"""A real portal with two schools and two people of every role, for those who try to get at what is not theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from served_portal import Reader, Served, readers_of, serving

Readers = Callable[[str], Reader]


@pytest.fixture(scope="session")
def portal(tmp_path_factory) -> Iterator[Served]:
    """A portal that attacks must leave as it was."""
    folder = tmp_path_factory.mktemp("attacked")
    yield from serving(folder)


@pytest.fixture(scope="session")
def readers(portal) -> Readers:
    """Give the reader of a login, the same for all attacks."""
    return readers_of(portal)


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Iterator[Served]:
    """A portal for the attacks of one module, which may change accounts and use up patience."""
    yield from serving(tmp_path_factory.mktemp("own"))
