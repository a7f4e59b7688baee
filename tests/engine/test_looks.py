"""Small passes: they look only where something was announced, ask nothing else, and are as careful as whole ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from engine.pair import Pair
from syncline.engine import sync as passes
from syncline.engine.knowing import KeptCodes
from syncline.engine.setup import FlowSide, Setup
from syncline.engine.sync import look, sync
from syncline.records import Ref
from syncline.store import Sought

CUSTOMERS = ("customers", "customerp")


def _asked(setup: Setup) -> int:
    requests: Mapping[str, int] = setup.systems["businesscentral"].requests  # type: ignore[attr-defined]
    return sum(requests.values())


async def _customer(both: Pair) -> dict[str, Any]:
    return await both.erp.create("customers", {"name": "Aalto", "address": {"city": "Turku"}})


async def _central(both: Pair) -> dict[str, Any]:
    (found,) = await both.central.all("customers")
    return found


async def test_an_edit_costs_the_request_that_reads_it_and_the_one_that_writes_it(both: Pair) -> None:
    ours = await _customer(both)
    async with both.setup() as setup:
        codes: KeptCodes = {}
        await sync(setup, codes=codes)
        await both.erp.change("customers", ours["id"], {"address": {"city": "Helsinki"}})
        before = _asked(setup)
        assert (await look(setup, [CUSTOMERS], codes=codes)).writes == 1
        assert _asked(setup) - before == 1
    assert (await _central(both))["city"] == "Helsinki"


async def test_what_is_not_looked_at_is_not_seen(both: Pair) -> None:
    ours = await _customer(both)
    async with both.setup() as setup:
        await sync(setup)
        await both.erp.change("customers", ours["id"], {"address": {"city": "Helsinki"}})
        assert (await look(setup, [("products", "customerp")])).writes == 0
        assert (await look(setup, [])).writes == 0
        assert (await _central(both))["city"] == "Turku"
        assert (await look(setup, [CUSTOMERS])).writes == 1


async def test_a_code_that_was_added_since_is_known(both: Pair) -> None:
    ours = await _customer(both)
    async with both.setup() as setup:
        codes: KeptCodes = {}
        await sync(setup, codes=codes)
        await both.central.create("paymentTerms", {"code": "LATE", "dueDateCalculation": "45D"})
        await both.erp.change("customers", ours["id"], {"paymentTerms": "LATE"})
        result = await look(setup, [CUSTOMERS], codes=codes)
        assert result.writes == 1
        assert not +result.flows["customers"].parked
        assert not setup.store.parked()
        await both.erp.change("customers", ours["id"], {"paymentTerms": "NEVER"})
        result = await look(setup, [CUSTOMERS], codes=codes)
        assert result.flows["customers"].parked == {"untranslatable": 1}


async def test_a_record_that_is_said_to_be_deleted_is_looked_for(both: Pair) -> None:
    await _customer(both)
    both.change_flow("customers", "delete: ask", "delete: propagate")
    async with both.setup() as setup:
        await sync(setup)
        theirs = await _central(both)
        rumours = [Ref("customers", "businesscentral", id_) for id_ in (theirs["id"], "nobody")]
        assert (await look(setup, [], rumours)).writes == 0
        assert len(await both.erp.all("customers")) == 1
        await both.central.ask("DELETE", f"customers({theirs['id']})", headers={"If-Match": theirs["@odata.etag"]})
        await look(setup, [], rumours)
        assert not await both.erp.all("customers")


async def test_before_everything_was_listed_a_look_is_a_whole_pass(both: Pair) -> None:
    """Else what the other side has already would be made there once more."""
    await both.erp.create("customers", {"name": "Aalto", "organisationNumber": "ORG1"})
    await both.central.create("customers", {"displayName": "Aalto Oy", "taxRegistrationNumber": "ORG1"})
    async with both.setup() as setup:
        result = await look(setup, [CUSTOMERS])
        assert result.flows["customers"].linked == 1
    assert len(await both.central.all("customers")) == 1
    assert len(await both.erp.all("customers")) == 1


async def test_an_edit_does_not_wait_for_a_backfill(both: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for one of another flow."""
    monkeypatch.setattr(passes, "_SHORT", 5)
    ours = await both.erp.create("contacts", {"firstName": "Aino", "lastName": "Aalto"})
    async with both.setup() as setup:
        await sync(setup)
        for n in range(20):
            await both.erp.create("products", {"sku": f"P{n}", "name": f"Thing {n}", "kind": "stock", "unit": "PCS"})
        glances: list[int] = []

        def glance() -> tuple[Sequence[FlowSide], Sequence[Ref]]:
            """After the first turn somebody edits the contact, and that is announced."""
            glances.append(setup.store.newest())
            if len(glances) > 1:
                return (), ()
            address = f"{both.addresses['customerp']}/api/contacts/{ours['id']}"
            assert httpx.patch(address, json={"jobTitle": "Head"}, headers={"If-Match": "*"}).status_code == 200
            return [("contacts", "customerp")], ()

        result = await sync(setup, glance=glance)
        assert result.flows["products"].created["businesscentral"] == 20
        assert result.flows["contacts"].updated["businesscentral"] == 1
        assert len(glances) >= 4  # one a turn of the backfill
        entries = setup.store.sought(Sought(flow="contacts", action="updated"), 10).entries
        (edit,) = (each for each in entries if each.property == "jobTitle")
        assert glances[0] < edit.seq <= glances[1]
