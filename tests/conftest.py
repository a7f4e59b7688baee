from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path

import pytest_asyncio
from hypothesis import settings

from engine.pair import Pair, pair
from syncline import yamlfile

# No test is timed, and every run tries the same examples.
settings.register_profile("syncline", deadline=None, derandomize=True)
settings.load_profile("syncline")

# The same files are read by hundreds of tests.
yamlfile.parse = lru_cache(maxsize=64)(yamlfile.parse)


@pytest_asyncio.fixture
async def both(tmp_path: Path) -> AsyncIterator[Pair]:
    """Two empty companies of this test's own. Whatever it does, the journal tells it all."""
    async with pair(tmp_path) as found:
        yield found
        found.check_journal()
