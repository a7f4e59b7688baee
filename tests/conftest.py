from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from engine.pair import Pair, pair


@pytest_asyncio.fixture
async def both(tmp_path: Path) -> AsyncIterator[Pair]:
    """Two empty companies of this test's own."""
    async with pair(tmp_path) as found:
        yield found
