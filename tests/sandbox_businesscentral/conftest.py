from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from sandbox_businesscentral.central import Central, running
from sandbox_businesscentral.receiver import Receiver, receiving

_numbers = count(1)


@pytest.fixture(scope="session")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    """One empty company that all tests share: each makes its own records."""
    with running(tmp_path_factory.mktemp("central"), "--open", "--empty") as sandbox:
        yield sandbox


@pytest.fixture
def mark() -> str:
    """A text that no other test uses."""
    return f"M{next(_numbers):05d}"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    """Its window is so long that only a flush delivers."""
    with running(tmp_path_factory.mktemp("hub"), "--open", "--empty", "--notify-after", "86400") as sandbox:
        yield sandbox


@pytest.fixture
def receiver(hub: Central) -> Iterator[Receiver]:
    """Whoever subscribed to be told here no longer is afterwards."""
    with receiving() as found:
        yield found
        for each in hub.get("/subscriptions").value:
            assert hub.delete(f"/subscriptions('{each['subscriptionId']}')").status == 204
