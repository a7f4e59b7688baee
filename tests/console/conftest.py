from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.kept import BC, ERP, kept
from console.filled import Filled, filled
from console.serving import Console, console
from syncline.project import load
from syncline.store import Memory


@pytest.fixture
def folder(tmp_path: Path, database: str) -> Path:
    """A project whose systems nobody reaches, and its store."""
    made = kept(tmp_path / "project", database)
    with load(made).open_store() as store:
        store.save(Memory(listed=[(flow, side) for flow in ("customers", "orders") for side in (ERP, BC)]))
    return made


@pytest.fixture
def here(folder: Path) -> Iterator[Console]:
    """Its console, with a user of each role."""
    with console(folder) as served:
        yield served


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Two systems and a store that a module's tests share."""
    with filled(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture(scope="module")
def open_console(company: Filled) -> Iterator[Console]:
    with console(company.folder) as served:
        yield served
