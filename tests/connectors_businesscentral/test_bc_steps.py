"""Writes that Business Central takes only in steps: a discount needs lines, and what reprices lines comes first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors_businesscentral.between import between
from connectors_businesscentral.views import LINES, ORDERS, Asked, customer, item, lines_of, mark
from sandbox_businesscentral.central import Central
from syncline.connectors.base import View
from syncline.connectors.businesscentral.connector import BusinessCentral
from syncline.records import Create, Done, Fields, LineChange, Outcome, Record, Refused, Stale, Unknown, Update

PRICED = View(
    entity="salesOrders",
    paths=("externalDocumentNumber", "customerId", "pricesIncludeTax", "discountAmount", "email"),
    lines="salesOrderLines",
    line_paths=("itemId", "description", "quantity", "unitPrice"),
)


def sold(sandbox: Central, price: str, quantity: str = "2") -> Fields:
    return {
        "lineType": "Item", "itemId": item(sandbox, taxGroupCode="STANDARD")["id"],
        "quantity": Decimal(quantity), "unitPrice": Decimal(price),
    }  # fmt: skip


async def made(bc: BusinessCentral, sandbox: Central, *lines: Fields, **said: Any) -> Outcome:
    fields = {"customerId": customer(sandbox, taxLiable=True)["id"], "externalDocumentNumber": mark(), **said}
    (outcome,) = await bc.write(PRICED, [Create(key="o", fields=fields, lines=lines)])
    return outcome


def stands(outcome: Outcome) -> Record:
    assert isinstance(outcome, Done), outcome
    assert outcome.answer
    return outcome.answer


def orders(sandbox: Central) -> int:
    return len(sandbox.get("salesOrders").value)


async def test_a_new_order_gets_its_discount_after_its_lines(sandbox: Central, bc: BusinessCentral) -> None:
    with Asked(sandbox) as asked:
        outcome = await made(bc, sandbox, sold(sandbox, "100"), discountAmount=Decimal(15))
    assert asked.operations["PATCH salesOrders()"] == 1
    answer = stands(outcome)
    assert answer.fields["discountAmount"] == 15
    assert not answer.partial
    assert answer == (await bc.get(PRICED, [answer.id]))[answer.id]
    assert isinstance(outcome, Done)
    assert outcome.added == tuple(line["id"] for line in lines_of(sandbox, answer.id))


async def test_a_new_order_without_a_discount_is_one_operation(sandbox: Central, bc: BusinessCentral) -> None:
    for nothing in (None, Decimal(0)):
        with Asked(sandbox) as asked:
            stands(await made(bc, sandbox, sold(sandbox, "100"), discountAmount=nothing or 0))
        assert asked.operations.get("PATCH salesOrders()", 0) == 0


async def test_a_new_order_whose_discount_is_refused_is_not_there(sandbox: Central, bc: BusinessCentral) -> None:
    before = orders(sandbox)
    too_much = await made(bc, sandbox, sold(sandbox, "1"), discountAmount=Decimal(500))
    assert isinstance(too_much, Refused)
    assert not too_much.partly
    assert "must not be more than the lines come to" in too_much.message
    none = await made(bc, sandbox, discountAmount=Decimal(5))
    assert isinstance(none, Refused)
    assert not none.partly
    assert orders(sandbox) == before


async def test_a_header_that_reprices_the_lines_is_written_before_them(sandbox: Central, bc: BusinessCentral) -> None:
    order = stands(await made(bc, sandbox, sold(sandbox, "100"), sold(sandbox, "50"), pricesIncludeTax=False))
    first, second = order.fields[LINES]
    edit = LineChange(id=first["id"], version=first["@odata.etag"], fields={"unitPrice": Decimal(80)})
    fields = {"pricesIncludeTax": True, "discountAmount": Decimal(7), "email": "a@b.example"}
    (outcome,) = await bc.write(PRICED, [Update(id=order.id, version=order.version, fields=fields, lines=(edit,))])
    answer = stands(outcome)
    assert isinstance(outcome, Done)
    now = sandbox.fresh("salesOrders", {"id": order.id})
    assert (now["pricesIncludeTax"], now["discountAmount"], now["email"]) == (True, 7, "a@b.example")
    prices = {line["id"]: line["unitPrice"] for line in lines_of(sandbox, order.id)}
    assert prices[first["id"]] == 80
    assert prices[second["id"]] != 50  # what nobody asked for is the system's own, and is told in what was seen
    assert answer.partial
    assert {name: answer.fields[name] for name in fields} == fields
    assert [line["unitPrice"] for line in answer.fields[LINES]] == [80]
    assert outcome.seen
    assert outcome.seen.version == now["@odata.etag"]
    assert {line["id"]: line["unitPrice"] for line in outcome.seen.fields[LINES]} == prices


async def test_no_step_is_taken_of_what_has_moved(sandbox: Central, bc: BusinessCentral) -> None:
    order = stands(await made(bc, sandbox, sold(sandbox, "100"), pricesIncludeTax=False))
    (line,) = order.fields[LINES]
    sandbox.patch(f"salesOrderLines({line['id']})", {"unitPrice": 60})
    edit = LineChange(id=line["id"], version=line["@odata.etag"], fields={"unitPrice": Decimal(80)})
    fields = {"pricesIncludeTax": True, "discountAmount": Decimal(7)}
    (outcome,) = await bc.write(PRICED, [Update(id=order.id, version=order.version, fields=fields, lines=(edit,))])
    assert isinstance(outcome, Stale)
    now = sandbox.fresh("salesOrders", {"id": order.id})
    assert (now["pricesIncludeTax"], now["discountAmount"]) == (False, 0)
    assert [each["unitPrice"] for each in lines_of(sandbox, order.id)] == [60]


async def test_a_step_that_is_refused_says_that_the_earlier_ones_stand(sandbox: Central, bc: BusinessCentral) -> None:
    order = stands(await made(bc, sandbox, sold(sandbox, "100"), pricesIncludeTax=False))
    (line,) = order.fields[LINES]
    edit = LineChange(id=line["id"], version=line["@odata.etag"], fields={"description": "x" * 101})
    update = Update(id=order.id, version=order.version, fields={"pricesIncludeTax": True}, lines=(edit,))
    (outcome,) = await bc.write(PRICED, [update])
    assert isinstance(outcome, Refused)
    assert outcome.partly
    assert outcome.property == "salesOrderLines.description"
    assert sandbox.fresh("salesOrders", {"id": order.id})["pricesIncludeTax"] is True


async def test_a_step_that_nobody_answers_is_to_be_looked_at(sandbox: Central, bc: BusinessCentral) -> None:
    async with (
        between(sandbox, late=lambda body: 0.0 if b"PATCH" in body else None) as url,
        BusinessCentral("bc", url, sandbox.company) as cut,
    ):
        outcome = await made(cut, sandbox, sold(sandbox, "100"), discountAmount=Decimal(15))
    assert isinstance(outcome, Unknown)


async def test_an_order_is_completed_as_its_own_people_do_it(sandbox: Central, bc: BusinessCentral) -> None:
    order = stands(await made(bc, sandbox, sold(sandbox, "100")))
    assert isinstance(await bc.complete(ORDERS, order.id), Done)
    assert (await bc.get(ORDERS, [order.id]))[order.id].closed
    refused = await bc.complete(ORDERS, stands(await made(bc, sandbox)).id)
    assert isinstance(refused, Refused)
