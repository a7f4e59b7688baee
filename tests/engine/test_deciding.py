"""What people decide about values: a conflict that is resolved, and a property that both systems rewrite."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from engine.dying import Killed, Life, mortal
from engine.pair import Pair
from syncline.engine.sync import sync
from syncline.project import load
from syncline.records import Answer, Value
from syncline.store import Entry, Memory, Store


def opened(both: Pair) -> Store:
    return load(both.folder).open_store()


def answer(both: Pair, name: str, value: Value, seen: Mapping[str, Value], line: str | None = None) -> None:
    """A person says so, of the only link that has the property."""
    with opened(both) as store:
        flow = "orders" if line else "customers"
        (pair,) = store.pairs(flow, None, 10)
        said = Answer(
            link=pair.link.id, property=name, line=line, value=value, seen=seen, note="chosen", at=datetime.now(UTC)
        )
        store.save(Memory(answers=[said]))


def journal(both: Pair, *actions: str) -> list[Entry]:
    with opened(both) as store:
        return [entry for entry in store.journal(limit=10_000) if entry.action in actions]


async def linked(both: Pair, city: str = "Oslo") -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer that both sides have, as each has it."""
    ours = await both.erp.create(
        "customers", {"name": "Alder", "organisationNumber": "ORG1", "address": {"city": city}}
    )
    await both.sync()
    (theirs,) = await both.central.all("customers")
    return ours, theirs


async def cities(both: Pair) -> tuple[str, str]:
    ((ours,), (theirs,)) = (await both.erp.all("customers"), await both.central.all("customers"))
    return ours["address"]["city"], theirs["city"]


async def test_what_a_person_says_is_written_to_both_sides_and_journaled(both: Pair) -> None:
    await linked(both)
    answer(both, "city", "Bergen", {"customerp": "Oslo", "businesscentral": "Oslo"})
    result = await both.sync()
    assert await cities(both) == ("Bergen", "Bergen")
    assert (result.writes, result.void, both.parked()) == (2, [], [])
    told = [(e.ref.side, e.old, e.new, e.origin, e.note) for e in journal(both, "updated")[-2:] if e.ref]
    assert sorted(told) == [
        ("businesscentral", "Oslo", "Bergen", None, "chosen"),
        ("customerp", "Oslo", "Bergen", None, "chosen"),
    ]
    with opened(both) as store:
        assert not store.answered_links()
    assert (await both.sync()).writes == 0
    assert not (await both.verify()).differences


async def test_an_answer_is_void_where_a_side_was_changed_since(both: Pair) -> None:
    _, theirs = await linked(both)
    answer(both, "city", "Bergen", {"customerp": "Oslo", "businesscentral": "Oslo"})
    await both.central.change("customers", theirs["id"], {"city": "Bonn"})
    result = await both.sync()
    assert await cities(both) == ("Bonn", "Bonn"), "the later edit stands"
    assert len(result.void) == 1
    assert "city was not chosen: it was changed since" in result.void[0]
    (void,) = journal(both, "void")
    assert (void.property, void.new) == ("city", "Bergen")
    with opened(both) as store:
        assert not store.answered_links()


@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "503"])
async def test_an_answer_is_done_once_whatever_goes_wrong(both: Pair, kind: str) -> None:
    await linked(both)
    answer(both, "city", "Bergen", {"customerp": "Oslo", "businesscentral": "Oslo"})
    await both.fail("businesscentral", {"kind": kind, "match": "$batch", "method": "POST", "after": 0, "retryAfter": 0})
    await both.fail("customerp", {"kind": kind, "match": "customers", "method": "PATCH", "retryAfter": 0})
    await both.sync()
    await both.fail("businesscentral")
    await both.fail("customerp")
    await both.sync()
    assert await cities(both) == ("Bergen", "Bergen")
    with opened(both) as store:
        assert not store.answered_links()
    assert not journal(both, "void")
    assert not (await both.verify()).differences


async def test_an_answer_about_a_line_changes_that_line(both: Pair) -> None:
    thing = await both.erp.create(
        "products", {"sku": "P", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    buyer = await both.erp.create("customers", {"name": "Alder"})
    lines = [{"productId": thing["id"], "quantity": n, "unit": "PCS", "unitPrice": 10} for n in (2, 3)]
    made = await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": lines})
    await both.sync()
    with opened(both) as store:
        ((pair,), second) = (store.pairs("orders", None, 10), 1)
        line = pair.shadows["customerp"].lines[second]
        seen = {s: x.values["quantity"] for s, sh in pair.shadows.items() for x in sh.lines if x.line == line.line}
    answer(both, "quantity", 7, seen, line.line)
    await both.sync()
    assert [each["quantity"] for each in (await both.erp.get("orders", made["id"]))["lines"]] == [2, 7]
    ((theirs,),) = (await both.central.all("salesOrders", "$expand=salesOrderLines"),)
    told = sorted(theirs["salesOrderLines"], key=lambda each: each["sequence"])
    assert [each["quantity"] for each in told] == [2, 7]
    assert not (await both.verify()).differences


async def test_an_answer_about_a_record_that_rests_is_dropped(both: Pair) -> None:
    _, theirs = await linked(both)
    await both.central.change("customers", theirs["id"], {"type": "Person"})
    await both.sync()
    answer(both, "city", "Bergen", {"customerp": "Oslo", "businesscentral": "Oslo"})
    result = await both.sync()
    assert await cities(both) == ("Oslo", "Oslo")
    assert ["resting" in told for told in result.void] == [True]
    assert not (await both.sync()).void


async def test_killed_after_any_effect_an_answer_is_done_once_and_never_void(both: Pair) -> None:
    await linked(both)
    before, effects, killed = "Oslo", 0, True
    while killed:
        city = f"City {effects}"
        answer(both, "city", city, {"customerp": before, "businesscentral": before})
        killed = False
        async with both.setup() as setup:
            try:
                await sync(mortal(setup, Life(effects)))
            except Killed:
                killed = True
        await both.sync()
        assert await cities(both) == (city, city)
        before, effects = city, effects + 1
    assert effects > 10
    assert not journal(both, "void", "lost")
    assert not (await both.verify()).differences


# --- ping-pong


async def rewrite(both: Pair) -> None:
    """What the two systems do by themselves, some time after they were written to."""
    ((ours,), (theirs,)) = (await both.erp.all("customers"), await both.central.all("customers"))
    if ours["address"]["city"] != ours["address"]["city"].title():
        await both.erp.change("customers", ours["id"], {"address": {"city": ours["address"]["city"].title()}})
    if theirs["city"] != theirs["city"].upper():
        await both.central.change("customers", theirs["id"], {"city": theirs["city"].upper()})


async def until_held(both: Pair) -> int:
    """How many passes it takes."""
    for passes in range(20):
        if both.parked():
            return passes
        await rewrite(both)
        await both.sync()
    raise AssertionError("it goes on for ever")


async def test_what_both_systems_keep_rewriting_is_held_and_named_with_both_rules(both: Pair) -> None:
    ours, theirs = await linked(both)
    assert await until_held(both) == 7
    (parked,) = both.parked()
    assert parked.cause == "conflict"
    assert parked.message == (
        "city is rewritten by both systems time and again: Oslo (customerp) or OSLO (businesscentral) "
        "(customerp's address.city is text(100); businesscentral's city is Text[30])"
    )
    await both.erp.change("customers", ours["id"], {"phone": "+4721000000"})
    assert (await both.sync()).writes == 1, "all else goes on"
    assert (await both.central.get("customers", theirs["id"]))["phoneNumber"] == "+4721000000"
    assert await cities(both) == ("Oslo", "OSLO")
    assert len(both.parked()) == 1


async def test_a_person_ends_it_and_it_is_held_again_at_once_if_it_goes_on(both: Pair) -> None:
    await linked(both)
    await until_held(both)
    answer(both, "city", "Oslo", {"customerp": "Oslo", "businesscentral": "OSLO"})
    with opened(both) as store:
        store.save(Memory(arrivals=_due(store)))
    await both.sync()
    assert await cities(both) == ("Oslo", "Oslo")
    assert not both.parked()
    await rewrite(both)
    assert (await both.sync()).writes == 0
    assert [parked.cause for parked in both.parked()] == ["conflict"]


def _due(store: Store) -> list[Any]:
    refs = [parked.ref for parked in store.parked()]
    links = store.links([parked.link for parked in store.parked() if parked.link])
    refs += [type(refs[0])(x.flow, side, id_) for x in links.values() for side, id_ in x.members.items()]
    return [replace(arrival, due=arrival.seen) for arrival in store.arrivals(refs).values()]


class _Rewriting:
    """A system after each of whose writes both systems' jobs run."""

    def __init__(self, system: Any, both: Pair) -> None:
        self._system = system
        self._both = both

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    async def write(self, *asked: Any) -> Any:
        outcomes = await self._system.write(*asked)
        await rewrite(self._both)
        return outcomes


async def test_one_pass_ends_though_both_systems_rewrite_while_it_works(both: Pair) -> None:
    await linked(both)
    await rewrite(both)
    async with both.setup() as setup:
        systems: dict[str, Any] = {side: _Rewriting(system, both) for side, system in setup.systems.items()}
        result = await sync(replace(setup, systems=systems))
    assert [parked.cause for parked in both.parked()] == ["conflict"]
    assert (result.writes, result.unfinished) == (6, [])
    assert result.flows["customers"].parked["conflict"] == 1
