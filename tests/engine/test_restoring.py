"""A record that Syncline deleted comes back whole, once, and finds its counterpart again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.dying import Killed, Life, mortal
from engine.pair import Pair
from syncline.engine.people.restoring import is_deletion, restore
from syncline.engine.people.reverting import CannotUndo
from syncline.project import load
from syncline.store import Entry

KEPT = ("number", "displayName", "city", "taxRegistrationNumber", "creditLimit", "paymentTermsId")


async def deleted(both: Pair) -> dict[str, Any]:
    """A customer that a person deleted in the ERP, and Syncline in Business Central: as that had it."""
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made = await both.erp.create(
        "customers",
        {
            "name": "Alder",
            "organisationNumber": "ORG1",
            "address": {"city": "Oslo"},
            "creditLimit": 1500.5,
            "paymentTerms": "30D",
        },
    )
    await both.sync()
    (theirs,) = await both.central.all("customers")
    await drop(both, made["id"])
    await both.sync()
    assert not await both.central.all("customers")
    return theirs


async def drop(both: Pair, id_: str) -> None:
    etag = (await both.erp.get("customers", id_))["etag"]
    await both.erp.ask("DELETE", f"customers/{id_}", headers={"If-Match": etag})


def told(both: Pair) -> Entry:
    """That Syncline deleted it."""
    project = load(both.folder)
    with project.open_store() as store:
        (entry,) = filter(is_deletion, store.journal(limit=1_000))
    return entry


async def test_what_was_deleted_is_created_again_whole_and_linked(both: Pair) -> None:
    theirs = await deleted(both)
    entry = told(both)
    async with both.setup() as setup:
        ref = await restore(setup, entry)
    (again,) = await both.central.all("customers")
    assert ref is not None
    assert again["id"] == ref.id
    assert {name: again[name] for name in KEPT} == {name: theirs[name] for name in KEPT}
    await both.sync()
    (ours,) = await both.erp.all("customers")
    assert (ours["name"], ours["creditLimit"], ours["address"]["city"]) == ("Alder", 1500.5, "Oslo")
    assert not both.parked()
    assert not (await both.verify()).differences
    assert (await both.sync()).writes == 0


async def test_it_finds_the_counterpart_that_somebody_made_again(both: Pair) -> None:
    await deleted(both)
    async with both.setup() as setup:
        await restore(setup, told(both))
    await both.erp.create("customers", {"name": "Alder", "organisationNumber": "ORG1"})
    await both.sync()
    assert len(await both.erp.all("customers")) == len(await both.central.all("customers")) == 1
    assert not (await both.verify()).differences


async def test_what_is_there_already_is_not_created_twice(both: Pair) -> None:
    await deleted(both)
    entry = told(both)
    async with both.setup() as setup:
        await restore(setup, entry)
        with pytest.raises(CannotUndo, match=r"businesscentral has a record with the number .* already"):
            await restore(setup, entry)
    assert len(await both.central.all("customers")) == 1


async def test_what_a_system_will_not_have_is_told_in_its_words(both: Pair) -> None:
    await deleted(both)
    entry = told(both)
    assert entry.whole is not None
    long = replace(entry, whole=replace(entry.whole, values={**entry.whole.values, "name": "N" * 101}))
    async with both.setup() as setup:
        with pytest.raises(CannotUndo, match=r"It was not created in businesscentral: .*length of the string is 101"):
            await restore(setup, long)
        assert not setup.store.open_intents()
    await both.sync()
    assert not await both.central.all("customers")


async def test_what_points_to_a_record_that_is_gone_waits_for_that_to_be_restored_first(both: Pair) -> None:
    await deleted(both)
    entry = told(both)
    assert entry.whole is not None
    buyer = replace(entry, flow="orders", whole=replace(entry.whole, values={"customer": "gone"}))
    async with both.setup() as setup:
        with pytest.raises(CannotUndo, match="It waits for what it points to, which is not in businesscentral yet"):
            await restore(setup, buyer)


async def test_killed_after_any_effect_it_is_created_once(both: Pair) -> None:
    await deleted(both)
    entry = told(both)
    effects, killed = 0, True
    while killed:
        killed = False
        async with both.setup() as setup:
            try:
                await restore(mortal(setup, Life(effects)), entry)
            except Killed:
                killed = True
        await both.sync()
        found = await both.central.all("customers")
        assert len(found) == len(await both.erp.all("customers")) <= 1
        if found:
            await drop(both, (await both.erp.all("customers"))[0]["id"])
            await both.sync()
        effects += 1
    assert effects > 3


async def test_only_what_syncline_deleted_is_restored(both: Pair) -> None:
    await deleted(both)
    async with both.setup() as setup:
        entries = setup.store.journal(limit=1_000)
        told = {(e.action, e.ref.side) for e in entries if is_deletion(e) and e.ref}
        assert told == {("deleted", "businesscentral")}
