"""An answer is lost while the system is still at work: what it makes a moment later is found, and not made again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs

from connectors_businesscentral.between import between
from engine.pair import Pair
from sandbox_businesscentral import central
from syncline.engine.sync import sync
from syncline.project import load


@pytest.mark.parametrize("mark", [b'"displayName":"Late"', b'"externalDocumentNumber":"SO-1"'])
async def test_what_turns_up_late_is_made_once(both: Pair, mark: bytes) -> None:
    cut: list[bytes] = []

    def late(body: bytes) -> float | None:
        """The first request that creates it."""
        if mark in body and not cut:
            cut.append(body)
            return 0.6
        return None

    buyer = await both.erp.create("customers", {"name": "Late"})
    thing = await both.erp.create(
        "products", {"sku": "P1", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    line = {"productId": thing["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}
    await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": [line]})
    sandbox = central.Central(both.addresses["businesscentral"])
    async with between(sandbox, late=late) as address:
        config = both.folder / "syncline.yaml"
        config.write_text(config.read_text().replace(f"{sandbox.root}/", f"{address}/"))
        assert address in config.read_text()
        async with load(both.folder).open("a test") as setup:
            result = await sync(structs.replace(setup, settling=timedelta(seconds=1.5)))
        assert not (await both.verify()).differences
    assert cut
    assert not result.unfinished
    assert len(await both.central.all("customers")) == 1
    assert len(await both.central.all("salesOrders")) == 1
