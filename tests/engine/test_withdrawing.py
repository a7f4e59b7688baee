"""A record that Syncline created is deleted again, once, and what it was created from is left alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from engine.dying import Killed, Life, mortal
from engine.pair import Pair
from engine.undone import back, back_since
from syncline.engine.people.restoring import is_deletion, restore
from syncline.engine.people.reverting import CannotUndo
from syncline.engine.people.undoing import of_change, undo
from syncline.engine.people.withdrawing import is_creation
from syncline.engine.plan import apply, plan
from syncline.engine.sync import sync
from syncline.project import load
from syncline.records import LinkState, Ref
from syncline.store import Entry, Store


def opened(both: Pair) -> Store:
    return load(both.folder).open_store()


def journal(both: Pair) -> list[Entry]:
    with opened(both) as store:
        return list(store.journal(limit=100_000))


def creations(both: Pair) -> list[Entry]:
    return [entry for entry in journal(both) if is_creation(entry)]


def check_settled(both: Pair) -> None:
    """Nothing is wished or unheard any more."""
    with opened(both) as store:
        assert not store.wishes()
        assert not store.open_intents()
    both.check_journal()


def strict(both: Pair) -> None:
    """Deletions are passed on: the hardest of the policies for what is to stay."""
    for flow in ("contacts", "customers", "orders", "products"):
        both.change_flow(flow, "delete: ask", "delete: propagate")


async def customer(both: Pair, n: int = 1, **fields: Any) -> dict[str, Any]:
    told = {"name": f"Customer {n}", "organisationNumber": f"ORG{n}", "address": {"city": "Oslo"}}
    return await both.erp.create("customers", {**told, **fields})


async def order(both: Pair, buyer: dict[str, Any], n: int = 1) -> dict[str, Any]:
    thing = await both.erp.create(
        "products", {"sku": f"P{n}", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    line = {"productId": thing["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}
    return await both.erp.create("orders", {"orderNo": f"SO-{n}", "customerId": buyer["id"], "lines": [line]})


async def drop(both: Pair, entity: str, record: dict[str, Any]) -> None:
    """By a person, in the ERP."""
    etag = (await both.erp.get(entity, record["id"]))["etag"]
    await both.erp.ask("DELETE", f"{entity}/{record['id']}", headers={"If-Match": etag})


async def theirs(both: Pair) -> dict[str, dict[str, Any]]:
    return {c["displayName"]: c for c in await both.central.all("customers")}


async def test_what_was_created_is_deleted_and_what_it_was_created_from_stays_alone(both: Pair) -> None:
    strict(both)
    made = await customer(both)
    await both.sync()
    (created,) = creations(both)
    meant = back(both, created)
    assert [str(ref) for each in meant.withdrawn for ref in each.stays] == [f"customerp/customers/{made['id']}"]
    before = await both.erp.get("customers", made["id"])
    result = await both.sync()
    assert result.flows["customers"].deleted == {"businesscentral": 1}
    assert not await theirs(both)
    assert await both.erp.get("customers", made["id"]) == before
    (deleted,) = filter(is_deletion, journal(both))
    assert (deleted.ref, deleted.origin) == (created.ref, "customerp")
    assert deleted.note == "created by Syncline, undone by a person"
    assert deleted.whole is not None
    assert (deleted.whole.values["name"], deleted.whole.values["city"]) == ("Customer 1", "Oslo")
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    async with both.setup() as setup:
        assert (await sync(setup, scanning=True)).writes == 0
        (pair,) = setup.store.pairs("customers", None, 10)
    assert (pair.link.state, dict(pair.link.members)) == (LinkState.RESTING, {"customerp": made["id"]})
    assert not both.parked()
    assert not (await both.verify()).differences
    check_settled(both)


async def test_the_other_way_round_too(both: Pair) -> None:
    """Customerp tells its deletions in its feed: ours is no news."""
    strict(both)
    made = await both.central.create("customers", {"type": "Company", "displayName": "Theirs"})
    await both.sync()
    back(both, creations(both)[0])
    await both.sync()
    assert not await both.erp.all("customers")
    await both.central.change("customers", made["id"], {"city": "Bonn"})
    assert (await both.sync()).writes == 0
    assert [c["city"] for c in await both.central.all("customers")] == ["Bonn"]
    check_settled(both)


async def test_the_undo_can_be_undone(both: Pair) -> None:
    strict(both)
    made = await customer(both)
    await both.sync()
    back(both, creations(both)[0])
    await both.sync()
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    await both.sync()
    (deleted,) = filter(is_deletion, journal(both))
    project = load(both.folder)
    with project.open_store() as store:
        assert of_change(store, project.flows, deleted.seq).restored == (deleted,)
    async with both.setup() as setup:
        assert await restore(setup, deleted) is None
    await both.sync()
    assert [c["city"] for c in (await theirs(both)).values()] == ["Rome"], "it is as its counterpart is now"
    assert len(await both.erp.all("customers")) == 1
    await both.erp.change("customers", made["id"], {"phone": "+4721000000"})
    await both.sync()
    assert (await theirs(both))["Customer 1"]["phoneNumber"] == "+4721000000"
    async with both.setup() as setup:
        with pytest.raises(CannotUndo, match="took its place"):
            await restore(setup, deleted)
    assert not both.parked()
    assert not (await both.verify()).differences
    back(both, creations(both)[-1])
    await both.sync()
    assert not await theirs(both)
    check_settled(both)


async def test_the_undo_of_an_undo_finds_what_somebody_made_meanwhile(both: Pair) -> None:
    strict(both)
    await customer(both)
    await both.sync()
    back(both, creations(both)[0])
    await both.sync()
    (deleted,) = filter(is_deletion, journal(both))
    told = {"type": "Company", "displayName": "Customer 1", "taxRegistrationNumber": "ORG1"}
    await both.central.create("customers", told)
    await both.sync()
    assert [parked.cause for parked in both.parked()] == ["ambiguous"]
    async with both.setup() as setup:
        await restore(setup, deleted)
    await both.sync()
    assert not both.parked()
    assert len(await theirs(both)) == len(await both.erp.all("customers")) == 1
    assert not (await both.verify()).differences
    check_settled(both)


@pytest.mark.parametrize("passed", [False, True])
async def test_a_record_that_was_left_and_deleted_then_comes_back_whole(both: Pair, passed: bool) -> None:
    strict(both)
    made = await customer(both)
    await both.sync()
    back(both, creations(both)[0])
    await both.sync()
    await drop(both, "customers", made)
    if passed:
        await both.sync()
    (deleted,) = filter(is_deletion, journal(both))
    async with both.setup() as setup:
        assert await restore(setup, deleted) is not None
    await both.sync()
    assert [c["city"] for c in (await theirs(both)).values()] == ["Oslo"]
    assert [c["name"] for c in await both.erp.all("customers")] == ["Customer 1"]
    check_settled(both)


# --- later edits


async def test_what_was_edited_there_since_is_deleted_only_if_that_was_said(both: Pair) -> None:
    made = await customer(both)
    await both.sync()
    await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"city": "Bonn"})
    await both.sync()
    (created,) = creations(both)
    with pytest.raises(
        CannotUndo, match=r"changed in businesscentral since \(city\), which would be lost; --over-later"
    ):
        back(both, created)
    moment = datetime.fromtimestamp(0, UTC)
    assert "which would be lost" in next(k.why for k in back_since(both, moment).kept if k.entry.seq == created.seq)
    back(both, created, over_later=True)
    with pytest.raises(CannotUndo, match="the next pass deletes it already"):
        back(both, created, over_later=True)
    await both.sync()
    assert not await theirs(both)
    assert (await both.erp.get("customers", made["id"]))["address"]["city"] == "Bonn"
    check_settled(both)


@pytest.mark.parametrize("over_later", [False, True])
async def test_an_edit_that_nobody_has_seen_is_not_lost(both: Pair, over_later: bool) -> None:
    await customer(both)
    await both.sync()
    back(both, creations(both)[0], over_later=over_later)
    await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"city": "Bonn"})
    result = await both.sync()
    (told,) = result.void
    assert "was not deleted again: it was changed in businesscentral since (city)" in told
    assert [c["address"]["city"] for c in await both.erp.all("customers")] == ["Bonn"], "and all else goes on"
    assert [e.note for e in journal(both) if e.action == "void"] == [
        "not deleted again: it was changed in businesscentral since (city)"
    ]
    assert not (await both.sync()).void
    assert not (await both.verify()).differences
    check_settled(both)


async def test_an_edit_that_came_between_the_look_at_the_journal_and_the_wish_is_not_lost(both: Pair) -> None:
    """A pass has brought it in step meanwhile: only the journal still tells that it was there."""
    await customer(both)
    await both.sync()
    project = load(both.folder)
    with project.open_store() as store:
        made = of_change(store, project.flows, creations(both)[0].seq)
        await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"city": "Bonn"})
        await both.sync()
        undo(store, made, datetime.now(UTC))
    assert len((await both.sync()).void) == 1
    assert [c["city"] for c in (await theirs(both)).values()] == ["Bonn"]
    check_settled(both)


async def test_what_was_taken_out_of_the_flow_since_is_not_deleted(both: Pair) -> None:
    await customer(both)
    await both.sync()
    back(both, creations(both)[0])
    await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"type": "Person"})
    (told,) = (await both.sync()).void
    assert "it takes no part any more" in told
    assert list(await theirs(both)) == ["Customer 1"]
    check_settled(both)


async def test_an_edit_where_it_was_created_from_does_not_matter(both: Pair) -> None:
    strict(both)
    made = await customer(both)
    await both.sync()
    back(both, creations(both)[0])
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    await both.sync()
    assert not await theirs(both)
    assert (await both.erp.get("customers", made["id"]))["address"]["city"] == "Rome"
    check_settled(both)


class _Meddling:
    """A system in which somebody does something just before each write."""

    def __init__(self, system: Any, does: Callable[[], Awaitable[None]]) -> None:
        self._system = system
        self._does = does

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    async def write(self, *asked: Any) -> Any:
        await self._does()
        return await self._system.write(*asked)


class _Fatal:
    """A system that does what it is asked, and whoever asked dies of it."""

    def __init__(self, system: Any) -> None:
        self._system = system

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    async def write(self, *asked: Any) -> Any:
        await self._system.write(*asked)
        raise Killed


async def test_an_edit_between_the_look_and_the_deletion_is_not_lost(both: Pair) -> None:
    strict(both)
    await customer(both)
    await both.sync()
    (record,) = (await theirs(both)).values()
    back(both, creations(both)[0])
    cities = iter(["Bonn"])

    async def edit() -> None:
        if city := next(cities, None):
            await both.central.change("customers", record["id"], {"city": city})

    async with both.setup() as setup:
        systems = {**setup.systems, "businesscentral": _Meddling(setup.systems["businesscentral"], edit)}
        result = await sync(replace(setup, systems=systems))
    assert len(result.void) == 1
    assert [c["address"]["city"] for c in await both.erp.all("customers")] == ["Bonn"]
    check_settled(both)


async def test_a_touch_that_changes_nothing_does_not_keep_it(both: Pair) -> None:
    """Its version moves, and what it says does not: it is looked at again, and deleted."""
    strict(both)
    await customer(both)
    await both.sync()
    (record,) = (await theirs(both)).values()
    back(both, creations(both)[0])
    touches = iter([{"city": "Bonn"}])

    async def touch() -> None:
        for fields in touches:
            await both.central.change("customers", record["id"], fields)
            await both.central.change("customers", record["id"], {"city": "Oslo"})

    async with both.setup() as setup:
        systems = {**setup.systems, "businesscentral": _Meddling(setup.systems["businesscentral"], touch)}
        result = await sync(replace(setup, systems=systems))
    assert not result.void
    assert not await theirs(both)
    assert len(await both.erp.all("customers")) == 1
    check_settled(both)


async def test_what_somebody_else_deleted_before_leaves_its_counterpart_too(both: Pair) -> None:
    strict(both)
    await both.central.create("customers", {"type": "Company", "displayName": "Theirs"})
    await both.sync()
    back(both, creations(both)[0])
    (made,) = await both.erp.all("customers")
    await drop(both, "customers", made)
    result = await both.sync()
    assert result.writes == 0
    assert list(await theirs(both)) == ["Theirs"]
    assert not list(filter(is_deletion, journal(both))), "it is nobody's to undo"
    check_settled(both)


async def test_where_its_counterpart_is_deleted_at_the_same_time_nothing_is_left(both: Pair) -> None:
    made = await customer(both)
    await both.sync()
    back(both, creations(both)[0])
    await drop(both, "customers", made)
    await both.sync()
    assert not await theirs(both)
    assert not both.parked()
    with opened(both) as store:
        assert not store.pairs("customers", None, 10)
    check_settled(both)


# --- what refers to it


async def test_what_a_system_refuses_is_told_in_its_words_and_goes_on_as_before(both: Pair) -> None:
    strict(both)
    buyer = await customer(both)
    await order(both, buyer)
    await both.sync()
    back(both, next(entry for entry in creations(both) if entry.flow == "customers"))
    result = await both.sync()
    (told,) = result.void
    assert "was not deleted again: businesscentral refused it: " in told
    assert "You cannot delete Customer" in told
    await both.erp.change("customers", buyer["id"], {"address": {"city": "Rome"}})
    await both.sync()
    assert (await theirs(both))["Customer 1"]["city"] == "Rome"
    assert not both.parked()
    assert not (await both.verify()).differences
    check_settled(both)


async def test_everything_since_a_time_goes_before_what_it_refers_to(both: Pair) -> None:
    strict(both)
    kept = await customer(both, 0)
    await both.sync()
    moment = datetime.now(UTC)
    buyer = await customer(both)
    await order(both, buyer)
    await both.erp.change("customers", kept["id"], {"address": {"city": "Rome"}})
    await both.sync()
    made = back_since(both, moment)
    assert [each.link.flow for each in made.withdrawn] == ["orders", "products", "customers"]
    assert [(each.property, each.value) for each in made.back] == [("city", "Oslo")]
    assert {kept.why for kept in made.kept} == {"it was empty, and filled from businesscentral"}
    await both.sync()
    assert {name: c["city"] for name, c in (await theirs(both)).items()} == {"Customer 0": "Oslo"}
    assert not await both.central.all("salesOrders")
    assert not await both.central.all("items")
    assert [len(await both.erp.all(entity)) for entity in ("customers", "orders", "products")] == [2, 1, 1]
    assert (await both.sync()).writes == 0
    check_settled(both)
    again = back_since(both, moment)
    assert not again.withdrawn
    assert not again.restored
    assert {kept.why for kept in again.kept if is_creation(kept.entry)} == {"it was deleted again since"}
    assert not (await both.verify()).differences


async def test_what_pointed_to_it_goes_back_before_it_is_deleted(both: Pair) -> None:
    strict(both)
    placed = await order(both, await customer(both, 0))
    await both.sync()
    moment = datetime.now(UTC)
    new = await customer(both, 1)
    await both.erp.change("orders", placed["id"], {"customerId": new["id"], "billToCustomerId": new["id"]})
    await both.sync()
    assert [o["customerName"] for o in await both.central.all("salesOrders")] == ["Customer 1"]
    made = back_since(both, moment)
    assert {"customer", "billToCustomer"} <= {each.property for each in made.back}
    result = await both.sync()
    assert not result.void
    assert [o["customerName"] for o in await both.central.all("salesOrders")] == ["Customer 0"]
    assert list(await theirs(both)) == ["Customer 0"]
    assert len(await both.erp.all("customers")) == 2
    assert not (await both.verify()).differences
    check_settled(both)


async def test_what_others_refer_to_waits_until_they_are_gone(both: Pair) -> None:
    strict(both)
    moment = datetime.now(UTC)
    await order(both, await customer(both))
    await both.sync()
    back_since(both, moment)
    await both.fail("businesscentral", *[{"kind": "503", "match": "salesOrders", "method": "DELETE"}] * 40)
    result = await both.sync()
    assert not result.void
    assert result.unfinished
    assert list(await theirs(both)) == ["Customer 1"]
    await both.fail("businesscentral")
    assert not (await both.sync()).void
    assert not await theirs(both)
    assert len(await both.erp.all("customers")) == 1
    check_settled(both)


# --- whatever goes wrong


@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "503", "429", "500", "500-after"])
@pytest.mark.parametrize("side", ["customerp", "businesscentral"])
async def test_whatever_fails_on_the_way_it_is_deleted_once_in_the_end(both: Pair, side: str, kind: str) -> None:
    strict(both)
    for after in range(3):
        if side == "businesscentral":
            await customer(both, after)
        else:
            await both.central.create("customers", {"type": "Company", "displayName": f"Customer {after}"})
        await both.sync()
        back(both, creations(both)[-1])
        fault = {"kind": kind, "after": after, "retryAfter": 0}
        asked = {"match": "$batch", "method": "POST"} if side == "businesscentral" else {"method": "DELETE", "after": 0}
        await both.fail(side, {**fault, **asked})
        await both.sync()
        await both.fail(side)
        await both.sync()
        assert not await (both.central if side == "businesscentral" else both.erp).all("customers")
        assert len(await (both.erp if side == "businesscentral" else both.central).all("customers")) == after + 1
        assert len(list(filter(is_deletion, journal(both)))) == after + 1
        check_settled(both)
    assert not both.parked()


@pytest.mark.parametrize("side", ["customerp", "businesscentral"])
async def test_killed_after_any_effect_it_is_deleted_once_and_its_counterpart_never(both: Pair, side: str) -> None:
    strict(both)
    effects, killed = 0, True
    while killed:
        if side == "businesscentral":
            await customer(both, effects)
        else:
            await both.central.create("customers", {"type": "Company", "displayName": f"Customer {effects}"})
        await both.sync()
        back(both, creations(both)[-1])
        killed = False
        async with both.setup() as setup:
            try:
                await sync(mortal(setup, Life(effects)), scanning=True)
            except Killed:
                killed = True
        async with both.setup() as setup:
            await sync(setup, scanning=True)
        effects += 1
        assert not await (both.central if side == "businesscentral" else both.erp).all("customers")
        assert len(await (both.erp if side == "businesscentral" else both.central).all("customers")) == effects
        check_settled(both)
    assert effects > 10
    assert len(list(filter(is_deletion, journal(both)))) == effects
    assert not both.parked()
    assert (await both.sync()).writes == 0


async def test_many_that_were_sent_and_not_heard_of_do_not_alarm_anybody(both: Pair) -> None:
    """Customerp's feed tells that they are gone, before anybody knows that it was our own doing."""
    strict(both)
    moment = datetime.now(UTC)
    for n in range(12):
        await both.central.create("customers", {"type": "Company", "displayName": f"Customer {n}"})
    await both.sync()
    back_since(both, moment)
    async with both.setup() as setup:
        systems = {**setup.systems, "customerp": _Fatal(setup.systems["customerp"])}
        with pytest.raises(Killed):
            await sync(replace(setup, systems=systems))
    assert not await both.erp.all("customers")
    with opened(both) as store:
        assert len(store.open_intents()) == 12, "it died before it heard of any"
    await both.sync()
    assert len(await theirs(both)) == 12
    check_settled(both)


# --- plans


async def test_a_plan_shows_it_and_only_a_reviewed_one_is_done(both: Pair) -> None:
    strict(both)
    await customer(both, 1)
    await both.sync()
    await customer(both, 2)
    await both.sync()
    first, second = creations(both)
    back(both, first)
    async with both.setup() as setup:
        reviewed = await plan(setup)
        assert [(row.step, row.target, row.name, row.message) for row in reviewed.rows] == [
            ("delete", "businesscentral", "Customer 1", "undone: it was created by Syncline")
        ]
        assert len(setup.store.wishes()) == 1
        back(both, second)
        result, refused = await apply(setup, reviewed)
    assert (result.writes, refused) == (1, ())
    assert set(await theirs(both)) == {"Customer 2"}
    await both.sync()
    assert not await theirs(both)
    assert len(await both.erp.all("customers")) == 2
    check_settled(both)


# --- what was deleted


async def test_deletions_since_a_time_come_back_each_after_what_it_refers_to(both: Pair) -> None:
    strict(both)
    buyer = await customer(both)
    placed = await order(both, buyer)
    person = {"firstName": "Ann", "lastName": "Oak", "email": "a@b.example", "customerId": buyer["id"]}
    ann = await both.erp.create("contacts", person)
    await both.sync()
    await both.sync()
    moment = datetime.now(UTC)
    await drop(both, "orders", placed)
    await drop(both, "contacts", ann)
    await drop(both, "customers", buyer)
    await both.sync()
    assert not await theirs(both)
    made = back_since(both, moment)
    assert sorted(entry.flow for entry in made.restored) == ["contacts", "customers", "orders"]
    assert made.restored[0].flow == "customers"
    assert not made.back
    async with both.setup() as setup:
        for entry in made.restored:
            assert await restore(setup, entry) is not None
    await both.sync()
    (ours,) = await both.erp.all("customers")
    (again,) = await both.erp.all("orders")
    assert again["customerId"] == ours["id"]
    assert [line["quantity"] for line in again["lines"]] == [1]
    assert [o["customerName"] for o in await both.central.all("salesOrders")] == ["Customer 1"]
    assert [c["customerId"] for c in await both.erp.all("contacts")] == [ours["id"]]
    assert not both.parked()
    assert not (await both.verify()).differences
    again_since = back_since(both, moment)
    assert not again_since, "what an undo brought back is not undone by the same undo"
    with opened(both) as store:
        assert not store.links_of([Ref("customers", "customerp", buyer["id"])])
    check_settled(both)
