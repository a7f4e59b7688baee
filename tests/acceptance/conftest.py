from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.calling import Systems
from sandbox_businesscentral import central
from sandbox_customerp import erp


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Two test companies: a small trading house in Business Central, and an ERP that has nothing yet."""
    with (
        central.running(tmp_path_factory.mktemp("central"), "--open") as businesscentral,
        erp.running(tmp_path_factory.mktemp("erp"), "--open", "--empty") as customerp,
    ):
        yield Systems(businesscentral, customerp)


@pytest.fixture
def project(systems: Systems, tmp_path: Path) -> Path:
    """A project of those two that says they may be tested in, and which dimensions an order may have."""
    folder = systems.project(tmp_path / "project")
    companies = f"{{businesscentral: '{systems.central.name}', customerp: '{systems.erp.address[7:]}/api'}}"
    with (folder / "syncline.yaml").open("a") as file:
        file.write(
            f"accept:\n  companies: {companies}\n"
            "  values: {orders: {department: [SALES, ADM], project: [NORTH, SOUTH]}}\n"
        )
    return folder
