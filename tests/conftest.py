from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from engine.pair import Pair, pair
from postgres import Server, serving
from syncline import yamlfile

# No test is timed, and every run tries the same examples.
settings.register_profile("syncline", deadline=None, derandomize=True)
settings.load_profile("syncline")

# The same files are read by hundreds of tests.
yamlfile.parse = lru_cache(maxsize=64)(yamlfile.parse)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL of this test process, started by the first test that asks for it."""
    with serving() as server:
        yield server


@pytest.fixture
def database() -> str:
    """Where a project's store is. Some files of tests say otherwise."""
    return "sqlite:///syncline.db"


@pytest_asyncio.fixture
async def both(tmp_path: Path, database: str) -> AsyncIterator[Pair]:
    """Two empty companies of this test's own. Whatever it does, the journal tells it all."""
    async with pair(tmp_path, database) as found:
        yield found
        found.check_journal()
