"""Whatever is asked, in whatever order: sums add up, and nothing is ever answered but by the contract."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from syncline.connectors.businesscentral.metadata import EdmType, Property, entity_sets
from syncline.sandbox.businesscentral.company import MEMORY, Company, Database
from syncline.sandbox.businesscentral.contents import demo, setup
from syncline.sandbox.businesscentral.service import Call, Service
from syncline.sandbox.businesscentral.writing import Options

_WORDS = (
    "number", "unitPrice", "type", "lastModifiedDateTime", "'a'", "''", "5", "5.5", "true", "null", "2026-01-01",
    "eq", "gt", "and", "or", "(", ")", ",", "in", "contains(", "tolower(", "2026-01-01T00:00:00Z",
    "99999999999999999999",
    "$", "not",
)  # fmt: skip
_TEXTS = ("", "PCS", "USD", "C00010", "CT000001", "1896-S", "SE", "STANDARD", "X" * 40, "é" * 200, "\x00")
_ODD: tuple[Any, ...] = (None, True, -1, "", [], {}, Decimal("1e-20"), Decimal("1e40"), 10**30, "x" * 300)


class _Anything:
    """Calls drawn at random, most of them sensible enough to come far."""

    def __init__(self, company: Company, random: Random) -> None:
        self._company = company
        self._random = random

    def call(self) -> Call:
        draw = self._random
        name = draw.choice(("customers", "contacts", "items", "salesOrders", "salesOrderLines", "salesInvoices"))
        path = f"companies({self._company.id})/{name}"
        match draw.choice(("list", "order", "line", "create", "change", "delete", "post")):
            case "list":
                query = "$filter=" + " ".join(draw.choices(_WORDS, k=draw.randint(1, 8)))
                return Call(method="GET", path=path, query=query)
            case "order":
                lines = [self._line() for _ in range(draw.randint(0, 4))]
                body = {"customerId": self._some("customers"), "salesOrderLines": lines}
                return Call(method="POST", path=f"companies({self._company.id})/salesOrders", body=body)
            case "line":
                body = {"documentId": self._some("salesOrders"), **self._line()}
                return Call(method="POST", path=f"companies({self._company.id})/salesOrderLines", body=body)
            case "create":
                return Call(method="POST", path=path, body=self._body(name))
            case "change":
                record = f"{path}({self._some(name)})"
                return Call(method="PATCH", path=record, body=self._body(name), headers={"if-match": "*"})
            case "delete" if draw.random() < 0.3:
                return Call(method="DELETE", path=f"{path}({self._some(name)})", headers={"if-match": "*"})
        order = f"companies({self._company.id})/salesOrders({self._some('salesOrders')})"
        return Call(method="POST", path=f"{order}/Microsoft.NAV.shipAndInvoice")

    def _some(self, entity_set: str) -> str:
        ids = [row["id"] for row in self._company.all(entity_set)]
        return str(self._random.choice(ids)) if ids else "11111111-1111-1111-1111-111111111111"

    def _line(self) -> dict[str, Any]:
        draw = self._random
        line: dict[str, Any] = {"itemId": self._some("items"), "quantity": Decimal(draw.randint(1, 9999)) / 100}
        if draw.random() < 0.5:
            line["discountPercent"] = draw.choice((5, Decimal("33.33"), 100))
        if draw.random() < 0.3:
            line["shipQuantity"] = draw.choice((0, Decimal("0.01")))
        return line

    def _body(self, entity_set: str) -> dict[str, Any]:
        described = entity_sets()[entity_set].properties
        free = [name for name, said in described.items() if not said.read_only]
        return {name: self._value(described[name]) for name in self._random.sample(free, self._random.randint(1, 4))}

    def _value(self, said: Property) -> Any:
        draw = self._random
        if draw.random() < 0.1:
            return draw.choice(_ODD)
        match said.type:
            case EdmType.DECIMAL:
                return Decimal(draw.randint(-100, 10_000)) / draw.choice((1, 3, 100))
            case EdmType.BOOLEAN:
                return draw.random() < 0.5
            case EdmType.ENUM:
                return draw.choice(said.members)
            case EdmType.DATE:
                return draw.choice(("0001-01-01", "2024-02-29", "9999-12-31"))
            case EdmType.INT32:
                return draw.choice((1, 10_000, 2**31 - 1))
            case EdmType.GUID:
                return self._some(draw.choice(("currencies", "taxAreas", "items", "customers", "unitsOfMeasure")))
        return draw.choice(_TEXTS)


@pytest.mark.parametrize("seed", range(3))
def test_sums_add_up_after_anything(seed: int) -> None:
    database = Database(MEMORY)
    with database.transaction():
        company = setup.add_company(database, "Any")
        demo.fill(company)
    service = Service(database, "http://127.0.0.1/v2.0/local/sandbox/api/v2.0", Options())
    anything = _Anything(company, Random(seed))
    answered = {service.answer(anything.call()).status for _ in range(1500)}
    database_answers = {200, 201, 204, 400, 404, 405, 501}
    assert {200, 201, 204, 400} <= answered <= database_answers

    orders = list(company.all("salesOrders"))
    for order in orders:
        lines = list(company.all("salesOrderLines", documentId=order["id"]))
        for line_name, order_name in (
            ("netAmount", "totalAmountExcludingTax"),
            ("netTaxAmount", "totalTaxAmount"),
            ("netAmountIncludingTax", "totalAmountIncludingTax"),
        ):
            assert sum(Decimal(line[line_name]) for line in lines) == Decimal(order[order_name])
        assert len({line["sequence"] for line in lines}) == len(lines)
    invoices = list(company.all("salesInvoices", status="Open"))
    assert invoices
    for customer in company.all("customers"):
        owed = sum(Decimal(each["remainingAmount"]) for each in invoices if each["billToCustomerId"] == customer["id"])
        assert owed == Decimal(customer["balanceDue"])
    kept = {order["id"] for order in orders}
    assert all(line["documentId"] in kept for line in company.all("salesOrderLines"))
    posted_in_part = {order["id"] for order in orders if order["status"] == "Open"}
    assert {invoice["orderId"] for invoice in invoices} & kept <= posted_in_part
    database.close()
