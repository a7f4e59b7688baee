from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from sandbox_customerp.erp import Erp, running

_numbers = count(1)


@pytest.fixture(scope="session")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """An empty sandbox that all tests share: each makes its own records."""
    with running(tmp_path_factory.mktemp("erp"), "--open", "--empty") as sandbox:
        yield sandbox


@pytest.fixture
def mark() -> str:
    """A text that no other test uses."""
    return f"M{next(_numbers):05d}"
