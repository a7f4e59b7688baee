from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from hypothesis import settings

from engine.pair import Pair, pair

# No test is timed, and every run tries the same examples.
settings.register_profile("syncline", deadline=None, derandomize=True)
settings.load_profile("syncline")


@pytest_asyncio.fixture
async def both(tmp_path: Path) -> AsyncIterator[Pair]:
    """Two empty companies of this test's own. Whatever it does, the journal tells it all."""
    async with pair(tmp_path) as found:
        yield found
        found.check_journal()
