from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.calling import Systems
from sandbox_businesscentral import central
from sandbox_customerp import erp


@pytest.fixture(scope="session")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Two sandboxes that all tests share: each makes its own records, and finds those of others."""
    with (
        central.running(tmp_path_factory.mktemp("central"), "--open", "--empty") as businesscentral,
        erp.running(tmp_path_factory.mktemp("erp"), "--open", "--empty") as customerp,
    ):
        yield Systems(businesscentral, customerp)


@pytest.fixture
def project(systems: Systems, tmp_path: Path) -> Path:
    """A project of those two, as ``syncline init`` makes it."""
    return systems.project(tmp_path / "project")
