from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors_businesscentral.views import connected, faults
from sandbox_businesscentral.central import Central, running
from syncline.connectors.businesscentral.connector import BusinessCentral


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    """One company that all tests share: each makes its own records."""
    with running(tmp_path_factory.mktemp("connected"), "--open", "--empty") as central:
        yield central


@pytest.fixture
async def bc(sandbox: Central) -> AsyncIterator[BusinessCentral]:
    faults(sandbox)
    async with connected(sandbox) as connector:
        await connector.identity()  # so that a test counts only its own requests
        yield connector
    faults(sandbox)
