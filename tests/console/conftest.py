from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.kept import kept
from console.filled import Filled, filled
from console.serving import Console, console


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose systems nobody reaches, and its store."""
    return kept(tmp_path / "project")


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
