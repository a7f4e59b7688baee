"""Matching without accidents: made twice, made on both sides at once, kept apart, linked and unlinked by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from msgspec import structs

from engine.pair import Pair
from syncline.engine.people.joining import CannotJoin, keep_apart, link, unlink
from syncline.engine.plan import plan
from syncline.engine.setup import Setup
from syncline.engine.sync import sync
from syncline.records import Ref, Unknown
from syncline.store import Memory, Parked

ERP, BC = "customerp", "businesscentral"


async def ours(both: Pair, name: str, **fields: Any) -> Ref:
    made = await both.erp.create("customers", {"name": name, **fields})
    return Ref("customers", ERP, made["id"])


async def theirs(both: Pair, name: str, **fields: Any) -> Ref:
    made = await both.central.create("customers", {"type": "Company", "displayName": name, **fields})
    return Ref("customers", BC, made["id"])


async def names(both: Pair) -> tuple[list[str], list[str]]:
    """What each side has."""
    left, right = await both.erp.all("customers"), await both.central.all("customers")
    return sorted(c["name"] for c in left), sorted(c["displayName"] for c in right)


def parked(both: Pair) -> dict[Ref, Parked]:
    return {each.ref: each for each in both.parked()}


async def counterpart(both: Pair, ref: Ref) -> Ref:
    async with both.setup() as setup:
        (found,) = setup.store.links(setup.store.links_of([ref]).values()).values()
    return next(Ref(ref.flow, side, id_) for side, id_ in found.members.items() if side != ref.side)


async def linked(both: Pair, name: str, number: str) -> tuple[Ref, Ref]:
    """A record that both sides have, each with a customer number of its own."""
    pair = await ours(both, name, organisationNumber=number), await theirs(both, name, taxRegistrationNumber=number)
    await both.sync()
    assert await counterpart(both, pair[0]) == pair[1]
    return pair


async def says(both: Pair, *what: Callable[[Any], object]) -> None:
    """A person says something, and the next pass does it."""
    async with both.setup() as setup:
        for each in what:
            each(setup)
        result = await sync(setup)
        assert not result.unfinished


def same(*refs: Ref) -> Callable[[Any], object]:
    return lambda setup: link(setup.store, setup.flows[refs[0].flow], refs, datetime.now(UTC))


def ends(ref: Ref) -> Callable[[Any], object]:
    return lambda setup: unlink(setup.store, ref, datetime.now(UTC))


def apart(*refs: Ref) -> Callable[[Any], object]:
    return lambda setup: keep_apart(setup.store, {frozenset((a, b)) for a in refs for b in refs if a != b}, setup.now())


Write: TypeAlias = Callable[..., Awaitable[Any]]
"""Called instead of Business Central's ``write``, with that and what it is given."""


def writing(setup: Setup, write: Write) -> Setup:
    class Between:
        def __init__(self, system: Any) -> None:
            self._system = system

        def __getattr__(self, name: str) -> Any:
            return getattr(self._system, name)

        async def write(self, *what: Any) -> Any:
            return await write(self._system.write, *what)

    between: Any = {**setup.systems, BC: Between(setup.systems[BC])}
    return structs.replace(setup, systems=between)


async def retry(both: Pair, ref: Ref, write: Write | None = None) -> None:
    async with both.setup() as setup:
        arrival = setup.store.arrivals([ref])[ref]
        setup.store.save(Memory(released=[ref], arrivals=[structs.replace(arrival, due=arrival.seen, attempts=0)]))
        await sync(writing(setup, write) if write else setup)


# --- made twice


@pytest.mark.parametrize("side", [ERP, BC])
async def test_a_record_with_the_key_of_a_linked_one_is_not_made_on_the_other_side(both: Pair, side: str) -> None:
    first = await ours(both, "Alder", organisationNumber="ORG1", phone="+4721000000")
    await both.sync()
    partner = await counterpart(both, first)
    if side == ERP:
        double = await ours(both, "Alder Trading", organisationNumber=" org1 ")
    else:
        double = await theirs(both, "Alder Trading", taxRegistrationNumber="ORG1")
    async with both.setup() as setup:
        assert [(row.step, row.name) for row in (await plan(setup)).rows] == [("park", "Alder Trading")]
    for _ in range(2):
        assert (await both.sync()).writes == 0
        (found,) = both.parked()
        rival, other = (partner, first) if side == ERP else (first, partner)
        assert (found.ref, found.cause) == (double, "ambiguous")
        assert found.message == f"has the same organisationNumber as {rival}, which is linked with {other}"
        (candidate,) = found.details["candidates"]
        assert (candidate["record"], candidate["name"]) == (str(rival), "Alder")
        assert "organisationNumber" in candidate["same"]
        differ = {each["property"]: (each["left"], each["right"]) for each in candidate["differ"]}
        assert (differ["name"], differ["phone"]) == (("Alder Trading", "Alder"), (None, "+4721000000"))
        assert 50 < candidate["score"] < 100
    assert sum(map(len, await names(both))) == 3
    await says(both, apart(double, rival))
    assert not both.parked()
    assert await names(both) == (["Alder", "Alder Trading"], ["Alder", "Alder Trading"])
    assert (await both.sync()).writes == 0


@pytest.mark.parametrize("how", ["edited", "edited elsewhere", "unlinked"])
async def test_it_goes_on_when_the_reason_is_gone(both: Pair, how: str) -> None:
    first, partner = await linked(both, "Alder", "ORG1")
    double = await ours(both, "Double", organisationNumber="ORG1")
    await both.sync()
    assert parked(both).keys() == {double}
    match how:
        case "edited":
            await both.erp.change("customers", first.id, {"organisationNumber": "ORG2"})
            await both.sync()
        case "edited elsewhere":
            await both.central.change("customers", partner.id, {"taxRegistrationNumber": "ORG2"})
            await both.sync()
        case "unlinked":
            await says(both, ends(first))
            assert {each.cause for each in both.parked()} == {"ambiguous", "unlinked"}
            await says(both, same(double, partner))
            assert parked(both).keys() == {first}
            await retry(both, first)
    assert not both.parked()
    assert await names(both) == (["Alder", "Double"], ["Alder", "Double"])
    assert not (await both.verify()).differences


async def test_it_goes_on_when_the_other_is_deleted(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    first = await ours(both, "Alder", organisationNumber="ORG1")
    await both.sync()
    await ours(both, "Double", organisationNumber="ORG1")
    await both.sync()
    etag = (await both.erp.get("customers", first.id))["etag"]
    await both.erp.ask("DELETE", f"customers/{first.id}", headers={"If-Match": etag})
    await both.sync()
    assert not both.parked()
    assert await names(both) == (["Double"], ["Double"])


async def test_of_doubles_that_arrive_at_once_the_first_goes_on(both: Pair) -> None:
    made = [await ours(both, name, email="post@alder.example") for name in ("One", "Two", "Three")]
    await both.sync()
    left, right = await names(both)
    assert (len(left), len(right)) == (3, 1)
    held = parked(both)
    assert {each.cause for each in held.values()} == {"ambiguous"}
    assert all("has the same email as" in each.message for each in held.values())
    await both.sync()
    assert {ref: each.message for ref, each in parked(both).items()} == {
        ref: f"has the same email as {await counterpart(both, first)}, which is linked with {first}"
        for first in set(made) - held.keys()
        for ref in held
    }
    await says(both, apart(*made))
    assert await names(both) == (["One", "Three", "Two"], ["One", "Three", "Two"])
    assert not both.parked()


# --- on both sides at once


async def test_the_same_record_made_on_both_sides_before_either_is_seen_is_one_link(both: Pair) -> None:
    await ours(both, "Alder", organisationNumber="ORG1", phone="+4721000000")
    await theirs(both, "Alder Ltd", taxRegistrationNumber="ORG1", city="Oslo")
    await both.sync()
    assert not both.parked()
    (left,), (right,) = await both.erp.all("customers"), await both.central.all("customers")
    assert (left["name"], left["address"]["city"]) == (right["displayName"], "Oslo")
    assert not (await both.verify()).differences


async def test_the_same_record_made_over_there_while_ours_is_on_its_way(both: Pair) -> None:
    first = await ours(both, "Alder", organisationNumber="ORG1")
    made: list[Ref] = []

    async def write(send: Any, *what: Any) -> Any:
        """A person is quicker by a moment."""
        if not made:
            made.append(await theirs(both, "Alder by hand", taxRegistrationNumber="ORG1"))
        return await send(*what)

    async with both.setup() as setup:
        await sync(writing(setup, write))
    for _ in range(2):
        assert parked(both).keys() == set(made)
        assert str(first) in str(both.parked()[0].details["candidates"])
        assert await names(both) == (["Alder"], ["Alder", "Alder by hand"])
        assert (await both.sync()).writes == 0


# --- kept apart


async def test_of_two_that_may_be_it_the_other_is_linked_when_one_is_apart(both: Pair) -> None:
    right, wrong = await ours(both, "Alder", organisationNumber="O1"), await ours(both, "Twin", organisationNumber="O1")
    their = await theirs(both, "Alder", taxRegistrationNumber="O1")
    await both.sync()
    held = parked(both)
    assert held.keys() == {right, wrong, their}
    best, second = held[their].details["candidates"]
    assert (best["record"], second["record"]) == (str(right), str(wrong))
    assert best["score"] > 80 > second["score"]
    assert [c["record"] for c in held[right].details["candidates"]] == [str(their)]
    await says(both, apart(wrong, their))  # whoever is apart from one of a link is apart from the link
    assert not both.parked()
    assert await counterpart(both, right) == their
    assert await names(both) == (["Alder", "Twin"], ["Alder", "Twin"])
    assert (await both.sync()).writes == 0


async def test_who_shares_a_weaker_key_and_differs_in_a_stronger_is_asked_about(both: Pair) -> None:
    """Two companies with the same e-mail address, and not the same number."""
    left = await ours(both, "North", organisationNumber="1", email="post@group.example")
    right = await theirs(both, "South", taxRegistrationNumber="2", email="post@group.example")
    await both.sync()
    told = parked(both)
    assert told.keys() == {left, right}
    assert (told[left].cause, told[left].message) == (
        "suggested",
        f"looks like the same record by email, though organisationNumber differs: {right}",
    )
    await both.erp.change("customers", left.id, {"organisationNumber": "2"})
    await both.sync()
    assert not both.parked()
    assert await counterpart(both, left) == right


async def test_a_refused_suggestion_is_not_made_again(both: Pair) -> None:
    left = await ours(both, "Café du Nord, S.A.", address={"postalCode": "0150"})
    right = await theirs(both, "CAFE DU NORD SA", postalCode="0150")  # nearly the same is enough to ask
    await both.sync()
    assert {each.cause for each in both.parked()} == {"suggested"}
    (candidate,) = parked(both)[left].details["candidates"]
    assert candidate["score"] > 80
    await says(both, apart(left, right))
    assert not both.parked()
    assert [len(each) for each in await names(both)] == [2, 2]
    await both.erp.change("customers", left.id, {"phone": "+4721000000"})
    await both.sync()
    assert not both.parked()
    partner = await counterpart(both, left)
    async with both.setup() as setup:
        with pytest.raises(CannotJoin, match="are linked"):
            apart(left, partner)(setup)


@pytest.mark.parametrize("how", ["edited", "deleted"])
async def test_who_was_parked_for_another_goes_on_when_that_one_changes(both: Pair, how: str) -> None:
    left = await ours(both, "Same", address={"postalCode": "0150"})
    right = await theirs(both, "Same", postalCode="0150")
    await both.sync()
    assert parked(both).keys() == {left, right}
    if how == "edited":
        await both.erp.change("customers", left.id, {"name": "Other"})
    else:
        etag = (await both.erp.get("customers", left.id))["etag"]
        await both.erp.ask("DELETE", f"customers/{left.id}", headers={"If-Match": etag})
    await both.sync()
    assert not both.parked()
    expected = ["Other", "Same"] if how == "edited" else ["Same"]
    assert await names(both) == (expected, expected)


async def test_who_is_kept_apart_is_not_taken_for_a_record_whose_answer_was_lost(both: Pair) -> None:
    """A create that was lost is looked for by its keys; another record that has them is not it."""
    both.change_flow("customers", "match: [organisationNumber, number, email", "match: [email")
    left, right = await ours(both, "One", email="p@one.example"), await theirs(both, "One", email="p@one.example")
    await both.sync()
    await says(both, ends(left))
    lost: list[Any] = []

    async def write(send: Any, *what: Any) -> Any:
        """The first request never arrives, and nobody is told."""
        if lost:
            return await send(*what)
        lost.extend(what[1])
        return tuple(Unknown("no answer") for _ in what[1])

    await retry(both, left, write)
    assert len(lost) == 1
    assert parked(both).keys() == {right}
    assert await counterpart(both, left) != right
    assert await names(both) == (["One"], ["One", "One"])


async def test_creates_whose_answers_were_lost_are_looked_for_together(both: Pair) -> None:
    """All with one question, and each is found by its own mark, however the system spells it. Two that a person said
    not to be the same may share theirs: which of them it is nobody knows.
    """
    both.change_flow("customers", "match: [organisationNumber, number, email", "match: [organisationNumber, email")
    alone = [await ours(both, f"No {n}", organisationNumber=f" o{n} ") for n in range(3)]
    doubles = [await ours(both, f"Double {n}", organisationNumber="same") for n in range(2)]
    asked: list[set[str]] = []
    lost: list[Any] = []

    async def write(send: Any, *what: Any) -> Any:
        """The first batch arrives but for its last creates, and no answer comes back."""
        if lost:
            return await send(*what)
        lost.extend(what[1])
        await send(what[0], [each for each in what[1] if each.fields["displayName"] not in ("No 2", "Double 1")])
        return tuple(Unknown("no answer") for _ in what[1])

    async with both.setup() as setup:
        apart(*doubles)(setup)
        between = writing(setup, write)
        central: Any = between.systems[BC]
        find = central.find

        async def counted(view: Any, path: str, values: Any) -> Any:
            asked.append(set(values))
            return await find(view, path, values)

        central.find = counted
        await sync(between)
    assert len(lost) == len(alone) + len(doubles)
    assert asked[0] == {"O0", "O1", "O2", "SAME"}
    assert [parked(both)[ref].cause for ref in doubles] == ["unknown", "unknown"]
    left, right = await names(both)
    assert right == ["Double 0", "No 0", "No 1", "No 2"]
    assert left == ["Double 0", "Double 1", "No 0", "No 1", "No 2"]


async def test_a_record_of_which_nothing_is_made_is_not_asked_about(both: Pair) -> None:
    both.change_flow(
        "customers",
        "businesscentral: {entity: customers, title: Customers company, where",
        "businesscentral: {entity: customers, title: Customers company, write: off, where",
    )
    await theirs(both, "One", taxRegistrationNumber="O1")
    await both.sync()
    await ours(both, "Double", organisationNumber="O1")
    await both.sync()
    assert not both.parked()
    await theirs(both, "Made twice there", taxRegistrationNumber="O1")
    await both.sync()
    assert [each.cause for each in both.parked()] == ["ambiguous"]


# --- linked records whose keys change


async def test_linked_records_that_come_to_share_a_key_keep_their_links(both: Pair) -> None:
    first, second = await ours(both, "One", organisationNumber="O1"), await ours(both, "Two", organisationNumber="O2")
    await both.sync()
    before = [await counterpart(both, ref) for ref in (first, second)]
    await both.central.change("customers", before[1].id, {"taxRegistrationNumber": "O1"})
    await both.sync()
    await both.erp.change("customers", second.id, {"phone": "+4721000000"})
    await both.sync()
    assert not both.parked()
    assert [await counterpart(both, ref) for ref in (first, second)] == before
    held = {
        c["displayName"]: (c["taxRegistrationNumber"], c["phoneNumber"]) for c in await both.central.all("customers")
    }
    assert held == {"One": ("O1", ""), "Two": ("O1", "+4721000000")}
    assert not (await both.verify()).differences


async def test_a_record_that_is_renumbered_is_followed(both: Pair) -> None:
    """Its number changes on either side, its id stays: the link stays, and it is found by its new number only."""
    first = await ours(both, "One", customerNo="C1", organisationNumber="O1")
    await both.sync()
    partner = await counterpart(both, first)
    await both.erp.change("customers", first.id, {"customerNo": "C9", "organisationNumber": "O9"})
    await both.central.change("customers", partner.id, {"number": "B9"})
    await both.sync()
    await both.erp.change("customers", first.id, {"phone": "+4721000000"})
    await both.central.change("customers", partner.id, {"city": "Oslo"})
    await both.sync()
    assert await counterpart(both, first) == partner
    (left,), (right,) = await both.erp.all("customers"), await both.central.all("customers")
    assert (left["customerNo"], left["organisationNumber"], left["address"]["city"]) == ("C9", "O9", "Oslo")
    assert (right["number"], right["taxRegistrationNumber"], right["phoneNumber"]) == ("B9", "O9", "+4721000000")
    new = await ours(both, "New with the old number", organisationNumber="O1")
    double = await theirs(both, "Another with the new one", taxRegistrationNumber="o9")
    await both.sync()
    assert parked(both).keys() == {double}
    assert (await counterpart(both, new)).side == BC


async def test_a_product_that_is_renumbered_is_followed_by_its_orders(both: Pair) -> None:
    buyer = await ours(both, "Buyer", organisationNumber="O1")
    thing = {"sku": "P1", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    made = await both.erp.create("products", thing)
    lines = [{"productId": made["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}]
    await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer.id, "lines": lines})
    await both.sync()
    (item,) = await both.central.all("items")
    await both.central.change("items", item["id"], {"number": "P1-NEW"})
    await both.sync()
    await both.erp.create("orders", {"orderNo": "SO-2", "customerId": buyer.id, "lines": lines})
    await both.sync()
    orders = await both.central.all("salesOrders", "$expand=salesOrderLines")
    assert [line["lineObjectNumber"] for order in orders for line in order["salesOrderLines"]] == ["P1-NEW"] * 2
    assert len(await both.central.all("items")) == len(await both.erp.all("products")) == 1
    assert not both.parked()


async def test_a_record_that_is_merged_into_another_takes_its_orders_along(both: Pair) -> None:
    """What pointed to it points to the other: those edits travel, and the deletion is asked about."""
    merged, into = (
        await ours(both, "Merged", organisationNumber="O1"),
        await ours(both, "Into", organisationNumber="O2"),
    )
    made = await both.erp.create("orders", {"orderNo": "SO-1", "customerId": merged.id})
    person = {"firstName": "Ann", "lastName": "Lee", "customerId": merged.id, "email": "ann@lee.example"}
    contact = await both.erp.create("contacts", person)
    await both.sync()
    left = {ref: await counterpart(both, ref) for ref in (merged, into)}
    await both.erp.change("orders", made["id"], {"customerId": into.id, "billToCustomerId": into.id})
    await both.erp.change("contacts", contact["id"], {"customerId": into.id})
    etag = (await both.erp.get("customers", merged.id))["etag"]
    await both.erp.ask("DELETE", f"customers/{merged.id}", headers={"If-Match": etag})
    await both.sync()
    (order,) = await both.central.all("salesOrders")
    assert order["customerId"] == left[into].id
    (found,) = [c for c in await both.central.all("contacts") if c["type"] == "Person"]
    assert found["companyName"] == "Into"
    (asked,) = both.parked()
    assert (asked.ref, asked.cause) == (merged, "deleted")
    assert [len(each) for each in await names(both)] == [1, 2]


# --- by hand


async def test_records_that_were_never_seen_are_linked_by_their_ids(both: Pair) -> None:
    both.change_flow("customers", "match: [organisationNumber", "from: now\nmatch: [organisationNumber")
    left, right = await ours(both, "Before", phone="+4721000000"), await theirs(both, "Was there before", city="Oslo")
    await both.sync()
    assert [len(each) for each in await names(both)] == [1, 1]
    async with both.setup() as setup:
        assert not setup.store.arrivals([left, right])
        same(left, right)(setup)
        assert [(row.step, row.key) for row in (await plan(setup)).rows][:1] == [("link", "a person's word")]
    await both.sync()
    assert await counterpart(both, left) == right
    assert (await both.erp.get("customers", left.id))["address"]["city"] == "Oslo"
    assert (await both.central.get("customers", right.id))["phoneNumber"] == "+4721000000"
    assert (await both.sync()).writes == 0


async def test_what_cannot_be_linked_is_refused_at_once_or_by_the_pass(both: Pair) -> None:
    left, right = (
        await ours(both, "One", organisationNumber="O1"),
        await theirs(both, "Two", taxRegistrationNumber="O2"),
    )
    await both.sync()
    partner = await counterpart(both, left)
    nobody = Ref("customers", BC, "11111111-2222-3333-4444-555555555555")
    async with both.setup() as setup:
        for refs, why in (
            ((left, right), f"{left} has a link already with {partner}"),
            ((Ref("customers", ERP, "x"), Ref("customers", ERP, "y")), "one record of each side"),
            ((nobody,), "one record of each side"),
        ):
            with pytest.raises(CannotJoin, match=why):
                same(*refs)(setup)
        with pytest.raises(CannotJoin, match="has no link"):
            ends(nobody)(setup)
        same(nobody, Ref("customers", ERP, "none"))(setup)
        result = await sync(setup)
        assert "there is no such record" in result.unfinished[0]
        assert not setup.store.wishes()
        assert not (await sync(setup)).unfinished


async def test_who_is_unlinked_waits_for_a_person(both: Pair) -> None:
    first, partner = await linked(both, "One", "O1")
    await both.erp.change("customers", first.id, {"phone": "+4721000000"})
    await both.sync()
    await says(both, ends(partner))
    held = parked(both)
    assert {(ref, each.cause) for ref, each in held.items()} == {(first, "unlinked"), (partner, "unlinked")}
    assert f"syncline link {first} OTHER" in held[first].mend
    await both.erp.change("customers", first.id, {"phone": "+4722000000"})  # an edit makes it no new record
    assert (await both.sync()).writes == 0
    assert parked(both).keys() == held.keys()
    async with both.setup() as setup:
        gone = [entry for entry in setup.store.history(first) if entry.action == "unlinked" and entry.whole]
        assert {(entry.ref, entry.whole and entry.whole.values["phone"]) for entry in gone} == {
            (first, "+4721000000"),
            (partner, "+4721000000"),
        }
        assert {entry.note for entry in gone} == {"by a person"}
    await retry(both, first)
    assert parked(both).keys() == {partner}
    assert await names(both) == (["One"], ["One", "One"])
    assert await counterpart(both, first) != partner
    await says(both, ends(first))
    await says(both, same(first, partner))  # a person may change their mind
    assert await counterpart(both, first) == partner
    assert (await both.central.get("customers", partner.id))["phoneNumber"] == "+4722000000"


async def test_a_third_record_is_not_linked_by_itself_with_one_that_was_unlinked(both: Pair) -> None:
    first, partner = await linked(both, "One", "O1")
    third = await ours(both, "Third", organisationNumber="O1")
    await says(both, ends(first))
    held = parked(both)
    assert {ref: each.cause for ref, each in held.items()} == {
        first: "unlinked",
        partner: "unlinked",
        third: "ambiguous",
    }
    assert [c["record"] for c in held[third].details["candidates"]] == [str(partner)]
    await says(both, apart(third, partner))
    assert parked(both).keys() == {first, partner}
    assert await names(both) == (["One", "Third"], ["One", "Third"])


async def test_a_link_with_a_write_of_which_nothing_is_known_is_not_ended(both: Pair) -> None:
    first = await ours(both, "One", organisationNumber="O1")
    await both.sync()
    await both.erp.change("customers", first.id, {"phone": "+4721000000"})
    await both.fail(BC, {"kind": "drop-after", "match": "$batch", "method": "POST", "times": 1})
    async with both.setup() as setup:
        ends(first)(setup)  # said while nothing is open; by the time the pass comes to it, a write may be
        assert not (await sync(setup)).unfinished
        assert not setup.store.wishes()
    assert {each.cause for each in both.parked()} == {"unlinked"}
