from __future__ import annotations

import asyncio

import pytest

from engine.pair import Pair
from syncline.demo.systems import Declined


async def test_who_saves_while_others_do_reads_again_and_saves(both: Pair) -> None:
    """As in the live demo, where Syncline may write between a person's reading and saving."""
    ours = await both.erp.create("customers", {"name": "Ours"})
    theirs = await both.central.create("customers", {"type": "Company", "displayName": "Theirs"})
    said = {"email": "a@example.org", "phone": "+4971112345", "website": "https://example.org", "currency": "EUR"}
    told = {"email": "a@example.org", "phoneNumber": "+4971112345", "website": "example.org", "city": "Ulm"}
    await asyncio.gather(
        *(both.erp.change("customers", ours["id"], {name: value}) for name, value in said.items()),
        *(both.central.change("customers", theirs["id"], {name: value}) for name, value in told.items()),
    )
    assert said.items() <= (await both.erp.get("customers", ours["id"])).items()
    assert told.items() <= (await both.central.get("customers", theirs["id"])).items()


async def test_what_is_declined_for_another_reason_is_told(both: Pair) -> None:
    ours = await both.erp.create("customers", {"name": "Ours"})
    with pytest.raises(Declined) as declined:
        await both.erp.change("customers", ours["id"], {"name": "x" * 201})
    assert declined.value.status == 422
