from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres import store_in
from syncline.store import Store


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """A place for a store that no other test has, in SQLite."""
    return f"sqlite:///{tmp_path}/kept/syncline.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, file_url: str) -> str:
    """Such a place, in either database."""
    return store_in(request.param, request, file_url.removeprefix("sqlite:///"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as store:
        yield store
