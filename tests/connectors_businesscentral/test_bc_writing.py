from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors_businesscentral.between import between
from connectors_businesscentral.views import (
    CUSTOMERS,
    ITEMS,
    LINES,
    ORDERS,
    Asked,
    customer,
    item,
    lines_of,
    mark,
    order,
)
from sandbox_businesscentral.central import Central
from syncline.connectors.base import View
from syncline.connectors.businesscentral.connector import BusinessCentral
from syncline.connectors.businesscentral.writing import LineMissing, NoRoom, places_for
from syncline.records import (
    Create,
    Delete,
    Done,
    Fields,
    Gone,
    LineAdd,
    LineChange,
    LineRemove,
    Outcome,
    Record,
    Refused,
    Stale,
    Unknown,
    Update,
    Write,
)

STEP = 10_000


def new_item(**said: Any) -> Create:
    number = mark()
    return Create(key=number, fields={"number": number, "baseUnitOfMeasureCode": "PCS", "displayName": "N", **said})


def told(outcome: Outcome) -> Record:
    assert isinstance(outcome, Done), outcome
    assert outcome.answer
    return outcome.answer


def descriptions(record: Record | None) -> list[str]:
    assert record
    return [line["description"] for line in record.fields[LINES]]


async def made_order(bc: BusinessCentral, sandbox: Central, *lines: Fields) -> Record:
    buyer = customer(sandbox)
    asked = Create(key="o", fields={"customerId": buyer["id"], "externalDocumentNumber": mark()}, lines=lines)
    return told((await bc.write(ORDERS, [asked]))[0])


async def test_a_create_is_answered_as_a_read_is(sandbox: Central, bc: BusinessCentral) -> None:
    asked = Create(key="c", fields={"type": "Company", "displayName": mark(), "creditLimit": 12})
    answer = told((await bc.write(CUSTOMERS, [asked]))[0])
    assert answer == (await bc.get(CUSTOMERS, [answer.id]))[answer.id]
    assert answer.fields["contactsInformation"]["contactNumber"]


async def test_a_batch_goes_on_after_what_is_refused(sandbox: Central, bc: BusinessCentral) -> None:
    before = item(sandbox)
    writes: list[Write] = [
        new_item(),
        new_item(displayName="x" * 101),
        Create(key="twice", fields={"number": before["number"], "displayName": "again"}),
        new_item(baseUnitOfMeasureCode="NONE"),
        Update(id=before["id"], version=before["@odata.etag"], fields={"displayName": "Changed"}),
        Update(id=before["id"], version=before["@odata.etag"], fields={"displayName": "Late"}),
        Update(id="00000000-0000-0000-0000-000000000001", version='W/"x"', fields={"displayName": "None"}),
        new_item(),
    ]
    with Asked(sandbox) as asked:
        outcomes = await bc.write(ITEMS, writes)
    assert asked.requests == {"POST $batch": 1}
    kinds = [Done, Refused, Refused, Refused, Done, Stale, Gone, Done]
    assert [type(outcome) for outcome in outcomes] == kinds
    long, twice = outcomes[1], outcomes[2]
    assert isinstance(long, Refused)
    assert (long.code, long.property, long.partly) == ("Application_StringExceededLength", "displayName", False)
    assert isinstance(twice, Refused)
    assert twice.code == "Internal_EntityWithSameKeyExists"
    assert "CorrelationId" not in long.message + twice.message
    assert sandbox.fresh("items", before)["displayName"] == "Changed"


async def test_hundreds_of_writes_take_one_request_a_hundred(sandbox: Central, bc: BusinessCentral) -> None:
    with Asked(sandbox) as asked:
        outcomes = await bc.write(ITEMS, [new_item() for _ in range(201)])
    assert asked.requests == {"POST $batch": 3}
    assert len({told(outcome).id for outcome in outcomes}) == 201


async def test_a_record_is_deleted_only_as_it_was_read(sandbox: Central, bc: BusinessCentral) -> None:
    made = item(sandbox)
    sandbox.patch(f"items({made['id']})", {"displayName": "Moved"})
    now = sandbox.fresh("items", made)
    stale, done, gone = [
        (await bc.write(ITEMS, [Delete(id=made["id"], version=version)]))[0]
        for version in (made["@odata.etag"], now["@odata.etag"], now["@odata.etag"])
    ]
    assert isinstance(stale, Stale)
    assert done == Done(answer=None)
    assert isinstance(gone, Gone)


async def test_a_code_is_a_record_like_others(sandbox: Central, bc: BusinessCentral) -> None:
    categories = View(entity="itemCategories", paths=("code", "displayName"))
    code = mark()
    answer = told((await bc.write(categories, [Create(key=code, fields={"code": code, "displayName": "New"})]))[0])
    assert {each.code: each.id for each in (await bc.codes(["itemCategories"]))["itemCategories"]}[code] == answer.id


async def test_an_order_is_created_whole_with_its_lines_in_order(sandbox: Central, bc: BusinessCentral) -> None:
    thing, buyer = item(sandbox), customer(sandbox)
    lines = ({"itemId": thing["id"], "quantity": 2}, {"description": "a note"}, {"itemId": thing["id"], "quantity": 1})
    asked_for = Create(key="o", fields={"customerId": buyer["id"], "externalDocumentNumber": mark()}, lines=lines)
    with Asked(sandbox) as asked:
        (outcome,) = await bc.write(ORDERS, [asked_for])
    answer = told(outcome)
    assert asked.operations == {"POST salesOrders": 1}
    assert not answer.partial
    assert descriptions(answer) == ["Thing", "a note", "Thing"]
    stand = lines_of(sandbox, answer.id)
    assert isinstance(outcome, Done)
    assert outcome.added == tuple(line["id"] for line in stand)
    assert [line["sequence"] for line in stand] == [STEP, 2 * STEP, 3 * STEP]


async def test_lines_that_the_answer_does_not_tell_are_read(sandbox: Central) -> None:
    def without_lines(body: bytes) -> bytes:
        return body.replace(b'"salesOrderLines":', b'"x":') if b'"status":201' in body else body

    async with between(sandbox, alter=without_lines) as url, BusinessCentral("bc", url, sandbox.company) as bc:
        buyer = customer(sandbox)
        lines = ({"description": "one"}, {"description": "two"})
        (outcome,) = await bc.write(ORDERS, [Create(key="o", fields={"customerId": buyer["id"]}, lines=lines)])
    answer = told(outcome)
    assert isinstance(outcome, Done)
    assert answer.partial
    assert descriptions(outcome.seen) == ["one", "two"]
    assert outcome.added == tuple(line["id"] for line in lines_of(sandbox, answer.id))


async def test_an_orders_lines_are_edited_one_by_one(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, *({"description": name} for name in "abc"))
    a, b, _ = made.fields[LINES]
    edits = (
        LineAdd(fields={"description": "first"}, after=None),
        LineAdd(fields={"description": "after a 1"}, after=a["id"]),
        LineAdd(fields={"description": "after a 2"}, after=a["id"]),
        LineChange(id=a["id"], version=a["@odata.etag"], fields={"description": "A"}),
        LineRemove(id=b["id"], version=b["@odata.etag"]),
    )
    asked = Update(id=made.id, version=made.version, fields={"externalDocumentNumber": mark()}, lines=edits)
    (outcome,) = await bc.write(ORDERS, [asked])

    assert isinstance(outcome, Done), outcome
    answer = told(outcome)
    assert descriptions(outcome.seen) == ["first", "A", "after a 1", "after a 2", "c"]
    assert [line["description"] for line in lines_of(sandbox, made.id)] == descriptions(outcome.seen)
    assert answer.partial
    assert answer.fields["externalDocumentNumber"] == asked.fields["externalDocumentNumber"]
    assert descriptions(answer) == ["first", "after a 1", "after a 2", "A"]
    by_name = {line["description"]: line["id"] for line in lines_of(sandbox, made.id)}
    assert outcome.added == (by_name["first"], by_name["after a 1"], by_name["after a 2"])
    assert outcome.seen
    assert not outcome.seen.partial
    assert outcome.seen.version == sandbox.fresh("salesOrders", {"id": made.id})["@odata.etag"]


async def test_lines_alone_are_answered_by_themselves(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, {"description": "a"})
    (line,) = made.fields[LINES]
    change = LineChange(id=line["id"], version=line["@odata.etag"], fields={"description": "A"})
    with Asked(sandbox) as asked:
        (outcome,) = await bc.write(ORDERS, [Update(id=made.id, version=made.version, fields={}, lines=(change,))])
    assert asked.operations == {"PATCH salesOrderLines()": 1, "GET salesOrders()": 1}
    answer = told(outcome)
    assert answer.partial
    assert answer.version is None
    assert set(answer.fields) == {"id", LINES}
    assert descriptions(answer) == ["A"]


async def test_a_stale_header_keeps_its_lines_as_they_are(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, {"description": "a"})
    (line,) = made.fields[LINES]
    sandbox.patch(f"salesOrders({made.id})", {"email": "someone@example.com"})
    edits = (
        LineChange(id=line["id"], version=line["@odata.etag"], fields={"description": "A"}),
        LineAdd(fields={"description": "b"}, after=line["id"]),
    )
    update = Update(id=made.id, version=made.version, fields={"externalDocumentNumber": mark()}, lines=edits)
    (outcome,) = await bc.write(ORDERS, [update])
    assert isinstance(outcome, Stale)
    assert [each["description"] for each in lines_of(sandbox, made.id)] == ["a"]


async def test_a_line_that_is_refused_says_that_the_rest_stands(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, {"description": "a"}, {"description": "b"})
    a, b = made.fields[LINES]
    edits = (
        LineChange(id=a["id"], version=a["@odata.etag"], fields={"description": "A"}),
        LineChange(id=b["id"], version=b["@odata.etag"], fields={"description": "x" * 101}),
    )
    (outcome,) = await bc.write(ORDERS, [Update(id=made.id, version=made.version, fields={}, lines=edits)])
    assert isinstance(outcome, Refused)
    assert outcome.partly
    assert outcome.property == "salesOrderLines.description"
    assert [each["description"] for each in lines_of(sandbox, made.id)] == ["A", "b"]


async def test_a_stale_line_alone_is_stale_and_after_others_unknown(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, {"description": "a"}, {"description": "b"})
    a, b = made.fields[LINES]
    sandbox.patch(f"salesOrderLines({b['id']})", {"description": "someone's"})
    change_a, change_b = (
        LineChange(id=line["id"], version=line["@odata.etag"], fields={"description": "ours"}) for line in (a, b)
    )
    alone, after = [
        (await bc.write(ORDERS, [Update(id=made.id, version=made.version, fields={}, lines=edits)]))[0]
        for edits in ((change_b,), (change_a, change_b))
    ]
    assert isinstance(alone, Stale)
    assert isinstance(after, Unknown)
    assert [each["description"] for each in lines_of(sandbox, made.id)] == ["ours", "someone's"]


async def test_a_line_that_is_already_gone_is_removed(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, {"description": "a"}, {"description": "b"})
    a, b = made.fields[LINES]
    sandbox.delete(f"salesOrderLines({a['id']})")
    removals = tuple(LineRemove(id=line["id"], version=line["@odata.etag"]) for line in (a, b))
    (outcome,) = await bc.write(ORDERS, [Update(id=made.id, version=made.version, fields={}, lines=removals)])
    assert isinstance(outcome, Done)
    assert descriptions(outcome.seen) == []


async def test_a_line_after_one_that_is_gone_is_stale(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, {"description": "a"})
    (line,) = made.fields[LINES]
    sandbox.delete(f"salesOrderLines({line['id']})")
    add = LineAdd(fields={"description": "b"}, after=line["id"])
    absent = "00000000-0000-0000-0000-000000000001"
    stale, gone = await bc.write(
        ORDERS,
        [
            Update(id=made.id, version=made.version, fields={}, lines=(add,)),
            Update(id=absent, version="x", fields={}, lines=(add,)),
        ],
    )
    assert isinstance(stale, Stale)
    assert isinstance(gone, Gone)


async def test_lines_that_leave_no_room_are_refused_before_anything_is_written(
    sandbox: Central, bc: BusinessCentral
) -> None:
    made = order(sandbox, customer(sandbox), [{"sequence": 1, "description": "a"}, {"sequence": 2, "description": "b"}])
    first = lines_of(sandbox, made["id"])[0]
    add = LineAdd(fields={"description": "c"}, after=first["id"])
    update = Update(id=made["id"], version=made["@odata.etag"], fields={"email": "a@b.example"}, lines=(add,))
    (outcome,) = await bc.write(ORDERS, [update])
    assert isinstance(outcome, Refused)
    assert "no room" in outcome.message
    assert sandbox.fresh("salesOrders", made)["@odata.etag"] == made["@odata.etag"]


async def test_more_edits_than_a_batch_holds_are_sent_in_turn(sandbox: Central, bc: BusinessCentral) -> None:
    made = await made_order(bc, sandbox, *({"description": str(at)} for at in range(130)))
    edits = tuple(
        LineChange(id=line["id"], version=line["@odata.etag"], fields={"description": f"new {at}"})
        for at, line in enumerate(made.fields[LINES])
    )
    update = Update(id=made.id, version=made.version, fields={"email": "a@b.example"}, lines=edits)
    with Asked(sandbox) as asked:
        small, large = await bc.write(ORDERS, [Update(id=made.id, version="x", fields={"email": ""}), update])
    assert isinstance(small, Stale)
    assert isinstance(large, Done)
    assert asked.requests == {"POST $batch": 3}
    assert descriptions(large.seen) == [f"new {at}" for at in range(130)]


_sequences = st.lists(st.integers(1, 10**6), unique=True, max_size=12).map(sorted)


@given(_sequences, st.data())
def test_new_lines_find_a_place_right_behind_their_neighbour(taken: list[int], data: st.DataObject) -> None:
    standing = {f"L{each}": each for each in taken}
    afters = data.draw(st.lists(st.sampled_from([None, *standing]), min_size=1, max_size=8))
    try:
        places = places_for([LineAdd(fields={}, after=after) for after in afters], standing)
    except NoRoom:
        gaps = zip([0, *taken], taken, strict=False)
        assert any(high - low <= afters.count(f"L{low}" if low else None) for low, high in gaps)
        return
    assert len({*places, *taken}) == len(places) + len(taken)
    wanted = [
        name
        for before in (None, *(f"L{each}" for each in taken))
        for name in ([before] if before else []) + [f"new {at}" for at, after in enumerate(afters) if after == before]
    ]
    stand = {**standing, **{f"new {at}": place for at, place in enumerate(places)}}
    assert sorted(stand, key=lambda name: stand[name]) == wanted


def test_a_line_after_one_that_is_not_there_has_no_place() -> None:
    with pytest.raises(LineMissing):
        places_for([LineAdd(fields={}, after="gone")], {})
